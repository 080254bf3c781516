"""Where in a picture a network finds its reasons: Grad-CAM, on flat and on nested models."""

from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf

from helpers.graph import check_graph, leaf_layers, nodes_of, submodel
from helpers.pixels import check_pixels

Part = Callable[[tf.Tensor], tf.Tensor]


def grad_cam(
    model: keras.Model,
    images: np.ndarray,
    *,
    classes: Sequence[int] | None = None,
    layer: str | None = None,
) -> np.ndarray:
    """Map which places of each picture speak for a class.

    Each channel of a layer's feature maps is weighted by how much the class's score would rise
    with it; what speaks against the class is left out. Differentiated is the logarithm of the
    probability, whose slope does not vanish where the network is nearly certain.

    Args:
        model: a classifier that gives probabilities `(n, classes)` or one sigmoid `(n, 1)`, with
            its base flat or nested.
        images: `(n, height, width, channels)`, raw pixels 0 to 255 for a base from `load_base`.
        classes: the class to explain in each picture; default: the one that the model predicts.
        layer: path of a layer that gives feature maps, as `leaf_layers` yields it, such as
            `"out_relu"` or, in a nested base, `"mobilenetv2/out_relu"`; default: the last one.

    Returns:
        float32 array `(n, map height, map width)`, 0 to 1: 1 is the strongest place of a picture;
        all 0 where no place speaks for the class.

    Raises:
        ValueError: no graph of layers, no layer with feature maps, none of the given path, pixels
            out of range, or not one class for each picture.

    Lesson: 09
    Source: Selvaraju and others, 2017, https://arxiv.org/abs/1610.02391
    """
    check_graph(model)
    check_pixels(model, images)
    lower, upper = _split_behind(model, _path_of_maps(model, layer))
    maps = lower(tf.cast(images, "float32"))
    with tf.GradientTape() as tape:
        tape.watch(maps)
        score = _log_probability(upper(maps), classes)
    weights = tf.reduce_mean(tape.gradient(score, maps), axis=(1, 2), keepdims=True)
    cam = tf.nn.relu(tf.reduce_sum(weights * maps, axis=-1)).numpy()
    return cam / np.maximum(cam.max(axis=(1, 2), keepdims=True), np.finfo("float32").tiny)


def _log_probability(outputs: tf.Tensor, classes: Sequence[int] | None) -> tf.Tensor:
    if outputs.shape[-1] == 1:  # a sigmoid: the probability of class 1
        outputs = tf.concat([1 - outputs, outputs], axis=-1)
    chosen = tf.argmax(outputs, axis=-1) if classes is None else tf.constant(list(classes))
    if chosen.shape != outputs.shape[:1]:
        raise ValueError(
            f"classes holds {len(chosen)} numbers for {len(outputs)} pictures: give one for each."
        )
    if not 0 <= int(tf.reduce_min(chosen)) <= int(tf.reduce_max(chosen)) < outputs.shape[-1]:
        raise ValueError(f"classes={classes}: this model knows 0 to {outputs.shape[-1] - 1}.")
    picked = tf.gather(outputs, chosen, axis=1, batch_dims=1)
    return tf.math.log(picked + keras.backend.epsilon())


def _path_of_maps(model: keras.Model, path: str | None) -> str:
    """The path of a layer that gives feature maps: the one that was asked for, or the last."""
    known = [each for each, layer in leaf_layers(model) if _gives_maps(layer)]
    if not known:
        raise ValueError(f"{model.name!r} has no layer that gives feature maps (height, width).")
    if path not in (None, *known):
        raise ValueError(
            f"No layer {path!r} in {model.name!r} gives feature maps (height, width). These do: "
            f"{', '.join(known)}."
        )
    return path or known[-1]


def _gives_maps(layer: keras.Layer) -> bool:
    shape = getattr(layer.output, "shape", ())
    return len(shape) == 4 and not isinstance(layer, keras.layers.InputLayer)


def _split_behind(model: keras.Model, path: str) -> tuple[Part, Part]:
    """Two functions that compute a model: up to a layer's output, and from there on."""
    name, _, inner = path.partition("/")
    node = next(node for node in nodes_of(model.outputs) if node.operation.name == name)
    behind = _behind(model, node.output_tensors[0])
    if not inner:
        return submodel(model, node.output_tensors[0], "maps"), behind
    before = submodel(model, node.input_tensors[0], "before")
    lower, upper = _split_behind(node.operation, inner)
    return lambda images: lower(before(images)), lambda maps: behind(upper(maps))


def _behind(model: keras.Model, tensor: keras.KerasTensor) -> Part:
    if tensor is model.outputs[0]:
        return tf.identity
    return keras.Model(tensor, model.outputs[0])
