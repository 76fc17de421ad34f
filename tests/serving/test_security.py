"""Who may ask a server, and what its answers say."""

import asyncio
import time

import pytest
from served import TIFF, TOKEN, ask, files_below, refusal, running

from sen2naip_sr.serving.api.passing import PassingFile
from sen2naip_sr.serving.guard import security
from sen2naip_sr.serving.guard.security import COOKIE, is_session, issue_session, same
from sen2naip_sr.serving.guard.watching import Headed, Watched

PRIVATE = ("/v1/models", "/v1/jobs/a", "/metrics", "/docs", "/openapi.json", "/", "/page",
           "/gradio_api/info", "/docs/assets/swagger-ui.css", "/login/", "/healthz/../v1/models",
           "//healthz")  # fmt: skip


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    """Talk to a server with a token that other machines reach."""
    folder = tmp_path_factory.mktemp("guarded")
    cors = ["https://friend.example"]
    with running(folder, host="0.0.0.0", token=TOKEN, cors=cors) as talking:
        yield talking


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize("path", PRIVATE)
@pytest.mark.parametrize(
    "headers",
    [{}, bearer(TOKEN[:-1]), bearer(TOKEN + "x"), bearer("ä"), {"Authorization": "Basic x"},
     {"Cookie": f"{COOKIE}=9999999999.abc"}, {"Cookie": "=;;;"}, bearer("")],
)  # fmt: skip
def test_nothing_is_answered_without_the_token(guarded, path, headers):
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    status, sent, _ = ask(guarded.app, path, [], method="GET", headers=raw)
    assert status == 401
    assert b"token-wrong" in sent[1]["body"]
    assert (b"www-authenticate", b"Bearer") in sent[0]["headers"]


def test_a_body_is_not_read_without_the_token(guarded):
    assert ask(guarded.app, "/v1/upscale", [])[::2] == (401, 0)


def test_websockets_are_closed_without_the_token(guarded):
    from starlette.testclient import WebSocketDenialResponse, WebSocketDisconnect

    with pytest.raises((WebSocketDenialResponse, WebSocketDisconnect)):
        guarded.websocket_connect("/queue/join").__enter__()


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/login"])
def test_health_and_login_need_no_token(guarded, path):
    assert guarded.get(path).status_code == 200


@pytest.mark.parametrize(
    "path", ["/healthz", "/readyz", "/v1/models", "/v1/models/lean", "/metrics"]
)
def test_head_is_answered_wherever_get_is(client, path):
    head, whole = client.head(path), client.get(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"] == whole.headers["content-type"]
    assert client.head("/v1/models/none").status_code == 404


def test_the_description_says_what_needs_no_token(guarded):
    described = guarded.get("/openapi.json", headers=bearer(TOKEN)).json()
    assert described["security"] == [{"token": []}]
    paths = described["paths"]
    open_ones = {path for path in paths if paths[path].get("get", {}).get("security") == []}
    assert open_ones == {"/healthz", "/readyz"}


def test_the_token_opens_everything(guarded, scene):
    for path in ("/v1/models", "/metrics", "/docs", "/openapi.json"):
        assert guarded.get(path, headers=bearer(TOKEN)).status_code == 200
    headers = TIFF | bearer(TOKEN)
    assert guarded.post("/v1/upscale", content=scene.read_bytes(), headers=headers).is_success


def test_tokens_are_compared_in_constant_time(monkeypatch):
    compared = []
    monkeypatch.setattr(security.hmac, "compare_digest", lambda a, b: compared.append((a, b)))
    same("given", TOKEN)
    assert compared == [(b"given", TOKEN.encode())]


def test_people_log_in_with_the_token(guarded):
    asked = guarded.get("/", headers={"Accept": "text/html"}, follow_redirects=False)
    assert (asked.status_code, asked.headers["location"]) == (303, "/login")
    wrong = guarded.post("/login", content="token=wrong")
    assert wrong.status_code == 401
    assert "set-cookie" not in wrong.headers
    right = guarded.post("/login", data={"token": TOKEN}, follow_redirects=False)
    assert (right.status_code, right.headers["location"]) == (303, "/")
    cookie = right.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert TOKEN not in cookie
    try:
        assert guarded.get("/docs").status_code == 200
        # other pages could make a browser send it
        refusal(guarded.get("/v1/models"), 401, "token-wrong")
    finally:
        guarded.cookies.clear()


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"token", b"token=" + b"x" * 10_000])
def test_any_login_is_answered(guarded, body):
    assert guarded.post("/login", content=body).status_code == 401


def test_a_login_that_does_not_end_is_ended(guarded, monkeypatch):
    monkeypatch.setattr("sen2naip_sr.serving.api.login.SMALL_SECONDS", 0.05)
    slow = [{"type": "http.request", "body": b"token", "more_body": True}]
    assert ask(guarded.app, "/login", slow)[0] == 408


