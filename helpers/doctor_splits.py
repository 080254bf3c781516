"""The doctor's checks of the data: splits that overlap or differ, a cache at the wrong place."""

from collections.abc import Iterator
from itertools import combinations

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError

from helpers.doctor_case import Case
from helpers.doctor_data import is_image
from helpers.doctor_findings import Finding
from helpers.doctor_pixels import ROWS, look

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


def check_cache(case: Case) -> Iterator[Finding]:
    """Find a `cache` that comes after random augmentation in a `tf.data` pipeline.

    Args:
        case: a model with a dataset. What cannot be written down as a graph is passed over.

    Yields:
        `cache-after-augmentation`.

    Lesson: 12
    """
    for name, dataset in case.datasets.items():
        random_ops = _cached_randomness(dataset)
        if random_ops:
            yield Finding(
                code="cache-after-augmentation",
                severity="error",
                title=f"The pipeline of {name!r} caches after random augmentation",
                evidence=f"Before cache(): {', '.join(random_ops)}.",
                why="The first epoch's random pictures are kept: every epoch shows the same ones.",
                fix="dataset.cache().map(augment).prefetch(tf.data.AUTOTUNE)",
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


def _cached_randomness(dataset: tf.data.Dataset) -> list[str]:
    """The random operations on the way to a cache, read from the graph of the dataset."""
    try:
        variant = tf.data.experimental.to_variant(dataset)
        text = tf.raw_ops.DatasetToGraphV2(input_dataset=variant, external_state_policy=1)
        graph = tf.compat.v1.GraphDef.FromString(text.numpy())
    except (tf.errors.OpError, ValueError, DecodeError):  # no graph, or one above 2 GB
        return []
    nodes = {node.name: node for node in graph.node}
    library = {function.signature.name: function for function in graph.library.function}
    caches = [node for node in graph.node if node.op.startswith("CacheDataset")]
    above = {name: nodes[name] for cache in caches for name in _upstream(cache, nodes)}
    return sorted({op for node in above.values() for op in _random_ops(node, library)})


def _upstream(node: tf.compat.v1.NodeDef, nodes: dict) -> set[str]:
    waiting, seen = [node], set()
    while waiting:
        for source in waiting.pop().input:
            name = source.split(":")[0].lstrip("^")
            if name in nodes and name not in seen:
                seen.add(name)
                waiting.append(nodes[name])
    return seen


def _random_ops(node: tf.compat.v1.NodeDef, library: dict) -> set[str]:
    """The random operations in the functions that a node calls, and in those they call."""
    waiting, seen, found = _called(node), set(), set()
    while waiting:
        name = waiting.pop()
        if name in library and name not in seen:
            seen.add(name)
            for inner in library[name].node_def:
                waiting.extend(_called(inner))
                if "Random" in inner.op and "GetKeyCounter" not in inner.op:
                    found.add(inner.op)
    return found


def _called(node: tf.compat.v1.NodeDef) -> list[str]:
    attributes = node.attr.values()
    return [
        name for a in attributes for name in (a.func.name, *(f.name for f in a.list.func)) if name
    ]
