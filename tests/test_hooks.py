import errno
from pathlib import Path

import click
import pytest

from sen2naip_sr.errors import UserError, find_user_error
from sen2naip_sr.hooks import (
    ProjectHooks,
    require_writable,
)
from sen2naip_sr.tracking.hooks import TrackingHooks, local_folder, refuse_asynchronous


def raised(outer, inner):
    """Return ``outer`` as it is when it was raised from ``inner``."""
    try:
        raise outer from inner
    except type(outer) as error:
        return error


def test_a_user_error_is_found_behind_what_wraps_it():
    cause = UserError("file-empty", "chips.tif: is empty", "copy it again")
    assert find_user_error(raised(RuntimeError("Failed while saving"), cause)) is cause


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.ENOSPC, "free some space"),
        (errno.EROFS, "writable"),
        (errno.EACCES, "allow yourself to read and write it"),
    ],
)
def test_disk_errors_name_the_file_and_the_remedy(number, remedy):
    error = OSError(number, "the system's words", "/data/hr/chips_00000.npy")
    found = find_user_error(raised(RuntimeError("Failed while saving"), error))
    assert "/data/hr/chips_00000.npy: the system's words" in found.problem
    assert remedy in found.remedy


def test_genuine_faults_keep_their_traceback():
    assert find_user_error(ValueError("a bug")) is None
    assert ProjectHooks().on_pipeline_error(ValueError("a bug")) is None


def test_user_errors_become_messages_of_the_command_line():
    with pytest.raises(click.ClickException, match="What to do: copy it again"):
        ProjectHooks().on_pipeline_error(
            UserError("file-empty", "chips.tif: is empty", "copy it again")
        )


def test_what_was_handled_before_another_fault_is_not_blamed():
    error = RuntimeError("a fault of ours")
    error.__context__ = UserError("file-empty", "chips.tif: is empty", "copy it again")
    error.__suppress_context__ = True
    assert find_user_error(error) is None


def test_a_read_only_project_is_refused_before_anything_runs(tmp_path, monkeypatch):
    require_writable(tmp_path)
    monkeypatch.setattr("os.access", lambda path, mode: False)
    with pytest.raises(UserError, match="is not writable"):
        require_writable(tmp_path)


@pytest.mark.parametrize("options", [{"is_async": True}, {"runner_params": {"is_async": True}}])
def test_loading_and_saving_in_threads_is_refused(options):
    with pytest.raises(UserError, match="in threads"):
        refuse_asynchronous(options)
    with pytest.raises(UserError, match="in threads"):
        TrackingHooks().before_node_run(is_async=True)


@pytest.mark.parametrize("options", [{}, {"is_async": False, "runner_params": {"max_workers": 4}}])
def test_loading_and_saving_one_after_another_is_not_refused(options):
    assert refuse_asynchronous(options) is None
    assert TrackingHooks().before_node_run(is_async=False) is None


@pytest.mark.parametrize(
    ("place", "folder"),
    [
        ("mlartifacts", Path("/project/mlartifacts")),
        ("/elsewhere/50 % of it", Path("/elsewhere/50 % of it")),
        ("file:///elsewhere/a%20b", Path("/elsewhere/a b")),
        ("s3://bucket/runs", None),
        ("mlflow-artifacts:/runs", None),
        (None, None),
    ],
)
def test_the_folder_of_the_runs_files_is_found(place, folder):
    assert local_folder(place, Path("/project")) == folder
