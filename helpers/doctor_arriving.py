"""What reaches the base of a model: images, followed through all that comes before it."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import layers

from helpers.doctor_anatomy import steps_of
from helpers.doctor_case import Case
from helpers.doctor_data import is_image
from helpers.doctor_stillness import is_noise


def arriving_at_base(case: Case, x: np.ndarray) -> np.ndarray | None:
    """Follow images to the base of a model.

    Args:
        case: a model whose base is of a known family.
        x: a batch of images.

    Returns:
        What reaches the base: of one that takes raw pixels at its entrance, else what its first
        layer with weights works on. None where the way cannot be followed.

    Lesson: 12
    """
    model, nested = case.model, case.nested
    if not case.reachable or (nested is not None and nested not in model.layers):
        return None
    values = x
    if nested is not None:
        before = _up_to(steps_of(model), nested)
        values = None if any(map(_has_weights, before)) else _through(model, before, x)
    if case.family.pixels != "raw" and values is not None:
        own = nested if nested is not None else model
        values = _through(own, _before_weights(steps_of(own)), values)
    values = None if values is None else keras.ops.convert_to_numpy(values).astype("float32")
    return values if is_image(values) else None


def _before_weights(steps: list) -> list:
    padding = layers.ZeroPadding2D
    return _up_to(steps, next(s for s in steps if _has_weights(s) or isinstance(s, padding)))


def _up_to(steps: list, end: keras.Layer) -> list:
    return steps[: next(i for i, step in enumerate(steps) if step is end)]


def _has_weights(step: Any) -> bool:
    return bool(getattr(step, "weights", None))


def _through(model: keras.Model, steps: Sequence, x: Any) -> Any:
    """What comes out of the last of a model's first steps; None where it is not one tensor."""
    steps, models = [step for step in steps if not isinstance(step, layers.InputLayer)], []
    while steps and isinstance(steps[-1], keras.Model):  # its output belongs to its own graph
        models.insert(0, steps.pop())
    values = keras.ops.convert_to_tensor(x)
    try:
        if not model.built:  # a Sequential that has not seen its input: its layers, one by one
            models = [step for step in [*steps, *models] if not is_noise(step)]
        elif steps:
            way = keras.Model(model.inputs, steps[-1].output, name="before_base")
            values = way(values, training=False)
        for each in models:
            values = each(values, training=False) if each.built else each.call(values)
    except (ValueError, TypeError, AttributeError):  # several inputs, or another shape
        return None
    return values
