"""Exercise 02: where to cut, and which head belongs on the cut."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pandas as pd

from helpers.bases import load_base
from helpers.checks import Question
from helpers.data import Split, load_digits_task
from helpers.exercises.heads import need_head
from helpers.exercises.poolings import check_verdict, measured_poolings
from helpers.exercises.tools import need, need_model, outputs, same
from helpers.exercises.trials import in_case, model_from


def pooling_draws() -> pd.DataFrame:
    """Measure three heads on glyphnet's maps: a linear classifier on five pictures of each digit.

    Returns:
        Validation accuracy, 0 to 1: a row for each of ten draws of the pictures, a column for
        each pooling. The same pictures in each row.

    Lesson: 02
    """
    return measured_poolings().copy()


def _check_features(features: Any) -> str:
    """A model from pictures to glyphnet's 128 averaged features."""
    need_model(features)
    pictures = load_digits_task(5).validation.images[:64]
    found = outputs(features, pictures)
    need(
        not _are_probabilities(found),
        f"{found.shape[-1]} numbers a picture, and every row adds up to 1: these are class "
        "probabilities. The old top is still on. (`.output` of a layer lies behind it; "
        "`layers.pop()` shortens a copy of the list.)",
    )
    maps = outputs(load_base("glyphnet"), pictures)
    need(
        found.shape == (len(pictures), 128),
        f"Your model gives {found.shape[1:]} for a picture, expected (128,): glyphnet's features "
        f"after pooling{', which your maps still lack' if found.shape == maps.shape else ''}.",
    )
    need(
        same(found, maps.mean(axis=(1, 2))),
        "128 numbers, but not those of glyphnet: are its weights still the trained ones, and are "
        "the maps averaged?",
    )
    spread = found.sum(axis=1)
    return (
        f"128 features; the rows add up to {spread.min():.0f} to {spread.max():.0f}, so these are "
        "no probabilities."
    )


def _check_cut(base: Any, saved: keras.Model) -> str:
    """A base cut from a saved classifier whose class scores come three layers before its end."""
    need_model(base)
    rng = np.random.default_rng(0)
    pictures = rng.uniform(0, 255, (16, *saved.input_shape[1:])).astype("float32")
    scores = saved.get_layer("scores")
    cuts = {"scores": scores.output, "features": scores.input}
    wanted = {name: _flat(saved, tensor, pictures) for name, tensor in cuts.items()}
    found = outputs(base, pictures).reshape(len(pictures), -1)
    need(not _are_probabilities(found), "Every row adds up to 1: all of the top is still on.")
    need(
        not same(found, wanted["scores"]),
        f"The softmax is off, but {found.shape[1]} numbers come out: the scores of the old "
        f"{found.shape[1]} classes, from the layer 'scores'. Cut before it.",
    )
    features = wanted["features"]
    need(
        found.shape == features.shape,
        f"Your base gives {found.shape[1]} numbers a picture; the features are "
        f"{features.shape[1]}, what goes into the layer that scores the classes.",
    )
    need(same(found, features), "The right number of features, but other values: whose weights?")
    return f"{found.shape[1]} features a picture, and nothing of the old 40 classes."


def _check_build(build: Callable) -> str:
    """A function from a base and a number of classes to a compiled model for integer labels."""
    said = []
    for classes in (2, 5):
        base, task = _small_task(classes)
        with in_case(f"With classes={classes}, tried on {len(task.labels)} pictures"):
            model = model_from(build, base, classes)
            units = need_head(model, base, classes, task)
            loss = float(np.ravel(model.evaluate(*task, verbose=0))[0])
            guess = np.log(classes)
            need(
                0 <= loss < 5 * guess,
                f"The untrained loss is {loss:.2f}; guessing costs {guess:.2f}.",
            )
        said.append(f"{classes} classes: {units} unit{'s' * (units > 1)}, loss {loss:.2f}")
    return f"{'; '.join(said)} before training. Last layer, loss and labels agree."


def _are_probabilities(values: np.ndarray) -> bool:
    several = values.ndim == 2 and values.shape[1] > 1
    return several and np.allclose(values.sum(axis=1), 1, atol=1e-3)


def _flat(model: keras.Model, tensor: keras.KerasTensor, pictures: np.ndarray) -> np.ndarray:
    return outputs(keras.Model(model.input, tensor), pictures).reshape(len(pictures), -1)


def _small_task(classes: int) -> tuple[keras.Model, Split]:
    pictures = keras.Input((8, 8, 1))
    maps = keras.layers.Conv2D(4, 3, activation="relu", name=f"small_{classes}")(pictures)
    x = np.random.default_rng(0).uniform(0, 1, (240, 8, 8, 1)).astype("float32")
    return keras.Model(pictures, maps, name="base"), Split(x, np.arange(len(x)) % classes)


QUESTIONS = (
    Question(
        "cut-before",
        "Cut in front of the old classes, not behind them",
        _check_features,
        (
            "Add up the outputs of your model for one picture. What adds up to 1?",
            "A layer has an .input and an .output. The probabilities come out of 'predictions'.",
            "features = keras.Model(whole.input, whole.layers[-1].input)",
        ),
    ),
    Question(
        "cut-earlier",
        "A top of four layers",
        _check_cut,
        (
            "saved.summary() shows the shapes. Where do 24 numbers become 40?",
            "What goes into the layer that makes the 40 scores is the last thing that is not about "
            "the old classes.",
            "base = keras.Model(saved.input, saved.get_layer('scores').input)",
        ),
    ),
    Question(
        "head-and-loss",
        "A head for two classes and for many",
        _check_build,
        (
            "The table in lesson 02 has a row for each match of last layer, loss and labels.",
            "Labels are whole numbers here. That suits sparse_categorical_crossentropy with one "
            "softmax unit for each class; for two classes a single sigmoid unit does, too.",
            "model = attach_head(base, classes=classes); then compile with 'binary_crossentropy' "
            "if classes == 2, else 'sparse_categorical_crossentropy'; return model",
        ),
    ),
    Question(
        "pooling-verdict",
        "Which pooling would you take?",
        check_verdict,
        (
            "Compare within a draw: (draws['maximum'] - draws['average']) has ten numbers. Look at "
            "their signs.",
            "gain = draws.sub(draws['average'], axis=0); then (gain > 0).sum() and "
            "(gain < 0).sum(). Nine or ten of one sign is a verdict, fewer is none.",
            "A head that nine draws do not call better is not worth sixteen times the parameters: "
            "choice = 'average'.",
        ),
    ),
)
