"""The doctor's check of `tf.data` pipelines: a cache at the wrong place."""

from collections.abc import Iterator

import tensorflow as tf
from google.protobuf.message import DecodeError

from helpers.doctor_case import Case
from helpers.doctor_findings import Finding


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
