"""Provenance of results: commit, machine, device, memory."""

import os
import platform
import resource
import subprocess
import sys
from pathlib import Path


def git_commit(folder: Path) -> str | None:
    """Return the commit of a checkout, with ``-dirty`` if files differ; None outside of one."""
    # a checkout may come from anybody, and its own settings could make git start a program
    safely = ["-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"]
    try:
        described = subprocess.run(
            ["git", *safely, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return described.stdout.strip() or None


def device_name() -> str:
    """Return the accelerator's name if torch is loaded and has one, else the processor's."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        return str(torch.cuda.get_device_name())
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def machine_name() -> str:
    """Return the machine's name and its number of cores."""
    return f"{platform.node() or 'unnamed'}, {os.cpu_count()} cores"


def usable_cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def peak_memory_mb() -> float:
    """Return the peak memory of this process so far, in MB (10^6 bytes)."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # macOS counts bytes, Linux KiB
    return peak * (1 if sys.platform == "darwin" else 1024) / 1e6
