"""Measure: photos a second in a pipeline, files it reads, seconds that a model takes."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

Pipeline = Callable[[tf.data.Dataset], tf.data.Dataset]


def save_photos(images: np.ndarray, folder: str | os.PathLike, *, enlarge: int = 24) -> list[str]:
    """Save small grey pictures as large, noisy JPEG files, which take their time to decode.

    Args:
        images: `(n, height, width, 1)`, 0 to 255.
        folder: an existing folder.
        enlarge: each pixel becomes a square of this side.

    Returns:
        The files, in the order of the images.

    Lesson: 11
    """
    paths = [Path(folder, f"{number:06}.jpg") for number in range(len(images))]
    height, width = images.shape[1] * enlarge, images.shape[2] * enlarge
    noise = np.random.default_rng(0).normal(0, 8, (height, width, 3))
    for number, (path, image) in enumerate(zip(paths, images, strict=True)):
        photo = image.repeat(enlarge, axis=0).repeat(enlarge, axis=1) + np.roll(noise, number)
        keras.utils.save_img(path, photo.clip(0, 255), scale=False, quality=90)
    return [str(path) for path in paths]


def photos_per_second(batches: tf.data.Dataset, *, epochs: int = 4) -> float:
    """Go through a pipeline several times and take the best epoch.

    Args:
        batches: batches of photos, `(n, height, width, channels)`.
        epochs: how often; a cache is filled in the first.

    Returns:
        Photos per second.

    Lesson: 11
    """
    return max(_rate(batches) for _ in range(epochs))


def files_read(files: tf.data.Dataset, pipeline: Pipeline, *, epochs: int = 1) -> int:
    """Count how many files a pipeline reads.

    Args:
        files: names; nothing is read, each name that passes counts.
        pipeline: what is done with the names, such as `lambda names: names.cache()`.
        epochs: how often the pipeline is gone through.

    Returns:
        The number of names that came out of `files`.

    Lesson: 11
    """
    names, passed = _counting(files)
    data = pipeline(names)
    for _ in range(epochs):
        for _ in data:
            pass
    return len(passed)


def files_read_ahead(files: tf.data.Dataset, pipeline: Pipeline, *, seconds: float = 1) -> int:
    """Count how many files a pipeline has read while its first batch is worked on.

    Args:
        files: as for `files_read`.
        pipeline: as for `files_read`, with `batch`.
        seconds: how long the work takes.

    Returns:
        The number of names that came out of `files` until then.

    Lesson: 11
    """
    names, passed = _counting(files)
    iterator = iter(pipeline(names))
    next(iterator)
    time.sleep(seconds)
    return len(passed)


def step_times(model: keras.Model, x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Time training steps on one batch.

    Args:
        model: compiled.
        x: inputs of the batch.
        y: labels of the batch.

    Returns:
        Seconds of the first step, in which the graph is built, and of the quickest of five others.

    Lesson: 11
    """
    first, *others = [
        _seconds(lambda: model.train_on_batch(x, y), time.perf_counter) for _ in range(6)
    ]
    return first, min(others)


def seconds_per_photo(model: keras.Model, photos: int, *, train: bool = False) -> float:
    """Time a model on one batch of blank photos: the content does not change the time.

    The clock is the processors' own, so that other programs disturb it little.

    Args:
        model: takes photos of a fixed size; compiled with whole-number labels, to train.
        photos: in the batch.
        train: take a training step; otherwise only predict.

    Returns:
        Seconds for each photo on all processors of this machine, if they have nothing else to do;
        the better of two runs after a first one, which builds the graph.

    Lesson: 11
    """
    pixels = np.ones((photos, *model.input_shape[1:]), "float32")
    labels = np.zeros(photos, "int64")

    def work() -> None:
        """One step, or one prediction."""
        if train:
            model.train_on_batch(pixels, labels)
        else:
            model.predict_on_batch(pixels)

    runs = [_seconds(work, time.process_time) for _ in range(3)]
    return min(runs[1:]) / photos / (os.cpu_count() or 1)


def _rate(batches: tf.data.Dataset) -> float:
    begun = time.perf_counter()
    photos = sum(len(batch) for batch in batches)
    return photos / (time.perf_counter() - begun)


def _counting(files: tf.data.Dataset) -> tuple[tf.data.Dataset, list[bytes]]:
    passed: list[bytes] = []

    def note(name: bytes) -> bytes:
        """Write down a file, and pass it on."""
        passed.append(name)
        return name

    return files.map(lambda name: tf.numpy_function(note, [name], tf.string)), passed


def _seconds(work: Callable[[], object], clock: Callable[[], float]) -> float:
    begun = clock()
    work()
    return clock() - begun
