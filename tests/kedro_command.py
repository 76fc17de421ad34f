"""The command line of Kedro without its start: a process that has imported others' packages forks.

These imports are most of a small run. The project's own modules are imported anew by every command,
from the folder that it runs in. What a start imports is tested in test_start_up.py.

    python kedro_command.py    reads commands as lines of JSON, and answers each with its exit code
"""

import json
import os
import select
import subprocess
import sys
import tempfile
from pathlib import Path

PACKAGES = (
    "kedro.framework.cli.cli",
    "kedro.framework.session",
    "kedro.runner",
    "IPython",
    "kedro_mlflow.framework.hooks",
    "lightning_fabric",
    "mlflow.store.tracking.sqlalchemy_store",
    "rasterio",
    "sklearn.model_selection",
)
SECONDS = 300


class KedroCommands:
    """Runs commands of Kedro; a context manager that ends its process."""

    def __init__(self):
        self._process = None

    def __call__(self, arguments, folder, environment):
        """Run a command in a folder, and return what it printed and its exit code."""
        if not hasattr(os, "fork"):
            command = [Path(sys.executable).with_name("kedro"), *arguments]
            return subprocess.run(
                command, cwd=folder, capture_output=True, text=True, env=environment,
                check=False, timeout=SECONDS,
            )  # fmt: skip
        process = self._started()
        with tempfile.TemporaryDirectory() as scratch:
            out, err = Path(scratch, "out"), Path(scratch, "err")
            given = (["kedro", *arguments], str(folder), environment, str(out), str(err))
            process.stdin.write(json.dumps(given) + "\n")
            process.stdin.flush()
            if not select.select([process.stdout], [], [], SECONDS)[0]:
                self.close()
                raise subprocess.TimeoutExpired(arguments, SECONDS, out.read_text())
            code = int(process.stdout.readline())
            return subprocess.CompletedProcess(arguments, code, out.read_text(), err.read_text())

    def _started(self):
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
        return self._process

    def close(self):
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def serve():
    """Fork for every command; return in the child, with what it is to call."""
    # others' modules only: the folder of this file would come first
    sys.path.pop(0)
    for name in PACKAGES:
        __import__(name)
    assert not [name for name in sys.modules if name.startswith("sen2naip_sr")]
    for line in sys.stdin:
        arguments, folder, environment, out, err = json.loads(line)
        child = os.fork()
        if child == 0:
            for number, path in enumerate((os.devnull, out, err)):
                os.dup2(os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC), number)
            os.chdir(folder)
            os.environ.clear()
            os.environ.update(environment)
            sys.argv = arguments
            return sys.modules["kedro.framework.cli.cli"].main
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)  # noqa: T201
    return None


if __name__ == "__main__":
    main = serve()
    # the end of the process is that of the command, with all that is done at its exit
    sys.exit(main() if main else 0)
