"""A new head in a compiled model: do its width, its loss and whole-number labels agree?"""

import keras

from helpers.data import Split
from helpers.exercises.tools import need, outputs
from helpers.exercises.trials import need_healthy

HEAD_FAULTS = ("one-unit-softmax", "activation-loss", "labels-loss", "class-count")


def need_head(model: keras.Model, base: keras.Model, classes: int, split: Split) -> int:
    """Go on only with a compiled classifier on a base, for labels that are whole numbers.

    Args:
        model: what the reader built.
        base: what it was to be built on.
        classes: how many there are, 2 or more.
        split: pictures for the base, and labels from 0 to `classes` - 1.

    Returns:
        How many numbers the model gives for a picture.

    Raises:
        Wrong: not compiled, another base, maps that were not pooled, or a last layer that does not
            go with the loss or with the labels.

    Lesson: 02
    """
    need(model.compiled, "Your model is not compiled: the loss is half of the answer.")
    found = outputs(model, split.images[:4])  # builds a model that knows no shape yet
    known = {id(weight) for weight in model.weights}
    need(all(id(w) in known for w in base.weights), "The base that was given is not in it.")
    grid = " x ".join(map(str, found.shape[1:3]))
    need(
        found.ndim != 4,
        f"Your model gives a {grid} grid of answers for a picture: pool the maps first.",
    )
    need_healthy(model, HEAD_FAULTS, base=base, data=(split.images, split.labels))
    units = found.shape[-1]
    need(
        units == classes or (units, classes) == (1, 2),
        f"Your model gives {units} numbers for a picture; there are {classes} classes.",
    )
    return units
