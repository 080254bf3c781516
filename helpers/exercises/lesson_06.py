"""Exercise 06: rates that layers really get, measured, and what they buy."""

from typing import Any

import numpy as np
import pandas as pd

from helpers.checks import Question
from helpers.data import load_digits_task
from helpers.exercises.first_steps import first_steps, need_steps, plain
from helpers.exercises.letters import letters_read, letters_read_before
from helpers.exercises.measure_steps import check_measure
from helpers.exercises.tools import (
    accuracy,
    interval_95,
    listed,
    need,
    need_model,
    unlike_glyphnet,
)

LETTERS_LOST = 0.1
"""How much of the letters fine-tuning may cost in question 2."""

STEADY = 0.8
"""The share of letters that is asked for at each rate in question 4."""

RIVALS = ("decay 0.5", "one rate")


def _check_groups(model: Any) -> str:
    """The tower of twelve blocks, compiled with three rates."""
    need_model(model, (None, 3))
    need(model.compiled, "The model is not compiled: it has no optimizer yet.")
    blocks = {f"block_{k}_dense": 0.0001 for k in range(1, 13)} | {"block_1_dense": 0.00001}
    x = np.random.default_rng(0).normal(size=(24, *model.input_shape[1:])).astype("float32")
    steps = first_steps(model, x, np.arange(24) % 3)
    need_steps(steps, blocks | {"head_predictions": 0.001})
    return (
        f"Measured in the first step: block 1 moves {plain(steps['block_1_dense'])}, blocks 2 to "
        f"12 move {plain(steps['block_12_dense'])}, the head {plain(steps['head_predictions'])}."
    )


def _check_falling(model: Any) -> str:
    """Glyphnet, fine-tuned whole, each block half as fast as the one above it."""
    need_model(model, (None, 10))
    need(model.compiled, "The model is not compiled: it has no optimizer yet.")
    gone, digits = unlike_glyphnet(model), load_digits_task(5)
    still = [f"block_{k}" for k in range(1, 7) if f"block_{k}_conv/kernel" not in gone]
    need(
        not still,
        f"The optimizer has counted {int(model.optimizer.iterations)} steps, and {listed(still)} "
        "did not move. Unfreeze, then compile, then fit.",
    )
    known, kept = letters_read_before(), letters_read(model)
    reads = f"Letters {kept:.0%} (before: {known:.0%}), digits "
    reads += f"{accuracy(model, digits.validation):.0%}."
    moved = [path for path in gone if not path.endswith("/kernel")]
    need(not moved, f"BatchNormalization moved: {listed(moved)}. {reads}")
    falling = {f"block_{k}_conv": 0.003 * 0.5 ** (7 - k) for k in range(1, 7)}
    images, labels = (part[:32] for part in digits.train)
    steps = first_steps(model, images, (labels + 1) % 10)
    head = {name: 0.003 for name in steps if name not in falling}
    need(bool(head), "The base trains, but the head does not.")
    need_steps(steps, falling | head, more=f" {reads}")
    need(kept > known - LETTERS_LOST, f"The rates are right, but the base forgets. {reads}")
    need(accuracy(model, digits.validation) > 0.85, f"The digits are not read well. {reads}")
    slow, fast = (plain(steps[f"block_{k}_conv"]) for k in (1, 6))
    return f"Block 1 moves {slow} in a first step, block 6 {fast}, the head 0.003. {reads}"


