"""The outputs of a model as heads: each with its units, its activation, its loss and its labels."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np

from helpers.doctor_case import Case
from helpers.doctor_outputs import (
    Loss,
    activation_of,
    behaviour_of,
    labels_of,
    losses_of,
    output_layers,
)

CATEGORICAL = ("categoricalcrossentropy", "categoricalfocalcrossentropy")
SPARSE = ("sparsecategoricalcrossentropy",)
BINARY = ("binarycrossentropy", "binaryfocalcrossentropy")


@dataclass(frozen=True)
class Head:
    """One output with its loss and its labels.

    Attributes:
        name: of its layer.
        units: how many numbers it gives for an example; None where that cannot be told.
        activation: as `activation_of` names it.
        loss: on this output.
        labels: for this output, in whatever form they come; None without data.

    Lesson: 12
    """

    name: str
    units: int | None
    activation: str | None
    loss: Loss
    labels: np.ndarray | None

    @property
    def known_labels(self) -> np.ndarray | None:
        """The labels as they are, where they are numbers."""
        usable = isinstance(self.labels, np.ndarray) and self.labels.dtype.kind in "buif"
        return self.labels if usable and self.labels.size else None

    @property
    def classes(self) -> np.ndarray | None:
        """The labels as whole numbers, where they come as a number for each example."""
        y = self.known_labels
        plain = y is not None and (y.ndim == 1 or (y.ndim == 2 and y.shape[1] == 1))
        return y.reshape(-1) if plain else None


def heads_of(case: Case) -> Iterator[Head]:
    """Find the heads that are classifiers.

    Args:
        case: the model.

    Yields:
        One for each output whose loss is a cross-entropy, but for those that give a label to each
        step or pixel.

    Lesson: 12
    """
    model, x, ends = case.model, case.batch.x, output_layers(case.model)
    count = len(ends) or 1
    labels = labels_of(case.batch.y, model, count)
    for loss, end, y in zip_longest(losses_of(model, count), ends, labels):
        shape = getattr(getattr(end, "output", None), "shape", None)
        table = shape is None or len(shape) == 2
        if loss is None or loss.name not in CATEGORICAL + SPARSE + BINARY or not table:
            continue
        units = shape[-1] if shape else getattr(end, "units", None)
        activation = activation_of(end) if end else None
        if None in (units, activation) and count == 1 and model.built and x is not None:
            units, activation = behaviour_of(model, x)
        yield Head(end.name if end else model.name, units, activation, loss, y)
