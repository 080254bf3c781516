"""Pictures in a grid: their places, their pixels, their titles."""

import math
from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from helpers.figure_style import TEXT_SIZE, VERMILLION

TITLE_LENGTH = 14
"""Characters that fit above a picture of a grid; a longer title is broken in two."""


def grid(n: int, *, columns: int, side: float) -> np.ndarray:
    """Make Axes for pictures.

    Args:
        n: how many.
        columns: in a row, 1 or more.
        side: width of each, in inches.

    Returns:
        The `(n,)` Axes, without frame.

    Raises:
        ValueError: columns below 1.

    Lesson: 00
    """
    if columns < 1:
        raise ValueError(f"columns={columns}: give 1 or more.")
    columns = min(columns, n)
    rows = math.ceil(n / columns)
    size = (columns * side, rows * (side + 0.3))
    axes = plt.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained")[1]
    for ax in axes.flat:
        ax.set_axis_off()
    return axes.flat[:n]


def as_pictures(images: np.ndarray) -> np.ndarray:
    """Bring raw pixels into the form that `imshow` draws.

    Args:
        images: as for `plot_images`.

    Returns:
        `uint8`, without the channel axis where the pictures are grey.

    Raises:
        ValueError: wrong shape or pixel range.

    Lesson: 00
    """
    array = np.asarray(images)
    if array.ndim not in (3, 4) or (array.ndim == 4 and array.shape[-1] not in (1, 3)):
        raise ValueError(
            f"images has shape {array.shape}: give (n, height, width), with 1 or 3 channels last."
        )
    if len(array) == 0:
        raise ValueError("images is empty: give at least one picture.")
    low, high = float(array.min()), float(array.max())
    if low < 0 or high > 255 or (0 < high <= 1 and array.dtype.kind == "f"):
        raise ValueError(f"images run from {low:g} to {high:g}: give raw pixels, 0 to 255.")
    grey = array.ndim == 4 and array.shape[-1] == 1
    return np.round(array[..., 0] if grey else array).astype("uint8")


def title_picture(
    ax: Axes, label: int | None, predicted: int | None, class_names: Sequence[str] | None
) -> None:
    """Write the class of a picture above it.

    Args:
        ax: changed in place.
        label: true class, if it is known.
        predicted: predicted class, if there is one.
        class_names: name of each class; without them the class numbers are shown.

    Lesson: 00
    """
    shown = label if predicted is None else predicted
    if shown is None:
        return
    wrong = label is not None and label != shown
    classes = [shown, label] if wrong else [shown]
    text = ", not ".join(str(i if class_names is None else class_names[i]) for i in classes)
    if len(text) > TITLE_LENGTH:
        text = text.replace(", not ", ",\nnot ")
    ax.set_title(text, color=VERMILLION if wrong else "black", fontsize=TEXT_SIZE)
