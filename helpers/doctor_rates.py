"""The doctor's checks of the learning rate that the base gets."""

import inspect
import re
from collections.abc import Iterator, Mapping
from typing import Any

import keras

from helpers.doctor_anatomy import some
from helpers.doctor_case import Case
from helpers.doctor_findings import Finding
from helpers.layerwise import LayerwiseAdam

LIMITS = {"SGD": 0.05, "Adadelta": float("inf")}
LIMIT = 0.001
"""The rate from which on pre-trained weights are in danger; Keras' default for Adam."""

SCHEDULE_MARGIN = 2
"""A schedule is at its highest rate for a short time only."""


def check_rate(case: Case) -> Iterator[Finding]:
    """Find a rate too high for the weights of the base that train.

    Args:
        case: a compiled model; `rate-reset` needs one that was trained before.

    Yields:
        `rate-too-high`, or `rate-reset` where a second compile brought the default back.

    Lesson: 12
    """
    rates = {path: rate for path, rate, limit in _base_rates(case) if rate >= limit}
    if not rates:
        return
    highest, optimizer = max(rates.values()), type(case.optimizer).__name__
    reset = _was_reset(case, highest)
    yield Finding(
        code="rate-reset" if reset else "rate-too-high",
        severity="error" if reset else "warning",
        title=f"Compiled anew at the default rate, {highest:.6g}"
        if reset
        else f"A rate of {highest:.6g} for the pre-trained weights of {case.base_name!r}",
        evidence=f"{optimizer}, rate {highest:.6g}{_by_default(case, highest)}; layers of the "
        f"base that train at it: {some(list(rates))}.",
        why="The first steps at such a rate may overwrite what the base has learned, before the "
        "head can say which part of it is useful.",
        fix=f"model.compile({optimizer}(learning_rate=...), ...), the rate written out"
        if reset
        else "a lower rate for the layers of the base, such as model.compile("
        "keras.optimizers.Adam(3e-4), ...); helpers.training.find_learning_rate looks for yours: "
        "one that is too low costs accuracy, too",
    )


def _base_rates(case: Case) -> Iterator[tuple[str, float, float]]:
    """For each layer of the base that trains: its highest rate, and the limit."""
    if not case.model.compiled or case.optimizer is None:
        return
    for path, layer in case.training_base:
        pairs = [_rate(case.optimizer, weight) for weight in layer.trainable_weights]
        yield path, *max(pairs, key=lambda pair: pair[0] / pair[1])


def _rate(optimizer: keras.Optimizer, weight: keras.Variable) -> tuple[float, float]:
    if isinstance(optimizer, LayerwiseAdam):
        rate, margin = peak(optimizer.get_config()["learning_rate"])
        return rate * optimizer.factor_of(weight), LIMIT * margin
    kind, config = type(optimizer).__name__, optimizer.get_config()
    groups = patterns(optimizer)
    if groups is not None:
        taken = [each for pattern, each in groups.items() if takes(pattern, weight.path)]
        taken = taken[0] if taken else config["optimizer_map"]["config"]["default_optimizer"]
        kind, config = taken["class_name"], taken["config"]
    rate, margin = peak(config.get("learning_rate", 0.0))
    return rate, LIMITS.get(kind, LIMIT) * margin


def peak(rate: Any) -> tuple[float, int]:
    """Find the highest rate that a setting leads to.

    Args:
        rate: from the configuration of an optimizer: a number, or a description of a schedule.

    Returns:
        The rate, 0 where it cannot be told, and the margin that it is allowed.

    Lesson: 12
    """
    if not isinstance(rate, Mapping):
        return (float(rate) if isinstance(rate, (int, float)) else 0.0), 1
    values = rate.get("config", {})
    keys = ("initial_learning_rate", "warmup_target", "values")
    numbers = [n for key in keys for n in keras.tree.flatten(values.get(key)) if n]
    return max(map(float, numbers), default=0.0), SCHEDULE_MARGIN


def patterns(optimizer: keras.Optimizer) -> dict[str, Any] | None:
    """Find the groups of a `MultiOptimizer`.

    Args:
        optimizer: any optimizer.

    Returns:
        For each pattern the description of its optimizer; None for other optimizers, and where a
        function picks the optimizer, which cannot be looked into.

    Lesson: 12
    """
    if not isinstance(optimizer, keras.optimizers.MultiOptimizer):
        return None
    config = optimizer.get_config()["optimizer_map"].get("config")
    return config.get("optimizer_map") if isinstance(config, Mapping) else None


def takes(pattern: str, path: str) -> bool:
    """Tell whether a pattern of an `OptimizerMap` takes a weight.

    Args:
        pattern: a path, or a regular expression for a whole one.
        path: of a weight.

    Returns:
        Whether it does.

    Lesson: 12
    """
    return pattern == path or re.fullmatch(pattern, path) is not None


def _was_reset(case: Case, rate: float) -> bool:
    history = getattr(case.model, "history", None)
    fresh = int(case.optimizer.iterations) == 0
    return bool(getattr(history, "epoch", None)) and fresh and bool(_by_default(case, rate))


def _by_default(case: Case, rate: float) -> str:
    signature = inspect.signature(type(case.optimizer).__init__)
    default = getattr(signature.parameters.get("learning_rate"), "default", None)
    same = isinstance(default, float) and abs(rate - default) < 1e-6 * default
    return ", Keras' default" if same else ""
