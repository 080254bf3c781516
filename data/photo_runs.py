"""The experiments of lesson 09 on photographs, run by `make_evidence.py`.

They need the ImageNet weights and the photos, which are fetched once, and one pass over the photos
for each base, which is shared by all runs of a process.
"""

from collections.abc import Callable
from functools import cache, partial
from typing import NamedTuple

import keras
import numpy as np
from keras.optimizers import AdamW

from helpers.bases import load_base
from helpers.features import split_at
from helpers.freezing import unfreeze_from
from helpers.layerwise import layerwise_optimizer
from helpers.photo_head import Head, fit_head, head_probabilities
from helpers.photo_model import build_classifier
from helpers.photo_pixels import photo_batches, run_on_photos
from helpers.photo_tuning import (
    BATCH,
    MEMBER_EPOCHS,
    MEMBERS,
    Schedule,
    fine_tune,
    fine_tune_ensemble,
    fit_on_activations,
)
from helpers.photos import SPLITS, load_clothing
from helpers.surgery import attach_head

BOUNDARY = "block_13_expand"
BASES = {
    "MobileNet 0.25": partial(load_base, "MobileNet", alpha=0.25, input_shape=(224, 224, 3)),
    "MobileNetV2 0.35": partial(load_base, "MobileNetV2", alpha=0.35, input_shape=(224, 224, 3)),
}
load_photo_base = BASES["MobileNetV2 0.35"]
EPOCHS, RATE = 8, 2e-3
REGULAR = {"weight_decay": 1e-4, "global_clipnorm": 1.0}
"""Where BatchNormalization keeps still; chosen on the validation photos."""
ADAMW = partial(AdamW, **REGULAR)
FEW_STEPS = 200
"""The least steps of fine-tuning where photos are few."""
SCRATCH_SIZE, SCRATCH_STEPS, SCRATCH_RATE = 96, 600, 0.002
"""From scratch; chosen on the validation photos."""
BASE_PHOTOS = 80
"""Photos a class, in the comparison of bases."""
DECAY = 0.9  # of the rate, from layer to layer; the only value that was tried
OPENED = ("block_16_expand", "block_14_expand", BOUNDARY)
"""Where training begins in each of the phases of gradual unfreezing."""


class Extracted(NamedTuple):
    """One split after one pass over its photos; `variants` are photo and mirror image."""

    activations: np.ndarray
    features: np.ndarray
    labels: np.ndarray


@cache
def extracted(split: str) -> Extracted:
    """Activations at the boundary and pooled features of a split."""
    base = load_photo_base()
    pooled = keras.layers.GlobalAveragePooling2D()(base.output)
    both = keras.Model(base.input, [split_at(base, BOUNDARY)[0].output, pooled])
    photos = getattr(load_clothing(), split)
    return Extracted(*run_on_photos(both, photos.paths, mirrored=True), photos.labels)


@cache
def trained_head() -> Head:
    """The best linear head on frozen features: the same for every seed."""
    return fit_head(extracted("train").features, extracted("train").labels, classes=10)


def by_method(seed: int, method: str) -> dict[str, float]:
    """Ways to fine-tune."""
    train = extracted("train")
    model = build_classifier(load_photo_base(), trained_head())
    unfreeze_from(model, BOUNDARY)
    upper = split_at(model, BOUNDARY)[1]
    trained = METHODS[method](model, upper, train.activations, train.labels)
    return on_both(trained or upper)


def on_both(upper: keras.Model) -> dict[str, float]:
    """Accuracy on the validation photos and on the test photos."""
    return {
        f"{split}_accuracy": accuracy(upper, extracted(split)) for split in ("validation", "test")
    }


def accuracy(upper: keras.Model, split: Extracted) -> float:
    """Share of a split's photos that are told right, 0 to 1; mirror images are not asked."""
    found = upper.predict(split.activations[0].astype("float32"), batch_size=128, verbose=0)
    return float(np.mean(found.argmax(axis=1) == split.labels))


def frozen(model: keras.Model, upper: keras.Model, x: np.ndarray, labels: np.ndarray) -> None:
    """The head alone."""


def recipe(
    model: keras.Model, upper: keras.Model, x: np.ndarray, labels: np.ndarray, **options
) -> None:
    """That of the lesson: BatchNormalization trains, too."""
    fine_tune(model, BOUNDARY, x, labels, **options)


def ensemble(
    model: keras.Model, upper: keras.Model, x: np.ndarray, labels: np.ndarray
) -> keras.Model:
    """Three times the recipe, five epochs each; the mean of their answers."""
    return fine_tune_ensemble(model, BOUNDARY, x, labels)


def still(
    model: keras.Model,
    upper: keras.Model,
    x: np.ndarray,
    labels: np.ndarray,
    *,
    epochs: int = EPOCHS,
    make_optimizer: Callable[[Schedule], keras.Optimizer] = ADAMW,
) -> None:
    """Everything from the boundary on but BatchNormalization, which keeps still."""
    options = {"epochs": epochs, "rate": RATE, "make_optimizer": make_optimizer}
    fit_on_activations(upper, x, labels, **options)


def not_mirrored(model: keras.Model, upper: keras.Model, x: np.ndarray, labels: np.ndarray) -> None:
    """As `still`, on plain photos only, for twice the epochs."""
    still(model, upper, x[:1], labels, epochs=2 * EPOCHS)


