"""Kill server, sites and their processes during federated trainings; look at what is left of them.

python -m benchmarks.kills.federation --kills 6            # over loopback: minutes for each kill
python -m benchmarks.kills.federation --local --kills 20   # within one process: seconds each

After each kill, what was killed is started again. In the end, weights of trainings within one
process equal those of an undisturbed one bit for bit; over loopback they do not, since answers
that a kill has cost are missing there. No process may be left.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from benchmarks.federation import LONGEST, Federation, ended
from sen2naip_sr.weights.files import load_weights

ROOT = Path(__file__).parents[2]
LOCAL = """
import sys
from pathlib import Path
import torch
torch.set_num_threads(1)
sys.path[:0] = [{tests!r}, {training!r}]
from small_federation import make_federation, make_sites, make_task, run
import safetensors.torch
folder = Path(sys.argv[1])
task = make_task(rounds=12, local_steps=4, keep_optimizer=True)
p = make_federation("FedAdam", rounds=12, local_steps=4, keep_optimizer=True, evaluate_every=6)
found = run(make_sites(folder=folder / "sites"), task, p, checkpoint=folder / "state")
safetensors.torch.save_file(found.weights, folder / "weights.safetensors")
"""


def measure_local(kills: int, seed: int) -> dict[str, Any]:
    """Kill trainings within one process at random moments; compare their weights."""
    draw = random.Random(seed)
    tests, training = (str(ROOT / "tests" / name) for name in ("federated", "training"))
    code = LOCAL.format(tests=tests, training=training)

    def start(folder: Path) -> subprocess.Popen:
        return subprocess.Popen([sys.executable, "-c", code, folder], stderr=subprocess.DEVNULL)

    with tempfile.TemporaryDirectory() as scratch:
        whole = Path(scratch) / "whole"
        whole.mkdir()
        began = time.monotonic()
        assert start(whole).wait() == 0
        seconds, expected = time.monotonic() - began, (whole / "weights.safetensors").read_bytes()
        done, equal, trainings = 0, 0, 0
        while done < kills:
            folder = Path(scratch) / f"case-{trainings}"
            folder.mkdir()
            trainings += 1
            for _ in range(4):
                process = start(folder)
                with suppress(subprocess.TimeoutExpired):
                    process.wait(draw.uniform(0.2, 1.0) * seconds)
                    break
                process.kill()
                process.wait()
                done += 1
            if not (folder / "weights.safetensors").is_file():
                assert start(folder).wait(LONGEST) == 0
            equal += (folder / "weights.safetensors").read_bytes() == expected
    return {"kills": done, "trainings": trainings, "equal_to_undisturbed": equal}


def measure(kills: int, seed: int) -> dict[str, Any]:
    """Kill processes of a training over loopback; return what became of it."""
    draw = random.Random(seed)
    with tempfile.TemporaryDirectory() as scratch:
        made = Federation(Path(scratch), secure=False, rounds=kills + 2)
        processes = {"server": made.server()}
        time.sleep(1)
        processes |= {name: made.site(name) for name in ("north", "south")}
        killed: list[str] = []
        start = time.monotonic()
        with ended(processes.values()):
            for number in range(kills):
                time.sleep(draw.uniform(20, 60))
                if processes["server"].poll() == 0:
                    break
                victim = ("server", "north", "server app", "south")[number % 4]
                killed.append(victim)
                if victim == "server app":
                    _kill_app(made)
                    processes["server"].wait(60)  # it says so and ends
                name = victim.partition(" ")[0]
                _kill(processes[name])
                _await_end(made, name)
                processes[name] = made.server() if name == "server" else made.site(name)
            code = processes["server"].wait(LONGEST)
            seconds = time.monotonic() - start
        time.sleep(5)
        weights = made.folder / "server/weights.safetensors"
        return {
            "killed": killed,
            "exit_code": code,
            "seconds": round(seconds),
            "weights": load_weights(weights).label if weights.is_file() else None,
            "said": (made.folder / "server.log").read_text().splitlines()[-12:],
            "processes_left": made.left(),
        }


def _kill(process: subprocess.Popen) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGKILL)
    process.wait()


def _kill_app(made: Federation) -> None:
    file, end = made.folder / "server/server.pid", time.monotonic() + 60
    while not file.is_file() and time.monotonic() < end:
        time.sleep(0.2)  # a server that has just been started has none yet
    with suppress(ProcessLookupError):
        os.kill(int(file.read_text()), signal.SIGKILL)


def _await_end(made: Federation, name: str) -> None:
    """Wait until the children of what was killed have ended, which they do by themselves."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        folder = str(made.folder / name)
        left = [
            process
            for process in psutil.process_iter(["cmdline"])
            if any(folder in part for part in process.info["cmdline"] or ())
        ]
        if not left:
            return
        time.sleep(0.5)
    raise SystemExit(f"processes of {name} are left after 30 s: {made.left()}")


def main() -> None:
    """Print the counts as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=6)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--local", action="store_true")
    given = parser.parse_args()
    found = (measure_local if given.local else measure)(given.kills, given.seed)
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
