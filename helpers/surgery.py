"""Cut the top off a trained network and put a new one on."""

from collections.abc import Sequence
from itertools import count
from numbers import Integral
from typing import Any, NamedTuple

import keras
from keras import layers

from helpers.graph import check_graph, submodel, tensor_into
from helpers.tops import features_before, last_node


class RemovedTop(NamedTuple):
    """A model without its top, and what was taken off.

    Attributes:
        base: a model from the old inputs to the features; it shares its layers with the original.
        removed: paths of the layers taken off, in the order of the graph.
    """

    base: keras.Model
    removed: tuple[str, ...]


def remove_top(model: keras.Model, *, layer: str | None = None) -> RemovedTop:
    """Remove the classifier of a model: everything from its last classifying layer on.

    The cut is found in the model's graph, not by position in `model.layers`: behind the class
    scores there may be activations or reshapes, and Dropout just before them goes too. Nothing is
    copied and the original still works; freezing a shared layer freezes it in both models.

    Args:
        model: a built Sequential or Functional model with one output; the top may sit inside a
            nested model. Preprocessing and augmentation layers stay.
        layer: remove this layer and all after it, instead of looking for the classifier. The base
            then ends with what went *into* that layer.

    What is found is one layer, the last `Dense` or 1x1 convolution before the output, with what
    trails behind it. Hidden layers below it stay: the top of VGG16, say, has two more, and without
    them `layer="flatten"` is the place to cut. A base without a classifier that ends in a `Dense`
    layer of features cannot be told from one.

    Returns:
        The base and the paths of the removed layers.

    Raises:
        ValueError: the model has no graph of layers (subclassed, or not built), several outputs,
            no recognisable top, or no layer of the given name that can be cut at.

    Lesson: 02
    """
    check_graph(model)
    if layer is not None:
        return _remove_from(model, layer)
    node, trailing = last_node(model)
    if isinstance(node.operation, keras.Model):
        return _remove_inside(model, node, trailing)
    features, dropouts = features_before(model, node)
    base = submodel(model, features, "base")
    return RemovedTop(base, (*dropouts, node.operation.name, *trailing))


def attach_head(
    base: keras.Model,
    *,
    classes: int,
    hidden: Sequence[int] = (),
    dropout: float = 0.0,
) -> keras.Model:
    """Put a new classifier on a base.

    Two classes get one sigmoid unit: the probability of class 1, for labels 0 and 1 with
    `binary_crossentropy`. More classes get a softmax: one probability a class, for integer labels
    with `sparse_categorical_crossentropy`.

    Args:
        base: a model that gives feature maps `(batch, height, width, channels)` or vectors
            `(batch, features)`; of maps the head takes the averages. Its layers are shared with
            the result.
        classes: number of classes, 2 or more.
        hidden: units of ReLU layers between the features and the output.
        dropout: share of the features dropped before the output in training, 0 up to below 1.

    Returns:
        A model from the base's inputs to `(batch, 1)` or `(batch, classes)` probabilities. Names of
        new layers begin with `head`; where the base already uses that, with `head_2`, and so on.

    Raises:
        ValueError: fewer than two classes, a dropout outside its range, or a base with several
            outputs or with outputs that are neither maps nor vectors.
        TypeError: classes is no whole number, or hidden no list.

    Lesson: 02
    """
    _check_head(base, classes, hidden, dropout)
    prefix = _free_prefix(base)
    x = base.outputs[0]
    if len(x.shape) == 4:
        x = layers.GlobalAveragePooling2D(name=f"{prefix}_pool")(x)
    for number, units in enumerate(hidden, start=1):
        x = layers.Dense(units, activation="relu", name=f"{prefix}_dense_{number}")(x)
    if dropout:
        x = layers.Dropout(dropout, name=f"{prefix}_dropout")(x)
    units, activation = (1, "sigmoid") if classes == 2 else (classes, "softmax")
    outputs = layers.Dense(units, activation=activation, name=f"{prefix}_predictions")(x)
    return submodel(base, outputs, prefix)


def _remove_from(model: keras.Model, layer_name: str) -> RemovedTop:
    base = submodel(model, tensor_into(model, layer_name), "base")
    kept = {layer.name for layer in base.layers}
    return RemovedTop(base, tuple(layer.name for layer in model.layers if layer.name not in kept))


def _remove_inside(model: keras.Model, node: Any, trailing: tuple[str, ...]) -> RemovedTop:
    """Remove the top of the nested model that a node calls, and what trails behind that model."""
    inner, taken = remove_top(node.operation), node.input_tensors
    features = inner.base(taken[0] if len(taken) == 1 else taken)
    removed = (f"{node.operation.name}/{name}" for name in inner.removed)
    return RemovedTop(submodel(model, features, "base"), (*removed, *trailing))


def _check_head(base: keras.Model, classes: int, hidden: Sequence[int], dropout: float) -> None:
    check_graph(base)
    if not isinstance(classes, Integral) or isinstance(hidden, Integral):
        raise TypeError(
            f"classes={classes!r}, hidden={hidden!r}: give a whole number of classes, and a list "
            "of units for hidden."
        )
    if classes < 2:
        raise ValueError(f"classes={classes}: a classifier needs 2 or more (2 gives one sigmoid).")
    if not 0 <= dropout < 1:
        raise ValueError(f"dropout={dropout} is a share: give a number from 0 up to below 1.")
    shape = base.outputs[0].shape
    if len(base.outputs) > 1 or len(shape) not in (2, 4):
        raise ValueError(
            f"{base.name!r} gives {[tuple(t.shape) for t in base.outputs]}: a head needs one "
            "output of feature maps (batch, height, width, channels) or vectors (batch, features)."
        )


def _free_prefix(base: keras.Model) -> str:
    taken = [layer.name for layer in base.layers]
    prefixes = ("head" if number == 1 else f"head_{number}" for number in count(1))
    return next(p for p in prefixes if not any(layer.startswith(f"{p}_") for layer in taken))