def test_sessions_end_and_are_bound_to_the_token(monkeypatch):
    session = issue_session(TOKEN)
    assert is_session(session, TOKEN)
    assert not is_session(session, TOKEN + "x")
    end, _, signature = session.partition(".")
    assert not is_session(f"{int(end) + 1}.{signature}", TOKEN)
    monkeypatch.setattr(security, "time", lambda: time.time() + security.SESSION + 1)
    assert not is_session(session, TOKEN)


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", ""])
def test_without_a_token_the_server_answers_to_its_own_name_only(client, host):
    refusal(client.get("/v1/models", headers={"Host": host}), 421, "host-refused")


@pytest.mark.parametrize("host", ["localhost:8000", "LocalHost", "127.0.0.1", "[::1]:80"])
def test_it_answers_to_every_name_of_the_loopback(client, host):
    assert client.get("/v1/models", headers={"Host": host}).status_code == 200


def test_pages_of_others_cannot_use_a_server_without_a_token(client):
    headers = {"Origin": "https://evil.example"}
    refusal(client.post("/v1/jobs", content=b"x", headers=headers), 403, "origin-refused")
    own = {"Origin": "http://127.0.0.1:8000", "Host": "127.0.0.1:8000"}
    assert client.get("/v1/models", headers=own).status_code == 200


def test_listed_origins_may_use_the_api(guarded):
    asked = {"Origin": "https://friend.example", "Access-Control-Request-Method": "POST",
             "Access-Control-Request-Headers": "authorization"}  # fmt: skip
    answer = guarded.options("/v1/jobs", headers=asked)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "https://friend.example"
    parts = asked | {"Access-Control-Request-Headers": "authorization,range"}
    assert guarded.options("/v1/jobs", headers=parts).status_code == 200
    other = guarded.options("/v1/jobs", headers=asked | {"Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in other.headers


@pytest.mark.parametrize("path", ["/v1/models", "/v1/nothing", "/healthz", "/docs", "/login"])
def test_every_answer_has_the_security_headers(client, path):
    headers = client.get(path, follow_redirects=False).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "http:" not in headers["content-security-policy"]
    assert "server" not in headers


def test_a_fault_of_the_server_tells_nothing_of_it(client, scene, monkeypatch):
    def broken(*_):
        raise RuntimeError("/etc/secret")

    monkeypatch.setattr(client.app.state.service.engine.__class__, "check", broken)
    answer = client.post("/v1/upscale", content=scene.read_bytes(), headers=TIFF)
    refusal(answer, 500, "internal-error")
    assert "secret" not in answer.text
    assert answer.headers["x-frame-options"] == "DENY"


def test_a_client_that_takes_no_answer_is_given_up(guarded, scene, monkeypatch):
    monkeypatch.setattr("sen2naip_sr.serving.guard.watching.STALLED_SECONDS", 0.05)
    service = guarded.app.state.service
    sent = []

    async def app(scope, receive, send):
        folder = service.spool.make_request()
        (folder / "scene_x2.tif").write_bytes(bytes(10**6))
        await PassingFile(folder / "scene_x2.tif")(scope, receive, send)

    async def send(message):
        sent.append(message)
        await asyncio.sleep(0 if len(sent) < 3 else 60)

    scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
    asyncio.run(Watched(app, service.metrics, service.spool.folder)(scope, None, send))
    assert len(sent) == 3
    assert files_below(service.spool.folder) == []
    assert 'status="499"' in service.metrics.text().decode()


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize("path", ["/page/", "/up/page/", "/upper", "/up"])
def test_it_is_the_same_whether_a_proxy_strips_its_path(kind, path):
    seen = []

    async def app(scope, receive, send):
        seen.append((scope["root_path"], scope["path"], scope["raw_path"]))

    scope = {"type": kind, "path": path, "raw_path": path.encode(), "root_path": ""}
    asyncio.run(Headed(app, "/up")(scope, None, None))
    whole = "/up/upper" if path == "/upper" else "/up" + path.removeprefix("/up")
    assert seen == [("/up", whole, whole.encode())]


def test_a_path_under_a_proxy_is_in_links_and_walls(tmp_path, scene):
    with running(tmp_path, root_path="/up/", token=TOKEN) as client:
        for path in ("/v1/models", "/up/v1/models"):
            assert client.get(path).status_code == 401
            assert client.get(path, headers=bearer(TOKEN)).status_code == 200
        assert client.get("/up/healthz").status_code == 200
        assert "/up/openapi.json" in client.get("/docs", headers=bearer(TOKEN)).text
        headers = TIFF | bearer(TOKEN)
        job = client.post("/v1/jobs", content=scene.read_bytes(), headers=headers).json()
        assert job["links"]["self"].startswith("/up/v1/jobs/")
