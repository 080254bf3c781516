import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import same_color

from helpers.plots import BLUE, VERMILLION, plot_rate_search, plot_rates
from helpers.training import RateSearch

matplotlib.use("Agg")

REPORT = pd.DataFrame(
    {"rate": [1e-5, 1e-4, 1e-3], "trains": [False, True, True]}, index=["low", "middle", "head"]
)
SEARCH = RateSearch(
    np.array([1e-4, 1e-3, 1e-2, 1e-1]),
    np.array([2.0, 1.0, 3.0, 90.0]),
    np.array([2.0, 1.5, 2.0, np.inf]),
    1.23456e-3,
)


def labels_of(ax):
    return ax.get_title(), ax.get_xlabel(), ax.get_ylabel()


def test_each_layer_has_a_dot_at_its_rate_and_frozen_ones_are_hollow():
    ax = plot_rates(REPORT)
    training, frozen = ax.collections
    assert training.get_offsets().tolist() == [[1e-4, 1], [1e-3, 2]]
    assert frozen.get_offsets().tolist() == [[1e-5, 0]]
    assert same_color(training.get_facecolor()[0], BLUE)
    assert same_color(frozen.get_facecolor()[0], "white")
    assert same_color(frozen.get_edgecolor()[0], BLUE)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["trains", "frozen"]


def test_the_first_layer_is_at_the_top_and_all_are_named_on_a_log_scale():
    ax = plot_rates(REPORT)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["low", "middle", "head"]
    bottom, top = ax.get_ylim()
    assert bottom > top
    assert ax.get_xscale() == "log"
    assert labels_of(ax) == ("Learning rate by layer", "learning rate (log scale)", "layer")


def test_the_figure_grows_with_the_layers_and_names_only_what_there_is():
    few, many = plot_rates(REPORT), plot_rates(pd.concat([REPORT.iloc[1:]] * 10))
    heights = [ax.figure.get_size_inches()[1] for ax in (few, many)]
    assert heights == pytest.approx([1.5 + 0.28 * 3, 1.5 + 0.28 * 20])
    assert [text.get_text() for text in many.get_legend().get_texts()] == ["trains"]


def test_a_search_shows_losses_curve_and_suggestion():
    ax = plot_rate_search(SEARCH)
    losses, smoothed, mark = ax.lines
    assert losses.get_xydata().tolist() == [[1e-4, 2.0], [1e-3, 1.0], [1e-2, 3.0], [1e-1, 90.0]]
    assert losses.get_linestyle() == "None"
    assert smoothed.get_ydata().tolist() == SEARCH.smoothed.tolist()
    assert list(mark.get_xdata()) == [1.23456e-3] * 2
    assert (smoothed.get_color(), mark.get_color()) == (BLUE, VERMILLION)
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert names == ["loss of each batch", "smoothed", "suggestion: 1.2e-03"]
    assert ax.get_xscale() == "log"
    assert labels_of(ax) == ("Loss while the rate rises", "learning rate (log scale)", "loss")


def test_the_range_is_that_of_the_curve_before_it_diverges():
    assert plot_rate_search(SEARCH).get_ylim() == pytest.approx((0, 1.25 * 2.0))
    late = SEARCH._replace(smoothed=np.array([2.0, 1.5, 90.0, np.nan]))
    assert plot_rate_search(late).get_ylim() == pytest.approx((0, 1.25 * 2.0))


def test_text_can_be_read_at_half_size():
    for ax in (plot_rates(REPORT), plot_rate_search(SEARCH)):
        assert ax.xaxis.label.get_fontsize() >= 13
        assert min(text.get_fontsize() for text in ax.get_legend().get_texts()) >= 13
        assert ax.figure.get_size_inches()[0] == 7
