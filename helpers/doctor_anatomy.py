"""Where the base is in a model, and small tools to talk about its layers."""

from collections.abc import Iterator

import keras
from keras import layers

from helpers.doctor_families import Family, end_of, family_of
from helpers.freezing import Leaf
from helpers.graph import leaf_layers


def given_base(model: keras.Model, base: keras.Model) -> tuple[list[Leaf], str, keras.Model | None]:
    """Take a base that was given.

    Args:
        model: the whole model.
        base: the part of it.

    Returns:
        The innermost layers of the base, its name, and the base where it is one layer of the model.

    Raises:
        ValueError: it is no part of the model.

    Lesson: 12
    """
    known = {id(weight) for weight in model.weights}
    if not all(id(weight) in known for weight in base.weights):
        raise ValueError(
            f"base={base.name!r} is no part of {model.name!r}, which does not hold its weights. "
            "Pass the base that the model was built on, or leave base out."
        )
    nested = next((part for part in _nested(model) if part is base), None)
    return list(leaf_layers(base)), base.name, nested


def inferred_base(model: keras.Model) -> tuple[list[Leaf], str, keras.Model | None]:
    """Find the base: a network of `keras.applications`, nested or flat, or a nested model.

    Args:
        model: the whole model.

    Returns:
        As `given_base`; no layers and no name where there is none to be seen.

    Lesson: 12
    """
    for part in _nested(model):
        if family_of(part.layers):
            return list(leaf_layers(part)), part.name, part
    family = family_of(model.layers)
    if family:
        return list(leaf_layers(_own_layers(model.layers, family))), family.module, None
    nested = next((part for part in _nested(model) if part.weights), None)
    if nested is None or nested is model.layers[-1]:
        return [], "", None
    return list(leaf_layers(nested)), nested.name, nested


def has_graph(model: keras.Model) -> bool:
    """Tell whether a model is a graph of layers, through and through.

    Args:
        model: any Keras model.

    Returns:
        Whether no model in it is subclassed.

    Lesson: 12
    """
    parts = [model, *_nested(model)]
    return all(
        isinstance(each, keras.Sequential) or getattr(each, "outputs", None) for each in parts
    )


def batch_norms(leaves: list[Leaf]) -> list[Leaf]:
    """Pick the BatchNormalization layers.

    Args:
        leaves: paths and layers.

    Returns:
        Those that are.

    Lesson: 12
    """
    return [leaf for leaf in leaves if isinstance(leaf[1], layers.BatchNormalization)]


def steps_of(model: keras.Model) -> list:
    """List what a model does, in order: its layers, and plain operations such as `x / 255`.

    Args:
        model: any Keras model.

    Returns:
        Layers and operations; of a model without a graph the layers alone.

    Lesson: 12
    """
    return list(getattr(model, "operations", None) or model.layers)


def some(names: list[str], *, of: str = "layers") -> str:
    """Name the first and the last of many, for a line of evidence.

    Args:
        names: of layers, or of other things.
        of: what they are names of, in the plural.

    Returns:
        Such as `"a, b, ..., z (12 layers)"`.

    Lesson: 12
    """
    if len(names) <= 3:
        return ", ".join(names)
    return f"{', '.join(names[:2])}, ..., {names[-1]} ({len(names)} {of})"


def _nested(model: keras.Model) -> Iterator[keras.Model]:
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield layer
            yield from _nested(layer)


def _own_layers(parts: list[keras.Layer], family: Family) -> list[keras.Layer]:
    """Those of a flat model that belong to the network: not what was put before it, or on it."""
    first = next(i for i, part in enumerate(parts) if part.weights)
    return parts[first : end_of(parts, family)]
