"""The summary at the end of a run: findings, where the files are, what to try next."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table

from sen2naip_sr.evaluation.columns import BY_NAME, COLUMNS, FAILED
from sen2naip_sr.metrics.catalogue import METRICS
from sen2naip_sr.remedies import KEDRO

if TYPE_CHECKING:
    import pandas as pd
    from kedro.io import DataCatalog

NEXT_COMMANDS = (
    ("kedro mlflow ui", "shows the run's curves, parameters, figures and weights in the browser"),
    ("kedro viz run", "shows the pipeline's graph in the browser"),
    (
        "kedro run --pipelines=train_lean "
        "--params ingestion.source=directory,ingestion.path=FOLDER",
        "trains on your own GeoTIFFs",
    ),
)


def print_summary(outputs: Iterable[str], catalog: "DataCatalog", root: Path) -> None:
    """Print the results of a run: the datasets it wrote, with paths relative to ``root``."""
    made = set(outputs)
    console = Console(width=None if Console().is_terminal else 100)
    if "rejected" in made:
        _print_rejected(console, catalog, root)
    for name in sorted(made):
        if name.endswith(".findings"):
            _print_experiment(console, catalog, root, name.removesuffix(".findings"), made)
    if "run_findings" in made:
        _print_findings(console, catalog, root)
    if "comparison" in made:
        _print_comparison(console, catalog, root)
    elif "by_place" in made:
        _print_by_place(console, catalog, root)
    if "pairs" in made:
        _print_pairs(console, catalog, root)
    if "report" in made:
        console.print(f"Report: {_path(catalog, 'report', root)}", highlight=False)
        console.print(f"Page:   {_path(catalog, 'report_page', root)}", highlight=False)


def _print_findings(console: Console, catalog: "DataCatalog", root: Path) -> None:
    console.print(
        catalog.load("run_findings"),
        highlight=False,
        markup=False,
        soft_wrap=not console.is_terminal,
    )
    console.print(f"Figure:    {_path(catalog, 'run_comparison_figure', root)}")
    console.print(f"Table:     {_path(catalog, 'run_comparison', root)}")
    console.print(f"Per place: {_path(catalog, 'compared_places', root)}")


def _print_comparison(console: Console, catalog: "DataCatalog", root: Path) -> None:
    synthetic = catalog.load("hr").attributes["synthetic"]
    console.print(comparison_table(catalog.load("comparison"), synthetic))
    console.print(f"Side by side: {_path(catalog, 'comparison_figure', root)}")
    console.print(f"All networks: {_path(catalog, 'gallery', root)}")
    console.print(f"Per place:    {_path(catalog, 'places', root)}")
    _print_by_place(console, catalog, root)
    _print_perceptual(console, catalog, root)
    console.print("\nNext (after: . .venv/bin/activate):")
    for command, purpose in NEXT_COMMANDS:
        console.print(f"  [bold]{command}[/bold]\n      {purpose}", highlight=False, soft_wrap=True)


def _print_perceptual(console: Console, catalog: "DataCatalog", root: Path) -> None:
    """Print the optional metrics, if any were asked for, and why some have no value."""
    found = catalog.load("perceptual")
    if found.empty:
        return
    console.print(perceptual_table(found))
    missing = found[found["reason"] != ""].drop_duplicates("title")
    for row in missing.to_dict("records"):
        console.print(f"{row['title']}: no value, {row['reason']}", highlight=False)
    console.print(f"Perceptual:   {_path(catalog, 'perceptual', root)}")


def perceptual_table(found: "pd.DataFrame") -> Table:
    """Return the optional metrics for a terminal: a row for each method."""
    values = found.pivot_table(index="method", columns="title", values="value", sort=False)
    table = Table(title="optional metrics", box=box.SIMPLE_HEAD, show_edge=False)
    table.add_column("method")
    for title in values.columns:
        table.add_column(str(title).replace(" (", "\n("), justify="right")
    decimals = {metric.title: metric.decimals for metric in METRICS.values()}
    for method, row in values.iterrows():
        table.add_row(str(method), *(f"{v:.{decimals[str(title)]}f}" for title, v in row.items()))
    return table


def _print_pairs(console: Console, catalog: "DataCatalog", root: Path) -> None:
    console.print(pairs_table(catalog.load("pairs")))
    console.print(f"Figure:   {_path(catalog, 'pairs_figure', root)}")
    console.print(f"Per pair: {_path(catalog, 'pair_scores', root)}")


def pairs_table(pairs: "pd.DataFrame") -> Table:
    """Return the summary of the real pairs for a terminal, the best method first."""
    table = Table(
        title="real pairs: error of the detail, over Lanczos",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        title_style="bold",
    )
    table.add_column("method")
    for heading in ("pairs", "mean dB", "least dB", "correlation"):
        table.add_column(heading, justify="right")
    for row in pairs.to_dict("records"):
        numbers = (f"{row['gain']:+.2f}", f"{row['least']:+.2f}", f"{row['correlation']:.3f}")
        table.add_row(str(row["method"]), str(row["pairs"]), *numbers)
    return table


def _print_by_place(console: Console, catalog: "DataCatalog", root: Path) -> None:
    console.print(f"By sensor and place: {_path(catalog, 'by_place_page', root)}")


def comparison_table(comparison: "pd.DataFrame", synthetic: bool) -> Table:
    """Return the comparison for a terminal of 80 columns, the best method first."""
    if "origin" in comparison:
        # empty cells of a CSV file are read as NaN
        origins = [origin if isinstance(origin, str) else "" for origin in comparison["origin"]]
        comparison = comparison.assign(origin=origins)
    chips = int(comparison["n_chips"].max())
    kind = "synthetic test chips" if synthetic else "test chips"
    table = Table(
        title=f"{chips} {kind} of places {_seen(comparison)}",
        caption=_caption(comparison),
        box=box.SIMPLE_HEAD,
        padding=0,
        show_edge=False,
        title_style="bold",
    )
    table.add_column("method")
    for column in COLUMNS:
        heading = column.title.replace(" ", "\n")
        table.add_column(heading, justify="right", no_wrap=True)
    for row in comparison.to_dict("records"):
        origin = row.get("origin")
        notes = [str(origin)] * bool(origin) + [FAILED] * bool(row.get(FAILED))
        name = f"{row['method']}\n({', '.join(notes)})" if notes else str(row["method"])
        table.add_row(name, *(column.show(row) for column in COLUMNS))
    return table


def _caption(comparison: "pd.DataFrame") -> str:
    text = "difference to the best interpolation, paired by chip, with its 95 % interval"
    if FAILED in comparison and comparison[FAILED].any():
        text += "; failed: below the linear filter"
    return text


def _seen(comparison: "pd.DataFrame") -> str:
    origins = comparison["origin"] if "origin" in comparison else ()
    if any(BY_NAME in origin for origin in origins):
        return "not trained on in this run"
    return "not seen in training"


def _print_experiment(
    console: Console, catalog: "DataCatalog", root: Path, experiment: str, outputs: set[str]
) -> None:
    """Print an experiment's findings, and where its table and its figures are."""
    console.print(f"\n[bold]{experiment}[/bold]")
    console.print(catalog.load(f"{experiment}.findings"), highlight=False, markup=False)
    for made in ("table", "study", "figure", "figures", "gallery", "animation", "best"):
        if f"{experiment}.{made}" not in outputs:
            continue
        path = _path(catalog, f"{experiment}.{made}", root)
        if (root / path).exists():
            console.print(f"{made.capitalize() + ':':<11}{path}", highlight=False)


def _print_rejected(console: Console, catalog: "DataCatalog", root: Path) -> None:
    count = len(catalog.load("hr").table("rejected"))
    if count:
        path = _path(catalog, "rejected", root)
        console.print(f"{count} files or chips were rejected; reasons and remedies: {path}")
        console.print(f"  parameters: {KEDRO['no-usable-chip']}", highlight=False)


def _path(catalog: "DataCatalog", name: str, root: Path) -> str:
    configured = catalog.config_resolver.resolve_pattern(name)
    # MLflow's datasets contain the one that writes the file
    written = configured.get("dataset", configured)
    filepath = Path(written.get("filepath", written.get("path", name)))
    return str(filepath.relative_to(root)) if filepath.is_relative_to(root) else str(filepath)
