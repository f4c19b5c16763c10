"""The look that all figures share: style and files, each method's colours, what is drawn often."""

from __future__ import annotations

from analysis.common.plots.drawing import (
    MOST_ANNOTATED,
    cross_out,
    draw_heat_map,
    draw_mean_by_epoch,
    draw_methods_by_epoch,
    draw_points_by_method,
)
from analysis.common.plots.looks import (
    DAGGER,
    MARKERS,
    OKABE_ITO,
    Looks,
)
from analysis.common.plots.style import (
    DPI,
    FORMATS,
    GREY,
    SMALL,
    add_caption,
    add_legend_above,
    add_legends,
    create,
    create_blocks,
    create_panels,
    label_epochs,
    label_methods,
    render,
    split_rows,
    styled,
    wrap,
)

__all__ = [
    "DAGGER",
    "DPI",
    "FORMATS",
    "GREY",
    "MARKERS",
    "MOST_ANNOTATED",
    "OKABE_ITO",
    "SMALL",
    "Looks",
    "add_caption",
    "add_legend_above",
    "add_legends",
    "create",
    "create_blocks",
    "create_panels",
    "cross_out",
    "draw_heat_map",
    "draw_mean_by_epoch",
    "draw_methods_by_epoch",
    "draw_points_by_method",
    "label_epochs",
    "label_methods",
    "render",
    "split_rows",
    "styled",
    "wrap",
]
