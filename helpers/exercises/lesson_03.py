"""Exercise 03: freeze, prove it, cache features, and judge a lead."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import keras
import numpy as np
import pandas as pd
from scipy import stats

from helpers.bases import load_base
from helpers.checks import Question
from helpers.data import load_digits_task
from helpers.exercises.tools import (
    accuracy,
    interval_95,
    listed,
    need,
    need_model,
    outputs,
    same,
    unlike_glyphnet,
)
from helpers.exercises.trials import moved_by_fit, need_healthy
from helpers.exercises.what_moved import check_what_moved

ENOUGH = 0.8
"""Share of the validation pictures that a head on glyphnet's features reads with ease."""


def _check_frozen(model: Any, base: Any) -> str:
    """A model that was fitted with glyphnet as a frozen base."""
    need_model(model)
    need_model(base)
    gone = unlike_glyphnet(base)
    need(
        not gone,
        f"{len(gone)} arrays of your base are not glyphnet's any more, {listed(gone)}: it trained.",
    )
    need_healthy(model, ("everything-frozen", "head-frozen"), base=base)
    moved = moved_by_fit(model, load_digits_task(5).train)
    inside = [path for path in moved if path in {weight.path for weight in base.weights}]
    need(
        not inside,
        f"So far the base is untouched, but one more epoch moves {len(inside)} of its arrays, "
        f"{listed(inside)}. Flags are read when `fit` first runs after `compile`.",
    )
    need(bool(moved), "One more epoch moves nothing: the head does not learn.")
    need(
        _has_learned(model, base),
        "The base is frozen, but the head has not learned yet: run `fit` after `compile`.",
    )
    return (
        f"All {len(base.weights)} arrays of the base are glyphnet's, bit for bit; one more epoch "
        f"moves {listed(moved)}. Flags count as they are when `fit` first runs after `compile`; "
        "to freeze before `compile` is the safe order."
    )


def _has_learned(model: keras.Model, base: keras.Model) -> bool:
    """Whether the optimizer counts steps or, where it is new, a bias of the head is not zero."""
    inside = {id(weight) for weight in base.weights}
    biases = [w for w in model.weights if id(w) not in inside and w.name == "bias"]
    return int(model.optimizer.iterations) > 0 or any(w.numpy().any() for w in biases)


def _check_cached(cached: Any, model: Any) -> str:
    """Cached features of the fifty pictures, and a model whose head was trained on them."""
    task = load_digits_task(5)
    images = task.train.images
    kind, cached = type(cached).__name__, np.asarray(cached)
    need(
        cached.ndim > 1 and cached.dtype.kind in "fiu",
        f"cached is a {kind}: an array is needed, what extract_features or predict gives.",
    )
    need(
        len(cached) > 0 and len(cached) % len(images) == 0,
        f"cached has the shape {cached.shape}, but there are {len(images)} training pictures.",
    )
    need(not same(cached, images), "cached holds the pictures themselves: run them through a base.")
    scales = {"divided by 255": images / 255, "scaled to -1 to 1": images / 127.5 - 1}
    for scale, pixels in scales.items():
        need(
            not any(same(cached, view) for view in _views(pixels)),
            f"cached holds the features of pixels {scale}. The whole model will get raw pixels.",
        )
    need_model(model, (None, 10))
    share = accuracy(model, task.validation)
    gone = unlike_glyphnet(model)
    need(not gone, f"{len(gone)} arrays of the base moved, {listed(gone)}: its cache is stale.")
    need(
        share >= ENOUGH,
        f"model reads {share:.0%} of the validation pictures, {ENOUGH:.0%} are asked for. "
        + ("It guesses: is the head that you fitted the one inside model? " if share < 0.3 else "")
        + "Are labels and features in the same order, and did the head train long enough?",
    )
    fits = any(same(cached, view) for view in _views(images))
    what = "fits the features of the base" if fits else "is an array"
    return f"cached, {cached.shape}, {what}; from pixels, model reads {share:.0%}."


def _check_lead(difference: pd.DataFrame, verdict: Any) -> str:
    """What five paired draws say for each number of examples."""
    intervals = interval_95(difference)
    need(
        isinstance(verdict, dict) and set(verdict) == set(intervals.index),
        f"verdict: give a dictionary with an entry for each of {list(intervals.index)}.",
    )
    for number, row in intervals.iterrows():
        need(verdict[number] is not ..., f"{number} examples wait for a verdict.")
        need(
            verdict[number] == _in_words(row),
            f"{number} examples: you say {verdict[number]!r}. The mean is {row['mean']:+.3f}, and "
            f"the interval goes from {row['low']:+.3f} to {row['high']:+.3f}"
            f"{_other_t(difference[number], row, verdict[number])}.",
        )
    unsure = [n for n in intervals.index if verdict[n] == "cannot tell"]
    return f"All means are above zero, but at {listed(unsure)} examples five draws cannot tell."


def _other_t(draws: pd.Series, row: pd.Series, said: str) -> str:
    """The t value of so few draws, where 1.96 in its place gives what was said."""
    half = 1.96 * draws.sem()
    by_196 = _in_words({"low": row["mean"] - half, "high": row["mean"] + half})
    t = stats.t.ppf(0.975, len(draws) - 1)
    return f" (t for {len(draws)} draws: {t:.3f}, not 1.96)" if by_196 == said else ""


def _in_words(row: Mapping[str, float]) -> str:
    if row["low"] > 0:
        return "better"
    return "worse" if row["high"] < 0 else "cannot tell"


@cache
def _base() -> keras.Model:
    return load_base("glyphnet")


def _views(pixels: np.ndarray) -> list[np.ndarray]:
    """The features of some pixels in each form that a head may want."""
    maps = outputs(_base(), pixels)
    return [maps, maps.mean(axis=(1, 2)), maps.max(axis=(1, 2)), maps.reshape(len(maps), -1)]


QUESTIONS = (
    Question(
        "frozen-in-time",
        "Freeze in time",
        _check_frozen,
        (
            "Which of the four lines decides what a step of `fit` updates, and what has to stand "
            "before it?",
            "First freeze, then compile, then fit. And a base that has trained stays changed: load "
            "it anew.",
            "Move base.trainable = False above model.compile(...), and run the whole cell again.",
        ),
    ),
    Question(
        "cached-head",
        "A head trained on cached features",
        _check_cached,
        (
            "Two parts of the model: what gives the features, run once, and what is trained on "
            "them. Both must share their layers with model.",
            "lower, head = split_at(model, 'head_predictions'). lower gives the features.",
            "cached = extract_features(lower, task.train.images); head.compile(...) as model was; "
            "head.fit(cached, task.train.labels, epochs=60, verbose=0)",
        ),
    ),
    Question(
        "what-moved",
        "Find every weight that moved",
        check_what_moved,
        (
            "Copy before, call train(), compare after. What has to be in the copy?",
            "model.weights holds everything, moving averages included. weight.numpy() gives the "
            "values, weight.path the name; np.array_equal allows no tolerance.",
            "before = [w.numpy().copy() for w in model.weights]; train(); return [w.path for w, "
            "old in zip(model.weights, before) if not np.array_equal(old, w.numpy())]",
        ),
    ),
    Question(
        "five-draws",
        "What do five draws show?",
        _check_lead,
        (
            "A mean above zero may be luck. How far do the five differences of a column spread?",
            "The interval reaches 2.776 standard errors, difference.sem(), to each side of the "
            "mean (the t value for five draws).",
            "Where mean - 2.776 * sem is above zero, 'better'; where zero lies inside, "
            "'cannot tell'. Two of the five numbers of examples are 'better'.",
        ),
    ),
)
