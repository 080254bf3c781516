"""Figures: training history, pictures, confusion matrix, feature maps, learning rates.

Colours are those of Okabe and Ito and the cividis scale: they stay apart for colour-blind readers.
"""

from collections.abc import Mapping, Sequence

import keras
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colorbar import Colorbar
from sklearn.metrics import ConfusionMatrixDisplay

from helpers.figure_style import BLUE, TEXT_SIZE, VERMILLION, label_axes
from helpers.picture_grid import as_pictures, grid, title_picture
from helpers.rate_plots import plot_rate_search, plot_rates
from helpers.training import PhasedHistory

__all__ = [
    "BLUE",
    "VERMILLION",
    "plot_confusion",
    "plot_feature_maps",
    "plot_history",
    "plot_images",
    "plot_rate_search",
    "plot_rates",
]


def plot_history(
    history: keras.callbacks.History | PhasedHistory | Mapping[str, Sequence[float]],
    *,
    metric: str = "accuracy",
) -> Axes:
    """Draw one metric by epoch, in training and validation, with the phases marked.

    Args:
        history: what `model.fit` or `fit_in_phases` returned, or its `history` dictionary.
        metric: a name in the history, without `val_`.

    Returns:
        The Axes. Epochs count from 1; a dotted line stands between two phases.

    Raises:
        ValueError: the history has no such metric.

    Lesson: 00
    """
    values = getattr(history, "history", history)
    if metric not in values:
        raise ValueError(f"No metric {metric!r} in the history. It has: {', '.join(values)}.")
    ax = plt.subplots(figsize=(7, 4), layout="constrained")[1]
    _curve(ax, values[metric], "training", color=BLUE, linestyle="-")
    if f"val_{metric}" in values:
        _curve(ax, values[f"val_{metric}"], "validation", color=VERMILLION, linestyle="--")
    _mark_phases(ax, getattr(history, "phase_starts", ()))
    name = metric.replace("_", " ")
    unit = " (share correct)" if metric.endswith("accuracy") else ""
    label_axes(ax, title=f"{name.capitalize()} by epoch", x="epoch", y=name + unit)
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.legend(fontsize=TEXT_SIZE)
    return ax


def _curve(ax: Axes, values: Sequence[float], label: str, **style: str) -> None:
    ax.plot(range(1, len(values) + 1), values, label=label, marker="o", linewidth=2, **style)


def _mark_phases(ax: Axes, starts: Sequence[int]) -> None:
    """Name each phase at the top; draw a line before each but the first."""
    ax.margins(y=0.15)
    for number, start in enumerate(starts, start=1):
        if number > 1:
            ax.axvline(start + 0.5, color="black", linestyle=":")
        place = {"xytext": (3, -3), "textcoords": "offset points", "va": "top"}
        at_top = {"xycoords": ("data", "axes fraction"), "fontsize": TEXT_SIZE}
        ax.annotate(f"phase {number}", (start + 0.5, 1.0), **place, **at_top)


def plot_images(
    images: np.ndarray,
    *,
    labels: Sequence[int] | None = None,
    predictions: Sequence[int] | None = None,
    class_names: Sequence[str] | None = None,
    columns: int = 5,
) -> np.ndarray:
    """Draw pictures in a grid, titled with their class.

    With labels and predictions, a wrong prediction is titled `3, not 8` in another colour.

    Args:
        images: raw pixels, 0 to 255, `(n, height, width)` or with 1 (grey) or 3 (colour) channels.
        labels: true class of each picture, `(n,)`.
        predictions: predicted class of each picture, `(n,)`.
        class_names: name of each class; without them the class numbers are shown.
        columns: pictures in a row.

    Returns:
        The `(n,)` Axes, one for each picture.

    Raises:
        ValueError: wrong shape or pixel range, or not one label and prediction for each picture.

    Lesson: 00
    """
    pictures = as_pictures(images)
    for name, given in (("labels", labels), ("predictions", predictions)):
        if given is not None and len(given) != len(pictures):
            raise ValueError(f"{len(given)} {name} for {len(pictures)} images: give one for each.")
    axes = grid(len(pictures), columns=columns, side=1.6)
    for index, (ax, picture) in enumerate(zip(axes, pictures, strict=True)):
        ax.imshow(picture, cmap="gray", vmin=0, vmax=255)
        true = None if labels is None else labels[index]
        predicted = None if predictions is None else predictions[index]
        title_picture(ax, true, predicted, class_names)
    return axes


def plot_confusion(
    labels: Sequence[int], predictions: Sequence[int], class_names: Sequence[str]
) -> Axes:
    """Draw how many examples of each class were predicted as each class.

    Args:
        labels: true classes, `(n,)`, from 0 to `len(class_names) - 1`.
        predictions: predicted classes, `(n,)`, in the same range.
        class_names: name of each class.

    Returns:
        The Axes; rows are true classes, columns predicted ones.

    Raises:
        ValueError: a class outside the range, or not one prediction for each label.

    Lesson: 03
    """
    true, predicted = np.asarray(labels), np.asarray(predictions)
    if true.shape != predicted.shape:
        raise ValueError(
            f"labels have the shape {true.shape}, predictions {predicted.shape}: give one class "
            "for each example. Of probabilities, take predictions.argmax(axis=1)."
        )
    for name, values in (("labels", true), ("predictions", predicted)):
        outside = sorted(set(values.tolist()) - set(range(len(class_names))))
        if outside:
            raise ValueError(f"{name} holds {outside[0]}, but there are {len(class_names)} names.")
    ax = plt.subplots(figsize=(7, 6), layout="constrained")[1]
    display = ConfusionMatrixDisplay.from_predictions(
        true,
        predicted,
        labels=range(len(class_names)),
        display_labels=class_names,
        xticks_rotation="vertical" if max(map(len, class_names)) > 3 else "horizontal",
        cmap="cividis",
        text_kw={"fontsize": TEXT_SIZE},
        ax=ax,
    )
    _label_bar(display.im_.colorbar, "examples")
    title = f"Confusion matrix: {int((true == predicted).sum())} of {len(true)} correct"
    label_axes(ax, title=title, x="predicted class", y="true class")
    return ax


def plot_feature_maps(maps: np.ndarray, *, columns: int = 8) -> np.ndarray:
    """Draw what each channel of a layer responds to in one picture, all on one scale.

    Args:
        maps: activations for one picture, `(height, width, channels)`, any range.
        columns: maps in a row.

    Returns:
        The `(channels,)` Axes, one for each map, titled with the channel's number.

    Raises:
        ValueError: not the activations of one picture.

    Lesson: 01
    """
    array = np.asarray(maps)
    if array.ndim != 3:
        raise ValueError(
            f"maps has shape {array.shape}: give (height, width, channels) of one picture, "
            "such as features[0]."
        )
    axes = grid(array.shape[-1], columns=columns, side=1.2)
    for channel, ax in enumerate(axes):
        scale = {"vmin": array.min(), "vmax": array.max()}
        image = ax.imshow(array[..., channel], cmap="cividis", **scale)
        ax.set_title(str(channel), fontsize=TEXT_SIZE)
    _label_bar(ax.figure.colorbar(image, ax=axes.tolist()), "activation")
    return axes


def _label_bar(bar: Colorbar, text: str) -> None:
    bar.set_label(text, fontsize=TEXT_SIZE)
    bar.ax.tick_params(labelsize=TEXT_SIZE)
