"""Exercise 01: pixels, files and features of a base."""

from functools import cache
from typing import Any

import keras
import numpy as np

from helpers.bases import load_base
from helpers.checks import Question, Wrong
from helpers.data import Split, load_letters_sample
from helpers.exercises.averages import check_averages
from helpers.exercises.tools import accuracy, listed, need, need_model, outputs, same
from helpers.pixels import check_pixels

READS = 0.9
"""A batch is usable where glyphnet reads this share of what it reads in the originals."""


@cache
def _reader() -> keras.Model:
    return load_base("glyphnet", include_top=True)


@cache
def _best() -> float:
    return accuracy(_reader(), load_letters_sample())


@cache
def _shares() -> dict[str, float]:
    labels = load_letters_sample().labels
    return {name: accuracy(_reader(), Split(x, labels)) for name, x in four_batches().items()}


def four_batches() -> dict[str, np.ndarray]:
    """The sample of printed letters, as four colleagues sent it.

    Returns:
        By name pictures, float32, `(n, 28, 28, 1)`, in the order of `load_letters_sample().labels`.

    Lesson: 01
    """
    images = load_letters_sample().images
    changed = {"A": images * 0.7, "B": 255 - images, "C": images / 255}
    return changed | {"D": np.rot90(images, axes=(1, 2)).copy()}


def _check_pictures(pictures: Any) -> str:
    """The sample of letters, in its order, as glyphnet is to get it."""
    pictures, letters = np.asarray(pictures), load_letters_sample()
    need(
        pictures.shape == letters.images.shape,
        f"Shape {pictures.shape}; the letters have the shape {letters.images.shape}.",
    )
    share = accuracy(_reader(), Split(pictures, letters.labels))
    best = _best()
    try:
        check_pixels(_reader(), pictures)
    except ValueError as error:
        raise Wrong(f"glyphnet reads {share:.0%} of your letters. {error}") from error
    need(
        share > best - 0.02,
        f"Your pixels run from {pictures.min():.3g} to {pictures.max():.3g}, the right scale, but "
        f"glyphnet reads {share:.0%} of them and {best:.0%} of the originals: they are other "
        "pictures.",
    )
    return (
        f"Your pixels run from {pictures.min():.3g} to {pictures.max():.3g}, and glyphnet reads "
        f"{share:.0%} of the letters. It scales them itself."
    )


def _check_loaded(base: Any, original: keras.Model) -> str:
    """A base from a file for pixels from -1 to 1, and the network that was saved."""
    need_model(base)
    raw = np.random.default_rng(0).uniform(0, 255, (4, 28, 28, 1)).astype("float32")
    features = outputs(base, raw)
    scales = {
        "as they come, 0 to 255": raw,
        "scaled to 0 to 1": raw / 255,
        "scaled to -1 to 1": raw / 127.5 - 1,
        "scaled to -1 to 1 twice": (raw / 127.5 - 1) / 127.5 - 1,
    }
    found = [name for name, x in scales.items() if same(features, outputs(original, x))]
    need(
        bool(found),
        "From raw pixels your base gives features that the saved network gives on no scale that "
        "this check knows: neither 0 to 255, nor 0 to 1, nor -1 to 1. Are these its weights?",
    )
    need(
        found[0] == "scaled to -1 to 1",
        f"Given raw pixels, your base hands them to the network {found[0]}. It was trained on "
        "-1 to 1, and nothing in Keras says so.",
    )
    return "From raw pixels your base gives the features that the network gives on -1 to 1."


def _check_batches(usable: Any) -> str:
    """A judgement on four batches of pictures: `{"A": True, ...}`."""
    shares = _shares()
    need(
        isinstance(usable, dict) and set(usable) == set(shares),
        f"Give a dictionary with True or False for each of {listed(shares)}.",
    )
    best = _best()
    for name, share in shares.items():
        numbers = f"glyphnet reads {share:.0%} of it, and {best:.0%} of the originals"
        truth = share >= READS * best
        need(usable[name] is not ..., f"Batch {name} waits for True or False.")
        need(bool(usable[name]) or not truth, f"You refuse {name}, but {numbers}. {WHY[name]}")
        need(not usable[name] or truth, f"You accept {name}, but {numbers}. {WHY[name]}")
    said = ", ".join(f"{name} {share:.0%}" for name, share in shares.items())
    return f"glyphnet reads {said}, and {best:.0%} of the originals. {' '.join(WHY.values())}"


WHY = {
    "A": "The letters of A are dimmer, on the right scale.",
    "B": "The letters of B are dark on white. check_pixels lets them pass: they lie in 0 to 255.",
    "C": "The pixels of C run from 0 to 1: check_pixels(glyphnet, batch) says so.",
    "D": "The letters of D lie on their side. check_pixels looks at the scale only: draw a few.",
}


QUESTIONS = (
    Question(
        "raw-pixels",
        "The pixels that glyphnet expects",
        _check_pictures,
        (
            "Print pictures.min() and pictures.max(). Which range does a base from load_base take?",
            "Every base from load_base takes raw pixels, 0 to 255, and scales them itself.",
            "The letters come as raw pixels already: pictures = letters.images",
        ),
    ),
    Question(
        "own-file",
        "A file that does not say which pixels it takes",
        _check_loaded,
        (
            "The note says -1 to 1. load_base can be told; or put the scaling in front yourself.",
            "load_base has an option input_range=(low, high). In plain Keras, Rescaling(scale, "
            "offset) comes first: 0 must become -1, and 255 must become 1.",
            "base = load_base(file, input_range=(-1, 1))",
        ),
    ),
    Question(
        "averages",
        "A model that gives averaged feature maps",
        check_averages,
        (
            "base.get_layer(name).output is the tensor of maps. It holds no numbers yet, so NumPy "
            "cannot average it; a layer of Keras can: keras.layers.GlobalAveragePooling2D.",
            "keras.Model(inputs, outputs) builds a model from base.input to any tensor behind it.",
            "maps = base.get_layer(name).output, and then "
            "keras.Model(base.input, keras.layers.GlobalAveragePooling2D()(maps))",
        ),
    ),
    Question(
        "four-batches",
        "Which pictures would you trust?",
        _check_batches,
        (
            "Print the smallest and the largest pixel of each batch, and draw two pictures of it: "
            "plot_images(batch[:2]). Where that stops, the message is a witness, too.",
            "The labels are known: compare how many letters glyphnet reads in each batch and in "
            "letters.images.",
            "np.mean(whole.predict(batch, verbose=0).argmax(axis=1) == letters.labels); only one "
            "of the four comes close to the originals.",
        ),
    ),
)
