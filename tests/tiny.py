"""Tiny models for the tests: small enough to train in a second, with every kind of layer."""

import keras
import numpy as np
from keras import layers


def tiny_base(name: str = "tiny") -> keras.Model:
    """Two conv-BatchNorm-ReLU blocks, Dropout between them, on 8x8 grey pictures."""
    inputs = keras.Input((8, 8, 1), name="picture")
    x = layers.Rescaling(1 / 255, name="rescaling")(inputs)
    for block, filters in (("block_1", 4), ("block_2", 6)):
        x = layers.Conv2D(filters, 3, padding="same", name=f"{block}_conv")(x)
        x = layers.BatchNormalization(name=f"{block}_bn")(x)
        x = layers.ReLU(name=f"{block}_relu")(x)
        x = layers.Dropout(0.5, name=f"{block}_dropout")(x)
    return keras.Model(inputs, x, name=name)


def tiny_task(n: int = 24) -> tuple[np.ndarray, np.ndarray]:
    """Raw pixels `(n, 8, 8, 1)`, 0 to 255, and labels; three classes differ in brightness."""
    labels = np.arange(n) % 3
    noise = np.random.default_rng(0).uniform(0, 60, (n, 8, 8, 1))
    return np.round(noise + 60.0 * labels[:, None, None, None]).astype("float32"), labels


def values(model: keras.Model) -> dict[str, np.ndarray]:
    """A copy of every weight by path."""
    return {weight.path: weight.numpy().copy() for weight in model.weights}


def changed(model: keras.Model, before: dict[str, np.ndarray]) -> set[str]:
    """Paths of the weights that differ from `before`."""
    after = values(model)
    return {path for path, value in before.items() if not np.array_equal(value, after[path])}
