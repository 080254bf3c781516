"""The figures hold what they claim: lines, colours, titles, labels, numbers."""

import keras
import matplotlib
import numpy as np
import pytest
from matplotlib.colors import same_color

from helpers.plots import (
    BLUE,
    VERMILLION,
    plot_confusion,
    plot_feature_maps,
    plot_history,
    plot_images,
)
from helpers.training import PhasedHistory

matplotlib.use("Agg")

HISTORY = {"accuracy": [0.2, 0.5, 0.6], "val_accuracy": [0.3, 0.4, 0.5], "loss": [3.0, 2.0, 1.0]}
RAW = np.arange(3 * 4 * 4, dtype="float32").reshape(3, 4, 4, 1) * 5


def labels_of(ax):
    return ax.get_title(), ax.get_xlabel(), ax.get_ylabel()


def size_of(axes):
    return axes[0].figure.get_size_inches().tolist()


def test_history_shows_training_and_validation_against_epochs_from_1():
    ax = plot_history(HISTORY)
    training, validation = ax.lines
    assert training.get_xydata().tolist() == [[1, 0.2], [2, 0.5], [3, 0.6]]
    assert validation.get_xydata().tolist() == [[1, 0.3], [2, 0.4], [3, 0.5]]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["training", "validation"]
    assert labels_of(ax) == ("Accuracy by epoch", "epoch", "accuracy (share correct)")


def test_history_lines_differ_in_colour_in_dashes_and_not_only_in_one_of_them():
    training, validation = plot_history(HISTORY).lines
    assert (training.get_color(), training.get_linestyle()) == (BLUE, "-")
    assert (validation.get_color(), validation.get_linestyle()) == (VERMILLION, "--")
    assert {line.get_marker() for line in (training, validation)} == {"o"}, "one epoch must show"


def test_history_of_another_metric_has_its_own_labels_and_no_unit():
    history = {"top_5_loss": [1.0], "sparse_accuracy": [0.5]}
    ax = plot_history(history, metric="top_5_loss")
    assert len(ax.lines) == 1
    assert labels_of(ax) == ("Top 5 loss by epoch", "epoch", "top 5 loss")
    ax = plot_history(history, metric="sparse_accuracy")
    assert ax.get_ylabel() == "sparse accuracy (share correct)"


def test_history_takes_what_fit_returns():
    history = keras.callbacks.History()
    history.history = HISTORY
    ax = plot_history(history, metric="loss")
    assert ax.lines[0].get_ydata().tolist() == [3.0, 2.0, 1.0]
    assert not ax.texts, "one call of fit has no phases to mark"


def test_history_draws_a_line_between_phases_and_names_each():
    phased = PhasedHistory(dict(HISTORY), phase_starts=[0, 1, 2])
    ax = plot_history(phased, metric="loss")
    _, *boundaries = ax.lines
    assert [line.get_xdata()[0] for line in boundaries] == [1.5, 2.5]
    assert {line.get_linestyle() for line in boundaries} == {":"}
    high = ax.get_ylim()[1]
    assert high - 3.0 > 0.2, "the names stand above the curve"
    assert [(text.get_text(), text.xy) for text in ax.texts] == [
        ("phase 1", (0.5, 1.0)),
        ("phase 2", (1.5, 1.0)),
        ("phase 3", (2.5, 1.0)),
    ]


def test_history_counts_epochs_in_whole_numbers():
    ax = plot_history(HISTORY)
    ax.figure.canvas.draw()
    assert all(tick == int(tick) for tick in ax.get_xticks())


def test_history_names_the_metrics_there_are():
    message = "No metric 'auc' in the history. It has: accuracy, val_accuracy, loss."
    with pytest.raises(ValueError, match=message):
        plot_history(HISTORY, metric="auc")


def test_each_call_draws_its_own_figure_large_enough_to_halve():
    first, second = plot_history(HISTORY), plot_history(HISTORY)
    assert first.figure is not second.figure
    assert size_of([first]) == [7, 4]
    texts = [first.title, first.xaxis.label, first.yaxis.label, *first.get_legend().get_texts()]
    assert min(text.get_fontsize() for text in texts + first.get_xticklabels()) >= 13


