"""The description of the API is true: every answer to anything is as documented."""

import os
from collections import Counter

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from served import MISSING

schemathesis = pytest.importorskip("schemathesis")
assert not MISSING

CASES = int(os.environ.get("API_CASES", "6"))
"""Requests for every operation, and as many with invalid data. API_CASES=150 takes a minute."""

TAKING = ("POST /v1/upscale", "POST /v1/jobs")
OTHERS = (
    "GET /v1/jobs/{id}", "DELETE /v1/jobs/{id}", "GET /v1/jobs/{id}/result",
    "GET /v1/jobs/{id}/interval", "GET /v1/models", "GET /v1/models/{name}", "GET /healthz",
    "GET /readyz", "GET /metrics",
)  # fmt: skip
RULES = settings(
    max_examples=CASES,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@schemathesis.serializer("image/tiff")
def raw(_, value):
    value = getattr(value, "data", value)
    return value if isinstance(value, bytes) else str(value).encode()


@pytest.fixture(scope="module")
def operations(client):
    async def started(scope, receive, send):
        if scope["type"] != "lifespan":
            others = [header for header in scope["headers"] if header[0] != b"host"]
            scope["headers"] = [*others, (b"host", b"127.0.0.1")]
            await client.app(scope, receive, send)
            return
        # it runs already
        for kind in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{kind}.complete"})

    schema = schemathesis.openapi.from_asgi("/openapi.json", started)
    found = [operation.ok() for operation in schema.get_all_operations()]
    return {operation.label: operation for operation in found}


@pytest.fixture(scope="module")
def answered():
    """Count answers; with ``pytest -s`` they are shown."""
    counts = Counter()
    yield counts
    for known in sorted(counts.items()):
        print(*known)  # noqa: T201


def ask_about(operation, mode, unfit, answered, scene=None):
    @RULES
    @given(case=operation.as_strategy(generation_mode=mode))
    def check(case):
        if scene:
            case.body = scene.read_bytes()
        answer = case.call_and_validate(excluded_checks=unfit)
        assert answer.status_code < 500
        answered[operation.label, answer.status_code] += 1

    check()


def test_every_operation_is_described(operations):
    assert set(operations) == {*TAKING, *OTHERS}


@pytest.mark.parametrize("label", [*TAKING, *OTHERS])
def test_every_answer_is_as_documented(operations, label, scene, answered):
    # random bytes are never a raster; with a scene the options matter
    given_scene = scene if label in TAKING else None
    unfit = [schemathesis.checks.negative_data_rejection]
    mode = schemathesis.GenerationMode.POSITIVE
    ask_about(operations[label], mode, unfit, answered, given_scene)


@pytest.mark.parametrize("label", TAKING)
def test_what_is_not_as_documented_is_refused(operations, label, answered):
    unfit = [schemathesis.checks.positive_data_acceptance]
    ask_about(operations[label], schemathesis.GenerationMode.NEGATIVE, unfit, answered)
