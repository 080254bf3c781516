"""Question 3 of exercise 06: does a function of the reader's own measure the first step?"""

from collections.abc import Callable, Mapping

import keras
import numpy as np
import pandas as pd

from helpers.exercises.first_steps import first_steps, plain
from helpers.exercises.tools import listed, need, need_function, need_returned
from helpers.training import layerwise_optimizer


def check_measure(measure: Callable) -> str:
    """Try a function that measures the first step of each layer, and leaves the weights alone.

    Args:
        measure: from a compiled model, inputs and labels to a dictionary: layer, step.

    Returns:
        Why it is right.

    Raises:
        Wrong: it says something else than `first_steps`, or changes the model.

    Lesson: 06
    """
    need_function(measure)
    x = np.random.default_rng(0).normal(size=(24, 6)).astype("float32")
    for model, what in ((_paced(), "with layer-wise rates"), (_plain_descent(), "with SGD")):
        y = np.arange(24) % 3
        wanted, before = first_steps(model, x, y), model.get_weights()
        found = measure(model, x, y)
        need_returned(found, "the steps")
        need(
            isinstance(found, Mapping | pd.Series),
            f"Your function returns a {type(found).__name__}; give a dictionary: layer, step.",
        )
        found = {str(name): np.asarray(value) for name, value in dict(found).items()}
        for name, step in wanted.items():
            need(name in found, f"In a model {what}, {name!r} is missing: {listed(found)} are in.")
            need(
                found[name].shape == () and np.isclose(found[name], step, rtol=0.03),
                f"In a model {what}, the largest step of {name!r} is {plain(step)}; your function "
                f"says {_written(found[name])}. {_why(name, found[name])}",
            )
        frozen = [n for n in found if n not in wanted and np.any(found[n])]
        need(not frozen, f"{listed(frozen)}: frozen, and yet your function says that it moves.")
        same = all(map(np.array_equal, before, model.get_weights()))
        need(same, "The steps are right, but afterwards the model has other weights than before.")
    return "Right for layer-wise rates and for SGD; both models are left as they were."


def _paced() -> keras.Model:
    first, norm = keras.layers.Dense(5, name="first"), keras.layers.BatchNormalization(name="norm")
    model = keras.Sequential([keras.Input((6,)), first, norm, keras.layers.Dense(3, name="last")])
    factors = {"first": 0.1, "norm": 0.1, "last": 1.0}
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(layerwise_optimizer(model, 0.01, groups=factors), loss)
    return model


def _plain_descent() -> keras.Model:
    sizes = {"first": 5, "second": 4, "last": 3}
    layers = [keras.layers.Dense(size, name=name) for name, size in sizes.items()]
    layers[0].trainable = False
    model = keras.Sequential([keras.Input((6,)), *layers])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.5), loss)
    return model


def _written(value: np.ndarray) -> str:
    return plain(float(value)) if value.shape == () else f"an array of shape {value.shape}"


def _why(name: str, value: np.ndarray) -> str:
    if value.shape != ():
        return "One number for each layer: the largest."
    if name == "norm":
        return "fit also moves its mean and variance, no optimizer does: only weights that train."
    return "Take the largest of the absolute differences, over all its weights that train."
