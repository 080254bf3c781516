"""Phases of training: which part of a base trains, how long, at what rate."""

from collections.abc import Sequence
from dataclasses import dataclass, field


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
        if self.epochs != int(self.epochs) or self.epochs < 1:
            raise ValueError(f"epochs={self.epochs}: a phase needs a whole number, 1 or more.")
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
        TypeError: a single name instead of a list.

    Lesson: 05
    Source: Howard and Ruder, 2018, https://arxiv.org/abs/1801.06146
    """
    if isinstance(layer_names, str):
        raise TypeError(f"layer_names={layer_names!r} is a single name: put it into a list.")
    if not layer_names:
        raise ValueError("layer_names is empty: name the first layer of at least one block.")
    if not 0 < decay <= 1:
        raise ValueError(
            f"decay={decay}: give a number above 0, up to 1 (the same rate throughout)."
        )
    blocks = [Phase(epochs, rate * decay**k, name) for k, name in enumerate(layer_names)]
    return [Phase(head_epochs, head_rate), *blocks]
