"""A real Label Studio takes the tasks, and gives back what was said; skipped where there is none.

LABEL_STUDIO_URL=http://127.0.0.1:8091 LABEL_STUDIO_TOKEN=... pytest -m label_studio
"""

import os

import pytest
from made_labels import answer, make_tasks

from sen2naip_sr.errors import UserError
from sen2naip_sr.evaluation.labelling.answers import answers_in
from sen2naip_sr.evaluation.labelling.interface import interface
from sen2naip_sr.evaluation.labelling.server import TOKEN, LabelStudio
from sen2naip_sr.evaluation.labelling.tasks import task_list

ADDRESS = os.environ.get("LABEL_STUDIO_URL")


@pytest.mark.label_studio
@pytest.mark.skipif(not ADDRESS, reason="LABEL_STUDIO_URL names no server")
def test_tasks_go_there_and_answers_come_back():
    parameters, tasks, study, key = make_tasks()
    server = LabelStudio(ADDRESS)
    project = server.create(interface(True), task_list(tasks, study, parameters))
    try:
        there = {one["data"]["task"]: one["id"] for one in server.tasks(project)}
        assert set(there) == {task.number for task in tasks}
        server.annotate(there[1], answer("left", flags=["ringing"]))
        server.annotate(there[2], answer(None, "both bad", bad=True))
        said = answers_in(server.tasks(project), key).set_index("task")
        assert said["outcome"].to_dict() == {1: "left", 2: "both bad"}
        assert said.loc[1, "flags_left"] == ["ringing"]
        assert said["bad_chip"].to_dict() == {1: False, 2: True}
    finally:
        server.delete(project)


@pytest.mark.label_studio
@pytest.mark.skipif(not ADDRESS, reason="LABEL_STUDIO_URL names no server")
def test_a_wrong_token_is_named():
    with pytest.raises(UserError, match="answers 401"):
        LabelStudio(ADDRESS, "wrong")


def test_a_server_that_is_not_there_is_named(monkeypatch):
    monkeypatch.setenv(TOKEN, "abc")
    with pytest.raises(UserError, match="cannot be reached"):
        LabelStudio("http://127.0.0.1:9")
