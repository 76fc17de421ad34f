import errno
from types import SimpleNamespace

import click
import pytest
from pydantic import BaseModel

from sen2naip_sr.errors import UserError
from sen2naip_sr.hooks import (
    ProjectHooks,
    find_user_error,
    require_writable,
)


class Some(BaseModel):
    steps: int = 3


def raised(outer, inner):
    """Return ``outer`` as it is when it was raised from ``inner``."""
    try:
        raise outer from inner
    except type(outer) as error:
        return error


def test_typed_parameters_are_shown_to_mlflow_as_plain_ones():
    original = Some()
    inputs = {"params:carn": original, "hr": original}
    ProjectHooks().before_node_run(SimpleNamespace(tags=set()), inputs)
    assert inputs["params:carn"] == {"steps": 3}
    assert inputs["hr"] is original


def test_networks_are_not_shown_for_an_experiment_whose_runs_have_their_own():
    inputs = {"params:carn": Some(), "params:compare_losses": Some()}
    ProjectHooks().before_node_run(SimpleNamespace(tags={"experiment"}), inputs)
    assert inputs == {"params:compare_losses": {"steps": 3}}


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
