"""The tables of docs/upscaling.md, from results.json."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Results = Mapping[str, Any]


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def exactness(measured: Results) -> str:
    """Return the largest difference and the smallest share of equal pixels, one row per network."""
    rows = []
    for name in dict.fromkeys(row["network"] for row in measured["rows"]):
        mine = [row for row in measured["rows"] if row["network"] == name]
        tiles = sorted({row["tile"] for row in mine})
        worst = [
            max(row["largest_difference"] for row in mine if row["tile"] == tile) for tile in tiles
        ]
        equal = min(row["equal_share"] for row in mine)
        rows.append([f"`{name}`", *(f"{number:.1e}" for number in worst), f"{equal:.5%}"])
    head = ["network", *(f"largest difference, tiles of {tile}" for tile in tiles), "equal values"]
    return table(head, rows)


def refinements(measured: Results) -> str:
    """Return the PSNR with each option, and its gain by place."""
    psnr, gains = measured["psnr"], measured["gain"]
    places = list(gains["consistency"])
    rows = [["plain", f"{psnr['plain']:.3f}", *("" for _ in places)]]
    rows += [
        [name, f"{psnr[name]:.3f}", *(f"{gain[place]:+.3f}" for place in places)]
        for name, gain in gains.items()
    ]
    head = [f"`{measured['network']}`", "PSNR dB", *(f"gain, {place}" for place in places)]
    return table(head, rows)


def backends(measured: Results) -> str:
    """Return the speed of each backend against plain CARN."""
    rows = [
        [
            f"`{row['network']}`",
            row["way"],
            f"{row['megapixels_s']:.2f}",
            f"{row['ratio']:.2f}",
            f"{row['psnr_change_db']:+.4f}",
            f"{row['multiply_adds_s'] / measured['matrix_product_s']:.0%}",
        ]
        for row in measured["rows"]
    ]
    head = [
        "network", "computed by", "megapixels a second", "times plain CARN", "PSNR change, dB",
        "share of GEMM throughput",
    ]  # fmt: skip
    return table(head, rows)


def scene_speed(measured: Results) -> str:
    """Return the speed of scenes from file to file, and the time of commands."""
    rows = [
        [
            f"`{it['network']}`",
            f"{it['tile']}",
            f"{it['bare_megapixels_s']:.2f} ({it['bare_times_plain_carn']:.1f})",
            f"{it['file_megapixels_s']:.2f} ({it['file_times_plain_carn']:.1f})",
            f"{it['file_against_bare']:.0%}",
            f"{it['lr_pixels_s_core']:,}",
            f"{it['granule_minutes_here']:.0f} min",
            f"{it['share_of_matrix_product']:.0%}",
        ]
        for it in measured["networks"]
    ]
    head = [
        "network", "tile", "tiles alone, megapixels a second (times plain CARN)",
        "file to file (times plain CARN)", "I/O efficiency", "input pixels a second and core",
        "10,980 x 10,980", "share of GEMM throughput",
    ]  # fmt: skip
    commands = table(
        ["command", "seconds"],
        [
            [
                "`sen2naip-sr upscale` of 512 x 512, start-up included",
                f"{measured['cold_start_s']}",
            ],
            ["`sen2naip-sr --help`", f"{measured['help_s']}"],
        ],
    )
    return f"{table(head, rows)}\n\n{commands}"


def scene_memory(measured: Results) -> str:
    """Return the peaks of memory."""
    sides = [name.removeprefix("peak_mb_") for name in measured if name.startswith("peak_mb_")]
    rows = [
        [
            f"{int(side):,} x {int(side):,}",
            f"{measured[f'peak_mb_{side}']:,.0f}",
            f"{measured[f'seconds_{side}']:.0f}",
        ]
        for side in sides
    ]
    rows.append(["ratio", f"{measured['ratio']:.2f}", ""])
    return table(["4 bands, 8 bits, a small network", "peak MB", "seconds"], rows)


TABLES: dict[str, Callable[[Results], str]] = {
    "exactness": lambda results: exactness(results["exactness"]),
    "refinements": lambda results: refinements(results["refinements"]),
    "backends": lambda results: backends(results["backends"]),
    "backends-avx2": lambda results: backends(results["backends_avx2"]),
    "scene-speed": lambda results: scene_speed(results["scene_speed"]),
    "scene-memory": lambda results: scene_memory(results["scene_memory"]),
}
