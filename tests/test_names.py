"""The names task: one right answer for each name, honest splits, draws that repeat."""

import unicodedata
from collections import Counter

import numpy as np
import pytest

from helpers import names
from helpers.names import TARGETS, load_names_task, name_tables

CODES = list(TARGETS)


def named(task_split):
    """What each text of a split names in its language."""
    tables = name_tables()
    found = []
    for text, label in zip(*task_split, strict=True):
        entries = [entry for entry, name in tables[CODES[label]].items() if name == text]
        found.append({entry.split("_")[0] for entry in entries})
    return found


def test_splits_have_the_promised_sizes_types_and_names():
    task = load_names_task(3)
    for split, each in ((task.train, 3), (task.validation, 60), (task.test, 100)):
        assert np.bincount(split.labels).tolist() == [each] * 10
        assert split.labels.dtype == np.int64
        assert split.texts.dtype.kind == "U"
        assert split.texts.shape == split.labels.shape
    assert task.class_names == tuple(TARGETS.values())
    assert (task.class_names[2], CODES[2]) == ("Finnish", "fi")


def test_every_name_belongs_to_its_language_and_to_no_other():
    tables = name_tables()
    spelled = Counter(name for table in tables.values() for name in set(table.values()))
    task = load_names_task(133)
    for split in (task.train, task.validation, task.test):
        for text, label in zip(*split, strict=True):
            assert text in tables[CODES[label]].values()
            assert spelled[text] == 1


def test_no_split_names_what_another_one_names():
    task = load_names_task(133)
    train, validation, test = (
        set().union(*named(split)) for split in (task.train, task.validation, task.test)
    )
    assert train and validation and test
    assert not (train & validation or train & test or validation & test)


def test_no_name_is_there_twice():
    task = load_names_task(133)
    texts = np.concatenate([task.train.texts, task.validation.texts, task.test.texts])
    assert len(set(texts)) == len(texts) == 10 * (133 + 60 + 100)


def test_languages_and_countries_are_mixed_in_every_split():
    task = load_names_task(50)
    for split in (task.train, task.validation, task.test):
        kinds = Counter(entry.split()[0] for entries in named(split) for entry in entries)
        assert min(kinds["territory"], kinds["language"]) > 0.2 * len(split.labels)


def test_the_seed_alone_decides_the_draw():
    first, again, other = (load_names_task(5, seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.train.texts, again.train.texts)
    np.testing.assert_array_equal(first.train.texts, load_names_task(5).train.texts)
    assert set(first.train.texts) != set(other.train.texts)
    np.testing.assert_array_equal(first.validation.texts, other.validation.texts)
    np.testing.assert_array_equal(first.test.texts, other.test.texts)


def test_training_order_is_shuffled():
    labels = load_names_task(5).train.labels
    assert len(set(labels[:10].tolist())) > 3


@pytest.mark.parametrize("number", [0, -1, 134])
def test_impossible_numbers_of_names_are_refused(number):
    with pytest.raises(ValueError, match=f"names_per_language is {number}; .* 1 to 133\\."):
        load_names_task(number)


def test_tables_hold_normalised_latin_names():
    tables = name_tables()
    assert tables["fi"]["territory FI"] == "suomi"
    assert tables["de"]["language fr"] == "französisch"
    assert "territory GR" not in tables["el"]
    letters = {c for table in tables.values() for name in table.values() for c in name}
    assert all("LATIN" in unicodedata.name(c) for c in letters if c.isalpha())
    assert all(any(c.isalpha() for c in name) for name in tables["fi"].values())
    assert all(name == names.normalise(name) for name in tables["vi"].values())
