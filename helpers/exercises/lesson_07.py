"""Exercise 07: new parts that begin as the old network, and what an addition is worth."""

from typing import Any

import keras
import numpy as np
import pandas as pd

from helpers.bases import load_base
from helpers.checks import Question
from helpers.data import load_digits_task
from helpers.exercises.begin_alike import check_extend, check_fourth
from helpers.exercises.tools import (
    interval_95,
    listed,
    need,
    need_model,
    outputs,
    same,
    unlike_glyphnet,
)

SLOPE = 0.1
"""Of the new activation in question 1, below zero."""

MOST_PARAMETERS = 150_000
"""What fits in question 4."""

PLAIN, CUT, BOTH, LAYER = (
    "frozen",
    "frozen, one block less",
    "convolution above, one block less",
    "convolution above",
)


def _check_activation(changed: Any, base: Any) -> str:
    """Glyphnet with another activation in its last block, and glyphnet as it was."""
    need_model(changed)
    need_model(base)
    trained, x = load_base("glyphnet"), load_digits_task(5).validation.images[:64]
    before = outputs(keras.Model(trained.input, trained.get_layer("block_6_bn").output), x)
    old, wanted = np.maximum(before, 0), np.where(before > 0, before, SLOPE * before)
    need(
        same(outputs(base, x), old),
        "`base` itself gives other maps than glyphnet now: a layer that both models share was "
        "changed in place. Put a new layer in its place.",
    )
    found, gone = outputs(changed, x), unlike_glyphnet(changed)
    need(
        not gone,
        f"{len(gone)} arrays of weights are no longer glyphnet's: {listed(gone)}. These layers "
        "were made anew, and a new layer has random weights.",
    )
    need(not same(found, old), "It gives exactly what glyphnet gives: nothing was swapped.")
    below = (found < 0).mean()
    need(
        same(found, wanted),
        f"All weights are glyphnet's, but the maps are others; {below:.0%} of the values lie below "
        f"zero. Was block_6_relu swapped, with a slope of {SLOPE}, and no other layer?",
    )
    return f"All weights are glyphnet's, and {below:.0%} of the values now lie below zero."


def _check_apart(
    draws: pd.DataFrame, sizes: pd.DataFrame, by_cut: Any, by_layer: Any, choice: Any
) -> str:
    """How much the cut and the layer bring, each alone, and which way to take."""
    gains = _gains(draws)
    for name, gain, what in (("by_cut", by_cut, "the cut"), ("by_layer", by_layer, "the layer")):
        need(isinstance(gain, float | np.floating), f"{name}: give one number, such as 0.0123.")
        need(abs(gain) < 0.1, f"{name}: {gain:.3g} is too much for a share. One point is 0.01.")
        close = [other for other, mean in gains["mean"].items() if abs(mean - gain) < 4e-4]
        instead = f", but that by {listed(close)}." if close else ". Change one thing at a time."
        need(
            close == [what],
            f"{name}: {gain:+.4f} is not the mean gain by {what} alone, draw by draw{instead}",
        )
    need(choice in sizes.index, f"choice: {choice!r} is none of {list(sizes.index)}.")
    _need_small(draws, sizes, choice)
    cut, layer = (_span(gains.loc[what]) for what in ("the cut", "the layer"))
    return (
        f"The cut alone brings {cut}, the convolution behind it {layer}. {choice!r} fits, and "
        f"trains {sizes['trainable'][choice]:,} parameters."
    )


def _gains(draws: pd.DataFrame) -> pd.DataFrame:
    pairs = {
        "the cut and the layer at once": (BOTH, PLAIN),
        "the layer on the whole base": (LAYER, PLAIN),
        "the cut": (CUT, PLAIN),
        "the layer": (BOTH, CUT),
    }
    return interval_95(pd.DataFrame({what: draws[a] - draws[b] for what, (a, b) in pairs.items()}))


def _need_small(draws: pd.DataFrame, sizes: pd.DataFrame, choice: str) -> None:
    held, trains = sizes.loc[choice, ["parameters", "trainable"]]
    need(held <= MOST_PARAMETERS, f"{choice!r} holds {held:,} parameters; {MOST_PARAMETERS:,} fit.")
    for rival, row in sizes[sizes["parameters"] <= MOST_PARAMETERS].iterrows():
        lead = interval_95(draws[rival] - draws[choice])
        need(
            row["trainable"] >= trains or lead["high"] < 0,
            f"{choice!r} trains {trains:,} parameters. {rival!r} trains {row['trainable']:,} and "
            f"is not shown to be worse: its lead is {_span(lead)}.",
        )


def _span(gain: pd.Series) -> str:
    return f"{gain['mean']:+.4f} ({gain['low']:+.4f} to {gain['high']:+.4f})"


QUESTIONS = (
    Question(
        "other-activation",
        "Another activation in the last block",
        _check_activation,
        (
            "clone_model asks your function for each layer. What does it put in when it gets a new "
            "layer, and what when it gets the layer itself?",
            "type(layer).from_config(...) makes a new layer with random weights.",
            "Replace the last line of swap by: return layer",
        ),
    ),
    Question(
        "fourth-channel",
        "A fourth channel that counts for nothing yet",
        check_fourth,
        (
            "Only the first kernel has a place for channels, its third axis. Every other layer "
            "takes its weights over as they are.",
            "Clone the base onto an input of four channels, then set_weights layer by layer. The "
            "kernel of block_1_conv gets one more slice, of zeros.",
            "np.concatenate([kernel, np.zeros_like(kernel[:, :, :1])], axis=2)",
        ),
    ),
    Question(
        "begin-alike",
        "Build something in that changes nothing at first",
        check_extend,
        (
            "A sum with zero, or a product with one, changes nothing. Which initializer gives a "
            "layer that puts out zeros?",
            "maps + branch(maps): the last layer of the branch has kernel_initializer='zeros', no "
            "activation, and as many channels as the maps.",
            "new = keras.layers.Conv2D(base.output.shape[-1], 3, padding='same', "
            "kernel_initializer='zeros')(base.output); keras.Model(base.input, "
            "keras.layers.Add()([base.output, new]))",
        ),
    ),
    Question(
        "one-thing-at-a-time",
        "Which part of the gain is the layer's?",
        _check_apart,
        (
            "Four ways belong to the question: with and without the cut, with and without the "
            "convolution. Change one thing, keep the other.",
            "by_cut: 'frozen, one block less' minus 'frozen'. by_layer: both on the earlier cut. "
            "For the choice look at `sizes` first.",
            "(draws['convolution above, one block less'] - draws['frozen, one block less'])"
            ".mean(). Only two ways fit, and neither is shown to be better: which trains less?",
        ),
    ),
)
