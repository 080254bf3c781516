"""The doctor's checks of splits: examples in two of them, classes in one, pixels that differ."""

from collections.abc import Iterator
from itertools import combinations

import numpy as np

from helpers.doctor_anatomy import some
from helpers.doctor_case import Case
from helpers.doctor_data import is_image
from helpers.doctor_findings import Finding
from helpers.doctor_head import heads_of
from helpers.doctor_pixels import ROWS, look

ENOUGH = 5
"""Examples of a class from which on it is no odd label."""

PROBES = 64
"""How many values of each example are compared first."""


def check_overlap(case: Case) -> Iterator[Finding]:
    """Find examples that are in two splits, by their content.

    Args:
        case: a model with several splits of arrays.

    Yields:
        `splits-overlap`.

    Lesson: 12
    """
    arrays = {name: each.x for name, each in case.splits.items() if isinstance(each.x, np.ndarray)}
    for one, other in combinations(arrays, 2):
        twins = _twins(arrays[one], arrays[other])
        if not twins:
            continue
        first = ", ".join(f"{one}[{i}] = {other}[{j}]" for i, j in twins[:3])
        share = len(twins) / len(arrays[other])
        yield Finding(
            code="splits-overlap",
            severity="error",
            title=f"{len(twins)} examples of {other!r} are also in {one!r}",
            evidence=f"{len(twins)} of {len(arrays[other])} ({share:.1%}), such as {first}.",
            why="A score on examples that the model has learned by heart says nothing about new "
            "ones.",
            fix="split once, before anything is shuffled: indices = rng.permutation(len(x)), cut "
            "into parts",
        )


def check_classes(case: Case) -> Iterator[Finding]:
    """Find classes that are validated or tested, but were never learned.

    Args:
        case: a compiled classifier with several splits, the one to learn from first; labels as
            whole numbers.

    Yields:
        `classes-never-learned`.

    Lesson: 12
    """
    if not any(heads_of(case)):
        return
    labels = {name: _whole_numbers(each.y) for name, each in case.splits.items()}
    known = {name: found for name, found in labels.items() if found is not None}
    first = next(iter(labels), None)
    for name, found in known.items():
        if first not in known or name == first:
            continue
        classes, counts = np.unique(found, return_counts=True)
        new = classes[(counts >= ENOUGH) & ~np.isin(classes, known[first])]
        if len(new):
            share = np.isin(found, new).mean()
            yield Finding(
                code="classes-never-learned",
                severity="error",
                title=f"Classes of {name!r} never occur in {first!r}",
                evidence=f"Labels {some(list(map(str, new)), of='labels')}: {share:.0%} of "
                f"{name!r}, none of {first!r}.",
                why="A class without examples cannot be learned. As a rule the data were sorted, "
                "and validation_split takes the last rows as they stand.",
                fix="order = np.random.default_rng(0).permutation(len(x)); x, y = x[order], "
                "y[order]",
            )


def _whole_numbers(y: object) -> np.ndarray | None:
    """Labels as one row of whole numbers; None where they are of another form."""
    if not isinstance(y, np.ndarray) or y.dtype.kind not in "biu" or y.size != len(y):
        return None
    return y.reshape(-1)


def check_same_scale(case: Case) -> Iterator[Finding]:
    """Find splits whose pixels are scaled in different ways.

    Args:
        case: a model with several splits of images.

    Yields:
        `splits-scaled-differently`.

    Lesson: 12
    """
    images = {name: each.x for name, each in case.splits.items() if is_image(each.x)}
    looks = {name: look(x[:ROWS]) for name, x in images.items()}
    if len(set(looks.values())) < 2:
        return
    ranges = [f"{name}: {x.min():.4g} to {x.max():.4g}" for name, x in images.items()]
    yield Finding(
        code="splits-scaled-differently",
        severity="error",
        title="The splits are not preprocessed in the same way",
        evidence="; ".join(ranges) + ".",
        why="What the head learned on one range it cannot use on another: good in training, wrong "
        "on the pictures of tomorrow.",
        fix="put the scaling into the model, as its first layer, and feed raw pixels everywhere",
    )


def _twins(one: np.ndarray, other: np.ndarray) -> list[tuple[int, int]]:
    """For each example of the second array that is in the first: both places."""
    if one.shape[1:] != other.shape[1:] or 0 in (one.size, other.size):
        return []
    found = {}
    for i, key in enumerate(_keys(one)):
        found.setdefault(key, []).append(i)
    pairs = []
    for j, key in enumerate(_keys(other)):
        same = (i for i in found.get(key, []) if np.array_equal(one[i], other[j]))
        pairs.extend((i, j) for i in list(same)[:1])
    return pairs


def _keys(x: np.ndarray) -> list[bytes]:
    """A few values of each example, spread over it: enough to rule out most pairs."""
    rows = x.reshape(len(x), -1)
    step = max(1, rows.shape[1] // PROBES) | 1  # odd, so that it goes through all channels
    few = np.ascontiguousarray(rows[:, ::step])
    if few.dtype.kind not in "buif":
        return [repr(row.tolist()).encode() for row in few]
    return [row.tobytes() for row in few.astype("float64")]