def test_images_are_shown_as_they_are_in_grey_on_the_full_scale():
    axes = plot_images(RAW, columns=2)
    assert axes.shape == (3,)
    for ax, image in zip(axes, RAW, strict=True):
        (shown,) = ax.images
        assert shown.get_array().tolist() == image[..., 0].tolist()
        assert (shown.get_cmap().name, shown.get_clim()) == ("gray", (0, 255))
        assert not ax.axison
        assert ax.get_title() == ""


def test_images_without_channel_axis_and_in_colour():
    assert plot_images(RAW[..., 0])[0].images[0].get_array().shape == (4, 4)
    colour = np.add(np.repeat(RAW, 3, axis=-1), [0.4, 0.6, 1])
    shown = plot_images(colour)[1].images[0].get_array()
    assert shown.dtype == "uint8"
    assert shown[0, 1].tolist() == [85, 86, 86]


def test_images_fill_rows_of_the_given_width():
    axes = plot_images(np.zeros((7, 4, 4), "uint8"), columns=3)
    grid = axes[0].get_subplotspec().get_gridspec()
    assert (grid.nrows, grid.ncols) == (3, 3)
    assert size_of(axes) == pytest.approx([4.8, 5.7])
    assert not any(ax.axison for ax in axes[0].figure.axes), "empty places stay empty"
    grid = plot_images(np.zeros((7, 4, 4), "uint8"))[0].get_subplotspec().get_gridspec()
    assert (grid.nrows, grid.ncols) == (2, 5)
    grid = plot_images(np.zeros((2, 4, 4), "uint8"))[0].get_subplotspec().get_gridspec()
    assert (grid.nrows, grid.ncols) == (1, 2)


def test_image_titles_say_class_or_mistake():
    names = ("cat", "dog", "owl")
    axes = plot_images(RAW, labels=[0, 1, 2], predictions=np.array([0, 2, 2]), class_names=names)
    assert [ax.get_title() for ax in axes] == ["cat", "owl, not dog", "owl"]
    assert [ax.title.get_color() for ax in axes] == ["black", VERMILLION, "black"]
    assert [ax.get_title() for ax in plot_images(RAW, labels=[2, 1, 0])] == ["2", "1", "0"]
    only_predicted = plot_images(RAW, predictions=[2, 1, 0], class_names=names)
    assert [ax.get_title() for ax in only_predicted] == ["owl", "dog", "cat"]
    long = ("shirt", "longsleeve", "hat")
    axes = plot_images(RAW, labels=[0, 1, 2], predictions=[1, 1, 0], class_names=long)
    expected = ["longsleeve,\nnot shirt", "longsleeve", "shirt, not hat"]
    assert [ax.get_title() for ax in axes] == expected
    assert {ax.title.get_color() for ax in only_predicted} == {"black"}
    assert axes[0].title.get_fontsize() >= 13


@pytest.mark.parametrize(
    "images,message",
    [
        (np.zeros((4, 4)), r"images has shape \(4, 4\): give \(n, height, width\), with 1 or 3"),
        (np.zeros((1, 4, 4, 2)), r"images has shape \(1, 4, 4, 2\)"),
        (np.zeros((1, 1, 4, 4, 3)), r"shape \(1, 1, 4, 4, 3\)"),
        (np.zeros((0, 4, 4)), "images is empty: give at least one picture"),
        (RAW / 255, "images run from 0 to 0.92.*: give raw pixels, 0 to 255"),
        (RAW / RAW.max(), "from 0 to 1:"),
        (RAW - 0.5, "from -0.5 to 234.5:"),
        (RAW + 20.5, "from 20.5 to 255.5:"),
    ],
)
def test_images_of_another_shape_or_range_are_refused(images, message):
    with pytest.raises(ValueError, match=message):
        plot_images(images)


def test_images_at_the_ends_of_the_range_are_accepted():
    plot_images(np.array([[[0.0, 255.0]]]))
    plot_images(np.array([[[0, 1]]], dtype="uint8"))


