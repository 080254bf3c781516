"""A linear head on the frozen features of photos: fitted, tested, and with more and more photos."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import keras
import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn.utils.class_weight import compute_class_weight

from helpers.progress import progress

STRENGTH = 60
"""How freely the head may follow the training photos: C of a logistic regression, times their
number, variants included. Chosen on the validation photos of lesson 09."""

UNEVEN = 3
"""A class counts as rare if another has this many times as many photos."""


SHARES = (1 / 8, 1 / 4, 1 / 2, 1)
"""Of the training photos, in a learning curve."""


class Head(NamedTuple):
    """A linear classifier: `softmax(features @ kernel + bias)`.

    Attributes:
        kernel: float32 `(features, classes)`.
        bias: float32 `(classes,)`.
    """

    kernel: np.ndarray
    bias: np.ndarray


def fit_head(features: np.ndarray, labels: np.ndarray, *, classes: int) -> Head:
    """Fit a linear classifier on frozen features, the same in every run.

    It is a logistic regression on scaled features, written as a Dense layer. Where one class has
    three times as many photos as another, photos of rare classes count more.

    Args:
        features: `(variants, n, features)`: each photo as it is and, where given, mirrored.
        labels: `(n,)`, 0 to `classes - 1`; every class must occur.
        classes: how many there are.

    Returns:
        Weights for a Dense layer with softmax.

    Lesson: 09
    Source: https://scikit-learn.org/stable/modules/linear_model.html#logistic-regression
    """
    flat = features.reshape(-1, features.shape[-1]).astype("float32")
    scaler = StandardScaler().fit(flat)
    weights = class_weights(labels)
    fitted = LogisticRegression(C=STRENGTH / len(flat), max_iter=1000, class_weight=weights)
    fitted.fit(scaler.transform(flat), np.tile(labels, len(features)))
    kernel, bias = fitted.coef_.T, fitted.intercept_
    if classes == 2:  # scikit-learn keeps one column: how much more likely the second class is
        kernel, bias = np.hstack([0 * kernel, kernel]), np.append(0, bias)
    kernel = kernel / scaler.scale_[:, None]
    return Head(kernel.astype("float32"), (bias - scaler.mean_ @ kernel).astype("float32"))


def class_weights(labels: np.ndarray) -> dict[int, float] | None:
    """Weigh the photos of rare classes more, where the imbalance is strong.

    Args:
        labels: `(n,)`, 0 to the number of classes - 1; every class must occur.

    Returns:
        For each class the weight of its photos, as Keras and scikit-learn take it: all classes
        count equally then. None where no class has three times as many photos as another.

    Lesson: 09
    """
    counts = np.bincount(labels)
    if counts.max() < UNEVEN * counts.min():
        return None
    weights = compute_class_weight("balanced", classes=np.arange(len(counts)), y=labels)
    return dict(enumerate(weights.tolist()))


def head_probabilities(features: np.ndarray, head: Head) -> np.ndarray:
    """Apply a head.

    Args:
        features: `(n, features)`.
        head: what `fit_head` gave.

    Returns:
        float32 `(n, classes)`, probabilities.

    Lesson: 09
    """
    scores = features.astype("float32") @ head.kernel + head.bias
    return keras.ops.convert_to_numpy(keras.ops.softmax(scores))


def predict_folds(
    features: np.ndarray,
    labels: np.ndarray,
    folds: Sequence[tuple[np.ndarray, np.ndarray]],
    *,
    classes: int,
) -> np.ndarray:
    """Fit a head on each fold's training photos and apply it to its test photos.

    Args:
        features: `(variants, n, features)`, as for `fit_head`; tested is the first variant.
        labels: `(n,)`.
        folds: pairs of row numbers, as `five_folds` gives them.
        classes: how many there are.

    Returns:
        float32 `(tested, classes)`, probabilities for the test photos of all folds, in order.

    Lesson: 10
    """
    parts = []
    for train, test in folds:
        head = fit_head(features[:, train], labels[train], classes=classes)
        parts.append(head_probabilities(features[0, test], head))
    return np.concatenate(parts)


def learning_curve(
    features: np.ndarray,
    labels: np.ndarray,
    folds: Sequence[tuple[np.ndarray, np.ndarray]],
    *,
    classes: int,
) -> pd.DataFrame:
    """Measure how accuracy grows with photos: heads on an eighth, a quarter, a half and all.

    Args:
        features: `(variants, n, features)`, as for `fit_head`.
        labels: `(n,)`.
        folds: pairs of row numbers, as `five_folds` gives them.
        classes: how many there are.

    Returns:
        Accuracy on the test photos, 0 to 1: a row for each fold, a column for each share, named by
        the number of training photos in the first fold.

    Lesson: 10
    """
    columns = {}
    for share in progress(SHARES, "learning from more and more photos", unit="shares"):
        parts = [
            (_part(train, labels, share, fold), test) for fold, (train, test) in enumerate(folds)
        ]
        found = [predict_folds(features, labels, [part], classes=classes) for part in parts]
        columns[len(parts[0][0])] = [
            np.mean(each.argmax(axis=1) == labels[test])
            for each, (_, test) in zip(found, parts, strict=True)
        ]
    return pd.DataFrame(columns).rename_axis(index="fold", columns="photos")


def _part(rows: np.ndarray, labels: np.ndarray, share: float, seed: int) -> np.ndarray:
    """A share of the rows of each class, at least one, drawn at random."""
    mixed = np.random.default_rng(seed).permutation(rows)
    by_class = [mixed[labels[mixed] == label] for label in np.unique(labels[rows])]
    return np.concatenate([each[: math.ceil(share * len(each))] for each in by_class])
