"""Time the recipe of lesson 09 beside two published ones, from JPEG files to a test accuracy.

    make bench

Same photos, same base, same image size, one process; the recipes take turns, seed by seed. Both
published recipes, of the Keras guide (https://keras.io/guides/transfer_learning/) and of the
TensorFlow tutorial (https://www.tensorflow.org/tutorials/images/transfer_learning), augment on the
fly and train a head on the frozen base first, for ten epochs here. Then they tune the base: the
guide all of it, the tutorial the layers from the 100th on. Of that stage only two epochs are timed,
for they take long; more can make the pages more accurate, and later. Their clocks stop while the
test photos are judged, and their photos are decoded only once; our time includes the test photos.
Seeds alone do not make runs repeat exactly; `repeatable` would, but it takes augmentation off the
second processor.

Results: data/results/photo_bench.csv. A run that it already holds is not measured again: delete the
file to measure anew. Where the photos are missing, it stays as it is, and the script says so.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from tqdm import tqdm

from data.results_files import RESULTS, read, write
from helpers.bases import load_base
from helpers.data import PhotoSplit
from helpers.downloads import missing_downloads
from helpers.features import split_at
from helpers.photo_head import fit_head, head_probabilities
from helpers.photo_model import build_classifier
from helpers.photo_pixels import run_on_photos
from helpers.photo_tuning import fine_tune, fine_tune_ensemble
from helpers.photos import load_clothing

PATH = RESULTS / "photo_bench.csv"
SIZE, BATCH = 224, 32
EPOCHS = {"frozen": 10, "fine-tuned": 2}
BOUNDARY = "block_13_expand"
SEEDS = 3

Point = tuple[str, float, float]
"""What was reached, after how many seconds, and its test accuracy."""


def photo_base() -> keras.Model:
    """MobileNetV2 at a third of its width, with ImageNet weights; it takes raw pixels."""
    return load_base("MobileNetV2", alpha=0.35, input_shape=(SIZE, SIZE, 3))


def head_alone() -> Iterator[Point]:
    """One pass over the photos and their mirror images, and a linear head."""
    begun = time.perf_counter()
    task, base = load_clothing(), photo_base()
    model = keras.Model(base.input, keras.layers.GlobalAveragePooling2D()(base.output))
    (features,) = run_on_photos(model, task.train.paths, mirrored=True)
    head = fit_head(features, task.train.labels, classes=10)
    (new,) = run_on_photos(model, task.test.paths)
    answers = head_probabilities(new[0], head)
    yield "head alone", time.perf_counter() - begun, right(answers, task.test)


def fine_tuned(tune: Callable[..., keras.Model], stage: str) -> Iterator[Point]:
    """Photos and mirror images up to the boundary, a head, then what lies above the boundary.

    A test photo's answer is the mean of two: for the photo and for its mirror image.
    """
    begun = time.perf_counter()
    task, base = load_clothing(), photo_base()
    pooled = keras.layers.GlobalAveragePooling2D()(base.output)
    both = keras.Model(base.input, [split_at(base, BOUNDARY)[0].output, pooled])
    activations, features = run_on_photos(both, task.train.paths, mirrored=True)
    model = build_classifier(base, fit_head(features, task.train.labels, classes=10))
    upper = tune(model, BOUNDARY, activations, task.train.labels)
    new, _ = run_on_photos(both, task.test.paths, mirrored=True)
    views = [upper.predict(view.astype("float32"), batch_size=128, verbose=0) for view in new]
    answers = np.mean(views, axis=0)
    yield stage, time.perf_counter() - begun, right(answers, task.test)


def right(answers: np.ndarray, split: PhotoSplit) -> float:
    """Share of photos that are told right."""
    return float(np.mean(answers.argmax(axis=1) == split.labels))


@dataclass(frozen=True)
class Published:
    """A recipe from a page that many copy: epochs on a frozen base, then epochs that tune it.

    Attributes:
        rotation: by how much photos are turned at random, as a share of a full turn.
        head_rate: learning rate of Adam on the frozen base.
        tuning: makes the optimizer of the second stage.
        first: position of the first layer of the base that learns then, in keras.applications.
    """

    rotation: float
    head_rate: float
    tuning: Callable[[], keras.Optimizer]
    first: int


GUIDE = Published(0.1, 1e-3, lambda: keras.optimizers.Adam(1e-5), first=0)
TUTORIAL = Published(0.2, 1e-4, lambda: keras.optimizers.RMSprop(1e-5), first=100)


def published(recipe: Published) -> Iterator[Point]:
    """Epochs on a frozen base, then some that tune it; each photo is augmented anew in each."""
    begun = time.perf_counter()
    task, base = load_clothing(), photo_base()
    augment = keras.Sequential(
        [keras.layers.RandomFlip("horizontal"), keras.layers.RandomRotation(recipe.rotation)]
    )
    mixed = pixels(task.train).shuffle(len(task.train.labels)).batch(BATCH)
    train = mixed.map(
        lambda x, y: (augment(tf.cast(x, "float32"), training=True), y), num_parallel_calls=2
    )
    test = pixels(task.test).batch(BATCH)
    model = on_top_of(base)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    judged = 0.0
    for stage, epochs in EPOCHS.items():
        if stage == "frozen":
            base.trainable, optimizer = False, keras.optimizers.Adam(recipe.head_rate)
        else:
            open_from(base, recipe.first)
            optimizer = recipe.tuning()
        model.compile(optimizer, loss)
        for epoch in tqdm(range(epochs), desc=stage):
            model.fit(train.prefetch(2), verbose=0)
            paused = time.perf_counter()
            found = right(model.predict(test, verbose=0), task.test)
            judged += time.perf_counter() - paused
            yield f"{stage}, epoch {epoch + 1}", time.perf_counter() - begun - judged, found


def on_top_of(base: keras.Model) -> keras.Model:
    """The head of both pages: pooling, Dropout and a Dense layer that gives logits."""
    inputs = keras.Input((SIZE, SIZE, 3))
    x = keras.layers.GlobalAveragePooling2D()(base(inputs, training=False))
    return keras.Model(inputs, keras.layers.Dense(10)(keras.layers.Dropout(0.2)(x)))


def open_from(base: keras.Model, first: int) -> None:
    """Make the layers of a base trainable from a position on."""
    plain = keras.applications.MobileNetV2(alpha=0.35, weights=None, include_top=False)
    closed = {layer.name for layer in plain.layers[:first]}
    base.trainable = True
    for layer in base.layers:
        layer.trainable = layer.name not in closed


def pixels(split: PhotoSplit) -> tf.data.Dataset:
    """Photos as the guide reads them, decoded once and kept."""

    def read(path: tf.Tensor, label: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        photo = tf.io.decode_jpeg(tf.io.read_file(path), channels=3)
        return tf.cast(tf.image.resize(photo, (SIZE, SIZE)), "uint8"), label

    files = tf.data.Dataset.from_tensor_slices((split.paths, split.labels))
    return files.map(read, num_parallel_calls=2).cache()


Run = tuple[str, str, Callable[[], Iterator[Point]]]
"""Whose recipe, the last point that it reaches, and what to run."""

ENSEMBLE: Run = (
    "this course",
    "ensemble of three",
    partial(fine_tuned, fine_tune_ensemble, "ensemble of three"),
)
RECIPES: list[Run] = [
    ("this course", "head alone", head_alone),
    ("this course", "fine-tuned", partial(fine_tuned, fine_tune, "fine-tuned")),
]
RECIPES += [
    (name, f"fine-tuned, epoch {EPOCHS['fine-tuned']}", partial(published, page))
    for name, page in (("Keras guide", GUIDE), ("TensorFlow tutorial", TUTORIAL))
]
RUNS = [(seed, run) for seed in range(SEEDS) for run in RECIPES] + [(0, ENSEMBLE)]
"""Each with its seed."""


def main() -> None:
    """Measure what is missing; the file is written after every run."""
    if missing := missing_downloads():
        print(f"The recipes for photos need {missing[0]}: {PATH.name} stays as it is.")
        return
    rows = read(PATH).to_dict("records") if PATH.exists() else []
    print(f"{PATH.name} holds {len(rows)} rows, which stay; the rest is measured now.")
    known = {(row["seed"], row["recipe"], row["stage"]) for row in rows}
    for seed, (recipe, last, run) in RUNS:
        if (seed, recipe, last) in known:
            continue
        keras.utils.clear_session()
        keras.utils.set_random_seed(seed)
        for stage, seconds, found in run():
            point = {"stage": stage, "seconds": round(seconds, 1), "test_accuracy": round(found, 4)}
            rows.append({"recipe": recipe, "seed": seed, **point})
        write(PATH, pd.DataFrame(rows), "python -m tests.bench.photo_bench")


if __name__ == "__main__":
    main()
