"""Kill commands at random moments, fill their disk, start two at once: count what is lost.

python -m benchmarks.kills --kills 100
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.kills.commands import (
    COMMANDS,
    Command,
    Results,
    files,
    import_all,
    make_template,
    runs_running,
    start,
    wait,
)

KILLS_A_CASE = 2
INSIDE = "SEN2NAIP_SR_OWN_MOUNTS"


class Faults:
    """Disturbs one command again and again, and counts what that does."""

    def __init__(self, command: Command, template: Path, disk: Path, seed: int) -> None:
        self.command, self.template, self.disk = command, template, disk
        self.random = random.Random(f"{seed} {command.name}")
        self.counts: Counter[str] = Counter()
        self.bad: list[str] = []
        folder = self._folder(fresh=True)
        began = time.monotonic()
        code, text = self._finish(folder)
        if code:
            raise SystemExit(f"{command.name} fails undisturbed: {text}")
        self.seconds = time.monotonic() - began
        self.expected, self.files = command.results(folder), files(folder)
        self.written = _size(folder) - _size(template)

    def kill(self, fresh: bool) -> None:
        """Kill the command a few times at random moments, then let it end."""
        folder = self._folder(fresh)
        earlier: Results = {}
        for _ in range(KILLS_A_CASE):
            number = start(self.command, folder, self.template.with_suffix(".killed.log"))
            time.sleep(self.random.uniform(0, 1.1 * self.seconds))
            os.kill(number, signal.SIGKILL)
            ended = wait(number) == 0
            self.counts["ended before its kill" if ended else "kills"] += 1
            self._check_kept("kill", folder, earlier)
            earlier = self.command.results(folder)
        self._check_end("kill", folder, earlier)

    def fill(self) -> None:
        """Run the command on a disk that is too small for it, then make room."""
        folder = self._folder(fresh=False)
        free = self.random.random() * self.written
        ballast = self.disk / "ballast"
        ballast.write_bytes(bytes(max(0, int(shutil.disk_usage(self.disk).free - free))))
        code, text = self._finish(folder)
        self.counts["full disks"] += 1
        self.counts["full disks that sufficed"] += code == 0
        if "Traceback" in text or code is None:
            self._note("full disk", f"exit code {code}: {text[-1500:]}")
        ballast.unlink()
        self._check_kept("full disk", folder, {})
        self._check_end("full disk", folder, self.command.results(folder))

    def double(self, fresh: bool) -> None:
        """Start the command twice at once."""
        folder = self._folder(fresh)
        logs = [self.template.with_suffix(f".{number}.log") for number in range(2)]
        numbers = [start(self.command, folder, log) for log in logs]
        codes = [wait(number) for number in numbers]
        self.counts["twice at once"] += 1
        self.counts["twice at once, one refused"] += any(codes)
        for code, log in zip(codes, logs, strict=True):
            text = log.read_text()
            if "Traceback" in text or code is None or (code and "What to do" not in text):
                self._note("twice at once", f"exit code {code}: {text[-1500:]}")
            log.unlink()
        self._check_kept("twice at once", folder, {})
        self._check_end("twice at once", folder, self.command.results(folder))

    def _folder(self, fresh: bool) -> Path:
        """Return a new copy of the project, with MLflow's database unless it is fresh."""
        folder = self.disk / "case"  # always there, since stores know where their images lie
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.template, folder)
        if fresh:
            (folder / "mlflow.db").unlink(missing_ok=True)
        return folder

    def _finish(self, folder: Path) -> tuple[int | None, str]:
        log = self.template.with_suffix(".log")
        log.unlink(missing_ok=True)
        return wait(start(self.command, folder, log)), log.read_text()

    def _check_kept(self, what: str, folder: Path, earlier: Results) -> None:
        """Check that what is there is whole, and that nothing finished was lost."""
        found = self.command.results(folder)
        for name, content in found.items():
            if name in self.expected and not _is_draw(name) and content != self.expected[name]:
                self._note(what, f"half or wrong: {name}")
        for name, content in earlier.items():
            if found.get(name) != content:
                self._note(what, f"lost: {name}")

    def _check_end(self, what: str, folder: Path, earlier: Results) -> None:
        code, text = self._finish(folder)
        found = self.command.results(folder)
        if code != 0 or "Traceback" in text:
            self._note(what, f"does not end, exit code {code}: {text[-1500:]}")
            return
        self._check_kept(what, folder, earlier)
        if found.keys() != self.expected.keys():
            self._note(what, f"other results: {sorted(found.keys() ^ self.expected.keys())}")
        elif running := runs_running(folder):
            self._note(what, f"{running} runs are listed as running")
        elif changed := files(folder) ^ self.files:
            self._note(what, f"files left or missing: {sorted(changed)}")
        else:
            self.counts["ended as undisturbed"] += 1

    def _note(self, what: str, text: str) -> None:
        self.bad.append(f"{what}: {text}")
        print(self.command.name, what, text, file=sys.stderr, flush=True)


def _is_draw(name: str) -> bool:
    """Return whether a trial's values depend on where a search was interrupted."""
    return name.startswith("trial") and name != "trial 0"


def _size(folder: Path) -> int:
    """Return the bytes of a project's files without MLflow's database, which later cases have."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return sum(path.stat().st_size for path in found if path.name != "mlflow.db")


def measure(kills: int, repeats: int, seed: int, names: list[str]) -> dict[str, Any]:
    """Return the counts of each command, and the text of everything that should not be."""
    found = {}
    with tempfile.TemporaryDirectory() as scratch:
        disk = Path(scratch) / "disk"
        disk.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200m", "tmpfs", disk], check=True)
        template = make_template(Path(scratch) / "template")
        faults = []
        for command in COMMANDS:
            if command.name in names:
                faults.append(Faults(command, template, disk, seed))
                # the first run has made the database that later cases begin with
                database = disk / "case" / "mlflow.db"
                if database.exists() and not (template / "mlflow.db").exists():
                    _empty_database(database, template)
        for fault in faults:
            while fault.counts["kills"] < kills / len(faults):
                fault.kill(fresh=fault.random.random() < 0.2)
                print(fault.command.name, dict(fault.counts), file=sys.stderr, flush=True)
            for number in range(repeats):
                fault.fill()
                fault.double(fresh=number == 0)
            found[fault.command.name] = dict(fault.counts) | {"bad": fault.bad}
            print(json.dumps({fault.command.name: found[fault.command.name]}), flush=True)
        subprocess.run(["umount", disk], check=True)
    return found


def _empty_database(database: Path, template: Path) -> None:
    """Put a database without runs into the template."""
    import sqlite3

    copy = Path(shutil.copy(database, template))
    with sqlite3.connect(copy) as connection:
        for table in ("params", "tags", "metrics", "latest_metrics", "runs"):
            connection.execute(f"DELETE FROM {table}")


def main() -> None:
    """Print the counts as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100, help="In all commands together.")
    parser.add_argument("--repeats", type=int, default=3, help="Full disks, and double starts.")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--commands", default=",".join(command.name for command in COMMANDS))
    given = parser.parse_args()
    if INSIDE not in os.environ:
        # a mount namespace of its own, so that the small disk is nobody else's
        own = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "-rm"]
        command = [*own, sys.executable, "-m", "benchmarks.kills", *sys.argv[1:]]
        sys.exit(subprocess.run(command, env=os.environ | {INSIDE: "1"}, check=False).returncode)
    import_all()
    measure(given.kills, given.repeats, given.seed, given.commands.split(","))


if __name__ == "__main__":
    main()
