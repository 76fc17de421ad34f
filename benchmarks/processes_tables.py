"""The tables of docs/distributed.md, from results.json."""

from collections.abc import Mapping
from typing import Any

from scene_tables import table

Results = Mapping[str, Any]


def measured(results: Results) -> str:
    """Return steps in one and two processes, a row for each network, and the launch."""
    head = [
        "network",
        "one process, one thread, s",
        "weak: two processes, s",
        "strong: two processes, s",
        "one process, two threads, s",
        "sent a step, MB",
    ]
    rows = [
        [
            name,
            f"{row['one_s']:.3f}",
            f"{row['weak_s']:.3f} ({row['weak_efficiency']:.0%})",
            f"{row['strong_s']:.3f} ({row['strong_speedup']:.2f} times as fast)",
            f"{row['two_threads_s']:.3f}",
            f"{row['sent_bytes_a_step'] / 1e6:.2f}",
        ]
        for name, row in results["networks"].items()
    ]
    return f"{table(head, rows)}\n\nThe processes had met {results['launch_s']} s after the start."


def averaging(results: Results) -> str:
    """Return what averages of weights come to, against gradients."""
    rows = [
        [name, f"{row['step_s']:.3f}", f"{row['psnr']:.2f}", f"{row['sent_bytes'] / 1e6:.2f}"]
        for name, row in results["averaging"].items()
    ]
    return table(["exchanged", "step, s", "validation PSNR, dB", "sent a step, MB"], rows)


def calculated(results: Results) -> str:
    """Return the calculated efficiency, a row for each network and link."""
    rows = []
    counts: list[str] = []
    for name, row in results["networks"].items():
        for link, shares in row["calculated"].items():
            counts = list(shares)
            rows.append([name, link, *(f"{share:.1%}" for share in shares.values())])
    return table(["network", "link", *(f"{count} workers" for count in counts)], rows)


TABLES = {
    "processes": lambda results: measured(results["distributed"]),
    "averaging": lambda results: averaging(results["distributed"]),
    "processes-calculated": lambda results: calculated(results["distributed"]),
}
