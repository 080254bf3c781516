"""Ways of doing a thing with this course's helpers, each timed beside plain Keras.

The speed of a machine swings while it works. So both ways take turns, each turn gives one ratio,
and `make bench` shows the middle one with the quartiles. The first row times plain Keras against
itself: what it shows is chance.
"""

import pkgutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

import helpers
from helpers.bases import load_base
from helpers.data import load_digits_task
from helpers.doctor import examine
from helpers.features import extract_features, split_at
from helpers.freezing import freeze, unfreeze_from
from helpers.photo_pixels import photo_batches
from helpers.surgery import attach_head
from helpers.training import layerwise_optimizer

LOSS, EPOCHS, PHOTOS, SIZE = "sparse_categorical_crossentropy", 10, 64, 224

Work = Callable[[], object]


@dataclass(frozen=True)
class Comparison:
    """Two ways of doing one thing.

    Attributes:
        name: what is compared, and with what.
        ours: makes our way ready, and returns it.
        plain: the same for plain Keras.
        turns: how often both are timed.
    """

    name: str
    ours: Callable[[], Work]
    plain: Callable[[], Work]
    turns: int


def training_step(optimizer: Callable[[keras.Model, keras.Model], keras.Optimizer]) -> Work:
    """A step on 32 pictures, with the whole of glyphnet training."""
    base = load_base("glyphnet")
    model = attach_head(base, classes=10)
    unfreeze_from(base, "block_1_conv")
    model.compile(optimizer(model, base), LOSS)
    images, labels = load_digits_task(4).train
    batch = keras.ops.convert_to_tensor(images[:32]), keras.ops.convert_to_tensor(labels[:32])
    return lambda: model.train_on_batch(*batch)


def adam(model: keras.Model, base: keras.Model) -> keras.Optimizer:
    """Plain Keras."""
    return keras.optimizers.Adam(1e-4)


def layerwise(model: keras.Model, base: keras.Model) -> keras.Optimizer:
    """A rate for each layer."""
    return layerwise_optimizer(model, 1e-4, base=base, decay=0.5)


Given = tuple[keras.Model, np.ndarray, np.ndarray]
"""A base, and pictures with their labels."""


def digits() -> Given:
    """Glyphnet and 500 digits."""
    return load_base("glyphnet"), *load_digits_task(50).train


def noise() -> Given:
    """MobileNetV2, without a download, and pictures of noise as large as its photos."""
    pictures = np.random.default_rng(0).uniform(0, 255, (PHOTOS, SIZE, SIZE, 3))
    return load_mobilenet(), pictures.astype("float32"), np.arange(PHOTOS) % 10


def classifier(base: keras.Model, boundary: str | None) -> keras.Model:
    """A base with a head, trained from a boundary on; None: the head alone."""
    model = attach_head(base, classes=10)
    if boundary:
        unfreeze_from(base, boundary)
    else:
        freeze(base)
    model.compile(keras.optimizers.Adam(1e-4), LOSS)
    return model


def end_to_end(given: Callable[[], Given], boundary: str | None = None) -> Work:
    """Ten epochs through the whole network."""
    base, x, y = given()
    model = classifier(base, boundary)
    return lambda: model.fit(x, y, epochs=EPOCHS, verbose=0)


def on_a_cache(given: Callable[[], Given], boundary: str | None = None) -> Work:
    """Once through the frozen part, ten epochs through what lies above it."""
    base, x, y = given()
    lower, upper = split_at(classifier(base, boundary), boundary or "head_pool")
    upper.compile(keras.optimizers.Adam(1e-4), LOSS)
    return lambda: upper.fit(extract_features(lower, x), y, epochs=EPOCHS, verbose=0)


def mobilenet() -> keras.Model:
    """A base of keras.applications, without a download."""
    options = {"weights": None, "include_top": False, "input_shape": (SIZE, SIZE, 3)}
    return keras.applications.MobileNetV2(alpha=0.35, **options)


def load_mobilenet() -> keras.Model:
    """The same with its pixel contract."""
    return load_base("MobileNetV2", weights=None, alpha=0.35, input_shape=(SIZE, SIZE, 3))


def whole_mobilenet() -> tuple[keras.Model, np.ndarray]:
    """A compiled classifier on MobileNetV2, and a batch of noise."""
    base = load_mobilenet()
    freeze(base)
    model = attach_head(base, classes=10)
    model.compile(keras.optimizers.Adam(1e-3), LOSS)
    return model, np.random.default_rng(0).uniform(0, 255, (32, SIZE, SIZE, 3)).astype("float32")


def examined() -> Work:
    """An examination with one batch."""
    model, photos = whole_mobilenet()
    return lambda: examine(model, data=(photos, np.arange(32) % 10))


