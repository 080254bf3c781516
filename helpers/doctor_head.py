"""The doctor's checks of head, loss and labels: do they speak of the same thing?"""

from collections.abc import Iterator
from dataclasses import dataclass

import keras
import numpy as np

from helpers.doctor_case import Case
from helpers.doctor_findings import Finding
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
PROBABILITIES = ("softmax", "sigmoid")
ENOUGH_LABELS = 20
"""Labels for each class from which on a class that never occurs is no chance."""


@dataclass(frozen=True)
class Head:
    """One output with its loss and its labels."""

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


def check_outputs(case: Case) -> Iterator[Finding]:
    """Find heads that disagree with their loss or their labels.

    Args:
        case: the model.

    Yields:
        `one-unit-softmax`, `activation-loss`, `labels-loss` or `class-count`, one at most for
        each output.

    Lesson: 12
    """
    for head in _heads(case):
        for check in (_one_unit, _logits, _wrong_activation, _label_form, _class_count):
            finding = check(head)
            if finding:
                yield finding
                break


def _heads(case: Case) -> Iterator[Head]:
    model = case.model
    ends = output_layers(model)
    count = len(ends) or 1
    labels = labels_of(case.batch.y, model, count)
    for number, loss in enumerate(losses_of(model, count)):
        if loss is None or loss.name not in CATEGORICAL + SPARSE + BINARY:
            continue
        end = ends[number] if number < len(ends) else None
        units, activation = _shape_of(end)
        if end is not None and len(getattr(getattr(end, "output", None), "shape", (0, 0))) != 2:
            continue  # a label for each step or pixel
        if (activation is None or units is None) and count == 1 and _can_run(case):
            units, activation = behaviour_of(model, case.batch.x)
        label = labels[number] if number < len(labels) else None
        yield Head(end.name if end else model.name, units, activation, loss, label)


def _shape_of(end: keras.Layer | None) -> tuple[int | None, str | None]:
    shape = getattr(getattr(end, "output", None), "shape", ())
    return (shape[-1] if shape else getattr(end, "units", None)), (
        activation_of(end) if end else None
    )


def _can_run(case: Case) -> bool:
    return case.model.built and case.batch.x is not None


def _one_unit(head: Head) -> Finding | None:
    many = head.loss.name in CATEGORICAL + SPARSE
    if head.units != 1 or (head.activation != "softmax" and not many):
        return None
    return Finding(
        code="one-unit-softmax",
        severity="error",
        title=f"{head.name!r} has one unit, treated as if it had several classes",
        evidence=f"1 unit, activation {head.activation}, loss {head.loss.name}.",
        why="Softmax over one unit is always 1: the output never changes and nothing is learned.",
        fix='keras.layers.Dense(1, activation="sigmoid") with loss="binary_crossentropy"',
    )


def _logits(head: Head) -> Finding | None:
    ends_in_probabilities = head.activation in PROBABILITIES
    if head.activation is None or ends_in_probabilities != head.loss.from_logits:
        return None
    expected = "raw scores (from_logits=True)" if ends_in_probabilities else "probabilities"
    return Finding(
        code="activation-loss",
        severity="error",
        title=f"The loss expects {expected}, but {head.name!r} ends in {head.activation}",
        evidence=f"{head.name!r}: {head.units} units, activation {head.activation}; loss "
        f"{head.loss.name} with from_logits={head.loss.from_logits}.",
        why="A softmax applied twice flattens every guess (Keras undoes that, with a warning, only "
        "where the softmax is the last operation of all); one left out feeds scores outside 0 to 1 "
        "to a logarithm. The loss still falls a little, which hides it.",
        fix="leave from_logits out, or use a Dense without activation"
        if ends_in_probabilities
        else "loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True) (the same for the "
        "other losses), or give the last Dense an activation",
    )


def _wrong_activation(head: Head) -> Finding | None:
    right, wrong = ("sigmoid", "softmax") if head.loss.name in BINARY else ("softmax", "sigmoid")
    if head.activation != wrong:
        return None
    return Finding(
        code="activation-loss",
        severity="error",
        title=f"{head.loss.name} goes with {right}, but {head.name!r} ends in {wrong}",
        evidence=f"{head.name!r}: {head.units} units, activation {wrong}.",
        why="Softmax makes the classes exclude each other, sigmoid lets each stand alone; the "
        "loss takes the other one for granted, and accuracy is counted its way.",
        fix='activation="softmax" with "sparse_categorical_crossentropy" for classes that exclude '
        'each other; Dense(1, activation="sigmoid") with "binary_crossentropy" for two',
    )


def _label_form(head: Head) -> Finding | None:
    y = head.known_labels
    if y is None or head.units is None:
        return None
    numbers, columns = head.classes is not None, y.shape[-1] if y.ndim > 1 else 1
    one_hot = not numbers and columns == head.units and set(np.unique(y)) <= {0, 1}
    if head.loss.name in SPARSE and one_hot and y.ndim == 2:
        said, fix = "one-hot rows", 'loss="categorical_crossentropy"'
    elif head.loss.name in CATEGORICAL and numbers:
        said, fix = "one whole number each", 'loss="sparse_categorical_crossentropy"'
    elif head.loss.name in BINARY and head.units != columns:
        said, fix = f"{columns} a row", 'Dense(1, activation="sigmoid") for labels 0 and 1'
    else:
        return None
    return Finding(
        code="labels-loss",
        severity="error",
        title=f"{head.loss.name} does not go with labels that are {said}",
        evidence=f"Labels of the shape {y.shape}, such as {y[0].tolist()}; {head.name!r} has "
        f"{head.units} units.",
        why="At best fit stops with a message about ranks or shapes; at worst numbers are "
        "stretched to fit, and a wrong loss goes down.",
        fix=fix,
    )


def _class_count(head: Head) -> Finding | None:
    y = head.known_labels
    if y is None or not head.units:
        return None
    if head.loss.name in BINARY:
        wrong = y.min() < 0 or y.max() > 1
        found, fix = (
            f"from {y.min():g} to {y.max():g}",
            "labels 0 and 1, or one unit for each class",
        )
    elif head.classes is not None:
        found, wrong = _numbered(head.classes, head.units)
        fix = f"keras.layers.Dense({int(y.max()) + 1}, ...), labels counted from 0"
    else:
        found, wrong = f"{y.shape[-1]} columns", y.shape[-1] != head.units
        fix = f"keras.layers.Dense({y.shape[-1]}, ...)"
    if not wrong:
        return None
    return Finding(
        code="class-count",
        severity="error",
        title=f"{head.name!r} has {head.units} units, which does not fit the labels",
        evidence=f"Labels: {found}; units: {head.units}; loss {head.loss.name}.",
        why="A label without a unit gives an error or a loss of NaN; a unit without a label is "
        "a class that does not exist.",
        fix=fix,
    )


def _numbered(classes: np.ndarray, units: int) -> tuple[str, bool]:
    different = len(np.unique(classes))
    found = f"{different} classes, from {classes.min():g} to {classes.max():g}"
    spare = different < units and len(classes) >= ENOUGH_LABELS * units
    return found, bool(classes.min() < 0 or classes.max() >= units or spare)