def layerwise(model: keras.Model, upper: keras.Model, x: np.ndarray, labels: np.ndarray) -> None:
    """As `still`, with rates that fall from the head down to the boundary."""
    groups = {layer.name: 1.0 for layer in upper.layers if layer.weights}
    for depth, name in enumerate(reversed(groups)):
        groups[name] = DECAY**depth

    adamw = partial(layerwise_optimizer, upper, groups=groups, **REGULAR)
    still(model, upper, x, labels, make_optimizer=adamw)


def gradual(model: keras.Model, upper: keras.Model, x: np.ndarray, labels: np.ndarray) -> None:
    """As `still`, but the blocks join from the top, in three phases with a schedule each."""
    for first, epochs in zip(OPENED, (2, 3, 3), strict=True):
        unfreeze_from(model, first)
        still(model, upper, x, labels, epochs=epochs)


METHODS: dict[str, Callable[..., keras.Model | None]] = {
    "frozen": frozen,
    "BatchNorm trains": recipe,
    "BatchNorm trains, 15 epochs": partial(recipe, epochs=MEMBERS * MEMBER_EPOCHS),
    "ensemble of three": ensemble,
    "fine-tuned": still,
    "no mirror images": not_mirrored,
    "layer-wise rates": layerwise,
    "gradual": gradual,
}


def by_photos(seed: int, photos_per_class: int, method: str) -> dict[str, float]:
    """A network of the same form from scratch, the frozen base with a head, and fine-tuned."""
    rows = drawn(extracted("train").labels, photos_per_class, seed)
    if method == "from scratch":
        return from_scratch(rows)
    train = extracted("train")
    labels = train.labels[rows]
    head = fit_head(train.features[:, rows], labels, classes=10)
    model = build_classifier(load_photo_base(), head)
    upper = split_at(model, BOUNDARY)[1]
    if method == "fine-tuned":
        steps = -(-len(train.features) * len(rows) // BATCH)
        epochs = max(EPOCHS, -(-FEW_STEPS // steps))
        upper = fine_tune(model, BOUNDARY, train.activations[:, rows], labels, epochs=epochs)
    return on_both(upper)


def drawn(labels: np.ndarray, photos_per_class: int, seed: int) -> np.ndarray:
    """Rows of as many photos of each class, drawn at random."""
    mixed = np.random.default_rng(seed).permutation(len(labels))
    by_class = [mixed[labels[mixed] == label][:photos_per_class] for label in range(10)]
    return np.concatenate(by_class)


def from_scratch(rows: np.ndarray) -> dict[str, float]:
    """The fair opponent: new weights, small photos, mirror images, a rate that falls."""
    x, y = small("train")[rows], extracted("train").labels[rows]
    base = load_base(
        "MobileNetV2", weights=None, alpha=0.35, input_shape=(SCRATCH_SIZE, SCRATCH_SIZE, 3)
    )
    for layer in base.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.9
    model = attach_head(base, classes=10)
    rate = keras.optimizers.schedules.CosineDecay(SCRATCH_RATE, SCRATCH_STEPS)
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy")
    x, y = np.concatenate([x, x[:, :, ::-1]]), np.tile(y, 2)
    model.fit(x, y, epochs=-(-SCRATCH_STEPS // -(-len(x) // 32)), verbose=0)
    found = {}
    for split in ("validation", "test"):
        answers = model.predict(small(split), batch_size=128, verbose=0).argmax(axis=1)
        labels = getattr(load_clothing(), split).labels
        found[f"{split}_accuracy"] = float(np.mean(answers == labels))
    return found


@cache
def small(split: str) -> np.ndarray:
    """All photos of a split as pixels, for training from scratch."""
    paths = getattr(load_clothing(), split).paths
    return np.concatenate([*photo_batches(paths, size=SCRATCH_SIZE)])


@cache
def pooled_features(base: str) -> dict[str, np.ndarray]:
    """Frozen features of all plain photos, by split."""
    loaded = BASES[base]()
    pooled = keras.layers.GlobalAveragePooling2D()(loaded.output)
    model, task = keras.Model(loaded.input, pooled), load_clothing()
    return {split: run_on_photos(model, getattr(task, split).paths)[0] for split in SPLITS}


def by_base(seed: int, base: str) -> dict[str, float]:
    """A head on the frozen features of few plain photos; a draw serves both bases."""
    features, task = pooled_features(base), load_clothing()
    rows = drawn(task.train.labels, BASE_PHOTOS, seed)
    head = fit_head(features["train"][:, rows], task.train.labels[rows], classes=10)
    found = {}
    for split in ("validation", "test"):
        answers = head_probabilities(features[split][0], head).argmax(axis=1)
        found[f"{split}_accuracy"] = float(np.mean(answers == getattr(task, split).labels))
    return found


def experiments() -> dict[str, tuple[Callable[..., dict[str, float]], dict[str, list]]]:
    """What `make_evidence.py` runs, by the name of its results file."""
    return {
        "photos": (by_method, {"method": [*METHODS]}),
        "photo_examples": (
            by_photos,
            {"photos_per_class": [5, 20, 80], "method": ["from scratch", "frozen", "fine-tuned"]},
        ),
        "photo_bases": (by_base, {"base": [*BASES]}),
    }
