"""What the checks of the exercises share: demands, and measures that change nothing for good."""

from collections.abc import Iterable
from functools import cache
from typing import Any

import keras
import numpy as np
import pandas as pd
from scipy import stats

from helpers.bases import load_base
from helpers.checks import Wrong
from helpers.data import Split


def need(condition: bool, reason: str) -> None:
    """Go on only if something holds.

    Args:
        condition: what must hold.
        reason: what is wrong otherwise.

    Raises:
        Wrong: it does not hold.

    Lesson: 01
    """
    if not condition:
        raise Wrong(reason)


def need_model(answer: Any, shape: tuple[int | None, ...] | None = None) -> None:
    """Go on only with a Keras model.

    Args:
        answer: anything.
        shape: of its output; None for any.

    Raises:
        Wrong: it is something else, or gives another shape.

    Lesson: 01
    """
    kind = type(answer).__name__
    need(isinstance(answer, keras.Model), f"This is a {kind}; the question asks for a Keras model.")
    if shape is not None:
        found = tuple(answer.output_shape)
        need(found == shape, f"Its output has the shape {found}, the question asks for {shape}.")


def need_function(answer: Any) -> None:
    """Go on only with a function.

    Args:
        answer: anything.

    Raises:
        Wrong: it cannot be called.

    Lesson: 01
    """
    need(callable(answer), f"This is a {type(answer).__name__}, not a function.")


def need_returned(answer: Any, what: str) -> None:
    """Go on only if a function of the reader's has returned something.

    Args:
        answer: what it returned.
        what: it was to return, such as `"the model"`.

    Raises:
        Wrong: it is None, or the dots of a function that is not written yet.

    Lesson: 01
    """
    empty = answer is None or answer is ...
    need(not empty, f"Your function returns nothing yet: end it with `return` and {what}.")


def outputs(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """Run a model in inference mode.

    Args:
        model: any model.
        images: one batch.

    Returns:
        What it gives, as an array.

    Lesson: 01
    """
    return keras.ops.convert_to_numpy(model(np.asarray(images, "float32"), training=False))


def accuracy(model: keras.Model, split: Split) -> float:
    """Measure a classifier.

    Args:
        model: gives one score for each class.
        split: pictures and labels.

    Returns:
        The share of pictures, 0 to 1, whose highest score is that of their label.

    Lesson: 01
    """
    return float(np.mean(outputs(model, split.images).argmax(axis=1) == split.labels))


def same(a: np.ndarray, b: np.ndarray) -> bool:
    """Compare what two models give.

    Args:
        a: an array.
        b: another.

    Returns:
        Whether they have one shape, and differ by no more than rounding.

    Lesson: 01
    """
    most = max(1e-6, float(np.abs(b).max()))
    return a.shape == b.shape and np.allclose(a, b, rtol=0, atol=1e-4 * most)


def unlike_glyphnet(model: keras.Model) -> list[str]:
    """Find the weights of a model that were glyphnet's and have other values now.

    Args:
        model: built on glyphnet or on a part of it, nested or flat.

    Returns:
        Their paths; weights that glyphnet does not have are not counted.

    Lesson: 03
    """
    stored = glyphnet_weights()
    known = [weight for weight in model.weights if weight.path in stored]
    return [w.path for w in known if not np.array_equal(w.numpy(), stored[w.path])]


def interval_95(by_draw: pd.Series | pd.DataFrame) -> pd.Series | pd.DataFrame:
    """Compute the 95 % interval of a mean.

    Args:
        by_draw: one value, or one row, for each draw.

    Returns:
        `mean`, `low` and `high`; for a table, a row of them for each of its columns.

    Lesson: 03
    """
    mean = by_draw.mean()
    half = stats.t.ppf(0.975, len(by_draw) - 1) * by_draw.sem()
    return type(by_draw)({"mean": mean, "low": mean - half, "high": mean + half})


def listed(names: Iterable[Any]) -> str:
    """Write names in a sentence.

    Args:
        names: anything that can be written.

    Returns:
        Such as `"a, b and c"`; `"none"` for no name; only the first three of many.

    Lesson: 01
    """
    words = [str(name) for name in names]
    if len(words) > 4:
        return f"{', '.join(words[:3])} and {len(words) - 3} more"
    *first, last = words or ["none"]
    return f"{', '.join(first)} and {last}" if first else last


@cache
def glyphnet_weights() -> dict[str, np.ndarray]:
    """Read glyphnet's weights, once.

    Returns:
        Each array by its path.

    Lesson: 03
    """
    return {weight.path: weight.numpy() for weight in load_base("glyphnet").weights}
