"""Measure: photos a second in a pipeline, files it reads, seconds that a model takes.

Seconds are wall time unless said: other programs on the machine add to them, so take the best of
several.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

Reader = Callable[[tf.Tensor], tf.Tensor]
Pipeline = Callable[[Reader], tf.data.Dataset]


def save_photos(images: np.ndarray, folder: str | os.PathLike, *, enlarge: int = 24) -> list[str]:
    """Save small grey pictures as large, noisy JPEG files, which take their time to decode.

    Args:
        images: float32, `(n, height, width, 1)`, 0 to 255.
        folder: an existing folder.
        enlarge: each pixel becomes a square of this side.

    Returns:
        The files, in the order of the images; each a colour photo of
        `(height * enlarge, width * enlarge)` pixels.

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


def files_read(pipeline: Pipeline, *, epochs: int = 1) -> int:
    """Count how many files a pipeline reads.

    Args:
        pipeline: takes what stands for the reader, a function of one name, and makes a dataset with
            it, such as `lambda read: files.map(read).cache()`. Nothing is read: each name that
            comes counts, and is given back instead of a photo.
        epochs: how often the pipeline is gone through.

    Returns:
        The number of names that came to the reader.

    Lesson: 11
    """
    read, names = _counting()
    data = pipeline(read)
    for _ in range(epochs):
        for _ in data:
            pass
    return len(names)


def files_read_ahead(pipeline: Pipeline, *, seconds: float = 0.5) -> int:
    """Count how many files a pipeline has read while its first batch is worked on.

    Args:
        pipeline: as for `files_read`, with `batch`.
        seconds: how long the work takes.

    Returns:
        The number of names that came to the reader until then.

    Lesson: 11
    """
    read, names = _counting()
    iterator = iter(pipeline(read))
    next(iterator)
    time.sleep(seconds)
    return len(names)


def literally(data: tf.data.Dataset) -> tf.data.Dataset:
    """Take a pipeline as it is written: `tf.data` neither rewrites it nor works ahead unasked.

    Args:
        data: any dataset.

    Returns:
        The same, without the default optimizations.

    Lesson: 11
    Source: https://www.tensorflow.org/api_docs/python/tf/data/experimental/OptimizationOptions
    """
    options = tf.data.Options()
    options.experimental_optimization.apply_default_optimizations = False
    return data.with_options(options)


def seconds_waited(batches: tf.data.Dataset, *, work: float = 0.1) -> float:
    """Go through a pipeline, work on each batch, and time the waiting alone.

    Args:
        batches: a dataset with two batches or more.
        work: seconds that the work on a batch takes; the processors are free meanwhile.

    Returns:
        Seconds that the work waited for a batch, the median of all but the first.

    Lesson: 11
    """
    iterator, waits, ended = iter(batches), [], False
    while not ended:
        begun = time.perf_counter()
        ended = next(iterator, None) is None
        waits.append(time.perf_counter() - begun)
        time.sleep(work)
    return float(np.median(waits[1:-1]))  # the last is the wait for the end


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
    first, *others = [_seconds(lambda: model.train_on_batch(x, y)) for _ in range(6)]
    return first, min(others)


def seconds_per_photo(work: Callable[[np.ndarray], Any], pixels: np.ndarray) -> float:
    """Time once what is done with a batch of photos; a first time may build a graph, too.

    Args:
        work: takes the batch, such as `model.predict_on_batch`; what it returns is waited for.
        pixels: float32, `(n, height, width, channels)`, or whatever `work` takes. The content does
            not change the time.

    Returns:
        Seconds for each photo.

    Lesson: 11
    """
    return _seconds(lambda: np.asarray(work(pixels))) / len(pixels)


def mobilenet_seconds() -> float:
    """Time how long MobileNetV2 takes to predict for photos of 160 x 160 pixels.

    Returns:
        Seconds of processor time for each photo, all processors together, which other programs
        disturb little: the best of four batches of 32 after a first.

    Lesson: 11
    """
    model = keras.applications.MobileNetV2(weights=None, input_shape=(160, 160, 3))
    pixels, seconds = np.ones((32, *model.input_shape[1:]), "float32"), []
    for _ in range(5):
        begun = time.process_time()
        model.predict_on_batch(pixels)
        seconds.append(time.process_time() - begun)
    return min(seconds[1:]) / len(pixels)


def mobilenet_seconds_with(**environment: str) -> float:
    """Measure `mobilenet_seconds` in a new Python, for settings that TensorFlow reads at its start.

    Args:
        **environment: variables to set, beside those of this process. Graphics cards are hidden.

    Returns:
        Seconds of processor time for each photo.

    Raises:
        RuntimeError: the other Python failed; the message ends with its errors.

    Lesson: 11
    """
    code = "from helpers.speed import mobilenet_seconds; print(mobilenet_seconds())"
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"CUDA_VISIBLE_DEVICES": "-1"} | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
    )
    if ran.returncode:
        raise RuntimeError(f"The new process ended with {ran.returncode}:\n{ran.stderr[-1000:]}")
    return float(ran.stdout.split()[-1])


def _rate(batches: tf.data.Dataset) -> float:
    begun = time.perf_counter()
    photos = sum(len(batch) for batch in batches)
    return photos / (time.perf_counter() - begun)


def _counting() -> tuple[Reader, list[bytes]]:
    """A reader that reads nothing, and the list of the names that came to it."""
    names: list[bytes] = []

    def note(name: bytes) -> bytes:
        """Write down a file, and pass it on."""
        names.append(name)
        return name

    def read(name: tf.Tensor) -> tf.Tensor:
        """Pass a name on as it is, and count it."""
        passed = tf.numpy_function(note, [name], tf.string)
        passed.set_shape(())
        return passed

    return read, names


def _seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun
