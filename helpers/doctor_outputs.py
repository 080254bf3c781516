"""What comes out of a model: its last layers, their activations, and the loss on each."""

from typing import Any, NamedTuple

import keras
import numpy as np
from keras import layers

from helpers.doctor_anatomy import steps_of

TRAILING = (layers.Dropout, layers.Flatten, layers.Reshape)
ROWS = 8


class Loss(NamedTuple):
    """A loss by its name in small letters, such as `"binarycrossentropy"`.

    Lesson: 12
    """

    name: str
    from_logits: bool


def output_layers(model: keras.Model) -> list[keras.Layer]:
    """Find the layer behind each output of a model.

    Args:
        model: any Keras model; the last layer of a nested model stands for that model.

    Returns:
        One layer for each output; none for a subclassed model. A layer that only changes the type
        or the shape gives way to the one before it, where the way is plain.

    Lesson: 12
    """
    if isinstance(model, keras.Sequential):
        return _last_of(model.layers)
    steps, ends = steps_of(model), []
    for name in getattr(model, "output_names", None) or []:
        number = [step.name for step in steps].index(name)
        ends.extend(_last_of(steps[: number + 1]))
    return ends


def activation_of(layer: keras.Layer) -> str | None:
    """Name the activation that a layer ends in.

    Args:
        layer: any layer.

    Returns:
        Such as `"softmax"` or `"linear"`; None where it cannot be told.

    Lesson: 12
    """
    kind = type(layer).__name__.lower()
    if kind in ("softmax", "sigmoid", "relu"):
        return kind
    activation = getattr(layer, "activation", None)
    return getattr(activation, "__name__", None)


def losses_of(model: keras.Model, outputs: int) -> list[Loss | None]:
    """Find the loss on each output.

    Args:
        model: compiled or not.
        outputs: how many outputs it has.

    Returns:
        One for each output; None where there is none or it has no name.

    Lesson: 12
    """
    given = getattr(model, "loss", None)
    if isinstance(given, dict):
        given = [given.get(name) for name in getattr(model, "output_names", [])]
    if not isinstance(given, (list, tuple)):
        given = [given] * outputs
    return [_as_loss(each) for each in given]


def labels_of(y: Any, model: keras.Model, outputs: int) -> list[np.ndarray | None]:
    """Sort labels by output.

    Args:
        y: one array, or a list or a dictionary of them.
        model: the model.
        outputs: how many outputs it has.

    Returns:
        An array for each output; None where there is none.

    Lesson: 12
    """
    if isinstance(y, dict):
        return [y.get(name) for name in getattr(model, "output_names", [])]
    if isinstance(y, (list, tuple)):
        return list(y)
    return [y] * outputs if outputs == 1 else [None] * outputs


def behaviour_of(model: keras.Model, x: Any) -> tuple[int | None, str | None]:
    """Run a few examples through a model whose last layer does not tell its activation.

    Args:
        model: any built model with one output.
        x: a batch.

    Returns:
        How many units come out; and `"softmax"` where the rows sum to 1, `"linear"` where values
        lie outside 0 to 1, None where neither is sure.

    Lesson: 12
    """
    few = keras.tree.map_structure(lambda each: keras.ops.convert_to_tensor(each[:ROWS]), x)
    result = model(few, training=False)
    if not hasattr(result, "shape") or len(result.shape) != 2:
        return None, None
    values = keras.ops.convert_to_numpy(result).astype("float32")
    if values.min() < 0 or values.max() > 1.001:
        return values.shape[1], "linear"
    sums_to_one = values.shape[1] > 1 and np.allclose(values.sum(axis=1), 1, atol=0.01)
    return values.shape[1], "softmax" if sums_to_one else None


def _last_of(parts: list[keras.Layer]) -> list[keras.Layer]:
    """The last layer that does something to the values."""
    last = parts[-1]
    if isinstance(last, keras.Model):
        return output_layers(last) or [last]
    passes = isinstance(last, TRAILING) or activation_of(last) == "linear"
    without_weights = passes and not getattr(last, "weights", None) and len(parts) > 1
    return _last_of(parts[:-1]) if without_weights else [last]


def _as_loss(given: Any) -> Loss | None:
    if isinstance(given, str):
        given = keras.losses.get(given)
    if given is None:
        return None
    name = getattr(given, "__name__", type(given).__name__)
    of_keras = isinstance(given, keras.losses.Loss) and type(given).__module__.startswith("keras.")
    config = given.get_config() if of_keras else {}
    return Loss(name.replace("_", "").lower(), bool(config.get("from_logits")))
