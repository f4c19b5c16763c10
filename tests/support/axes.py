"""What a figure's axes hold, for tests of figures."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure


def shown(figure: Figure) -> list[Axes]:
    """The visible axes of a figure, colour bars left out."""
    return [axes for axes in figure.axes if axes.get_visible() and axes.get_label() != "<colorbar>"]


def lines(axes: Axes) -> dict[str, list[tuple[float, float]]]:
    """The points of every line that has a label, by label."""
    return {
        str(line.get_label()): list(zip(*map(list, line.get_data()), strict=True))
        for line in axes.get_lines()
        if not str(line.get_label()).startswith("_")
    }


def rows(axes: Axes) -> list[str]:
    """The labels of the y axis, from the top to the bottom, each on one line."""
    labels = [text.get_text().replace("\n", "") for text in axes.get_yticklabels()]
    low, high = axes.get_ylim()
    return labels if low > high else labels[::-1]


def texts(axes: Axes) -> list[str]:
    """What is written inside the axes."""
    return [text.get_text() for text in axes.texts]


def caption(figure: Figure) -> str:
    """The caption below a figure, on one line."""
    return " ".join(figure.get_supxlabel().split())
