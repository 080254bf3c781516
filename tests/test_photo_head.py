"""A linear head on features: fitted, tested on what it did not see, and with more photos."""

import keras
import numpy as np
import pytest

from helpers.photo_head import fit_head, head_probabilities, learning_curve, predict_folds


def task(counts, *, variants=1, apart=2.0, seed=0):
    """Features of classes around points that lie apart, and labels."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(counts)), counts)
    middles = rng.normal(size=(len(counts), 8)) * apart
    features = middles[labels] + rng.normal(size=(variants, len(labels), 8))
    scale = np.array([1, 100, 0.01, 1, 1, 1, 1, 1])  # features of very different size
    return (features * scale + 5).astype("float16"), labels


def accuracy(probabilities, labels):
    return np.mean(probabilities.argmax(axis=1) == labels)


@pytest.mark.parametrize("classes", [2, 3])
def test_a_head_learns_and_gives_probabilities(classes):
    features, labels = task((30,) * classes)
    head = fit_head(features, labels, classes=classes)
    assert head.kernel.shape == (8, classes)
    assert head.bias.shape == (classes,)
    assert head.kernel.dtype == head.bias.dtype == np.float32
    probabilities = head_probabilities(features[0], head)
    assert probabilities.shape == (30 * classes, classes)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    assert accuracy(probabilities, labels) > 0.95


def test_a_head_is_a_dense_layer_with_softmax():
    features, labels = task((30, 30, 30))
    head = fit_head(features, labels, classes=3)
    dense = keras.layers.Dense(3, activation="softmax")
    dense.build((None, 8))
    dense.set_weights(head)
    np.testing.assert_allclose(
        dense(features[0].astype("float32")), head_probabilities(features[0], head), atol=1e-5
    )


def test_a_head_learns_from_every_variant():
    features, labels = task((10, 10), variants=2, apart=0.5)
    both, first = (fit_head(f, labels, classes=2) for f in (features, features[:1]))
    second = fit_head(features[1:], labels, classes=2)
    assert not np.allclose(both.kernel, first.kernel)
    assert not np.allclose(both.kernel, second.kernel)
    doubled = fit_head(features[[0, 1, 0, 1]], labels, classes=2)
    assert np.corrcoef(doubled.kernel[:, 1], both.kernel[:, 1])[0, 1] > 0.9


def test_rare_classes_count_more_where_the_imbalance_is_strong_and_only_there():
    def share_told_rare(counts):
        features, labels = task(counts, apart=0.3)
        head = fit_head(features, labels, classes=2)
        return np.mean(head_probabilities(features[0], head).argmax(axis=1))

    equally = share_told_rare((100, 34))  # less than three times as many
    assert share_told_rare((100, 33)) > equally + 0.05


def test_folds_are_tested_on_what_they_did_not_learn_and_on_the_first_variant():
    features, labels = task((20, 20), variants=2)
    features[1] += 1000 * labels[:, None]  # would give everything away
    features[1, :, 3] = 0
    folds = [(np.arange(0, 40, 2), np.array([7, 1])), (np.arange(1, 40, 2), np.array([0]))]
    probabilities = predict_folds(features[:1], labels, folds, classes=2)
    expected = [
        head_probabilities(
            features[0, test], fit_head(features[:1, train], labels[train], classes=2)
        )
        for train, test in folds
    ]
    np.testing.assert_allclose(probabilities, np.concatenate(expected), rtol=1e-5)
    whole = predict_folds(features, labels, folds, classes=2)
    with_both = fit_head(features[:, folds[1][0]], labels[folds[1][0]], classes=2)
    np.testing.assert_allclose(whole[2:], head_probabilities(features[0, [0]], with_both))


def test_the_learning_curve_counts_photos_and_rises():
    features, labels = task((80, 80), apart=0.4)
    order = np.random.default_rng(0).permutation(160)
    folds = [(np.setdiff1d(order, part), part) for part in np.array_split(order, 5)]
    curve = learning_curve(features, labels, folds, classes=2)
    assert curve.columns.tolist()[-1] == 128
    assert curve.columns.tolist()[0] in (16, 17)
    assert curve.shape == (5, 4)
    assert curve.index.name == "fold" and curve.columns.name == "photos"
    assert curve[128].mean() > curve.iloc[:, 0].mean() + 0.02
    whole = [
        accuracy(predict_folds(features, labels, [fold], classes=2), labels[fold[1]])
        for fold in folds
    ]
    np.testing.assert_allclose(curve[128], whole, atol=0.05)


def test_the_learning_curve_keeps_every_class_at_every_share():
    features, labels = task((40, 40, 3))
    folds = [(np.arange(83), np.arange(83))]
    curve = learning_curve(features, labels, folds, classes=3)
    assert curve.columns.tolist() == [11, 21, 42, 83]
    again = learning_curve(features, labels, folds, classes=3)
    assert curve.equals(again)
