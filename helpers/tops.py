"""Find the top of a network in its graph: the last classifying layer, and what trails behind it."""

from typing import Any

import keras
from keras import layers

from helpers.graph import nodes_of

TRAILING = (
    layers.Activation,
    layers.Softmax,
    layers.Dropout,
    layers.Flatten,
    layers.Reshape,
    layers.GlobalAveragePooling2D,
)
"""Layers without weights that may stand behind the class scores."""


def last_node(model: keras.Model) -> tuple[Any, tuple[str, ...]]:
    """Find the last use of a layer that is not just trailing.

    Args:
        model: a built Sequential or Functional model with one output.

    Returns:
        The node (see `nodes_of`), and the names of the layers that trail behind it.

    Raises:
        ValueError: several outputs, or no such layer.

    Lesson: 02
    """
    if len(model.outputs) > 1:
        raise ValueError(
            f"{model.name!r} has {len(model.outputs)} outputs ({', '.join(model.output_names)}): "
            "say where to cut with layer=<name of a layer>."
        )
    trailing: tuple[str, ...] = ()
    for node in nodes_of(model.outputs):
        if not isinstance(node.operation, TRAILING):
            return node, trailing
        trailing = (node.operation.name, *trailing)
    raise ValueError(f"{model.name!r} holds no layer with weights: there is no top to remove.")


def features_before(model: keras.Model, node: Any) -> tuple[keras.KerasTensor, tuple[str, ...]]:
    """Find the features that a classifier reads.

    Args:
        model: the model, for messages.
        node: the use of its last layer.

    Returns:
        The tensor before the classifier and before the Dropout in front of it; and the names of
        these Dropout layers.

    Raises:
        ValueError: the layer is no classifier.

    Lesson: 02
    """
    top = node.operation
    if not _is_classifier(top):
        raise ValueError(
            f"{model.name!r} seems to have no top: its output comes from {top.name!r}, a "
            f"{type(top).__name__}, which is no classifier. If it has one further down, name the "
            "layer that gives the class scores: layer='...'."
        )
    tensor, dropouts = node.input_tensors[0], ()
    for before in nodes_of([tensor]):
        if not isinstance(before.operation, layers.Dropout):
            break
        tensor, dropouts = before.input_tensors[0], (before.operation.name, *dropouts)
    return tensor, dropouts


def _is_classifier(layer: keras.Layer) -> bool:
    if isinstance(layer, layers.Conv2D):
        return layer.kernel_size == (1, 1)  # a convolution over one position is a dense layer
    return isinstance(layer, layers.Dense)
