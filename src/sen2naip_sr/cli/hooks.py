"""The hooks that check what is asked for before anything runs."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from kedro.framework.hooks import hook_impl
from kedro.framework.project import pipelines
from kedro.pipeline import Pipeline

from sen2naip_sr.cli.environments import check_environment
from sen2naip_sr.cli.inputs import require_inputs
from sen2naip_sr.cli.options import DEFAULT, check_selection, check_versions
from sen2naip_sr.remedies import KEDRO, plain_errors

if TYPE_CHECKING:
    from kedro.framework.context import KedroContext
    from kedro.io import DataCatalog


class CheckHooks:
    """Refuse what cannot be run, before MLflow begins a run."""

    @hook_impl(tryfirst=True)
    def after_context_created(self, context: "KedroContext") -> None:
        """Refuse unknown environments, pipelines, nodes, tags and datasets, and ill parameters."""
        from sen2naip_sr.pipelines.parameters import check_parameters
        from sen2naip_sr.tracking.hooks import refuse_asynchronous

        options = _options()
        loader = context.config_loader
        with plain_errors(KEDRO):
            check_environment(loader.env, Path(loader.conf_source))
            check_selection(options, dict(pipelines.items()))
            refuse_asynchronous(options)
            check_versions(options.get("load_versions"))
            # cached, since Kedro reads them again: reading takes a quarter of a second
            loader["parameters"] = loader["parameters"]
            check_parameters(loader["parameters"])

    @hook_impl(tryfirst=True)
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: "DataCatalog"
    ) -> None:
        """Refuse a part of a pipeline that does not find its inputs."""
        names = run_params["pipeline_names"] or [DEFAULT]
        whole: Pipeline = sum((pipelines[name] for name in names), Pipeline([]))
        with plain_errors(KEDRO):
            require_inputs(pipeline, whole, catalog)


def _options() -> dict[str, Any]:
    """Return the options on the command line; none if there is no command line."""
    command = click.get_current_context(silent=True)
    return command.params if command else {}
