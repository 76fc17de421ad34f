"""Project hooks: errors without tracebacks, summary."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click
from kedro.framework.hooks import hook_impl

from sen2naip_sr.errors import READ_ONLY, UserError, find_user_error
from sen2naip_sr.remedies import KEDRO, phrased
from sen2naip_sr.tracking.failures import explained

if TYPE_CHECKING:
    from kedro.framework.context import KedroContext
    from kedro.io import DataCatalog
    from kedro.pipeline import Pipeline


class ProjectHooks:
    """What this project adds to every run."""

    def __init__(self) -> None:
        self._root = Path.cwd()

    @hook_impl(tryfirst=True)
    def after_context_created(self, context: "KedroContext") -> None:
        """Refuse a database that cannot be used, and a folder where none can be made."""
        from sen2naip_sr.tracking.hooks import local_database, prepare_tracker

        self._root = Path(context.project_path)
        try:
            if local_database(context):
                require_writable(self._root)
            prepare_tracker(context)
        except (UserError, OSError) as error:
            fixable = find_user_error(error, explained)
            if fixable is None:
                raise
            raise click.ClickException(phrased(fixable, KEDRO)) from error

    @hook_impl(tryfirst=True)
    def after_pipeline_run(self, pipeline: "Pipeline", catalog: "DataCatalog") -> None:
        """Print the run's summary."""
        from sen2naip_sr.pipelines.summary import print_summary

        print_summary(pipeline.all_outputs(), catalog, self._root)

    @hook_impl(trylast=True)
    def on_pipeline_error(self, error: Exception) -> None:
        """Turn errors that the user can fix into messages without a traceback."""
        fixable = find_user_error(error, explained)
        if fixable is not None:
            raise click.ClickException(phrased(fixable, KEDRO)) from error


def require_writable(folder: Path) -> None:
    """Check that the project's folder is writable: MLflow keeps its database there.

    Raises:
        UserError: If it is not.
    """
    if not os.access(folder, os.W_OK):
        raise UserError("folder-read-only", f"{folder}: is not writable", READ_ONLY)
