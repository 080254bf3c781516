"""Build the architectures that lesson 07 compares, on a base whose weights they keep.

Each function takes a base such as `load_base("glyphnet")` and gives a model that shares its layers;
only `in_colour` copies them, because its first layer has another shape.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import keras
import numpy as np
from keras import layers

from helpers.data import Split, Task

PIXELS = "pixels_0_255"
LUMINANCE = (0.299, 0.587, 0.114)
"""What red, green and blue add to the brightness of a pixel (ITU-R BT.601)."""


def with_conv_block(base: keras.Model, filters: int) -> keras.Model:
    """Put one more convolution above a base."""
    convolution = layers.Conv2D(filters, 3, padding="same", activation="relu", name="extra_conv")
    return keras.Model(base.input, convolution(base.output), name="with_conv_block")


def squeeze_and_excite(maps: keras.KerasTensor, *, ratio: int) -> keras.KerasTensor:
    """Weigh each channel by what all of them hold; at the start each weight is exactly 1.

    Source: Hu and others, 2018, https://arxiv.org/abs/1709.01507
    """
    channels = maps.shape[-1]
    squeezed = layers.GlobalAveragePooling2D(keepdims=True, name="se_squeeze")(maps)
    x = layers.Dense(channels // ratio, activation="relu", name="se_reduce")(squeezed)
    gate = layers.Dense(channels, "sigmoid", kernel_initializer="zeros", name="se_excite")
    return layers.Multiply(name="se_gated")([maps, layers.Rescaling(2.0, name="se_gate")(gate(x))])


def with_attention(base: keras.Model, after: str, *, ratio: int) -> keras.Model:
    """Insert squeeze-and-excitation after one layer of a base."""

    def call(layer: keras.Layer, *args, **kwargs) -> keras.KerasTensor:
        output = layer(*args, **kwargs)
        return squeeze_and_excite(output, ratio=ratio) if layer.name == after else output

    return keras.models.clone_model(base, clone_function=lambda layer: layer, call_function=call)


def with_activation(base: keras.Model, names: Sequence[str], activation: str) -> keras.Model:
    """Swap the named layers for another activation; all other layers are shared."""

    def clone(layer: keras.Layer) -> keras.Layer:
        swapped = layer.name in names
        return layers.Activation(activation, name=layer.name) if swapped else layer

    return keras.models.clone_model(base, clone_function=clone)


def with_separable(base: keras.Model, name: str) -> keras.Model:
    """Swap one convolution for a depthwise-separable one that comes as close to it as it can."""

    def clone(layer: keras.Layer) -> keras.Layer:
        if layer.name != name:
            return layer
        shape = {"strides": layer.strides, "padding": layer.padding, "use_bias": False}
        return layers.SeparableConv2D(layer.filters, layer.kernel_size, name=name, **shape)

    swapped = keras.models.clone_model(base, clone_function=clone)
    swapped.get_layer(name).set_weights(separated(base.get_layer(name).get_weights()[0]))
    return swapped


def separated(kernel: np.ndarray) -> list[np.ndarray]:
    """The depthwise and pointwise kernels nearest to a kernel `(height, width, inputs, filters)`.

    Each input channel gets the first term of its singular value decomposition.
    """
    height, width, inputs, filters = kernel.shape
    by_input = kernel.transpose(2, 0, 1, 3).reshape(inputs, height * width, filters)
    left, scale, right = np.linalg.svd(by_input, full_matrices=False)
    depthwise = (left[:, :, 0] * scale[:, :1]).T.reshape(height, width, inputs, 1)
    return [depthwise, right[:, 0].reshape(1, 1, inputs, filters)]


def with_adapters(base: keras.Model, names: Sequence[str], rank: int) -> keras.Model:
    """Give the named layers low-rank adapters.

    Source: Hu and others, 2021, https://arxiv.org/abs/2106.09685
    """
    for name in names:
        base.get_layer(name).enable_lora(rank)
    return base


def in_colour(base: keras.Model, first: str, *, carry: bool) -> keras.Model:
    """Copy a base for pictures with three channels; its first layer carried over or new."""
    pixels = keras.Input((*base.input.shape[1:3], 3), name=PIXELS)
    colour = keras.models.clone_model(base, input_tensors=pixels)
    share = np.array(LUMINANCE, dtype="float32")[:, None]
    for old, new in zip(base.layers, colour.layers, strict=True):
        if old.name != first:
            new.set_weights(old.get_weights())
        elif carry:
            new.set_weights([old.get_weights()[0] * share])
    return colour


def coloured(task: Task, pictures: str, seed: int) -> Task:
    """Paint the pictures of a task as one of PAINTS does."""
    rng = np.random.default_rng(seed)
    return with_images(task, lambda images: PAINTS[pictures](images, rng))


def with_images(task: Task, change: Callable[[np.ndarray], np.ndarray]) -> Task:
    """A task with other pictures and the same labels."""
    splits = {part: getattr(task, part) for part in ("train", "validation", "test")}
    changed = {part: Split(change(images), labels) for part, (images, labels) in splits.items()}
    return replace(task, **changed)


def bright_ink(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Grey pictures, `(n, h, w, 1)`, in bright ink of any colour on black, `(n, h, w, 3)`."""
    return (images / 255 * rng.uniform(128, 255, (len(images), 1, 1, 3))).astype("float32")


def red_ink(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Grey pictures, `(n, h, w, 1)`, in red ink on green, blue or dark paper, `(n, h, w, 3)`.

    The strength of the red, and of the paper's green and blue, is drawn for each picture: ink may
    be brighter or darker than paper, so that brightness alone does not tell them apart.
    """
    ink = rng.uniform(128, 255, (len(images), 1, 1, 3)) * (1, 0, 0)
    paper = rng.uniform(0, 255, (len(images), 1, 1, 3)) * (0, 1, 1)
    share = images / 255
    return (ink * share + paper * (1 - share)).astype("float32")


PAINTS = {"bright ink": bright_ink, "red ink": red_ink}


def as_grey(images: np.ndarray) -> np.ndarray:
    """The brightness of coloured pictures, `(n, h, w, 1)`, 0 to 255."""
    return images @ np.array(LUMINANCE, dtype="float32")[:, None]
