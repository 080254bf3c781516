"""Exercise 01, question 3: a model that gives averaged feature maps."""

from collections.abc import Callable

import keras
import numpy as np

from helpers.bases import load_base
from helpers.exercises.tools import need, outputs, same
from helpers.exercises.trials import in_case, model_from
from helpers.graph import leaf_layers


def check_averages(features_of: Callable) -> str:
    """Check a function from a base and the name of a layer to a model of averaged maps."""
    glyphnet = load_base("glyphnet", include_top=True)
    cases = {
        "With glyphnet": (glyphnet, "block_3_relu"),
        "With a second base, of pictures 12 x 12 x 3": (_other_base(), "second"),
    }
    for case, (base, name) in cases.items():
        flags, weights = _flags(base), base.get_weights()
        with in_case(case):
            model = model_from(features_of, base, name)
            _need_averages(model, base, base.get_layer(name))
            _need_untouched(base, flags, weights)
    return "It gives one average for each map, in glyphnet and in a base that you have not seen."


def _other_base() -> keras.Model:
    pictures = keras.Input((12, 12, 3))
    x = keras.layers.Conv2D(5, 3, activation="relu", name="first")(pictures)
    return keras.Model(pictures, keras.layers.Conv2D(7, 3, activation="relu", name="second")(x))


def _flags(base: keras.Model) -> list[bool]:
    return [base.trainable, *(layer.trainable for _, layer in leaf_layers(base))]


def _need_untouched(base: keras.Model, flags: list[bool], weights: list[np.ndarray]) -> None:
    need(
        _flags(base) == flags,
        "the averages are right, but your function set trainable in the base that was given: it "
        "should stay as it is.",
    )
    pairs = zip(base.get_weights(), weights, strict=True)
    need(all(np.array_equal(a, b) for a, b in pairs), "your function changed weights of the base.")


def _need_averages(model: keras.Model, base: keras.Model, layer: keras.Layer) -> None:
    x = np.random.default_rng(1).uniform(0, 255, (3, *base.input_shape[1:]))
    maps = outputs(keras.Model(base.input, layer.output), x)
    before = outputs(keras.Model(base.input, layer.input), x)
    found = outputs(model, x)
    faults = {
        "the maps themselves, not averaged": maps,
        "every place of the maps (Flatten), not their averages": maps.reshape(len(x), -1),
        "the largest value of each map, not its average": maps.max(axis=(1, 2)),
        "averages of what goes *into* the layer: take `.output`": before.mean(axis=(1, 2)),
        "averages over the channels: one number for each place": maps.mean(axis=-1),
    }
    for fault, values in faults.items():
        need(not same(found, values), f"for {layer.name!r} your model gives {fault}.")
    wanted = maps.mean(axis=(1, 2))
    need(
        found.shape == wanted.shape,
        f"for {layer.name!r} your model gives the shape {found.shape}, expected {wanted.shape}: "
        "one number for each map.",
    )
    need(
        same(found, wanted),
        f"for {layer.name!r} your model has the right shape, {found.shape}, but other numbers: "
        "are these the layers of the base that was given, with their weights? clone_model copies "
        "none.",
    )