def _check_tolerance(runs: pd.DataFrame, steady: Any, gain: Any, shown: Any) -> str:
    """Which ways stand a wrong rate, and whether one of them wins on digits."""
    letters = runs.groupby(["rates", "learning_rate"])["letters_accuracy"].mean().unstack()
    need(
        isinstance(steady, set | list | tuple) and set(steady) <= set(letters.index),
        f"steady: give a set of ways out of {list(letters.index)}.",
    )
    for way, kept in letters.iterrows():
        numbers = f"{way!r} keeps {kept.min():.3f} of the letters at {kept.idxmin():g}"
        need(way in steady or kept.min() < STEADY, f"You leave out {way!r}. {numbers}, no less.")
        need(way not in steady or kept.min() >= STEADY, f"You keep {way!r}. {numbers}.")
    need(isinstance(gain, float | np.floating), "gain: give one number, such as 0.0123.")
    fair = _fair_gain(runs)
    mean, low, high = fair["mean"], fair["low"], fair["high"]
    as_high = _gain(runs, 0.003, 0.003)["mean"]
    need(
        not np.isclose(gain, as_high, atol=5e-4),
        f"{as_high:+.4f} compares both at 0.003. Validation chooses another rate for 'one rate': "
        "each at its own best.",
    )
    need(
        np.isclose(gain, mean, atol=5e-4),
        f"gain: {gain:+.4f} is not the mean of the ten differences on the test digits, decay 0.5 "
        "minus one rate, each at the learning rate with its best mean validation accuracy.",
    )
    truth = bool(low > 0)
    verdict = f"The gain is {mean:+.4f}, its interval {low:+.4f} to {high:+.4f}"
    need(isinstance(shown, bool | np.bool_), "shown: give True or False.")
    need(bool(shown) == truth, f"{verdict}: it holds zero, so nothing is shown.")
    ways = listed(map(repr, sorted(steady)))
    return f"{verdict}: no win on digits is shown. What stands a wrong rate: {ways}."


def _fair_gain(runs: pd.DataFrame) -> pd.Series:
    chosen = runs.groupby(["rates", "learning_rate"])["validation_accuracy"].mean()
    return _gain(runs, *(chosen[way].idxmax() for way in RIVALS))


def _gain(runs: pd.DataFrame, *rates: float) -> pd.Series:
    draws = runs.pivot(index="seed", columns=["rates", "learning_rate"], values="test_accuracy")
    one, other = (draws[way, rate] for way, rate in zip(RIVALS, rates, strict=True))
    return interval_95(one - other)


QUESTIONS = (
    Question(
        "groups-as-meant",
        "Groups that take what they name",
        _check_groups,
        (
            "Print rates_report(model) and read the column `group`. Which layers came along?",
            "'block_1.*' fits every name that begins so, 'block_10_dense' too. Let the number end "
            "with an underscore; then 10, 11 and 12 need a group.",
            'groups = {"block_1_.*": 0.01, "block_([2-9]|1[0-2])_.*": 0.1, "head_.*": 1.0}',
        ),
    ),
    Question(
        "falling-rates",
        "A high rate that falls through the base",
        _check_falling,
        (
            "Keras' Adam has one rate for all layers. Which optimizer of lesson 06 has a factor "
            "for each?",
            "layerwise_optimizer takes base=... and decay=...; its learning rate is that of the "
            "head.",
            "model.compile(layerwise_optimizer(model, 0.003, base=base, decay=0.5), LOSS), and fit "
            "as before",
        ),
    ),
    Question(
        "measure-it",
        "Measure the first step",
        check_measure,
        (
            "Keep the weights, train on one batch, compare, put the weights back.",
            "model.get_weights() before and set_weights after; model.train_on_batch(x, y) is one "
            "step. layer.trainable_weights are those that count.",
            "old = {v.path: v.numpy() for v in model.trainable_variables}, one step, then for each "
            "layer max(np.abs(v.numpy() - old[v.path]).max() for v in layer.trainable_weights)",
        ),
    ),
    Question(
        "which-tolerance",
        "What do falling rates buy?",
        _check_tolerance,
        (
            "runs.groupby(['rates', 'learning_rate']).mean() answers most of it. `steady` asks for "
            "the lowest of the three rates.",
            "Take the validation column to choose a learning rate for 'one rate' and for 'decay "
            "0.5'; then subtract their test accuracy, seed by seed.",
            "Validation chooses 0.0003 for one rate and 0.003 for decay 0.5. The half width of the "
            "interval is 2.262 * gains.sem().",
        ),
    ),
)
