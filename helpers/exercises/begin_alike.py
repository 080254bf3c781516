"""Questions 2 and 3 of exercise 07: does a new network begin as the old one, and can it learn?"""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from helpers.bases import load_base
from helpers.exercises.few_steps import after_a_few_steps
from helpers.exercises.tools import listed, need, need_model, outputs, same
from helpers.exercises.trials import model_from
from helpers.pixels import PIXEL_INPUT

SHARE = np.array([0.299, 0.587, 0.114], dtype="float32")
"""Of red, green and blue in brightness, as in lesson 07."""

ROUNDING = 1e-4
"""Maps that are off by less than this share are the same."""


def colour_base() -> keras.Model:
    """Widen glyphnet to three channels: its first kernel is shared out by brightness.

    Returns:
        A base for raw pixels in colour, `(28, 28, 3)`, that sees what glyphnet sees in grey.

    Lesson: 07
    """
    grey = load_base("glyphnet")
    pixels = keras.Input((28, 28, 3), name=PIXEL_INPUT)
    colour = keras.models.clone_model(grey, input_tensors=pixels)
    for old, new in zip(grey.layers, colour.layers, strict=True):
        weights = old.get_weights()
        if old.name == "block_1_conv":
            weights = [weights[0] * SHARE[:, None]]
        new.set_weights(weights)
    return colour


def check_fourth(four: Any) -> str:
    """Try a base in colour with a fourth channel that counts for nothing yet.

    Args:
        four: a base for pictures of four channels.

    Returns:
        Why it is right.

    Raises:
        Wrong: it begins with other maps than `colour_base`, or cannot learn the new channel.

    Lesson: 07
    """
    need_model(four)
    shape = tuple(four.input_shape[1:])
    need(shape == (28, 28, 4), f"It takes {shape}, the pictures are (28, 28, 4).")
    rng = np.random.default_rng(0)
    seen, fourth = rng.uniform(0, 255, (8, 28, 28, 3)), rng.uniform(0, 255, (8, 28, 28, 1))
    wanted = outputs(colour_base(), seen)
    dark, bright = (np.concatenate([seen, part], axis=-1) for part in (0 * fourth, fourth))
    first = np.concatenate([fourth, seen], axis=-1)
    need(not same(outputs(four, first), wanted), "It takes the new channel first; it comes last.")
    _need_colour(four, dark, bright, wanted)
    lifts = after_a_few_steps(
        four, bright, lambda: _distance(outputs(four, dark), outputs(four, bright))
    )
    need(
        lifts > ROUNDING,
        "It begins as the old base, but after a few steps of training the fourth channel still "
        "counts for nothing: no weight that trains stands between it and the maps.",
    )
    return (
        "It begins as the base in colour, whatever the fourth channel holds. After a few steps "
        f"that channel moves the maps by {lifts:.1%}."
    )


def _need_colour(
    four: keras.Model, dark: np.ndarray, bright: np.ndarray, wanted: np.ndarray
) -> None:
    """The maps are those of the base in colour, whether the fourth channel is dark or bright."""
    maps = [outputs(four, x) for x in (dark, bright)]
    found, asked = maps[0].shape[1:], wanted.shape[1:]
    need(found == asked, f"Its maps have the shape {found}; those of `colour` have {asked}.")
    dark_off, bright_off = (_distance(each, wanted) for each in maps)
    need(
        dark_off > 0.01 or bright_off < ROUNDING,
        "Where the fourth channel is 0, the maps are as before; where it is not, they are off by "
        f"{bright_off:.0%}. Nobody taught those weights yet: let them begin at zero.",
    )
    need(
        bright_off < ROUNDING,
        f"The maps are off by {dark_off:.0%} even where the fourth channel is 0. The weights for "
        "red, green and blue stay as they are, those of all other layers too."
        + _empty(four, colour_base()),
    )


def check_extend(extend: Callable) -> str:
    """Try a function that adds something to a base which changes nothing at first, and can learn.

    Args:
        extend: from a base of feature maps to a model of maps.

    Returns:
        Why it is right.

    Raises:
        Wrong: its model begins with other maps than the base, or a part of it can never learn.

    Lesson: 07
    """
    rng = np.random.default_rng(0)
    for base, name in ((load_base("glyphnet"), "glyphnet"), (_other_base(), "another base")):
        x = rng.uniform(0, 255, (8, *base.input_shape[1:])).astype("float32")
        model = _extended(extend, base, name, x)
    kernels, stuck = _stuck(model, base, x)
    need(kernels > 0, "The new layers hold no kernel that trains.")
    need(
        not stuck,
        f"It begins as the base, but after a few steps {listed(stuck)} did not move at all. Where "
        "two zeros stand one behind the other, each is a factor in the other's gradient: begin "
        "with one zero only.",
    )
    return f"It begins as the base, on two bases, and its new kernels ({kernels}) learn."


def _extended(extend: Callable, base: keras.Model, name: str, x: np.ndarray) -> keras.Model:
    """What the function makes of a base; it holds something new, and begins with the same maps."""
    old = outputs(base, x)
    model = model_from(extend, base)
    need(
        same(outputs(base, x), old),
        f"After your function {name} itself gives other maps than before.",
    )
    more = model.count_params() - base.count_params()
    need(more > 0, f"On {name} your model holds {more} parameters more: nothing new in it.")
    found = outputs(model, x)
    need(
        found.shape == old.shape,
        f"On {name} the maps have the shape {found.shape[1:]}, before {old.shape[1:]}.",
    )
    need(
        same(found, old),
        f"On {name} your model begins with other maps: they are off by "
        f"{_distance(found, old):.0%}.{_clipped(found, old)}{_empty(model, base)}",
    )
    return model


def _distance(found: np.ndarray, wanted: np.ndarray) -> float:
    """How far values are off, as a share of what they should be."""
    return float(np.abs(found - wanted).mean() / np.abs(wanted).mean())


def _empty(model: keras.Model, base: keras.Model) -> str:
    old = {weight.path: weight.numpy() for weight in base.weights}
    pairs = [(w, old[w.path]) for w in model.weights if w.path in old]
    new = [w.path for w, value in pairs if w.shape == value.shape and np.any(w.numpy() != value)]
    return f" Other weights: {listed(new)}; clone_model copies none." if new else ""


def _clipped(found: np.ndarray, old: np.ndarray) -> str:
    clipped = found.min() >= 0 > old.min()
    return " What lies below zero is cut off: is there a ReLU behind the sum?" if clipped else ""


def _stuck(model: keras.Model, base: keras.Model, x: np.ndarray) -> tuple[int, list[str]]:
    """Count the kernels that are new and train, and name those that a few steps do not move."""
    old = {id(weight) for weight in base.weights}
    fresh = [v for v in model.trainable_variables if id(v) not in old and len(v.shape) > 1]
    if not fresh:
        return 0, []
    before = [v.numpy() for v in fresh]
    after = after_a_few_steps(model, x, lambda: [v.numpy() for v in fresh])
    moved = [np.any(a != b) for a, b in zip(after, before, strict=True)]
    return len(fresh), [v.path for v, did in zip(fresh, moved, strict=True) if not did]


def _other_base() -> keras.Model:
    """Maps of 64 channels that are above and below zero."""
    pixels = keras.Input((12, 12, 3))
    x = keras.layers.Rescaling(1 / 127.5, -1)(pixels)
    x = keras.layers.Conv2D(8, 3, strides=2, activation="relu", name="early")(x)
    return keras.Model(pixels, keras.layers.Conv2D(64, 3, name="late")(x))
