"""The course's pictures: handwritten digits to learn, printed letters to remember."""

import string
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf
from sklearn.datasets import load_digits

PICTURE_SIZE = 28
CLASSES = 10

# scikit-learn keeps the digits in the order of their collection: the same sequence of some 128
# digits comes fourteen times, one filled-in form after another. The set's authors count thirteen
# writers, so one of them may have filled in two. Form 8 begins at row 906, form 11 at row 1287.
POOL_END, VALIDATION_END, TEST_END = 906, 1287, 1797

LETTERS_FILE = Path(__file__).resolve().parent.parent / "data" / "letters_sample.npz"


class Split(NamedTuple):
    """Pictures and what they show.

    Attributes:
        images: float32, shape (n, 28, 28, 1), raw pixels 0..255, ink bright on black.
        labels: int64, shape (n,), the index of each picture's class.

    Lesson: 00
    """

    images: np.ndarray
    labels: np.ndarray


class TextSplit(NamedTuple):
    """Texts and their classes.

    Attributes:
        texts: str, shape (n,).
        labels: int64, shape (n,), the index of each text's class.

    Lesson: 08
    """

    texts: np.ndarray
    labels: np.ndarray


class PhotoSplit(NamedTuple):
    """Photos in files, and what they show.

    Attributes:
        paths: the files, sorted by class, then by name.
        labels: int64, `(n,)`, the index of each photo's class.

    Lesson: 09
    """

    paths: list[str]
    labels: np.ndarray


@dataclass(frozen=True)
class Task:
    """A classification task with its three splits, none of which shares an example with another.

    Attributes:
        train: the few labelled examples to learn from.
        validation: for choices such as rates, epochs and where to cut.
        test: for the figure that is reported, and for nothing else.
        class_names: name of every class, in the order of the labels.

    Lesson: 00
    """

    train: Split | TextSplit | PhotoSplit
    validation: Split | TextSplit | PhotoSplit
    test: Split | TextSplit | PhotoSplit
    class_names: tuple[str, ...]


def load_digits_task(examples_per_class: int, *, seed: int = 0) -> Task:
    """Load handwritten digits with few labelled examples, split by the hands that wrote them.

    Training examples come from the first seven of fourteen filled-in forms, validation pictures
    from the next three, test pictures from the last four: as far as the set allows, a model is
    tested on handwriting that it has never seen. Validation and test are the same for every seed.

    Args:
        examples_per_class: training pictures of each digit, 1 to 90.
        seed: which pictures of the pool are drawn; every seed gives another balanced draw.

    Returns:
        A Task whose training split holds 10 * examples_per_class pictures in random order.

    Raises:
        ValueError: if examples_per_class is below 1 or beyond what the pool holds.

    Lesson: 00
    Source: https://scikit-learn.org/stable/datasets/toy_dataset.html#digits-dataset
    """
    images, labels = _enlarged_digits()
    chosen = _draw(labels[:POOL_END], examples_per_class, np.random.default_rng(seed))
    return Task(
        train=Split(images[chosen], labels[chosen]),
        validation=_rows(images, labels, POOL_END, VALIDATION_END),
        test=_rows(images, labels, VALIDATION_END, TEST_END),
        class_names=tuple(string.digits),
    )


def load_letters_sample() -> Split:
    """Load printed letters that the bundled base never saw in training.

    Returns:
        A Split whose labels 0..51 stand for A..Z, a..z, the order of the base's own top.

    Raises:
        FileNotFoundError: if data/letters_sample.npz is missing.

    Lesson: 04
    """
    if not LETTERS_FILE.is_file():
        raise FileNotFoundError(
            f"{LETTERS_FILE} is missing; restore it with git, or make it with 'make data'."
        )
    with np.load(LETTERS_FILE) as stored:
        return Split(stored["images"].astype("float32"), stored["labels"].astype("int64"))


def repeatable(seed: int = 0) -> None:
    """Make everything that follows in this process repeat exactly on the same machine.

    A price of any seed, seen in Keras 3.15: `fit` on arrays then takes the examples in the same
    order in every epoch. Where that matters, mix them yourself: see `fit_on_activations`.
    Another: random augmentation in a `tf.data` pipeline uses one processor only, and Keras ignores
    `jit_compile`. Where speed matters more, `keras.utils.set_random_seed` will do.

    Args:
        seed: seeds Python's, NumPy's and TensorFlow's random numbers, 0 to 2**32 - 1.

    Lesson: 00
    Source: https://keras.io/examples/keras_recipes/reproducibility_recipes/
    """
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()


def _enlarged_digits() -> tuple[np.ndarray, np.ndarray]:
    """All digits as pixels 0..255, enlarged bilinearly from 8x8, and their labels."""
    digits = load_digits()
    small = (digits.images[..., None] * (255 / 16)).astype("float32")
    size = (PICTURE_SIZE, PICTURE_SIZE)
    images = keras.ops.image.resize(small, size, interpolation="bilinear")
    return keras.ops.convert_to_numpy(images), digits.target.astype("int64")


def _draw(labels: np.ndarray, per_class: int, rng: np.random.Generator) -> np.ndarray:
    """Shuffled positions of per_class random examples of each class."""
    most = int(np.bincount(labels).min())
    if not 1 <= per_class <= most:
        raise ValueError(
            f"examples_per_class is {per_class}; the pool holds enough for 1 to {most}."
        )
    by_class = [np.flatnonzero(labels == k) for k in range(CLASSES)]
    return rng.permutation(np.concatenate([rng.permutation(k)[:per_class] for k in by_class]))


def _rows(images: np.ndarray, labels: np.ndarray, start: int, stop: int) -> Split:
    """The pictures from row start up to, not including, row stop."""
    return Split(images[start:stop], labels[start:stop])
