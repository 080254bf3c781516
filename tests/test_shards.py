"""Shards hold what memory would hold; an interrupted run, or another machine, goes on with them."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from helpers.shards import read_shards, write_shards

PIXELS = np.random.default_rng(0).normal(size=(10, 6)).astype("float32")
NAMES = [f"{number}.jpg" for number in range(10)]
GROUPS = [NAMES[:4], NAMES[4:8], NAMES[8:]]
LABELS = np.arange(10) % 2


def read(name):
    return tf.gather(PIXELS, tf.strings.to_number(tf.strings.substr(name, 0, 1), tf.int32))


@pytest.fixture
def base():
    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input((6,)), keras.layers.Dense(3)])


@pytest.fixture
def asked():
    """Names that were read, and a reader that notes them."""
    names = []

    def note(name):
        names.append(name.decode())
        return name

    def noting(name):
        passed = tf.numpy_function(note, [name], tf.string)
        return tf.ensure_shape(read(passed), (6,))

    return names, noting


def test_they_hold_the_features_in_order(base, tmp_path):
    folder = tmp_path / "new" / "folder"
    shards = write_shards(base, GROUPS, read, folder)
    assert [np.load(shard).shape for shard in shards] == [(4, 3), (4, 3), (2, 3)]
    joined = np.concatenate([np.load(shard) for shard in shards])
    assert joined.dtype == "float32"
    assert np.allclose(joined, base.predict(PIXELS, verbose=0), atol=1e-6)
    assert sorted(folder.iterdir()) == [*shards, folder / "made_with.txt"]


def test_half_precision_takes_half_of_the_bytes(base, tmp_path):
    whole = write_shards(base, GROUPS, read, tmp_path / "whole")
    half = write_shards(base, GROUPS, read, tmp_path / "half", dtype="float16")
    for some, others in zip(whole, half, strict=True):
        assert np.load(others).nbytes * 2 == np.load(some).nbytes
        assert np.allclose(np.load(some), np.load(others), atol=1e-2)
    x, _ = next(iter(read_shards(half, LABELS, 5)))
    assert x.dtype == "float16" and x.shape == (5, 3)


def test_an_interrupted_run_reads_and_computes_only_what_is_missing(base, tmp_path, asked):
    def failing(name):
        there = tf.debugging.assert_none_equal(name, "6.jpg", message="no photo")
        with tf.control_dependencies([there]):
            return read(name)

    with pytest.raises(tf.errors.InvalidArgumentError, match="no photo"):
        write_shards(base, GROUPS, failing, tmp_path)
    assert [path.name for path in tmp_path.glob("*.npy")] == ["000000.npy"]
    names, noting = asked
    shards = write_shards(base, GROUPS, noting, tmp_path)
    assert sorted(names) == NAMES[4:]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *(shard.name for shard in shards),
        "made_with.txt",
    ]


def test_each_machine_writes_its_own_files_into_one_folder(base, tmp_path, asked):
    names, noting = asked
    first = write_shards(base, GROUPS, noting, tmp_path, worker=0, workers=2)
    assert sorted(names) == sorted(GROUPS[0] + GROUPS[2])
    assert [shard.exists() for shard in first] == [True, False, True]
    second = write_shards(base, GROUPS, noting, tmp_path, worker=1, workers=2)
    assert sorted(names[6:]) == GROUPS[1] and first == second
    joined = np.concatenate([np.load(shard) for shard in first])
    assert np.allclose(joined, base.predict(PIXELS, verbose=0), atol=1e-6)


def test_a_folder_of_other_features_is_refused(base, tmp_path):
    write_shards(base, GROUPS, read, tmp_path, settings="224 pixels")
    same = {"settings": "224 pixels"}
    other = keras.models.clone_model(base)
    other.set_weights([weight + 1 for weight in base.get_weights()])
    with pytest.raises(ValueError, match=f"(?s){tmp_path.name}.*another base"):
        write_shards(other, GROUPS, read, tmp_path, **same)
    for groups, options in [
        (GROUPS[:2], same),
        (GROUPS[::-1], same),
        (GROUPS, {"settings": "112 pixels"}),
        (GROUPS, same | {"dtype": "float16"}),
    ]:
        with pytest.raises(ValueError, match="another base"):
            write_shards(base, groups, read, tmp_path, **options)
    again = keras.models.clone_model(base)  # another name, the same weights
    again.set_weights(base.get_weights())
    assert len(write_shards(again, GROUPS, read, tmp_path, **same)) == 3


def test_fit_takes_them_like_arrays(base, tmp_path):
    shards = write_shards(base, GROUPS, read, tmp_path)
    whole, weights = base.predict(PIXELS, verbose=0), []
    data = read_shards(shards, LABELS, 3)
    assert len(data) == 4
    for given, options in [([data], {}), ([whole, LABELS], {"batch_size": 3})]:
        keras.utils.set_random_seed(0)
        head = keras.Sequential([keras.layers.Dense(2, activation="softmax")])
        head.compile("adam", "sparse_categorical_crossentropy")
        head.fit(*given, epochs=2, shuffle=False, verbose=0, **options)
        weights.append(head.get_weights())
    assert all(map(np.allclose, *weights))


def test_they_are_shuffled_within_and_among_files_anew_in_each_epoch(base, tmp_path):
    shards = write_shards(base, GROUPS, read, tmp_path)
    features = base.predict(PIXELS, verbose=0)
    data = read_shards(shards, np.arange(10), 10, seed=1)
    orders = []
    for _ in range(2):
        ((x, y),) = data
        orders.append(y.numpy().tolist())
        assert np.allclose(x, features[orders[-1]], atol=1e-6)
    assert all(sorted(order) == list(range(10)) for order in orders)
    assert len({tuple(order) for order in [*orders, range(10)]}) == 3


@pytest.mark.parametrize("count", [9, 11])
def test_labels_that_do_not_match_are_refused(base, tmp_path, count):
    shards = write_shards(base, GROUPS, read, tmp_path)
    with pytest.raises(ValueError, match=f"{count} labels for 10 features"):
        read_shards(shards, np.zeros(count, "int64"), 4)
