"""Photos of one colour each, and a model that tells the colours: small, quick, and never wrong."""

from pathlib import Path

import keras
import numpy as np
from PIL import Image

from helpers.data import PhotoSplit, Task
from helpers.pixels import PIXEL_INPUT

KINDS = ("red", "green", "blue")
SIDE = 24

PHOTOS = {  # red, green and blue of each photo, and what its label says
    "train": [((250, 0, 0), 1), ((0, 250, 0), 1), ((0, 0, 250), 2)],
    "validation": [
        ((200, 20, 20), 0),
        ((20, 130, 20), 0),
        ((20, 110, 20), 1),
        ((230, 20, 20), 1),
        ((20, 250, 20), 1),
        ((20, 20, 210), 1),
        ((20, 20, 255), 2),
        ((20, 190, 20), 2),
    ],
    "test": [((240, 0, 0), 0), ((0, 240, 0), 2), ((0, 0, 255), 1)],
}


def colour_model() -> keras.Model:
    """Make a model that tells red, green and blue; in the dark it says red.

    Returns:
        From raw pixels `(batch, SIDE, SIDE, 3)` to probabilities, with Dropout on the way.

    Lesson: 09
    """
    inputs = keras.Input((SIDE, SIDE, 3), name=PIXEL_INPUT)
    means = keras.layers.GlobalAveragePooling2D()(keras.layers.Rescaling(1 / 255)(inputs))
    dense = keras.layers.Dense(len(KINDS), activation="softmax")
    model = keras.Model(inputs, dense(keras.layers.Dropout(0.5)(means)), name="colours")
    dense.set_weights([4 * np.eye(3), np.array([0.5, 0, 0])])
    return model


def coloured_task(folder: Path) -> Task:
    """Write the photos, some with a wrong label, in all three splits.

    Args:
        folder: an empty one.

    Returns:
        A Task of PhotoSplits.

    Lesson: 09
    """
    splits = {}
    for split, rows in PHOTOS.items():
        paths = [str(folder / f"{split}_{number}.png") for number in range(len(rows))]
        for path, (colour, _) in zip(paths, rows, strict=True):
            Image.new("RGB", (40, 30), colour).save(path)
        splits[split] = PhotoSplit(paths, np.array([label for _, label in rows]))
    return Task(**splits, class_names=KINDS)
