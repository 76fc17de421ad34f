"""What the report was made with: libraries, machine, commit, repository."""

import os
import platform
import re
import subprocess
from importlib import metadata
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from sen2naip_sr import provenance
from sen2naip_sr.version import __version__

DISTRIBUTION = "sen2naip_sr"


def libraries() -> list[dict[str, str]]:
    """Return the packages that this project asks for and that are installed, with versions."""
    try:
        asked = metadata.requires(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        asked = []
    found: dict[str, dict[str, str]] = {}
    for requirement in asked:
        name = re.split(r"[\s\[<>=!;~(]", requirement, maxsplit=1)[0]
        part = re.search(r"extra == ['\"](\w+)['\"]", requirement)
        if name.replace("-", "_") == DISTRIBUTION or (part and part[1] == "dev"):
            continue
        try:
            about = metadata.metadata(name)
        except metadata.PackageNotFoundError:
            continue
        row = {"name": name, "version": metadata.version(name), "for": part[1] if part else "all"}
        row["what"] = str(about.json.get("summary") or "").strip()
        if name in found:
            row["for"] = f"{found[name]['for']}, {row['for']}"
        found[name] = row
    return sorted(found.values(), key=lambda row: row["name"].lower())


def machine(root: Path) -> list[list[str]]:
    """Return facts on this machine and the checkout, as pairs of name and value."""
    import torch

    memory = psutil.virtual_memory().total / 1e9
    return [
        ["operating system", platform.platform()],
        ["Python", platform.python_version()],
        ["torch", str(torch.__version__)],
        ["processor", f"{provenance.device_name()}, {os.cpu_count()} cores"],
        ["accelerator", torch.cuda.get_device_name() if torch.cuda.is_available() else "none"],
        ["memory", f"{memory:.0f} GB"],
        ["version of the project", __version__],
        ["commit", provenance.git_commit(root) or "no checkout"],
    ]


def repository(root: Path, given: str | None) -> str | None:
    """Return the address of the repository: the given one, or that of the checkout's origin."""
    if given:
        return given
    try:
        found = subprocess.run(
            ["git", "config", "--get", "remote.origin.url"],
            cwd=root,
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None
    if match := re.fullmatch(r"git@([\w.-]+):(.+?)(\.git)?", found):
        return f"https://{match[1]}/{match[2]}"
    return found.removesuffix(".git") if re.match(r"https?://[^@]+$", found) else None
