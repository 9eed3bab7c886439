"""A comparison as a picture: backlog, age of the oldest message, and executions over time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ebb.cli.simulate.compare import Result
from ebb.cli.simulate.errors import SimulationError
from ebb.cli.simulate.report import running_executions
from ebb.cli.simulate.timeline import average, highest
from ebb.core.settings.durations import DAY_SECONDS

FORMATS = (".svg", ".png")
BINS = 400  # points of a line


def check_plot(path: Path) -> None:
    """Make sure that a picture of this name can be drawn.

    Raises:
        SimulationError: another ending than .svg or .png.
    """
    if path.suffix.lower() not in FORMATS:
        raise SimulationError(f"plot {path}: the name must end in {' or '.join(FORMATS)}")


def write_plot(results: Sequence[Result], path: Path) -> None:
    """Write the picture; an SVG holds its letters as shapes, so that it looks the same everywhere.

    Raises:
        SimulationError: another ending than .svg or .png, or it cannot be written.
    """
    check_plot(path)
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 8), layout="constrained")
    FigureCanvasAgg(figure)
    backlog, age, executions = figure.subplots(3, sharex=True)
    length = results[0].report.seconds
    unit, name = _unit(length)
    middles = [(number + 0.5) * length / BINS / unit for number in range(BINS)]
    for result in results:
        samples, label = result.recording.samples, result.report.name
        seconds = [sample.seconds for sample in samples]
        most_waiting = highest(seconds, [sample.waiting for sample in samples], length, BINS)
        backlog.plot(middles, most_waiting, linewidth=1, label=label, alpha=0.8)
        age.plot(middles, highest(seconds, [sample.oldest for sample in samples], length, BINS), linewidth=1, alpha=0.8)
        executions.plot(middles, average(*running_executions(result.recording), length, BINS), linewidth=1, alpha=0.8)
    for axes, title in (
        (backlog, "messages waiting, most"),
        (age, "oldest message, s"),
        (executions, "executions, mean"),
    ):
        axes.set_ylabel(title)
        axes.set_ylim(bottom=0)
        axes.grid(alpha=0.3)
    executions.set_xlabel(name)
    backlog.legend(loc="upper right")
    try:
        figure.savefig(  # pyright: ignore[reportUnknownMemberType] - it leaves its options open
            path, metadata={"Date": None} if path.suffix.lower() == ".svg" else None
        )
    except OSError as error:
        raise SimulationError(f"plot {path} cannot be written: {error.strerror}") from error


def _unit(seconds: float) -> tuple[float, str]:
    """Seconds of the unit that suits a time of this length, and its name."""
    if seconds > 3 * DAY_SECONDS:
        return DAY_SECONDS, "days"
    return (3600.0, "hours") if seconds > 3 * 3600 else (60.0, "minutes")
