"""Train in phases: which part of the base trains, how long, at what rate."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import keras
import numpy as np

from helpers.freezing import freeze, unfreeze_from
from helpers.pixels import check_pixels
from helpers.resuming import restore, store

STATE_FILE = "last_phase.npz"


@dataclass(frozen=True)
class Phase:
    """One phase of training.

    Attributes:
        epochs: passes over the training data, 1 or more.
        learning_rate: of the optimizer in this phase, above 0.
        unfreeze_from: layer of the base from which on it trains; None keeps the base frozen, so
            that only the head trains.

    Lesson: 04
    """

    epochs: int
    learning_rate: float
    unfreeze_from: str | None = None

    def __post_init__(self) -> None:
        if self.epochs < 1:
            raise ValueError(f"epochs={self.epochs}: a phase needs 1 or more.")
        if not self.learning_rate > 0:
            raise ValueError(f"learning_rate={self.learning_rate}: give a number above 0.")


@dataclass
class PhasedHistory:
    """The joined history of all phases.

    Attributes:
        history: for each metric one value an epoch, as in `keras.callbacks.History`.
        phase_starts: index of each phase's first epoch.
        trainable_parameters: for each phase, how many parameters trained.

    Lesson: 04
    """

    history: dict[str, list[float]] = field(default_factory=dict)
    phase_starts: list[int] = field(default_factory=list)
    trainable_parameters: list[int] = field(default_factory=list)

    @property
    def epochs(self) -> int:
        """Number of epochs so far."""
        return max(map(len, self.history.values()), default=0)

    def append(self, history: dict[str, list[float]], trainable_parameters: int) -> None:
        """Join the history of one more phase.

        Args:
            history: `History.history` of the phase.
            trainable_parameters: how many parameters trained in it.
        """
        self.phase_starts.append(self.epochs)
        self.trainable_parameters.append(trainable_parameters)
        for name, values in history.items():
            self.history.setdefault(name, []).extend(float(value) for value in values)


def gradual_phases(
    layer_names: Sequence[str],
    *,
    head_epochs: int,
    head_rate: float,
    epochs: int,
    rate: float,
    decay: float = 1.0,
) -> list[Phase]:
    """Plan gradual unfreezing: the head first, then block by block downwards.

    Args:
        layer_names: first layer of each block in the order of unfreezing, the last block first.
        head_epochs: epochs of the head alone.
        head_rate: learning rate of the head alone.
        epochs: epochs after each unfreezing.
        rate: learning rate after the first unfreezing.
        decay: each further phase multiplies the rate by this, above 0 up to 1.

    Returns:
        `1 + len(layer_names)` phases for `fit_in_phases`.

    Raises:
        ValueError: no layer name, or a decay outside its range.

    Lesson: 05
    Source: Howard and Ruder, 2018, https://arxiv.org/abs/1801.06146
    """
    if not layer_names:
        raise ValueError("layer_names is empty: name the first layer of at least one block.")
    if not 0 < decay <= 1:
        raise ValueError(
            f"decay={decay}: give a number above 0, up to 1 (the same rate throughout)."
        )
    blocks = [Phase(epochs, rate * decay**k, name) for k, name in enumerate(layer_names)]
    return [Phase(head_epochs, head_rate), *blocks]


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
    **fit_options,
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
            change what trains.
        x: inputs; raw pixels 0 to 255 for a base from `load_base`.
        y: labels, `(n,)`.
        optimizer: a fresh optimizer; each phase sets its `learning_rate`.
        loss: as for `model.compile`.
        metrics: as for `model.compile`.
        resume_dir: folder where the state after each finished phase is kept. Call again with the
            same model, phases and folder after an interruption, and training goes on with the
            first unfinished phase. The folder's earlier state is used, never mixed: another plan
            or model is refused.
        fit_options: passed on to `model.fit`, such as `validation_data`, `batch_size`, `verbose`.

    Returns:
        The joined history. The model stays compiled as in the last phase.

    Raises:
        ValueError: no phases, a phase that unfreezes nothing new, a used optimizer or one with
            `use_ema`, pixels out of range, or a `resume_dir` of another run.
        TypeError: no optimizer object, or one with a learning-rate schedule.

    Lesson: 05
    """
    _check_optimizer(optimizer)
    check_pixels(model, x)
    optimizer.build(_ever_trained(model, base, phases))
    state = None if resume_dir is None else Path(resume_dir) / STATE_FILE
    plan = {"phases": [asdict(phase) for phase in phases]}
    variables = [*model.variables, *optimizer.variables]
    result = PhasedHistory()
    if state and state.exists():
        result = PhasedHistory(**restore(state, plan, variables))
    for phase in phases[len(result.phase_starts) :]:
        _set_trainable(base, phase)
        optimizer.learning_rate = phase.learning_rate
        model.compile(optimizer=optimizer, loss=loss, metrics=list(metrics))
        history = model.fit(x, y, epochs=phase.epochs, **fit_options).history
        result.append(history, _size(model.trainable_variables))
        if state:
            store(state, plan, asdict(result), variables)
    return result


def _set_trainable(base: keras.Model, phase: Phase) -> None:
    if phase.unfreeze_from is None:
        freeze(base)
    else:
        unfreeze_from(base, phase.unfreeze_from)


def _size(variables: Sequence[keras.Variable]) -> int:
    return sum(int(keras.ops.size(variable)) for variable in variables)


def _ever_trained(
    model: keras.Model, base: keras.Model, phases: Sequence[Phase]
) -> list[keras.Variable]:
    """Go through the phases without training: what trains in any of them, each variable once."""
    if not phases:
        raise ValueError("phases is empty: give at least one Phase(epochs, learning_rate).")
    union: dict[int, keras.Variable] = {}
    previous: tuple[str | None, set[int]] | None = None
    for number, phase in enumerate(phases, start=1):
        _set_trainable(base, phase)
        training = {id(variable): variable for variable in model.trainable_variables}
        if previous and previous[0] != phase.unfreeze_from and previous[1] == set(training):
            raise ValueError(
                f"Phase {number} (unfreeze_from={phase.unfreeze_from!r}) trains exactly what phase "
                f"{number - 1} (unfreeze_from={previous[0]!r}) trains: it unfreezes nothing new. "
                "Name a layer further from the top, one that holds weights."
            )
        previous = phase.unfreeze_from, set(training)
        union |= training
    return list(union.values())


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
