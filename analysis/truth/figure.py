"""The known accuracy of what would have been selected, by epoch."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from analysis.common import known_accuracies, plots
from analysis.common.intervals import ACCURACY_SENTENCE, summarise_accuracies
from analysis.common.plots import Looks


@plots.styled
def draw(epochs: pd.DataFrame, final: pd.DataFrame, looks: Looks) -> Figure:
    """A panel for each data set of the table: mean over seeds by epoch, a band for its interval."""
    tables, labels = list(final.groupby("table", sort=False)), looks.list_present(final)
    figure, panels = plots.create_panels(len(tables), (4.0, 4.0))
    for axes, (name, ends) in zip(panels, tables, strict=True):
        along = epochs[epochs["table"] == name]
        look = {"summarise": summarise_accuracies}
        plots.draw_methods_by_epoch(axes, along, ends, "accuracy_percent", labels, looks, **look)
        cells = known_accuracies.name_cells(ends)
        partial = "" if cells == "all cells" else f"\n{cells}"
        axes.set_title(f"{name} ({ends['split'].iloc[0]}){partial}")
        plots.label_epochs(axes)
    panels[0].set_ylabel("Known accuracy of the selection, %")
    plots.add_legend_above(figure, panels[0])
    plots.add_caption(
        figure,
        "Lines are the mean over seeds of the known accuracy of what would be selected after that "
        f"epoch, bands the 95 % interval of that mean. {ACCURACY_SENTENCE} A level thin line is "
        "the final selection of a method whose search has no selections by epoch.",
    )
    return figure
