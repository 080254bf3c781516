"""One file that takes a photo and gives the name of its class, with Keras alone."""

import os
from collections.abc import Sequence
from pathlib import Path

import keras
from keras import layers

from helpers.freezing import freeze
from helpers.photo_head import Head
from helpers.pixels import PIXEL_INPUT


def build_classifier(base: keras.Model, head: Head) -> keras.Model:
    """Put a fitted head on a base: average pooling, a little dropout for training, a Dense softmax.

    Args:
        base: a base that gives feature maps; it is frozen, and shared with the result.
        head: weights for the Dense layer, which is named `probabilities`.

    Returns:
        A model from the base's input to one probability a class.

    Lesson: 09
    """
    freeze(base)
    pooled = layers.GlobalAveragePooling2D(name="pool")(base.output)
    dropped = layers.Dropout(0.2, name="dropout")(pooled)
    dense = layers.Dense(len(head.bias), activation="softmax", name="probabilities")
    model = keras.Model(base.input, dense(dropped), name="photo_classifier")
    dense.set_weights(head)
    return model


def with_class_names(classifier: keras.Model, class_names: Sequence[str]) -> keras.Model:
    """Give a classifier for photos of one size an input for photos of any size, and words.

    Args:
        classifier: from raw pixels `(batch, size, size, 3)` to probabilities `(batch, classes)`.
        class_names: the name of each class, in the order of the probabilities.

    Returns:
        A model, made of Keras' own layers only. It takes raw pixels `(batch, height, width, 3)`, 0
        to 255, and squeezes them into the square as `read_photo` does. It gives a dictionary:
        `probabilities`, and `answer`, the name of the likeliest class.

    Raises:
        ValueError: not one name for each class.

    Lesson: 10
    Source: https://keras.io/api/layers/preprocessing_layers/categorical/string_lookup/
    """
    if len(class_names) != classifier.output_shape[-1]:
        raise ValueError(
            f"{len(class_names)} names for {classifier.output_shape[-1]} classes: one for each."
        )
    height, width = classifier.input_shape[1:3]
    pixels = keras.Input((None, None, 3), name=PIXEL_INPUT)
    resized = layers.Resizing(height, width, antialias=True, name="resizing")(pixels)
    # Resizing is called in training mode unless told otherwise, and the layers behind it follow.
    probabilities = classifier(resized, training=False)
    word = layers.StringLookup(
        vocabulary=list(class_names), invert=True, num_oov_indices=0, name="answer"
    )
    likeliest = word(keras.ops.argmax(probabilities, axis=-1))
    outputs = {"probabilities": probabilities, "answer": likeliest}
    return keras.Model(pixels, outputs, name=f"{classifier.name}_with_names")


def save_new(model: keras.Model, path: str | os.PathLike) -> Path:
    """Save a model into a file that does not exist yet.

    Args:
        model: any Keras model.
        path: a name that ends in `.keras`; missing folders are made.

    Returns:
        The absolute path.

    Raises:
        FileExistsError: something of that name is there.

    Lesson: 10
    """
    path = Path(path).expanduser().absolute()
    if path.exists():
        raise FileExistsError(
            f"{path} exists and is left as it is. Name another file, such as "
            f"{path.stem}_2{path.suffix}, or move the old one away first."
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    model.save(path)
    return path
