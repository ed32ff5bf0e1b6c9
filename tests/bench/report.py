"""The figures as a table to read, as JSON to compare, and as a plot."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

import msgspec

from tests.bench.figure import Figure


class Line(msgspec.Struct, frozen=True):
    """A figure as it is written to bench.json."""

    figure: Figure
    number: float
    met: bool


def write(figures: Sequence[Figure], folder: Path) -> None:
    lines = [Line(figure, figure.number, figure.met) for figure in figures]
    (folder / "bench.json").write_bytes(msgspec.json.format(msgspec.json.encode(lines)))
    (folder / "bench.md").write_text("\n".join(markdown(figures)) + "\n", encoding="utf-8")
    plot(figures, folder / "bench.svg")


def table(figures: Sequence[Figure]) -> Iterator[str]:
    rows = [("figure", "ours", "baseline", "number", "reach", ""), *map(_row, figures)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for name, *cells, verdict in rows:
        padded = (cell.rjust(w) for cell, w in zip(cells, widths[1:-1], strict=True))
        yield "  ".join((name.ljust(widths[0]), *padded, verdict)).rstrip()


def markdown(figures: Sequence[Figure]) -> Iterator[str]:
    yield "| figure | what | ours | baseline | number | reach | |"
    yield "|---|---|---|---|---|---|---|"
    for f in figures:
        name, *cells = _row(f)
        against = f", beside {f.baseline_what}" if f.baseline_what else ""
        note = f" ({f.note})" if f.note else ""
        yield "| " + " | ".join((name, f.what + against + note, *cells)) + " |"


def _row(f: Figure) -> tuple[str, str, str, str, str, str]:
    unit = "x" if f.baseline else f" {f.unit}"
    return (
        f.name,
        f"{_short(median(f.ours))} {f.unit}",
        f"{_short(median(f.baseline))} {f.unit}" if f.baseline else "-",
        f"{_short(f.number)}{unit}",
        f"{'<=' if f.at_most else '>='} {_short(f.reach)}{unit}",
        f.verdict,
    )


def _short(number: float) -> str:
    if number >= 100:
        return f"{number:,.0f}"
    return f"{number:.1f}".removesuffix(".0") if number >= 10 else f"{number:.2f}"


def plot(figures: Sequence[Figure], file: Path) -> None:
    """One bar a figure: how much of what it should reach it reaches."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot

    drawing, axes = pyplot.subplots(figsize=(9, 1.2 + 0.5 * len(figures)), layout="constrained")
    shares = [figure.share for figure in figures]
    bars = axes.barh(
        [figure.name for figure in figures],
        shares,
        color=["#2a7f62" if figure.met else "#b5482f" for figure in figures],
        height=0.6,
    )
    axes.bar_label(bars, [" {3} of {4}".format(*_row(figure)) for figure in figures])
    axes.axvline(1, color="black", linewidth=1)
    axes.set_xlim(0, max(1.0, *shares) * 1.4)
    axes.set_xlabel("share of what it should reach (right of the line: met)")
    axes.invert_yaxis()
    axes.spines[["top", "right"]].set_visible(False)
    drawing.savefig(file)
    pyplot.close(drawing)
