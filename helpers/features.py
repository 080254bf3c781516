"""Run the frozen part of a network once, and keep what comes out."""

import keras
import numpy as np

from helpers.graph import submodel, tensor_into
from helpers.pixels import check_pixels


def extract_features(base: keras.Model, images: np.ndarray, *, batch_size: int = 64) -> np.ndarray:
    """Run a base over all images once, in inference mode.

    A frozen base gives the same features in every epoch, so a head can train on these instead of
    on the images: the costly part is paid once. Do not augment what goes in here: the cache would
    hold one random variant for ever.

    Args:
        base: a model with one output, such as `load_base` or `remove_top` gives.
        images: `(n, height, width, channels)`; for a base that `load_base` gave, raw pixels, 0 to
            255, of any number type. Other inputs, such as token ids, are passed on as they are.
        batch_size: images at a time; more is faster up to a point and takes more memory.

    Returns:
        float32 array `(n, *base.output_shape[1:])`, in the order of `images`.

    Raises:
        ValueError: no images, or pixels outside the range that the base was made for.

    Lesson: 03
    """
    if len(images) == 0:
        raise ValueError("images is empty: there is nothing to extract features from.")
    check_pixels(base, images)
    features = base.predict(images, batch_size=batch_size, verbose=0)
    return np.asarray(features, dtype="float32")


def split_at(model: keras.Model, layer_name: str) -> tuple[keras.Model, keras.Model]:
    """Split a model in two just before a layer.

    With everything below the split frozen, run the lower part once (`extract_features`) and
    fine-tune the upper part on its output. Both parts share their layers with the model: what the
    upper part learns is in the model at once.

    Args:
        model: a flat, built Sequential or Functional model.
        layer_name: the first layer of the upper part.

    Returns:
        `(lower, upper)` with `upper(lower(x))` equal to `model(x)`.

    Raises:
        ValueError: no such layer, or other paths lead around it (a residual connection, say), so
            that the upper part would need more than one input.

    Lesson: 04
    """
    boundary = tensor_into(model, layer_name)
    try:
        upper = keras.Model(boundary, model.outputs[0], name=f"{model.name}_upper")
    except ValueError as error:
        raise ValueError(
            f"Cannot split {model.name!r} before {layer_name!r}: another path, such as a residual "
            "connection, leads around that layer. Choose the first layer of a whole block."
        ) from error
    return submodel(model, boundary, "lower"), upper
