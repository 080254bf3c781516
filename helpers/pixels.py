"""The pixel contract: every base for images takes raw pixels, 0 to 255.

The scaling that a network was trained with sits inside it, as ordinary Keras layers behind an
input named `pixels_0_255`. It cannot be forgotten or applied twice, and it is saved with the
model. (In `.keras` files; `.h5` cannot hold the reversed channels of VGG and ResNet.)
"""

import os
from collections.abc import Callable
from functools import partial
from typing import Any

import keras
import numpy as np

from helpers.graph import cloned

PIXEL_INPUT = "pixels_0_255"
"""Name of the input of every base that takes raw pixels, 0 to 255."""


def takes_raw_pixels(model: keras.Model) -> bool:
    """Tell whether a model has the pixel contract: by its input, or by a base put first in it.

    Args:
        model: any Keras model.

    Returns:
        Whether its input is named `pixels_0_255`, or goes straight into a model of which that is
        true, as in `keras.Sequential([base, head])`.

    Lesson: 01
    """
    if PIXEL_INPUT in [tensor.name for tensor in _inputs(model)]:
        return True
    layers = [layer for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)]
    return any(isinstance(layer, keras.Model) and takes_raw_pixels(layer) for layer in layers[:1])


def check_pixels(model: keras.Model, images: Any) -> None:
    """Raise an error if images do not look like the raw pixels that a model takes.

    Does nothing for a model without the pixel contract (see `takes_raw_pixels`). Whole numbers
    from 0 to 255 always pass, however small, for they may be a dark or a black-and-white picture.
    Fractions that nowhere in the batch exceed 1 are taken for scaled pixels.

    Args:
        model: any Keras model.
        images: one batch, array or tensor of numbers, of any shape.

    Raises:
        ValueError: a value is missing (NaN), below 0 or above 255, or all lie in 0 to 1.
        TypeError: not numbers.

    Lesson: 01
    """
    if not takes_raw_pixels(model):
        return
    pixels = np.asarray(images)
    if pixels.dtype.kind not in "buif":
        raise TypeError(
            f"Expected one batch of images as an array of numbers, got {type(images).__name__} of "
            f"{pixels.dtype}. From a tf.data.Dataset take a batch: next(iter(dataset))[0]."
        )
    if pixels.dtype == np.uint8 or pixels.size == 0:  # eight bits are always in range
        return
    low, high = float(pixels.min()), float(pixels.max())
    fault = _fault(pixels, low, high)
    if fault:
        raise ValueError(
            f"{model.name!r} takes raw pixels, 0 to 255, but these images run from {low:.6g} to "
            f"{high:.6g}. {fault}"
        )


def scale_like(pixels: keras.KerasTensor, preprocess_input: Callable) -> keras.KerasTensor:
    """Do with Keras layers what the `preprocess_input` of a Keras application does.

    Args:
        pixels: symbolic images, `(batch, height, width, 3)`, 0 to 255.
        preprocess_input: a function that scales and shifts each channel, and may reverse their
            order, as all of those in `keras.applications` do.

    Returns:
        The symbolic result; `pixels` itself where the function changes nothing.

    Lesson: 01
    Source: https://keras.io/api/applications/
    """
    # Black and three pure colours tell all: a row for each channel in, a column for each out.
    probes = np.concatenate([np.zeros((1, 3)), 255 * np.eye(3)]).reshape(4, 1, 1, 3)
    black, *colours = preprocess_input(probes).reshape(4, 3)
    response = (np.stack(colours) - black) / 255
    if response[0, 0] == 0:
        pixels, response = keras.ops.flip(pixels, axis=-1), response[::-1]
    scale, offset = _plain(np.diag(response)), _plain(black)
    if (scale, offset) == (1, 0):
        return pixels
    return keras.layers.Rescaling(scale, offset, name="pixel_scaling")(pixels)


def with_pixel_input(
    model: keras.Model, source: str | os.PathLike, input_range: tuple[float, float] | None
) -> keras.Model:
    """Give a model for images an input of raw pixels, unless it has one.

    Args:
        model: any Keras model; one with a single input for images must have a graph of layers.
        source: the file that it comes from, for messages.
        input_range: `(low, high)`, the pixels that it was trained on; needed for images only.

    Returns:
        The model itself, or a flat copy behind an input named `pixels_0_255`.

    Raises:
        ValueError: `input_range` is missing, makes no sense, or cannot be used.

    Lesson: 01
    """
    inputs = _inputs(model)
    images = [each for each in inputs if len(each.shape) == 4 and each.shape[-1] in (1, 3, 4)]
    if not images or takes_raw_pixels(model):
        if input_range is not None:
            raise ValueError(
                f"input_range cannot be used with {str(source)!r}, whose input is "
                f"{', '.join(tensor.name for tensor in inputs) or 'unknown'}: leave it out."
            )
        return model
    if len(inputs) > 1:
        raise ValueError(
            f"{str(source)!r} takes {len(inputs)} inputs, one of them an image: load_base cannot "
            "give it an input of raw pixels. Use load_saved, and scale the pixels yourself."
        )
    if input_range is None or len(input_range) != 2 or not input_range[0] < input_range[1]:
        raise ValueError(
            f"{str(source)!r} takes images, {images[0].shape[1:]}, but does not say in which "
            "range, and a wrong one would silently spoil every prediction. Pass the range that it "
            "was trained on, low before high: input_range=(0, 255), (0, 1) or (-1, 1), not "
            f"{input_range}."
        )
    return _behind_pixel_input(model, *input_range)


def _inputs(model: keras.Model) -> list[keras.KerasTensor]:
    return getattr(model, "inputs", None) or []  # a subclassed model may have none


def _fault(pixels: np.ndarray, low: float, high: float) -> str | None:
    if np.isnan(low):
        return "Some are not numbers (NaN): look for damaged files or a division by zero."
    if low < 0:
        return (
            "Do not call preprocess_input: this base does it itself. Pixels scaled to -1..1 come "
            "back with (images + 1) * 127.5; where resizing overshot, use np.clip(images, 0, 255)."
        )
    if high > 255:
        return "Divide 16-bit images by 257; where resizing overshot, use np.clip(images, 0, 255)."
    if high <= 1 and ((pixels > 0) & (pixels < 1)).any():
        return "They look scaled to 0..1: multiply by 255, or do not divide by 255 before."
    return None


def _plain(values: np.ndarray) -> float | list[float]:
    """One number where all channels share it; rounded far below what float32 can tell."""
    numbers = [round(float(value), 12) for value in values]
    return numbers[0] if len(set(numbers)) == 1 else numbers


def _behind_pixel_input(model: keras.Model, low: float, high: float) -> keras.Model:
    outputs = model.outputs[0] if len(model.outputs) == 1 else model.output
    flat = keras.Model(model.inputs[0], outputs, name=model.name)
    pixels = keras.Input(flat.input.shape[1:], dtype=flat.input.dtype, name=PIXEL_INPUT)
    scaled = pixels
    if (low, high) != (0, 255):
        scaled = keras.layers.Rescaling((high - low) / 255, low, name="pixel_scaling")(pixels)
    call = partial(_call_with, scaled, pixels)
    return cloned(flat, input_tensors=pixels, call_function=call)


def _call_with(
    new: keras.KerasTensor, old: keras.KerasTensor, layer: keras.Layer, *args: Any, **kwargs: Any
) -> Any:
    """Call a layer with one tensor in the place of another."""
    args, kwargs = keras.tree.map_structure(
        lambda value: new if value is old else value, (args, kwargs)
    )
    return layer(*args, **kwargs)
