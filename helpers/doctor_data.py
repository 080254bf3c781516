"""The data before the doctor: a batch, a `tf.data.Dataset`, or splits by name."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf


class Samples(NamedTuple):
    """Inputs and labels of one split, as arrays; None where there are none.

    Lesson: 12
    """

    x: Any
    y: Any


def read_splits(data: Any) -> tuple[dict[str, Samples], dict[str, tf.data.Dataset]]:
    """Bring data into one form.

    Args:
        data: a batch `(x, y)`, a `tf.data.Dataset` (its first batch is read), or a dictionary of
            splits by name, each one of the two (a dataset is read whole there, once, unless it is
            endless); or None.

    Returns:
        The examples by split, a single batch as the split `"data"`; and the splits that are
        datasets.

    Raises:
        TypeError: anything else.

    Lesson: 12
    """
    if data is None:
        return {}, {}
    if not isinstance(data, Mapping):
        _check(data, "data")
        datasets = {"data": data} if isinstance(data, tf.data.Dataset) else {}
        return {"data": _first(data) if datasets else _pair(data)}, datasets
    for name, split in data.items():
        _check(split, f"data[{name!r}]")
    datasets = {name: each for name, each in data.items() if isinstance(each, tf.data.Dataset)}
    whole = {name: _whole(each) if name in datasets else _pair(each) for name, each in data.items()}
    return whole, datasets


def is_image(x: Any) -> bool:
    """Tell whether inputs are one batch of images.

    Args:
        x: anything.

    Returns:
        Whether it is an array of numbers `(n, height, width, channels)` with some content.

    Lesson: 12
    """
    return isinstance(x, np.ndarray) and x.ndim == 4 and x.size > 0 and x.dtype.kind in "buif"


def _check(split: Any, name: str) -> None:
    listed = isinstance(split, (tuple, list))
    if isinstance(split, tf.data.Dataset) or (listed and len(split) > 1):
        return
    kind = f"{type(split).__name__} of {len(split)}" if listed else type(split).__name__
    raise TypeError(
        f"{name} is a {kind}: give a batch (x, y), a tf.data.Dataset, or a "
        'dictionary of splits such as {"train": (x, y), "validation": (x, y)}.'
    )


def _first(dataset: tf.data.Dataset) -> Samples:
    return _pair(next(iter(dataset.take(1)), (None, None)))


def _whole(dataset: tf.data.Dataset) -> Samples:
    if dataset.cardinality() == tf.data.INFINITE_CARDINALITY:
        return _first(dataset)
    pairs = [_pair(batch) for batch in dataset]
    joined = [keras.tree.map_structure(_joined, *column) for column in zip(*pairs, strict=True)]
    return Samples(*joined) if pairs else Samples(None, None)


def _joined(*parts: np.ndarray | None) -> np.ndarray | None:
    return None if parts[0] is None else np.concatenate(parts)


def _pair(batch: Any) -> Samples:
    x, y = batch[:2] if isinstance(batch, (tuple, list)) else (batch, None)
    return Samples(_arrays(x), _arrays(y))


def _arrays(values: Any) -> Any:
    """Arrays in the structure that the values come in; a list of numbers is one array."""
    if isinstance(values, (list, tuple)) and not any(hasattr(each, "shape") for each in values):
        return np.asarray(values)
    return keras.tree.map_structure(lambda each: None if each is None else np.asarray(each), values)
