"""Which layer belongs to which group: patterns of names, checked against a model."""

import re
from collections.abc import Collection, Mapping

import keras

from helpers.freezing import Leaf, learners
from helpers.graph import leaf_layers


def layers_with_weights(model: keras.Model) -> list[Leaf]:
    """List the innermost layers that hold weights, nested models opened.

    Args:
        model: any Keras model.

    Returns:
        `(path, layer)` in the order of the model's graph.

    Lesson: 06
    """
    return [(path, layer) for path, layer in leaf_layers(model) if layer.weights]


def falling_groups(model: keras.Model, base: keras.Model, decay: float) -> dict[str, float]:
    """Make each layer that can learn a group of its own, with factors that fall through a base.

    Args:
        model: the whole model.
        base: the part of it whose factors fall, from its last layer to its first.
        decay: above 0 up to 1.

    Returns:
        The factor by pattern: `decay**k` for the base's k-th layer from its end, counted from 1;
        1 for layers outside the base.

    Raises:
        ValueError: a decay out of range, or a base that is no part of the model.

    Lesson: 06
    """
    if not 0 < decay <= 1:
        raise ValueError(f"decay={decay}: give a number above 0, up to 1 (the same rate for all).")
    learning, below = (
        [layer for _, layer in learners(leaf_layers(part))] for part in (model, base)
    )
    foreign = [layer.name for layer in below if not any(layer is other for other in learning)]
    if foreign or not below:
        raise ValueError(
            f"base={base.name!r} is no part of {model.name!r}, which does not contain its layers "
            f"{_listed(foreign) or '(it has none that can learn)'}. Pass the base that the model "
            "was built on."
        )
    depth = {id(layer): k for k, layer in enumerate(reversed(below), start=1)}
    return {re.escape(layer.name): decay ** depth.get(id(layer), 0) for layer in learning}


def members_of(model: keras.Model, patterns: Collection[str]) -> dict[str, str]:
    """Find the group of each layer, and make sure that there is exactly one.

    Args:
        model: any Keras model.
        patterns: regular expressions, each for the whole name of a layer or of a nested model.

    Returns:
        For the name of each layer that holds weights the pattern that takes it. A layer of
        statistics that no pattern takes goes with the layer that it follows.

    Raises:
        ValueError: no regular expression, a pattern without layers, a layer with two patterns or
            with none, or layers that cannot be told apart by name.

    Lesson: 06
    """
    _check_regular(patterns)
    leaves = layers_with_weights(model)
    found = {path: _matching(path, patterns) for path, _ in leaves}
    _check_patterns(patterns, found, [path for path, _ in learners(leaves)])
    group = next((names[0] for names in found.values() if names), "")  # of statistics at the start
    members: dict[str, str] = {}
    for path, layer in leaves:
        if layer.name in members:
            raise ValueError(
                f"Two layers of {model.name!r} are called {layer.name!r}; one is {path!r}. Groups "
                "go by the name of a layer: give one of them another name."
            )
        group = members[layer.name] = (found[path] or [group])[0]
    _check_names(leaves, members)
    return members


def group_of(variable: keras.Variable, members: Mapping[str, str]) -> str | None:
    """Find the group of a variable by the names in its path.

    A path is no fixed address: `sequential/a/kernel` is `a/kernel` after saving and loading, and
    the weights of an LSTM are inside its cell, `lstm/lstm_cell/kernel`. The name of the layer is
    in all of them.

    Args:
        variable: a weight of a model.
        members: for each layer name its group.

    Returns:
        The group of the outermost name that has one; None where no name has.

    Lesson: 06
    """
    names = variable.path.split("/")[:-1]
    return next((members[name] for name in names if name in members), None)


def _matching(path: str, patterns: Collection[str]) -> list[str]:
    """The patterns that take a layer, or a nested model around it."""
    names = path.split("/")
    return [p for p in patterns if any(re.fullmatch(p, name) for name in names)]


def _check_regular(patterns: Collection[str]) -> None:
    for pattern in patterns:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(
                f"{pattern!r} is no regular expression ({error}). 'Anything' is '.*' there, as in "
                "'block_1_.*' or '.*_conv'."
            ) from error


def _check_patterns(
    patterns: Collection[str], found: dict[str, list[str]], learning: list[str]
) -> None:
    used = {pattern for taken_by in found.values() for pattern in taken_by}
    empty = [pattern for pattern in patterns if pattern not in used]
    if empty:
        raise ValueError(
            f"No layer with weights belongs to {_listed(empty)}. A pattern must fit the whole name "
            f"of a layer, such as {_listed(learning[:3])}; 'block_1_.*' takes all that begin so."
        )
    double = [path for path, taken_by in found.items() if len(taken_by) > 1]
    if double:
        raise ValueError(
            f"Groups overlap: {_listed(found[double[0]])} each take {_listed(double)}. Each layer "
            "belongs to one group: make the patterns narrower."
        )
    left = [path for path in learning if not found[path]]
    if left:
        raise ValueError(
            f"No group takes {_listed(left)}. There is no default rate: add a group for them, or "
            "widen a pattern."
        )


def _check_names(leaves: list[Leaf], members: dict[str, str]) -> None:
    for path, layer in leaves:
        for variable in layer.weights:
            if group_of(variable, members) != members[layer.name]:
                raise ValueError(
                    f"A weight of the layer {path!r} is called {variable.path!r}, which does not "
                    "tell its layer: it was made before that layer, or is named like another one. "
                    "Let the layer make its weights itself, under a name of its own."
                )


def _listed(names: list[str]) -> str:
    return ", ".join(repr(name) for name in names)