def test_a_black_picture_is_accepted():
    plot_images(np.zeros((1, 4, 4, 1), "float32"))


def test_images_need_one_label_and_one_prediction_each():
    with pytest.raises(ValueError, match="2 labels for 3 images: give one for each"):
        plot_images(RAW, labels=[0, 1])
    with pytest.raises(ValueError, match="4 predictions for 3 images"):
        plot_images(RAW, labels=[0, 1, 2], predictions=[0, 1, 2, 3])


def test_columns_below_one_are_refused():
    with pytest.raises(ValueError, match="columns=0: give 1 or more"):
        plot_images(RAW, columns=0)
    assert len(plot_feature_maps(np.ones((2, 2, 3)), columns=1)) == 3


def test_confusion_counts_true_classes_in_rows_and_predicted_in_columns():
    ax = plot_confusion([0, 0, 1, 1, 1], [0, 1, 1, 1, 0], ("cat", "dog", "owl"))
    assert ax.images[0].get_array().tolist() == [[1, 1, 0], [1, 2, 0], [0, 0, 0]]
    assert ax.images[0].get_cmap().name == "cividis"
    assert [text.get_text() for text in ax.get_yticklabels()] == ["cat", "dog", "owl"]
    assert labels_of(ax) == ("Confusion matrix: 3 of 5 correct", "predicted class", "true class")
    assert ax.images[0].colorbar.ax.get_ylabel() == "examples"
    texts = [*ax.texts, ax.images[0].colorbar.ax.get_yticklabels()[0]]
    assert len(texts) == 10
    assert {text.get_fontsize() for text in texts} == {13}
    assert size_of([ax]) == [7, 6]


@pytest.mark.parametrize("names,degrees", [(("cat", "dog"), 0), (("cat", "bird"), 90)])
def test_confusion_turns_long_names_upright(names, degrees):
    ax = plot_confusion([0, 1], [0, 1], names)
    assert {text.get_rotation() for text in ax.get_xticklabels()} == {degrees}
    assert {text.get_rotation() for text in ax.get_yticklabels()} == {0}


def test_confusion_leaves_no_example_out():
    with pytest.raises(ValueError, match="labels holds 2, but there are 2 names"):
        plot_confusion([0, 2], [0, 1], ("a", "b"))
    with pytest.raises(ValueError, match="predictions holds -1, but there are 2 names"):
        plot_confusion([0, 1], [0, -1], ("a", "b"))
    with pytest.raises(ValueError, match=r"\(2,\), predictions \(3,\): give one class for each"):
        plot_confusion([0, 1], [0, 1, 1], ("a", "b"))
    with pytest.raises(ValueError, match=r"\(2,\), predictions \(2, 2\).*argmax\(axis=1\)"):
        plot_confusion([0, 1], [[0.9, 0.1], [0.2, 0.8]], ("a", "b"))


def test_feature_maps_share_one_scale():
    maps = np.arange(2 * 3 * 9, dtype="float32").reshape(2, 3, 9)
    axes = plot_feature_maps(maps)
    assert axes.shape == (9,)
    assert [ax.get_title() for ax in axes] == list("012345678")
    assert axes[4].images[0].get_array().tolist() == maps[..., 4].tolist()
    assert {ax.images[0].get_clim() for ax in axes} == {(0, 53)}
    assert {ax.images[0].get_cmap().name for ax in axes} == {"cividis"}
    assert axes[0].get_subplotspec().get_gridspec().ncols == 8
    assert axes[8].images[0].colorbar.ax.get_ylabel() == "activation"


def test_feature_maps_want_one_picture():
    with pytest.raises(ValueError, match=r"maps has shape \(1, 2, 2, 3\).*such as features\[0\]"):
        plot_feature_maps(np.ones((1, 2, 2, 3)))


def test_colours_are_those_of_okabe_and_ito():
    assert same_color(BLUE, (0, 114 / 255, 178 / 255))
    assert same_color(VERMILLION, (213 / 255, 94 / 255, 0))
