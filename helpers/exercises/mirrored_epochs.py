"""Follow a dataset of photos through an epoch: which of them come mirrored."""

import numpy as np
import tensorflow as tf
from scipy.spatial.distance import cdist

from helpers.exercises.tools import need


def mirrored(data: tf.data.Dataset, photos: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Say which photos come mirrored in one epoch, in which each must come once, with its label.

    Args:
        data: batches of photos and labels, in any order.
        photos: uint8 `(n, height, width, 3)`, as they are.
        labels: `(n,)`.

    Returns:
        bool `(n,)`.

    Raises:
        Wrong: something else than these photos, mirrored or not, comes out.

    Lesson: 09
    """
    x, y = _one_epoch(data, len(photos))
    need(
        x.shape == photos.shape and y.shape == labels.shape,
        f"An epoch gives photos {x.shape} and labels {y.shape}; expected, in batches, "
        f"{photos.shape} and {labels.shape}.",
    )
    found = _nearest(x, np.concatenate([photos, photos[:, :, ::-1]]))
    which = found % len(photos)
    need(len(set(which)) == len(photos), "Some photos come twice in an epoch, others never.")
    need((y == labels[which]).all(), "Some photos come with the label of another one.")
    return (found >= len(photos))[np.argsort(which)]


def _nearest(x: np.ndarray, versions: np.ndarray) -> np.ndarray:
    few = (each[:, ::8, ::8].reshape(len(each), -1) for each in (x, versions))
    apart = cdist(*few, "chebyshev")
    strange = int(np.sum(apart.min(axis=1) > 2))
    need(
        strange == 0,
        f"{strange} of {len(x)} are neither a photo nor its mirror image. Your pixels run from "
        f"{x.min():.3g} to {x.max():.3g}, those of the photos from {versions.min()} to "
        f"{versions.max()}.",
    )
    return apart.argmin(axis=1)


def _one_epoch(data: tf.data.Dataset, most: int) -> tuple[np.ndarray, np.ndarray]:
    xs, ys, count = [], [], 0
    for element in data.as_numpy_iterator():
        need(isinstance(element, tuple) and len(element) == 2, "Give pairs of photos and labels.")
        need(np.ndim(element[0]) == 4, "Give batches: an element holds one photo at a time.")
        xs.append(element[0].astype("float32"))
        ys.append(element[1])
        count += len(element[0])
        need(count <= most, f"An epoch gives more than the {most} photos: is there a repeat()?")
    need(count > 0, "The dataset is empty.")
    return np.concatenate(xs), np.concatenate(ys)
