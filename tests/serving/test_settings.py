"""The settings of a server, from flags, environment and a file."""

import pytest
from served import TOKEN

from sen2naip_sr.errors import UserError
from sen2naip_sr.serving.problems import STATUS, problem_of


def settings(**given):
    from sen2naip_sr.serving.settings import make_settings

    return make_settings(**given)


def test_flags_go_before_the_environment_and_that_before_the_file(tmp_path, monkeypatch):
    file = tmp_path / "server.toml"
    file.write_text('port = 1\nexpiry = 2\nmax_bands = 3\ncors = ["https://a.example"]\n')
    monkeypatch.setenv("SEN2NAIP_SR_EXPIRY", "20")
    monkeypatch.setenv("sen2naip_sr_max_bands", "6")
    found = settings(file=file, max_bands=9, host=None)
    assert (found.port, found.expiry, found.max_bands) == (1, 20, 9)
    assert (found.host, found.cors) == ("127.0.0.1", ["https://a.example"])


def test_variables_that_are_no_settings_are_told_with_the_nearest(monkeypatch, caplog):
    for name in ("TOKN", "SERVICE_HOST", "TRACKING_URI", "PORT"):
        monkeypatch.setenv(f"SEN2NAIP_SR_{name}", "1")
    settings()
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 2
    assert "SEN2NAIP_SR_SERVICE_HOST is no setting and has no effect" in said[0]
    assert said[1].endswith("did you mean SEN2NAIP_SR_TOKEN?")


def test_lists_in_the_environment_are_separated_by_commas(monkeypatch):
    monkeypatch.setenv("SEN2NAIP_SR_CORS", "https://a.example, https://b.example")
    assert settings().cors == ["https://a.example", "https://b.example"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"prot": 1}, "did you mean 'port'"),
        ({"port": 70_000}, "port: "),
        ({"model": "leen"}, "did you mean 'lean'"),
        ({"max_bytes": 0}, "max_bytes"),
        ({"token": "short"}, "fewer than 16"),
        ({"token": "ä" * 20}, "other characters than those of ASCII"),
        ({"token": "a" * 20 + "\n"}, "other characters than those of ASCII"),
        ({"token": " " + "a" * 20}, "spaces at its beginning"),
        ({"proxies": ["proxy.example"]}, "'proxy.example' is no address or network"),
        ({"proxies": ["*"]}, "'\\*' is no address"),
        ({"root_path": "up"}, "does not begin with /"),
        ({"token_file": "/nowhere/token"}, "token_file: cannot be read"),
        ({"token": TOKEN, "token_file": "x"}, "give one"),
    ],
)
def test_what_is_not_valid_is_named(given, said):
    with pytest.raises(UserError, match=said) as refused:
        settings(**given)
    assert refused.value.code == "settings-invalid"


@pytest.mark.parametrize("content", ["port = ", "\xff"])
def test_a_file_that_cannot_be_read_is_named(tmp_path, content):
    file = tmp_path / "server.toml"
    file.write_bytes(content.encode("latin-1"))
    with pytest.raises(UserError, match=r"server\.toml: cannot be read"):
        settings(file=file)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "server.example"])
def test_an_address_that_others_reach_needs_a_token(host, tmp_path):
    with pytest.raises(UserError, match="token: is needed"):
        settings(host=host)
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    assert settings(host=host, token_file=file).secret == TOKEN


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "[::1]", "localhost"])
def test_the_loopback_needs_none(host):
    assert settings(host=host).secret is None


def test_the_token_is_not_shown():
    assert TOKEN not in repr(settings(token=TOKEN))


def test_every_status_is_a_known_one(tmp_path):
    for code, status in STATUS.items():
        problem = problem_of(UserError(code, "problem", "remedy"), tmp_path)
        assert problem.status == status
        assert problem.title


def test_files_of_the_server_are_named_without_their_folders(tmp_path):
    from sen2naip_sr.serving.problems import without_paths

    folder = tmp_path / "requests" / "0a1b"
    text = f"{folder}/scene_x2.tif: 1 MB are free in {folder}, and {folder}/.scene.tif.x is there"
    assert without_paths(text, tmp_path) == (
        "scene_x2.tif: 1 MB are free in the server, and .scene.tif.x is there"
    )
