"""Teach a model for a few steps, look, and put everything back."""

from collections.abc import Callable
from typing import TypeVar

import keras
import numpy as np
import tensorflow as tf

from helpers.exercises.tools import need
from helpers.exercises.trials import put_back

T = TypeVar("T")
STEPS = 5


def after_a_few_steps(model: keras.Model, x: np.ndarray, look: Callable[[], T]) -> T:
    """Pull what a model gives towards random targets for a few steps of Adam at 0.01.

    Args:
        model: any model; what is frozen in it stays as it is.
        x: one batch.
        look: called when the steps are done.

    Returns:
        What `look` returned. The model is as it was before.

    Raises:
        Wrong: nothing in the model trains.

    Lesson: 07
    """
    variables = model.trainable_variables
    need(bool(variables), "Nothing in your model trains: training could teach it nothing.")
    targets = np.random.default_rng(1).normal(size=model(x).shape).astype("float32")
    optimizer = keras.optimizers.Adam(0.01)
    optimizer.build(variables)
    with put_back(model.variables):
        for _ in range(STEPS):
            with tf.GradientTape() as tape:
                loss = keras.ops.mean((model(x, training=True) - targets) ** 2)
            slopes = tape.gradient(loss, [variable.value for variable in variables])
            known = [(g, v) for g, v in zip(slopes, variables, strict=True) if g is not None]
            optimizer.apply_gradients(known)
        return look()
