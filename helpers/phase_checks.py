"""What `fit_in_phases` refuses."""

from collections.abc import Sequence
from typing import Any

import keras

from helpers.phases import Phase


def check_run(
    model: keras.Model,
    base: keras.Model,
    phases: Sequence[Phase],
    metrics: Sequence,
    fit_options: dict[str, Any],
) -> None:
    """Refuse what does not make a run, before anything is changed.

    Args:
        model: as for `fit_in_phases`, like all others.
        base: the part that the phases freeze and unfreeze.
        phases: what to do.
        metrics: for `compile`.
        fit_options: for `fit`.

    Raises:
        ValueError: no phases, `epochs` beside them, or a base that is not in the model.
        TypeError: phases or metrics that are not a list.

    Lesson: 05
    """
    if isinstance(phases, Phase) or isinstance(metrics, str):
        raise TypeError(f"phases={phases!r}, metrics={metrics!r}: both must be lists.")
    if not phases:
        raise ValueError("phases is empty: give at least one Phase(epochs, learning_rate).")
    if "epochs" in fit_options:
        raise ValueError("epochs is a part of each phase: leave it out here.")
    known = {id(variable) for variable in model.variables}
    if not all(id(variable) in known for variable in base.variables):
        raise ValueError(
            f"The base {base.name!r} is not a part of {model.name!r}: give the base that the "
            "head was attached to."
        )


def check_optimizer(optimizer: keras.Optimizer) -> None:
    """Refuse an optimizer that cannot serve several phases.

    Args:
        optimizer: as for `fit_in_phases`.

    Raises:
        ValueError: it is used already, or averages the weights (`use_ema`).
        TypeError: it is no object, or its rate is a schedule.

    Lesson: 05
    """
    if not isinstance(optimizer, keras.Optimizer):
        raise TypeError(
            f"optimizer={optimizer!r}: give an optimizer object such as keras.optimizers.Adam(), "
            "so that all phases can share its state."
        )
    if optimizer.built:
        raise ValueError(
            f"The optimizer {optimizer.name!r} has been used before and knows only the variables "
            "of that model: make a new one."
        )
    if optimizer.use_ema:
        raise ValueError(
            "use_ema=True does not work when the set of trained variables changes: make the "
            "optimizer without it."
        )
    if isinstance(optimizer._learning_rate, keras.optimizers.schedules.LearningRateSchedule):
        raise TypeError(
            "The optimizer's learning rate is a schedule, which a phase cannot set: give a number; "
            "the phases' learning_rate replaces it."
        )
