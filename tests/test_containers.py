"""Dockerfile and compose.yaml name what exists, and give containers no more rights than needed."""

import re
import shlex
import subprocess
import sys
import tomllib
from importlib.metadata import entry_points
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES = COMPOSE["services"]
OURS = [name for name, service in SERVICES.items() if service["image"].startswith("sen2naip_sr")]
LOCKS = sorted((ROOT / "containers").glob("*.lock"))
IN_THE_LAST_LOCK = {"setuptools"}


def instructions(text):
    """Yield (name, rest) of a Dockerfile's instructions."""
    joined = re.sub(r"\\\n", " ", re.sub(r"^#.*\n", "", text, flags=re.M))
    for line in filter(None, joined.splitlines()):
        name, _, rest = line.partition(" ")
        yield name, rest.strip()


def last_stage():
    all_ = list(instructions(DOCKERFILE))
    return all_[max(i for i, (name, _) in enumerate(all_) if name == "FROM") :]


def of_last_stage(name):
    return [rest for found, rest in last_stage() if found == name]


def locked(file):
    """Return versions by name of a lock."""
    found = re.findall(r"^([\w.-]+)==([\w.]+)", file.read_text(), flags=re.M)
    return {canonicalize_name(name): version for name, version in found}


@pytest.mark.parametrize(
    "command",
    [
        ["hadolint", "Dockerfile"],
        ["check-jsonschema", "--builtin-schema", "vendor.compose-spec", "compose.yaml"],
    ],
    ids=["Dockerfile", "compose.yaml"],
)
def test_the_files_are_valid(command):
    tool = Path(sys.executable).with_name(command[0])
    if not tool.exists():
        pytest.skip(f"{command[0]} is not installed")
    done = subprocess.run(
        [tool, *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_schema_finds_a_misspelt_key(tmp_path):
    tool = Path(sys.executable).with_name("check-jsonschema")
    if not tool.exists():
        pytest.skip("check-jsonschema is not installed")
    wrong = tmp_path / "compose.yaml"
    wrong.write_text((ROOT / "compose.yaml").read_text().replace("ports:", "portz:"))
    command = [tool, "--builtin-schema", "vendor.compose-spec", wrong]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 1


@pytest.mark.parametrize("command", [yaml.safe_load(of_last_stage("CMD")[0])] + [
    SERVICES[name]["command"] for name in OURS
], ids=lambda command: command[0])  # fmt: skip
def test_commands_are_installed(command):
    assert command[0] in {script.name for script in entry_points(group="console_scripts")}


def test_the_image_is_healthy_when_the_server_is_ready():
    from sen2naip_sr.serving.guard.paths import HEALTH

    (check,) = of_last_stage("HEALTHCHECK")
    path = re.search(r"'GET', '([^']+)'", check)[1]
    assert path in HEALTH
    assert path == "/readyz"


def test_mlflow_answers_the_path_of_its_health_check():
    from mlflow.server import app

    check = SERVICES["mlflow"]["healthcheck"]["test"][-1]
    compile(check.removeprefix("-c "), "healthcheck", "exec")
    path = re.search(r"'GET', '([^']+)'", check)[1]
    assert app.test_client().get(path).status_code == 200


def test_the_image_starts_as_another_user_than_root_and_takes_signals():
    (user,) = of_last_stage("USER")
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", user)
    (command,) = of_last_stage("CMD")
    assert yaml.safe_load(command) == ["sen2naip-sr", "serve"]  # a list: no shell is in between


def test_the_last_stage_installs_nothing():
    for run in of_last_stage("RUN"):
        assert not re.search(r"\b(pip|apt-get|gcc|curl|wget)\b", run)


def test_what_is_copied_exists_and_is_not_ignored():
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    sent = {line[1:] for line in ignored if line.startswith("!")}
    for name, rest in instructions(DOCKERFILE):
        if name != "COPY" or rest.startswith("--from"):
            continue
        for source in shlex.split(rest)[:-1]:
            assert list(ROOT.glob(source)), source
            assert source in sent
    assert sent == {
        source
        for name, rest in instructions(DOCKERFILE)
        if name == "COPY" and not rest.startswith("--from")
        for source in shlex.split(rest)[:-1]
    }


@pytest.mark.parametrize("name", SERVICES)
def test_containers_have_few_rights(name):
    service = SERVICES[name]
    assert service.get("read_only", False) is (name in OURS)
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


@pytest.mark.parametrize("name", OURS)
def test_volumes_lie_on_folders_that_the_user_of_the_image_owns(name):
    (owned,) = re.findall(r"install --directory --owner=app --group=app\s+(.*)", DOCKERFILE_JOINED)
    for volume in SERVICES[name]["volumes"]:
        source, target = volume.rsplit(":", 1)
        assert target in owned.split()
        default = re.sub(r"\$\{\w+:-(\w+)\}", r"\1", source)
        assert default in COMPOSE["volumes"]


DOCKERFILE_JOINED = "\n".join(f"{name} {rest}" for name, rest in instructions(DOCKERFILE))


def test_volumes_of_the_image_are_its_state_and_cache():
    (volumes,) = of_last_stage("VOLUME")
    mounted = {volume.rsplit(":", 1)[1] for volume in SERVICES["serve"]["volumes"]}
    assert set(yaml.safe_load(volumes)) == mounted


def test_variables_are_settings():
    pytest.importorskip("pydantic_settings")
    from sen2naip_sr.serving.settings import PREFIX, ServeSettings

    known = {PREFIX + name.upper() for name in ServeSettings.model_fields}
    in_image = set(re.findall(r"\b(SEN2NAIP_SR_\w+)=", DOCKERFILE))
    in_compose = {name for s in SERVICES.values() for name in s.get("environment", {})}
    ours = {name for name in in_image | in_compose if name.startswith(PREFIX)}
    assert ours - {"SEN2NAIP_SR_TRACKING_URI"} <= known
    assert {"SEN2NAIP_SR_HOST", "SEN2NAIP_SR_SPOOL", "SEN2NAIP_SR_TOKEN"} <= ours


def test_mlflow_takes_requests_by_the_name_that_trainings_use():
    command = " ".join(SERVICES["mlflow"]["command"])
    address = SERVICES["train"]["environment"]["SEN2NAIP_SR_TRACKING_URI"]
    allowed = re.search(r"--allowed-hosts=(\S+)", command)[1].split(",")
    assert address.removeprefix("http://") in allowed


@pytest.mark.parametrize("file", LOCKS, ids=lambda file: file.name)
def test_locks_have_hashes_and_the_versions_of_the_tests(file):
    for block in re.split(r"\n(?=\w)", re.sub(r"^#.*\n", "", file.read_text(), flags=re.M)):
        assert "--hash=sha256:" in block, block[:40]
    tested = locked(ROOT / "requirements.lock")
    for name, version in locked(file).items():
        if name not in IN_THE_LAST_LOCK and not name.startswith(("nvidia-", "cuda-", "triton")):
            assert tested[name] == version.partition("+")[0], name


@pytest.mark.parametrize(("file", "extras"), [("serve", {"serve"}), ("all", {"serve", "kedro"})])
def test_locks_name_what_their_extras_need(file, extras):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    if "kedro" in extras:
        extras = extras | {"train"}
    needed = project["dependencies"] + [
        text for extra in extras for text in project["optional-dependencies"][extra]
    ]
    names = {canonicalize_name(Requirement(text).name) for text in needed}
    assert names - {"sen2naip-sr", "torch"} <= set(locked(ROOT / f"containers/{file}.lock"))


def test_the_project_may_record_its_runs_on_a_server(monkeypatch):
    from sen2naip_sr import settings

    monkeypatch.delenv(settings.TRACKING_URI, raising=False)
    root = settings.project_root()
    assert settings.tracking_uri() == f"sqlite:///{root}/mlflow.db"
    assert settings.artifact_location() == f"{root}/mlartifacts"
    monkeypatch.setenv(settings.TRACKING_URI, "http://mlflow:5000")
    assert settings.tracking_uri() == "http://mlflow:5000"
    assert settings.artifact_location() is None
