"""Figures of learning rates: who learns how fast, and where a search found its rate."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from helpers.figure_style import BLUE, TEXT_SIZE, VERMILLION, label_axes
from helpers.rate_finder import RateSearch


def plot_rates(report: pd.DataFrame) -> Axes:
    """Draw the learning rate of each layer, from the first at the top to the head at the bottom.

    Args:
        report: what `rates_report` gave.

    Returns:
        The Axes; a filled dot is a layer that trains, a hollow one is frozen.

    Lesson: 06
    """
    size = (7, 1.5 + 0.28 * len(report))
    ax = plt.subplots(figsize=size, layout="constrained")[1]
    height = pd.Series(range(len(report)), index=report.index)
    for trains, name, fill in ((True, "trains", BLUE), (False, "frozen", "white")):
        rows = report["trains"] == trains
        if rows.any():
            style = {"color": fill, "edgecolors": BLUE, "s": 60}
            ax.scatter(report["rate"][rows], height[rows], label=name, zorder=2, **style)
    ax.set_xscale("log")
    ax.set_yticks(height, labels=report.index)
    ax.invert_yaxis()
    ax.grid(alpha=0.3)
    label_axes(ax, title="Learning rate by layer", x="learning rate (log scale)", y="layer")
    ax.legend(fontsize=TEXT_SIZE)
    return ax


def plot_rate_search(search: RateSearch) -> Axes:
    """Draw the loss against the rising learning rate, with the suggestion marked.

    Args:
        search: what `find_learning_rate` returned.

    Returns:
        The Axes. The loss beyond its starting range, where the search diverges, is cut off.

    Lesson: 06
    """
    ax = plt.subplots(figsize=(7, 4), layout="constrained")[1]
    ax.plot(search.rates, search.losses, ".", color="gray", label="loss of each batch")
    ax.plot(search.rates, search.smoothed, color=BLUE, linewidth=2, label="smoothed")
    name = f"suggestion: {search.suggestion:.1e}"
    ax.axvline(search.suggestion, color=VERMILLION, linestyle="--", label=name)
    ax.set_xscale("log")
    falling = search.smoothed[: np.nanargmin(search.smoothed) + 1]
    ax.set_ylim(0, 1.25 * falling.max())
    label_axes(ax, title="Loss while the rate rises", x="learning rate (log scale)", y="loss")
    ax.legend(fontsize=TEXT_SIZE)
    return ax