def forward() -> Work:
    """One forward pass of the same batch."""
    model, photos = whole_mobilenet()
    return lambda: model.predict_on_batch(photos)


@cache
def drawn_photos() -> tuple[tempfile.TemporaryDirectory, list[str]]:
    """JPEG files of 1,200 by 900 pixels, of soft noise, in a folder that goes with the process."""
    folder, random = tempfile.TemporaryDirectory(), np.random.default_rng(0)
    paths = [f"{folder.name}/{number}.jpg" for number in range(PHOTOS)]
    for path in paths:
        soft = tf.image.resize(random.uniform(0, 255, (90, 120, 3)), (900, 1200), "bicubic")
        tf.io.write_file(path, tf.io.encode_jpeg(tf.cast(tf.clip_by_value(soft, 0, 255), "uint8")))
    return folder, paths


def photos_by_helper() -> Work:
    """Pillow on all processors: decoded at half size, upright and smooth."""
    _, paths = drawn_photos()
    return lambda: sum(len(batch) for batch in photo_batches(paths, size=SIZE))


def photos_by_tensorflow(ratio: int) -> Work:
    """`tf.io.decode_jpeg`, at a part of each side, and `tf.image.resize` on all processors."""

    def read(path: tf.Tensor) -> tf.Tensor:
        photo = tf.io.decode_jpeg(tf.io.read_file(path), channels=3, ratio=ratio)
        return tf.cast(tf.image.resize(photo, (SIZE, SIZE)), "uint8")

    files = tf.data.Dataset.from_tensor_slices(drawn_photos()[1])
    photos = files.map(read, num_parallel_calls=tf.data.AUTOTUNE).batch(32)
    return lambda: sum(len(batch) for batch in photos)


def all_helpers() -> list[str]:
    """Every module of the package."""
    return [f"helpers.{module.name}" for module in pkgutil.iter_modules(helpers.__path__)]


def start_python(line: str) -> Work:
    """A new Python process that runs one line."""
    return lambda: subprocess.run([sys.executable, "-c", line], check=True)


COMPARISONS = (
    Comparison(
        "training step: Adam beside itself",
        lambda: training_step(adam),
        lambda: training_step(adam),
        400,
    ),
    Comparison(
        "training step: layer-wise rates beside Adam",
        lambda: training_step(layerwise),
        lambda: training_step(adam),
        400,
    ),
    Comparison(
        "ten epochs of a head, glyphnet: on cached features beside end to end",
        lambda: on_a_cache(digits),
        lambda: end_to_end(digits),
        7,
    ),
    Comparison(
        "ten epochs of a head, MobileNetV2: on cached features beside end to end",
        lambda: on_a_cache(noise),
        lambda: end_to_end(noise),
        5,
    ),
    Comparison(
        "ten epochs of fine-tuning, glyphnet: on a cache below block 6 beside end to end",
        lambda: on_a_cache(digits, "block_6_conv"),
        lambda: end_to_end(digits, "block_6_conv"),
        7,
    ),
    Comparison(
        "ten epochs of fine-tuning, MobileNetV2: on a cache below block 13 beside end to end",
        lambda: on_a_cache(noise, "block_13_expand"),
        lambda: end_to_end(noise, "block_13_expand"),
        5,
    ),
    Comparison(
        "MobileNetV2 built: load_base beside keras.applications",
        lambda: load_mobilenet,
        lambda: mobilenet,
        9,
    ),
    Comparison(
        "examine with a batch of 32, MobileNetV2, beside one forward pass", examined, forward, 15
    ),
    Comparison(
        f"{PHOTOS} photos read: helpers beside tf.io.decode_jpeg",
        photos_by_helper,
        lambda: photos_by_tensorflow(ratio=1),
        15,
    ),
    Comparison(
        f"{PHOTOS} photos read: helpers beside tf.io.decode_jpeg(ratio=2)",
        photos_by_helper,
        lambda: photos_by_tensorflow(ratio=2),
        15,
    ),
    Comparison(
        "Python started: all helpers imported beside Keras alone",
        lambda: start_python(f"import {', '.join(all_helpers())}"),
        lambda: start_python("import keras"),
        7,
    ),
)


def seconds(work: Work) -> float:
    """How long a work takes."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def compare(comparison: Comparison) -> np.ndarray:
    """Time both in turns, every other turn in the other order: `(2, turns)` seconds, ours first."""
    pair: Sequence[Work] = [comparison.ours(), comparison.plain()]
    for work in pair:
        seconds(work)  # the first time builds graphs
    times = np.empty((2, comparison.turns))
    for turn in tqdm(range(comparison.turns), desc=comparison.name):
        for which in (0, 1) if turn % 2 else (1, 0):
            times[which, turn] = seconds(pair[which])
    return times
