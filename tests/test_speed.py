"""Counts are exact; times are positive, and follow the work."""

import time

import keras
import numpy as np
import pytest
import tensorflow as tf

from helpers.speed import (
    files_read,
    files_read_ahead,
    literally,
    mobilenet_seconds_with,
    photos_per_second,
    save_photos,
    seconds_per_photo,
    seconds_waited,
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
    assert files_read(files.map) == 30
    assert files_read(lambda read: files.map(read).batch(4), epochs=3) == 90
    assert files_read(lambda read: files.map(read).cache(), epochs=3) == 30
    assert files_read(lambda read: files.map(read).cache(kept)) == 30
    assert files_read(lambda read: files.map(read).cache(kept)) == 0
    assert files_read(lambda read: files.map(read).shard(3, 0)) == 30
    assert files_read(lambda read: files.shard(3, 0).map(read)) == 10
    assert files_read(lambda read: files.map(read, tf.data.AUTOTUNE).batch(4)) == 30


def until(condition, seconds=20):
    """Whether it became true: a busy machine takes longer, and the test waits."""
    deadline = time.monotonic() + seconds
    while not (met := condition()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return met


def test_a_prefetch_reads_ahead(files):
    assert files_read_ahead(lambda read: literally(files.map(read).batch(4)), seconds=0.2) == 4
    seconds = iter([0.1, 0.5, 2.5, 12.5])  # longer where the machine is busy

    def ahead():
        return files_read_ahead(
            lambda read: literally(files.map(read).batch(4)).prefetch(2), seconds=next(seconds)
        )

    assert until(lambda: 12 <= ahead() <= 16)


def test_with_a_prefetch_nobody_waits(files):
    def slow(name):
        return tf.py_function(lambda: time.sleep(0.02) or 0, [], "int32")

    data = literally(files.map(slow).batch(5))
    assert seconds_waited(data, work=0) > 0.1
    assert until(lambda: seconds_waited(data.prefetch(2), work=0.3) < 0.05)


def test_a_cache_spares_a_slow_pipeline(files):
    slow = files.map(lambda name: tf.py_function(lambda: time.sleep(0.01) or 0, [], "int32"))
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
    pixels, labels = np.ones((64, 32, 32, 3), "float32"), np.zeros(64, "int64")
    ways = [model.predict_on_batch, lambda pixels: model.train_on_batch(pixels, labels)]
    predict, train = (min(seconds_per_photo(way, pixels) for _ in range(4)) for way in ways)
    assert train > predict > 0


def test_seconds_are_for_each_photo():
    assert 0.05 <= seconds_per_photo(lambda pixels: time.sleep(0.5), np.ones((10, 2))) < 0.5


def test_a_new_process_gets_its_settings_and_tells_its_errors():
    assert 0 < mobilenet_seconds_with() < 1
    with pytest.raises(RuntimeError, match="(?s)ended with 1.*no-such-backend"):
        mobilenet_seconds_with(KERAS_BACKEND="no-such-backend")
