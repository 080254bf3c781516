"""Counts are exact; times are positive, and follow the work."""

import time

import keras
import numpy as np
import pytest
import tensorflow as tf

from helpers.speed import (
    files_read,
    files_read_ahead,
    photos_per_second,
    save_photos,
    seconds_per_photo,
    step_times,
)


@pytest.fixture
def files():
    return tf.data.Dataset.from_tensor_slices([f"{k}.jpg" for k in range(30)])


def test_photos_are_large_and_show_the_same(tmp_path):
    images = np.zeros((3, 8, 8, 1), "float32")
    images[1, 2:6, 2:6] = 255
    paths = save_photos(images, tmp_path, enlarge=8)
    assert paths == sorted(str(path) for path in tmp_path.iterdir())
    found = np.stack([keras.utils.img_to_array(keras.utils.load_img(path)) for path in paths])
    assert found.shape == (3, 64, 64, 3)
    blocks = found.reshape(3, 8, 8, 8, 8, 3).mean(axis=(2, 4, 5))
    assert np.abs(blocks - images[..., 0]).max() < 6


def test_files_are_counted_however_they_are_read(files, tmp_path):
    kept = str(tmp_path / "cache")
    assert files_read(files, lambda names: names) == 30
    assert files_read(files, lambda names: names.batch(4), epochs=3) == 90
    assert files_read(files, lambda names: names.cache(), epochs=3) == 30
    assert files_read(files, lambda names: names.cache(kept)) == 30
    assert files_read(files, lambda names: names.cache(kept)) == 0
    assert files_read(files, lambda names: names.shard(3, 0)) == 30
    assert files_read(files.shard(3, 0), lambda names: names) == 10


def test_a_prefetch_reads_ahead(files):
    options = tf.data.Options()
    options.experimental_optimization.apply_default_optimizations = False

    def literally(names):
        return names.batch(4).with_options(options)

    assert files_read_ahead(files, literally, seconds=0.2) == 4
    ahead = files_read_ahead(files, lambda names: literally(names).prefetch(2), seconds=0.5)
    assert 12 <= ahead <= 16


def test_a_cache_spares_a_slow_pipeline(files):
    def wait():
        time.sleep(0.01)
        return 0

    slow = files.map(lambda name: tf.py_function(wait, [], "int32"))
    without = photos_per_second(slow.batch(5), epochs=1)
    assert 0 < without < 100
    assert photos_per_second(slow.cache().batch(5), epochs=2) > without


@pytest.fixture
def model():
    layers = [keras.Input((32, 32, 3)), keras.layers.Conv2D(32, 5), keras.layers.Flatten()]
    model = keras.Sequential([*layers, keras.layers.Dense(2, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


def test_the_first_step_builds_the_graph(model):
    first, others = step_times(model, np.ones((4, 32, 32, 3), "float32"), np.zeros(4, "int64"))
    assert first > others > 0


def test_training_takes_longer_than_predicting(model):
    assert seconds_per_photo(model, 64, train=True) > seconds_per_photo(model, 64) > 0
