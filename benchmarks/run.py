"""Measure what README and docs claim; write results.json and their tables.

    make bench                              # on the embedded sample
    make bench BENCH_DATA=path/to/naip      # with the benchmark's 497 chips of NAIP as well

Times on shared machines are noisy: compared alternatives run in turns in one process, and medians
and ratios count.
"""

import argparse
import json
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import backends
import degraded
import exactness
import faint
import front_door
import granule
import ingestion
import intervals
import lab
import memory
import opensr
import peer_speed
import places
import processes
import quality
import refinements
import sampling
import scene_memory
import scene_speed
import serving
import startup
import tables
import training_step

from sen2naip_sr.provenance import device_name, git_commit

HERE = Path(__file__).parent
ROOT = HERE.parent


def main() -> None:
    """Run the chosen measurements and keep the last results of the others."""
    parts = {
        "startup": lambda data: startup.measure(ROOT),
        "front_door": lambda data: front_door.measure(),
        "ingestion": ingestion.measure,
        "memory": lambda data: memory.measure(),
        "sampling": lambda data: sampling.measure(),
        "distributed": lambda data: processes.measure(),
        "training_step": lambda data: training_step.measure(data) if data else None,
        "scene_memory": lambda data: scene_memory.measure(),
        "granule": lambda data: granule.measure(),
        "serving_start": lambda data: serving.measure_start(),
        "serving_load": lambda data: serving.measure_load(),
        "serving_memory": lambda data: serving.measure_memory(),
        "serving_growth": lambda data: serving.measure_growth(),
        "peer_speed": lambda data: peer_speed.measure(arguments.peers),
        "backends": lambda data: backends.measure(data) if data else None,
        "backends_avx2": lambda data: backends.measure_without_avx512(data) if data else None,
        "scene_speed": lambda data: scene_speed.measure(data) if data else None,
        "refinements": lambda data: refinements.measure(data) if data else None,
        "intervals": lambda data: intervals.measure(data) if data else None,
        "exactness": lambda data: exactness.measure(data) if data else None,
        "faint": lambda data: faint.measure(data) if data else None,
        "shipped": lambda data: quality.measure_shipped(ROOT, data) if data else None,
        "varied": lambda data: quality.measure_varied(ROOT, data) if data else None,
        "degraded": lambda data: degraded.measure(ROOT, data) if data else None,
        **{
            name: lambda data, name=name: lab.measure(name, data) if data else None
            for name in lab.EXPERIMENTS
        },
        "demo": lambda data: quality.measure_demo(ROOT, data),
        "naip": lambda data: quality.measure_naip(ROOT, data) if data else None,
    }
    parts |= {
        name: lambda data, part=part: (
            part.measure(ROOT, data, arguments.peers, arguments.chips) if data else None
        )
        for name, part in (("places", places), ("opensr", opensr))
    }
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=_folder, help="4-band GeoTIFFs, one folder a place")
    parser.add_argument("--only", nargs="*", choices=list(parts), default=list(parts))
    parser.add_argument(
        "--peers",
        nargs="*",
        default=[],
        metavar="NAME=FILE",
        help="networks of other projects in ncnn's format, for places, opensr and peer_speed",
    )
    parser.add_argument("--chips", type=int, help="largest number of files of a place in these")
    arguments = parser.parse_args()
    arguments.peers = dict(peer.split("=", 1) for peer in arguments.peers)
    file = HERE / "results.json"
    for name in arguments.only:
        print(f"== {name}", flush=True)
        measured = parts[name](arguments.data)
        if measured is None:
            print("left out: it needs --data, or a package", flush=True)
            continue
        # read anew: another run may have measured something else meanwhile
        results = json.loads(file.read_text()) if file.exists() else {}
        results[name] = measured | {
            "commit": git_commit(ROOT),
            "date": datetime.now(UTC).date().isoformat(),
            "machine": f"{device_name()}, {platform.system()}",
        }
        file.write_text(json.dumps(results, indent=1) + "\n")
    tables.write(ROOT, json.loads(file.read_text()))


def _folder(path: str) -> Path:
    return Path(path).resolve()  # commands are run in other folders


if __name__ == "__main__":
    main()
