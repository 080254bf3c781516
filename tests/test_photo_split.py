"""Splits without leakage, refusals that help, and an honest interval."""

import numpy as np
import pandas as pd
import pytest

from helpers.photo_folder import PhotoFolder
from helpers.photo_split import accuracy_interval, accuracy_table, five_folds


def photo_folder(counts, groups=None):
    labels = np.repeat(np.arange(len(counts)), counts)
    return PhotoFolder(
        class_names=tuple("abcdefghijkl"[: len(counts)]),
        paths=np.array([f"{n}.jpg" for n in range(len(labels))]),
        labels=labels,
        groups=np.arange(len(labels)) if groups is None else np.array(groups),
        report=pd.DataFrame(),
    )


@pytest.mark.parametrize("counts", [(20, 20), (60, 20, 5), (10,) * 12])
def test_each_photo_is_tested_once_and_every_part_has_the_same_mixture(counts):
    photos = photo_folder(counts)
    folds = five_folds(photos)
    tested = np.concatenate([test for _, test in folds])
    assert sorted(tested) == list(range(sum(counts)))
    for train, test in folds:
        assert sorted([*train, *test]) == list(range(sum(counts)))
        in_test = np.bincount(photos.labels[test], minlength=len(counts))
        assert (np.abs(in_test - np.array(counts) / 5) <= 1).all()
        assert in_test.min() >= 1


def test_near_identical_photos_stay_on_one_side():
    groups = np.arange(60) // 3
    for train, test in five_folds(photo_folder((30, 30), groups)):
        assert not set(groups[train]) & set(groups[test])


def test_the_same_seed_cuts_in_the_same_way_and_another_differently():
    photos = photo_folder((30, 30))
    one, again, other = (five_folds(photos, seed=seed)[0][1].tolist() for seed in (1, 1, 2))
    assert one == again != other


def test_one_class_is_refused():
    with pytest.raises(ValueError, match="only one class, 'a': a classifier needs two or more"):
        five_folds(photo_folder((30,)))


def test_classes_with_few_different_photos_are_refused_by_name():
    with pytest.raises(ValueError, match=r"photos of 'b' \(2\), 'c' \(4\): each class needs 5"):
        five_folds(photo_folder((5, 2, 4)))
    twins = [0, 0, 1, 1, 2, 3, *range(10, 20)]
    with pytest.raises(ValueError, match=r"photos of 'a' \(4\): each"):
        five_folds(photo_folder((6, 10), twins))
    assert len(five_folds(photo_folder((5, 5)))) == 5


def test_the_interval_is_wilsons():
    low, high = accuracy_interval(45, 50)  # worked out by hand from Wilson's formula
    z, n, p = 1.959964, 50, 0.9
    middle, half = p + z * z / (2 * n), z * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    np.testing.assert_allclose(
        [low, high], (middle + np.array([-half, half])) / (1 + z * z / n), rtol=1e-5
    )
    assert accuracy_interval(np.int64(5), 5)[1] == 1.0
    assert accuracy_interval(5, 5)[0] == pytest.approx(0.5655, abs=1e-3)


def test_the_table_counts_and_gives_the_interval_of_each_line():
    right = {"all": np.array([True, True, False, True]), "none": np.zeros(0, bool)}
    table = accuracy_table(right)
    assert table.columns.tolist() == ["right", "tested", "accuracy", "low", "high"]
    assert table.loc["all"].tolist() == [3, 4, 0.75, *accuracy_interval(3, 4)]
    assert table.loc["none", ["right", "tested"]].tolist() == [0, 0]
    assert table.loc["none", ["accuracy", "low", "high"]].isna().all()
