"""What trains: freeze a base, unfreeze its upper part, keep it still, and report the result.

After any change here a model must be compiled again: Keras decides what to update at compile time.
"""

import difflib
from collections.abc import Iterable

import keras
import pandas as pd
from keras import layers

from helpers.graph import leaf_layers, parts_of, sized

DROPOUTS = (layers.Dropout, layers.AlphaDropout, layers.GaussianDropout)
STATISTICS = (layers.BatchNormalization, layers.Normalization)

Leaf = tuple[str, keras.Layer]
"""A layer with its path, as `leaf_layers` gives them."""


def keep_still(model: keras.Model) -> None:
    """Keep BatchNormalization and Dropout in inference mode, in `fit` and after a reload.

    BatchNormalization layers get `trainable=False`: they use their stored statistics and update
    nothing. Dropout layers get a rate of 0, and so does the dropout inside recurrent layers and
    wrappers. These settings are part of the saved file, so they hold after `save` and `load_model`
    without custom code (but not for the dropout inside an attention layer). In a Functional or
    Sequential model, calling the base with `training=False` does not do this in Keras 3: the
    model's own `training=True` reaches the layers inside.

    Args:
        model: the base, changed in place. Changing `model.trainable` to True later sets every layer
            in it to True, BatchNormalization included, and undoes this half; call it again after.

    Lesson: 04
    Source: https://keras.io/getting_started/faq (BatchNormalization and `trainable`)
    """
    for _, leaf in leaf_layers(model):
        for layer in parts_of(leaf):
            if isinstance(layer, layers.BatchNormalization):
                layer.trainable = False
            elif isinstance(layer, DROPOUTS):
                layer.rate = 0.0
            elif hasattr(layer, "recurrent_dropout") and not isinstance(layer, layers.RNN):
                layer.dropout = layer.recurrent_dropout = 0.0  # the cell of a recurrent layer


def freeze(model: keras.Model) -> None:
    """Freeze every layer of a base and keep it still.

    Args:
        model: the base, changed in place; a head attached on top of it keeps training.

    Lesson: 03
    """
    model.trainable = False
    for _, layer in leaf_layers(model):  # the line above stops at a flag that is False already
        layer.trainable = False
    keep_still(model)


def unfreeze_from(model: keras.Model, layer_name: str) -> list[str]:
    """Let a base train from one layer to its end; everything before it is frozen.

    Where a layer has low-rank adapters (`enable_lora`), they train and its kernel does not.

    Args:
        model: the base, changed in place. BatchNormalization and Dropout are kept still.
        layer_name: where to begin, a name from `model.layers` or, inside a nested model, a path
            such as `"mobilenetv2/block_13_expand"`.

    Returns:
        The paths of the layers that train now, in the order of the graph.

    Raises:
        ValueError: no layer has that name, or no layer from there on holds weights to train.

    Lesson: 04
    """
    leaves = list(leaf_layers(model))
    start = _position(model, layer_name, leaves)
    chosen = [layer for _, layer in learners(leaves[start:])]
    if not chosen:
        raise ValueError(
            f"Nothing to train from layer {layer_name!r} on in {model.name!r}: the layers from "
            "there hold no weights, or only BatchNormalization, which is kept still. Begin "
            f"earlier; the last layers that can learn: {_last_that_learn(leaves)}."
        )
    return _train_only(model, leaves, chosen)


def unfreeze_last(model: keras.Model, n: int) -> list[str]:
    """Let the last `n` layers that hold weights train; everything before them is frozen.

    Counting layers by position (`model.layers[-5:]`) may count activations, concatenations and
    BatchNormalization only, and then unfreezes nothing. This counts layers that can learn.

    Args:
        model: the base, changed in place. BatchNormalization and Dropout are kept still, and
            BatchNormalization is not counted.
        n: how many layers, from 1 to the number of layers with weights.

    Returns:
        The paths of the layers that train now, in the order of the graph.

    Raises:
        ValueError: `n` is below 1 or above the number of layers with weights.

    Lesson: 04
    """
    leaves = list(leaf_layers(model))
    candidates = [layer for _, layer in learners(leaves)]
    if not 1 <= n <= len(candidates):
        raise ValueError(
            f"Cannot unfreeze the last n={n} layers: {model.name!r} has {len(candidates)} layers "
            f"that can learn (BatchNormalization not counted). Give a number from 1 to "
            f"{len(candidates)}, or call freeze(model) to train none."
        )
    return _train_only(model, leaves, candidates[-n:])


def trainable_report(model: keras.Model) -> pd.DataFrame:
    """Tabulate what trains: one row for each layer that holds weights, and a total.

    Args:
        model: any Keras model; nested models are opened.

    Returns:
        A table indexed by layer path with the columns `type`, `parameters`, `trainable` (how many
        of the parameters train) and `share` (trainable / parameters, 0 to 1). The last row,
        `total`, counts a layer once even when the model uses it twice.

    Lesson: 03
    """
    rows = {
        path: (type(layer).__name__, layer.count_params(), sized(layer.trainable_weights))
        for path, layer in leaf_layers(model)
        if layer.weights
    }
    total = ("", model.count_params(), sized(model.trainable_weights))
    table = pd.DataFrame.from_dict(
        {**rows, "total": total}, orient="index", columns=["type", "parameters", "trainable"]
    )
    table["share"] = table["trainable"] / table["parameters"].where(table["parameters"] > 0, 1)
    return table.rename_axis("layer")


def learners(leaves: Iterable[Leaf]) -> list[Leaf]:
    """Pick the layers that can learn.

    Args:
        leaves: paths and layers.

    Returns:
        Those that hold weights which are no statistics.

    Lesson: 04
    """
    return [leaf for leaf in leaves if leaf[1].weights and not isinstance(leaf[1], STATISTICS)]


def _train_only(model: keras.Model, leaves: list[Leaf], chosen: list[keras.Layer]) -> list[str]:
    model.trainable = True  # nested models too: a frozen container hides the flags inside it
    for _, layer in leaves:
        layer.trainable = False
    for layer in chosen:
        layer.trainable = True
        _hold_what_is_adapted(layer)
    keep_still(model)
    return [path for path, layer in leaves if layer.trainable_weights]


def _hold_what_is_adapted(layer: keras.Layer) -> None:
    """Keep still a weight that adapters stand in for: a layer's own flag has just freed it."""
    names = {weight.name for weight in layer.weights}
    for weight in layer.weights:
        if f"lora_{weight.name}_a" in names:
            weight.trainable = False


def _position(model: keras.Model, layer_name: str, leaves: list[Leaf]) -> int:
    paths = [path for path, _ in leaves]
    if layer_name in paths:
        return paths.index(layer_name)
    inside = next((i for i, path in enumerate(paths) if path.startswith(f"{layer_name}/")), None)
    if inside is not None:
        return inside
    can_learn = [path for path, _ in learners(leaves)]
    close = difflib.get_close_matches(str(layer_name), can_learn, n=3, cutoff=0.4)
    which = "Similar names" if close else "The last layers that can learn"
    raise ValueError(
        f"No layer {layer_name!r} in model {model.name!r}. {which}: "
        f"{', '.join(close) or _last_that_learn(leaves)}. "
        "All of them: [layer.name for layer in model.layers]."
    )


def _last_that_learn(leaves: list[Leaf]) -> str:
    return ", ".join([path for path, _ in learners(leaves)][-3:]) or "none"
