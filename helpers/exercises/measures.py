"""What the checks of the exercises measure: they run an answer, and change nothing for good."""

from functools import cache

import keras
import numpy as np
import pandas as pd
from scipy import stats

from helpers.bases import load_base
from helpers.data import Split
from helpers.exercises.demands import need


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


def moved_by_fit(model: keras.Model, split: Split, *, batch_size: int = 32) -> list[str]:
    """Fit a model for one epoch, see which of its weights move, and put everything back.

    Args:
        model: a compiled model.
        split: pictures and labels; labels become one-hot where the loss wants that.
        batch_size: as for `fit`.

    Returns:
        Paths of the weights that moved.

    Raises:
        Wrong: the model is not compiled.

    Lesson: 03
    """
    need(model.compiled, "The model is not compiled: nothing can train it yet.")
    outputs(model, split.images[:2])  # builds a model that knows no shape yet
    loss = str(getattr(model.loss, "name", model.loss))
    one_hot = loss.startswith("categorical")
    labels = keras.utils.to_categorical(split.labels) if one_hot else split.labels
    variables = [*model.variables, *model.optimizer.variables]
    before = [variable.numpy() for variable in variables]
    model.fit(split.images, labels, epochs=1, batch_size=batch_size, verbose=0)
    old = dict(zip(map(id, variables), before, strict=True))
    moved = [w.path for w in model.weights if not np.array_equal(old[id(w)], w.numpy())]
    for variable, value in zip(variables, before, strict=True):
        variable.assign(value)
    return moved


def unlike_glyphnet(model: keras.Model) -> list[str]:
    """Find the weights of a model that were glyphnet's and have other values now.

    Args:
        model: built on glyphnet or on a part of it, nested or flat.

    Returns:
        Their paths; weights that glyphnet does not have are not counted.

    Lesson: 03
    """
    stored = _glyphnet()
    known = [weight for weight in model.weights if weight.path in stored]
    return [w.path for w in known if not np.array_equal(w.numpy(), stored[w.path])]


def interval_95(by_draw: pd.DataFrame) -> pd.DataFrame:
    """Compute the 95 % interval of each column's mean.

    Args:
        by_draw: one row for each draw.

    Returns:
        A row for each column, with `mean`, `low` and `high`.

    Lesson: 03
    """
    mean = by_draw.mean()
    half = stats.t.ppf(0.975, len(by_draw) - 1) * by_draw.sem()
    return pd.DataFrame({"mean": mean, "low": mean - half, "high": mean + half})


@cache
def _glyphnet() -> dict[str, np.ndarray]:
    return {weight.path: weight.numpy() for weight in load_base("glyphnet").weights}
