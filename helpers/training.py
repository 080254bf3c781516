"""Train in phases: which part of the base trains, how long, at what rate."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import keras
import numpy as np

from helpers.freezing import freeze, unfreeze_from
from helpers.graph import sized
from helpers.layerwise import layerwise_optimizer, rates_report
from helpers.phases import Phase, PhasedHistory, gradual_phases
from helpers.pixels import check_pixels
from helpers.rate_finder import RateSearch, find_learning_rate
from helpers.resuming import restore, store

__all__ = [
    "Phase",
    "PhasedHistory",
    "RateSearch",
    "find_learning_rate",
    "fit_in_phases",
    "gradual_phases",
    "layerwise_optimizer",
    "rates_report",
]

STATE_FILE = "last_phase.npz"


def fit_in_phases(
    model: keras.Model,
    base: keras.Model,
    phases: Sequence[Phase],
    x: np.ndarray,
    y: np.ndarray,
    *,
    optimizer: keras.Optimizer,
    loss: str | keras.losses.Loss,
    metrics: Sequence = ("accuracy",),
    resume_dir: str | Path | None = None,
    **fit_options: Any,
) -> PhasedHistory:
    """Fit a model phase by phase with one optimizer that keeps its state.

    Compiling with a new optimizer in each phase would forget the moments that the head has
    gathered. This one optimizer is built once, on every variable that will ever train; each phase
    sets what trains and the rate, compiles with the same optimizer, and fits. Adam's step counter
    goes on too, so a block that joins late takes longer steps at first, up to about six times the
    rate: give later phases a lower one.

    Args:
        model: base and head, sharing the base's layers (`attach_head`).
        base: the part that the phases freeze and unfreeze; it is kept still.
        phases: what to do, in order. A phase that names another layer than the one before it must
            change what trains. The epochs of `fit` are those of the phases.
        x: inputs; raw pixels 0 to 255 for a base from `load_base`.
        y: labels, `(n,)`.
        optimizer: a fresh optimizer; each phase sets its `learning_rate`.
        loss: as for `model.compile`.
        metrics: as for `model.compile`.
        resume_dir: folder where the state after each finished phase is kept. Call again with the
            same model, phases and folder after an interruption, and training goes on with the
            first unfinished phase. The folder's earlier state is used, never mixed: other phases
            or data, another model, optimizer or loss are refused.
        fit_options: passed on to `model.fit`, such as `validation_data`, `batch_size`, `verbose`.

    Returns:
        The joined history. The model stays compiled as in the last phase.

    Raises:
        ValueError: no phases, a phase that unfreezes nothing new, a base that is not in the model,
            a used optimizer or one with `use_ema`, `epochs` beside the phases, pixels out of
            range, or a `resume_dir` of another run. The base's flags may have changed by then.
        TypeError: no optimizer object, or one with a learning-rate schedule; phases or metrics
            that are not a list.

    Lesson: 05
    """
    _check_optimizer(optimizer)
    _check_run(model, base, phases, metrics, fit_options)
    _check_all_pixels(model, x, fit_options.get("validation_data"))
    optimizer.build(_ever_trained(model, base, phases))
    state = None if resume_dir is None else Path(resume_dir) / STATE_FILE
    plan = _plan(phases, x, y, optimizer, loss, fit_options) if state else {}
    variables = [*model.variables, *optimizer.variables]
    earlier = restore(state, plan, variables) if state and state.exists() else {}
    result = PhasedHistory(**earlier)
    for number, phase in enumerate(phases):
        _set_trainable(base, phase)
        optimizer.learning_rate = phase.learning_rate
        model.compile(optimizer=optimizer, loss=loss, metrics=list(metrics))
        if number >= len(result.phase_starts):  # the others were done in an earlier run
            history = model.fit(x, y, epochs=phase.epochs, **fit_options).history
            result.append(history, sized(model.trainable_variables))
            if state:
                store(state, plan, asdict(result), variables)
    return result


def _set_trainable(base: keras.Model, phase: Phase) -> None:
    if phase.unfreeze_from is None:
        freeze(base)
    else:
        unfreeze_from(base, phase.unfreeze_from)


def _plan(
    phases: Sequence[Phase],
    x: np.ndarray,
    y: np.ndarray,
    optimizer: keras.Optimizer,
    loss: str | keras.losses.Loss,
    fit_options: dict[str, Any],
) -> dict[str, Any]:
    """What makes a run: two runs with the same plan may share a `resume_dir`."""
    contents = (np.ascontiguousarray(array) for array in (x, y))
    config = {key: value for key, value in optimizer.get_config().items() if key != "name"}
    return {
        "phases": [asdict(phase) for phase in phases],
        "data": [hashlib.sha256(array.view("uint8").data).hexdigest() for array in contents],
        "optimizer": f"{type(optimizer).__name__} {config}",
        "loss": loss if isinstance(loss, str) else f"{type(loss).__name__} {loss.get_config()}",
        "batch_size": fit_options.get("batch_size"),
    }


def _ever_trained(
    model: keras.Model, base: keras.Model, phases: Sequence[Phase]
) -> list[keras.Variable]:
    """Go through the phases without training: what trains in any of them, each variable once."""
    union: dict[int, keras.Variable] = {}
    previous: tuple[str | None, set[int]] | None = None
    for number, phase in enumerate(phases, start=1):
        _set_trainable(base, phase)
        training = {id(variable): variable for variable in model.trainable_variables}
        if previous and previous[0] != phase.unfreeze_from and previous[1] == set(training):
            raise ValueError(
                f"Phase {number} (unfreeze_from={phase.unfreeze_from!r}) trains exactly what phase "
                f"{number - 1} (unfreeze_from={previous[0]!r}) trains: it unfreezes nothing new. "
                "Name a layer further from the top, one that can learn (BatchNormalization is "
                "kept still)."
            )
        previous = phase.unfreeze_from, set(training)
        union |= training
    return list(union.values())


def _check_run(
    model: keras.Model,
    base: keras.Model,
    phases: Sequence[Phase],
    metrics: Sequence,
    fit_options: dict[str, Any],
) -> None:
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


def _check_all_pixels(model: keras.Model, x: np.ndarray, validation: Any) -> None:
    check_pixels(model, x)
    if isinstance(validation, (tuple, list)):
        check_pixels(model, validation[0])


def _check_optimizer(optimizer: keras.Optimizer) -> None:
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
