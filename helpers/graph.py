"""Find one's way in the graph of a Keras model: its layers, and the tensors between them.

Keras keeps the graph in members that are not public, used here alone; Keras is pinned.
"""

import tempfile
from collections.abc import Iterable, Iterator
from typing import Any

import keras


def leaf_layers(model: keras.Model | list[keras.Layer]) -> Iterator[tuple[str, keras.Layer]]:
    """Yield every innermost layer of a model with its path, nested models opened.

    Args:
        model: any Keras model, or some layers of one.

    Yields:
        `(path, layer)` in the order of the model's graph; the path of a layer inside a nested
        model is `"nested_model/layer"`.

    Lesson: 01
    """
    for layer in getattr(model, "layers", model):
        if isinstance(layer, keras.Model):
            yield from ((f"{layer.name}/{path}", leaf) for path, leaf in leaf_layers(layer))
        else:
            yield layer.name, layer


def parts_of(layer: keras.Layer) -> list[keras.Layer]:
    """List a layer and every layer inside it, such as the cell of an LSTM or what a wrapper wraps.

    Args:
        layer: any Keras layer.

    Returns:
        The layer itself first.

    Lesson: 08
    """
    return list(layer._flatten_layers())


def sized(weights: Iterable[keras.Variable]) -> int:
    """Count the numbers in weights.

    Args:
        weights: variables.

    Returns:
        How many numbers they hold.

    Lesson: 03
    """
    return sum(int(keras.ops.size(weight)) for weight in weights)


def carries_mask(tensor: keras.KerasTensor) -> bool:
    """Tell whether a tensor goes with a mask that says which of its steps are padding.

    Args:
        tensor: a symbolic tensor of a model's graph.

    Returns:
        Whether some layer before it, such as `Embedding(mask_zero=True)`, made a mask, and none
        since has used it up, as an LSTM does that returns its last step only.

    Lesson: 08
    """
    return getattr(tensor, "_keras_mask", None) is not None


def tensor_into(model: keras.Model, layer_name: str) -> keras.KerasTensor:
    """Find the tensor that goes into a layer of a model.

    `layer.input` is the tensor of the layer's first call. Where models share a layer, that call may
    belong to another model than the one to cut.

    Args:
        model: a built Sequential or Functional model.
        layer_name: a name from `model.layers`.

    Returns:
        The symbolic tensor that the layer receives in this model.

    Raises:
        ValueError: no such layer, or it is used several times or takes several tensors (a mask
            beside its input does not count).

    Lesson: 03
    """
    check_graph(model)
    nodes = [node for node in nodes_of(model.outputs) if node.operation.name == layer_name]
    if not nodes:
        raise ValueError(_unknown_layer(model, layer_name))
    tensors = [tensor for node in nodes for tensor in _inputs_of(node)]
    if len(tensors) != 1:
        raise ValueError(
            f"Cannot cut at {layer_name!r} in {model.name!r}: {len(tensors)} tensors go into it. "
            "Name a layer that takes exactly one."
        )
    return tensors[0]


def check_graph(model: keras.Model) -> None:
    """Make sure that a model has a graph that can be cut.

    Args:
        model: any Keras model.

    Raises:
        ValueError: the model is subclassed, or a Sequential that is not built.

    Lesson: 02
    """
    if isinstance(model, keras.Sequential) and not model.built:
        raise ValueError(
            f"The Sequential {model.name!r} does not know its input shape yet. Call "
            "model.build((None, height, width, channels)) or run it on one batch first."
        )
    if not getattr(model, "outputs", None):
        raise ValueError(
            f"{model.name!r} is a {type(model).__name__} without a graph of layers (a subclassed "
            "model), so there is nothing to cut. Build the part that you keep yourself: "
            "inputs = keras.Input(shape); base = keras.Model(inputs, model.backbone(inputs))."
        )


def nodes_of(tensors: Iterable[keras.KerasTensor]) -> Iterator:
    """Walk the graph of a model back to its inputs.

    Args:
        tensors: where to begin: the outputs of a model, or tensors inside it.

    Yields:
        Nodes, each one use of one layer, with `operation` and `input_tensors`.

    Lesson: 02
    """
    waiting, seen = list(tensors), set()
    while waiting:
        history = waiting.pop(0)._keras_history
        node = history.operation._inbound_nodes[history.node_index]
        if id(node) not in seen:
            seen.add(id(node))
            waiting.extend(node.input_tensors)
            yield node


def submodel(model: keras.Model, outputs: keras.KerasTensor, suffix: str) -> keras.Model:
    """Build a model from another's inputs to a tensor; the layers are shared.

    Args:
        model: the model that the inputs come from.
        outputs: a symbolic tensor computed from them.
        suffix: what follows the model's name in the new name.

    Returns:
        The new model.

    Lesson: 02
    """
    inputs = model.inputs[0] if len(model.inputs) == 1 else model.inputs
    return keras.Model(inputs, outputs, name=f"{model.name}_{suffix}")


def cloned(model: keras.Model, **options: Any) -> keras.Model:
    """Copy a model with all its weights.

    Args:
        model: a Functional model.
        options: as for `keras.models.clone_model`.

    Returns:
        The copy; it shares no layer with the model.

    Lesson: 01
    """
    copy = keras.models.clone_model(model, **options)
    with tempfile.TemporaryDirectory() as folder:  # set_weights would miss some layers' state
        model.save_weights(f"{folder}/all.weights.h5")
        copy.load_weights(f"{folder}/all.weights.h5")
    return copy


def _inputs_of(node: Any) -> list[keras.KerasTensor]:
    """What a layer works on in one of its uses, without the masks that Keras hands it beside."""
    masks = [value for name, value in node.arguments.kwargs.items() if name.endswith("mask")]
    return [tensor for tensor in node.input_tensors if not any(tensor is mask for mask in masks)]


def _unknown_layer(model: keras.Model, layer_name: str) -> str:
    nested = next((m.name for m in model.layers if isinstance(m, keras.Model)), None)
    hint = f" Cut a nested model by itself: model.get_layer({nested!r})." if nested else ""
    last = ", ".join(layer.name for layer in model.layers[-6:])
    return f"No layer {layer_name!r} in {model.name!r}. Its last layers: {last}.{hint}"
