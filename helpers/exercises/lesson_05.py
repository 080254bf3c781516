"""Exercise 05: stages that do something, one optimizer, and a verdict."""

from collections.abc import Callable
from functools import cache
from typing import Any

import keras
import pandas as pd

from helpers.bases import load_base
from helpers.checks import Question
from helpers.doctor import Findings, examine
from helpers.exercises.step_diary import check_stages
from helpers.exercises.tools import interval_95, listed, need, need_model
from helpers.exercises.trials import need_healthy

TWO_PHASES = "head, then all"
"""What the other schedules are compared with."""

MAY_FALL_TO = 0.81
"""The share of letters that is asked for in question 4."""

PHASES = {
    "head only": 1,
    "all at once, one rate": 1,
    "all at once, faster head": 1,
    "head, then two blocks": 2,
    "head, then all": 2,
    "gradual": 7,
    "gradual, falling rate": 7,
}


def _check_stage(first: Any, model: Any, base: keras.Model) -> str:
    """The findings of stage one, and the model in stage two."""
    need(isinstance(first, Findings), "first: keep what examine(model, base=base) gives.")
    need_model(model)
    now = set(examine(model, base=base).trains)
    lost = sorted(set(first.trains) - now)
    need(not lost, f"{listed(lost)} trained in stage one, but not in stage two.")
    codes = ("stage-changed-nothing", "batchnorm-moves", "nothing-frozen")
    need_healthy(model, codes, base=base, before=first)
    new = sorted(now - set(first.trains))
    count = f"{len(first.trains)} weight arrays trained, now {len(now)} do"
    return f"Stage two adds {listed(new)}: {count}."


def _check_first_empty(first_empty: Callable) -> str:
    """A function that finds the first stage of a plan in which nothing new trains."""
    need(callable(first_empty), f"This is a {type(first_empty).__name__}, not a function.")
    plans = {
        ("block_6_conv", "block_5_conv", "block_3_conv"): None,
        ("block_6_conv", "block_6_conv"): 1,
        ("block_5_conv", "block_4_conv", "block_4_conv"): 2,
        ("block_6_conv", "block_5_relu", "block_4_conv"): 1,
        ("block_6_conv", "block_5_conv", "block_4_bn"): 2,
        ("block_5_conv", "block_6_conv"): 1,
    }
    for plan, wanted in plans.items():
        found = first_empty(load_base("glyphnet"), list(plan))
        need(
            found == wanted and type(found) is type(wanted),
            f"For {list(plan)} your function says {found!r}, expected {wanted!r}"
            f"{_from_one(found, wanted)}. {_why(plan)}",
        )
    other, plan = _other_base(), ["late", "flat", "early"]
    found = first_empty(other, plan)
    need(found == 1, f"In another base, for {plan}, it says {found!r}, expected 1: 'flat' has no "
         "weights.")  # fmt: skip
    return (
        f"It answers {len(plans)} plans on glyphnet as it should, and one on a base that you have "
        "not seen."
    )


def _from_one(found: Any, wanted: int | None) -> str:
    return " (stages are counted from 0)" if wanted is not None and found == wanted + 1 else ""


def _why(plan: tuple[str, ...]) -> str:
    names = " ".join(plan)
    if "_bn" in names or "_relu" in names:
        return "An activation holds no weights, and BatchNormalization is kept still."
    if plan == ("block_5_conv", "block_6_conv"):
        return "To train less is nothing new."
    return "Count what trains in each stage, not what the names say."


def _check_schedules(digits: pd.DataFrame, letters: pd.DataFrame, keep: Any, choice: Any) -> str:
    """Which schedules do for a task, and which one to take."""
    need(
        isinstance(keep, (set, list, tuple)) and set(keep) <= set(PHASES),
        f"keep: give a set of schedules out of {list(PHASES)}.",
    )
    gains = interval_95(digits.sub(digits[TWO_PHASES], axis=0))
    for name in PHASES:
        left, gain = letters[name].mean(), gains.loc[name]
        forgets, worse = left < MAY_FALL_TO, gain["high"] < 0
        numbers = (
            f"It reads {left:.3f} of the letters ({MAY_FALL_TO} asked for); on digits it gains "
            f"{gain['mean']:+.4f} ({gain['low']:+.4f} to {gain['high']:+.4f}) on {TWO_PHASES!r}."
        )
        need(name in keep or forgets or worse, f"You leave out {name!r}. {numbers}")
        need(name not in keep or not (forgets or worse), f"You keep {name!r}. {numbers}")
    need(choice in keep, f"You choose {choice!r}, which you did not keep.")
    fewest = min(PHASES[name] for name in keep)
    need(
        PHASES[choice] == fewest,
        f"{choice!r} takes {PHASES[choice]} phases. Of those that you kept some take {fewest}.",
    )
    kept = listed(map(repr, sorted(keep)))
    return f"{kept} do; {choice!r} needs {fewest} phases, and none of them needs fewer."


@cache
def _other_base() -> keras.Model:
    layers = [keras.layers.Dense(4, name="early"), keras.layers.Flatten(name="flat")]
    return keras.Sequential([keras.Input((3,)), *layers, keras.layers.Dense(2, name="late")])


QUESTIONS = (
    Question(
        "stage-that-adds",
        "A second stage that adds something",
        _check_stage,
        (
            "Print len(model.trainable_variables) before and after the loop.",
            "The last six layers train in stage one. How many layers has a block (convolution, "
            "BatchNormalization, activation)?",
            "Three more layers take in block_4: base.layers[-9:]",
        ),
    ),
    Question(
        "one-optimizer",
        "One optimizer through two stages",
        check_stages,
        (
            "Each stage needs compile, but compile with the same object. When does an optimizer "
            "learn for which weights it keeps averages?",
            "Before stage one: unfreeze_from(base, 'block_3_conv'), then "
            "optimizer.build(model.trainable_variables).",
            "In each stage: set the flags, optimizer.learning_rate = rate, "
            "model.compile(optimizer, LOSS), model.fit(..., callbacks=[diary]). Or fit_in_phases "
            "does all of it, and takes callbacks, too.",
        ),
    ),
    Question(
        "first-empty",
        "Find the stage that does nothing",
        _check_first_empty,
        (
            "Carry out the plan without training: what does unfreeze_from(base, name) leave to "
            "train?",
            "Compare sets: what trains in this stage, minus what trained in the one before. "
            "unfreeze_from raises ValueError only where nothing at all can train.",
            "previous = set(); for number, name in enumerate(names): now = "
            "set(unfreeze_from(base, name)); if now <= previous: return number; previous = now",
        ),
    ),
    Question(
        "which-schedule",
        "Which schedule would you recommend?",
        _check_schedules,
        (
            "Two conditions, two tables. letters.mean() answers the first.",
            "gain = digits.sub(digits['head, then all'], axis=0); a schedule is worse where "
            "gain.mean() + 2.262 * gain.sem() is below zero.",
            "Three schedules are left. Two of them need two phases.",
        ),
    ),
)
