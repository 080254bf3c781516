"""Find a learning rate: let it rise step by step, and watch the loss."""

import math
import random
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import keras
import numpy as np

from helpers.graph import cloned
from helpers.pixels import check_pixels

SMOOTHING = 0.9
DIVERGED = 4.0
CAUTION = 10
"""The suggestion is the rate of the lowest loss divided by this: there the loss falls steadily."""


class RateSearch(NamedTuple):
    """What a search for a learning rate found.

    Attributes:
        rates: the learning rate of each step, rising, `(n,)`.
        losses: the loss of each step's batch, before the step, `(n,)`.
        smoothed: running average of the losses, `(n,)`.
        suggestion: a tenth of the rate at which the smoothed loss is lowest.

    Lesson: 06
    """

    rates: np.ndarray
    losses: np.ndarray
    smoothed: np.ndarray
    suggestion: float


def find_learning_rate(
    model: keras.Model,
    x: np.ndarray,
    y: np.ndarray,
    *,
    lowest: float = 1e-6,
    highest: float = 1.0,
    steps: int = 100,
    batch_size: int = 32,
) -> RateSearch:
    """Train a copy of a model for some steps while the rate rises, and suggest a rate.

    The copy has the model's weights, its frozen layers, its loss, and a fresh optimizer of the same
    kind and settings (a layer-wise one keeps its factors). The model itself is not touched, nor is
    its optimizer, nor the state of the random numbers. The search ends early when the smoothed loss
    is four times its lowest value, or no number any more.

    Args:
        model: a compiled Sequential or Functional model.
        x: inputs, raw pixels 0 to 255 for a base from `load_base`; several as a list or dictionary.
        y: labels, `(n,)`, or what else the loss takes.
        lowest: rate of the first step, above 0.
        highest: rate of the last step, above `lowest`.
        steps: how many steps, 20 or more; the rate rises by the same factor in each.
        batch_size: examples a step. The data are gone through again when they are used up.

    Returns:
        Rates, losses, smoothed losses and the suggestion.

    Raises:
        ValueError: the model is not compiled, numbers outside their range, pixels out of range, or
            a loss that never fell.

    Lesson: 06
    Source: Smith, 2015, https://arxiv.org/abs/1506.01186
    """
    _check(model, lowest, highest, steps)
    check_pixels(model, x)
    rates = np.geomspace(lowest, highest, steps)
    with _random_numbers_kept():
        copy = _copy(model, rising=(lowest, rates[1] / rates[0]))
        losses = _losses(copy, _batches(x, y, steps, batch_size))
    rates, smoothed = rates[: len(losses)], _smooth(losses)
    return RateSearch(rates, np.array(losses), smoothed, _suggest(rates, smoothed))


def _check(model: keras.Model, lowest: float, highest: float, steps: int) -> None:
    if not model.compiled:
        raise ValueError(
            f"{model.name!r} is not compiled: the search uses its loss and its kind of optimizer. "
            "Call model.compile(optimizer, loss) first."
        )
    if not 0 < lowest < highest:
        raise ValueError(f"lowest={lowest}, highest={highest}: give 0 < lowest < highest.")
    if steps < 20:
        raise ValueError(f"steps={steps}: a curve needs 20 or more.")


@contextmanager
def _random_numbers_kept() -> Iterator[None]:
    """New layers draw their seeds from Python's random numbers."""
    state = random.getstate()
    try:
        yield
    finally:
        random.setstate(state)


def _copy(model: keras.Model, *, rising: tuple[float, float]) -> keras.Model:
    """A compiled copy whose rate begins at `rising[0]` and is multiplied by `rising[1]`."""
    simple = isinstance(model, keras.Sequential)
    ends = (model.inputs[0], model.outputs[0]) if simple else (model.input, model.output)
    copy = cloned(keras.Model(*ends))  # not compiled: clone_model would compile the copy alike
    optimizer = type(model.optimizer).from_config(model.optimizer.get_config())
    optimizer.learning_rate = keras.optimizers.schedules.ExponentialDecay(rising[0], 1, rising[1])
    weights = model.get_compile_config()["loss_weights"]
    copy.compile(optimizer, model.loss, loss_weights=weights)
    return copy


def _losses(model: keras.Model, batches: Iterable[tuple]) -> list[float]:
    """The loss of each batch, before the step that is taken on it, until the losses diverge."""
    losses: list[float] = []
    for batch in batches:
        losses.append(float(model.train_on_batch(*batch, return_dict=True)["loss"]))
        smoothed = _smooth(losses)
        if not smoothed[-1] < DIVERGED * smoothed.min():
            break
    return losses


def _batches(x: np.ndarray, y: np.ndarray, steps: int, batch_size: int) -> Iterator[tuple]:
    """Random batches, the same in every search; each example once before any comes again."""
    rng = np.random.default_rng(0)
    n = len(keras.tree.flatten(y)[0])
    rounds = math.ceil(steps * batch_size / n)
    order = np.concatenate([rng.permutation(n) for _ in range(rounds)])
    for start in range(0, steps * batch_size, batch_size):
        rows = order[start : start + batch_size]
        yield keras.tree.map_structure(lambda values, rows=rows: values[rows], (x, y))


def _smooth(losses: list[float]) -> np.ndarray:
    """Running average, corrected for its start at zero."""
    average, smoothed = 0.0, []
    for step, loss in enumerate(losses, start=1):
        average = SMOOTHING * average + (1 - SMOOTHING) * loss
        smoothed.append(average / (1 - SMOOTHING**step))
    return np.array(smoothed)


def _suggest(rates: np.ndarray, smoothed: np.ndarray) -> float:
    lowest = int(np.nanargmin(smoothed))
    if lowest == 0:
        raise ValueError(
            f"The loss never fell between the rates {rates[0]:g} and {rates[-1]:g}. Does anything "
            "train, and do x and y belong together? Else begin lower or end higher."
        )
    return float(rates[lowest]) / CAUTION
