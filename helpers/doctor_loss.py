"""The doctor's checks of head, loss and labels: do they speak of the same thing?"""

from collections.abc import Iterator

import numpy as np

from helpers.doctor_case import Case
from helpers.doctor_findings import Finding
from helpers.doctor_head import BINARY, CATEGORICAL, SPARSE, Head, heads_of

PROBABILITIES = ("softmax", "sigmoid")
ENOUGH_LABELS = 20
"""Labels for each class from which on a class that never occurs is no chance."""


def check_outputs(case: Case) -> Iterator[Finding]:
    """Find heads that disagree with their loss or their labels.

    Args:
        case: the model.

    Yields:
        `one-unit-softmax`, `activation-loss`, `labels-loss` or `class-count`, one at most for
        each output.

    Lesson: 12
    """
    for head in heads_of(case):
        for check in (_one_unit, _logits, _wrong_activation, _label_form, _class_count):
            finding = check(head)
            if finding:
                yield finding
                break


def _one_unit(head: Head) -> Finding | None:
    many = head.loss.name in CATEGORICAL + SPARSE
    if head.units != 1 or (head.activation != "softmax" and not many):
        return None
    sigmoid = head.activation != "softmax"
    return Finding(
        code="one-unit-softmax",
        severity="error",
        title=f"{head.name!r} has one unit, treated as if it had several classes",
        evidence=f"1 unit, activation {head.activation}, loss {head.loss.name}.",
        why="One sigmoid unit, as attach_head gives for two classes, goes with "
        "binary_crossentropy; this loss needs one unit for each class."
        if sigmoid
        else "Softmax over one unit is always 1: the output never changes and nothing is learned.",
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
        evidence=f"{head.name!r}: {_units(head)}, activation {head.activation}; loss "
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
        evidence=f"{head.name!r}: {_units(head)}, activation {wrong}.",
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
        said = "one number each" if columns == 1 else f"{columns} numbers each"
        fix = 'Dense(1, activation="sigmoid") for labels 0 and 1'
    else:
        return None
    return Finding(
        code="labels-loss",
        severity="error",
        title=f"{head.loss.name} does not go with labels that are {said}",
        evidence=f"Labels of the shape {y.shape}, such as {y[0].tolist()}; {head.name!r} has "
        f"{_units(head)}.",
        why="At best fit stops with a message about ranks or shapes; at worst numbers are "
        "stretched to fit, and a wrong loss goes down.",
        fix=fix,
    )


def _class_count(head: Head) -> Finding | None:
    misfit = _misfit(head, head.known_labels)
    if misfit is None:
        return None
    found, fix = misfit
    return Finding(
        code="class-count",
        severity="error",
        title=f"{head.name!r} has {_units(head)}, which does not fit the labels",
        evidence=f"Labels: {found}; units: {head.units}; loss {head.loss.name}.",
        why="A label without a unit gives an error, a loss of NaN or, with one sigmoid unit, one "
        "that falls below zero without end; a unit without a label is a class that does not "
        "exist.",
        fix=fix,
    )


def _units(head: Head) -> str:
    return f"{head.units} unit{'' if head.units == 1 else 's'}"


def _misfit(head: Head, y: np.ndarray | None) -> tuple[str, str] | None:
    """What the labels are, and what would fit them; None where the units do."""
    if y is None or not head.units:
        return None
    if head.loss.name in BINARY:
        found, wrong = f"from {y.min():g} to {y.max():g}", y.min() < 0 or y.max() > 1
        fix = "labels 0 and 1, or one unit for each class"
    elif head.classes is not None:
        found, wrong = _numbered(head.classes, head.units)
        from_one = head.classes.min() == 1 and head.classes.max() == head.units
        fix = "labels - 1, so that they count from 0"
        if not from_one:
            fix = f"keras.layers.Dense({int(y.max()) + 1}, ...), labels counted from 0"
    else:
        found, wrong = f"{y.shape[-1]} columns", y.shape[-1] != head.units
        fix = f"keras.layers.Dense({y.shape[-1]}, ...)"
    return (found, fix) if wrong else None


def _numbered(classes: np.ndarray, units: int) -> tuple[str, bool]:
    different = len(np.unique(classes))
    found = f"{different} classes, from {classes.min():g} to {classes.max():g}"
    spare = different < units and len(classes) >= ENOUGH_LABELS * units
    return found, bool(classes.min() < 0 or classes.max() >= units or spare)
