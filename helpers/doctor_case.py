"""The case before the doctor: a model taken apart into base and head, its settings, its data."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import keras

from helpers.doctor_anatomy import given_base, has_graph, inferred_base
from helpers.doctor_data import Samples, read_splits
from helpers.doctor_families import Family, family_of
from helpers.doctor_findings import Findings
from helpers.freezing import Leaf, learners
from helpers.graph import leaf_layers
from helpers.layerwise import optimizer_of


@dataclass(frozen=True)
class Case:
    """What the checks look at.

    Attributes:
        model: the model.
        base: path and layer of the base's innermost layers; empty where no base is known.
        base_name: what to call the base.
        head: the same for all other layers.
        family: the network of `keras.applications` that the base is, if any.
        nested: the base as one layer of the model, if it is one.
        reachable: whether the model's graph leads to the layers of the base. Where it does not (a
            subclassed model, a layer of one's own around the base), the code there decides how
            the base is called.
        splits: the examples by the name of their split; the first one serves as the batch.
        datasets: those of them that came as a `tf.data.Dataset`.
        settings: what `compile` was given.
        before: the findings of the stage before, if there was one.
        rates: learning rates that are noted beside the optimizer, as `(variables, rate)`.

    Lesson: 12
    """

    model: keras.Model
    base: list[Leaf]
    base_name: str
    head: list[Leaf]
    family: Family | None
    nested: keras.Model | None
    reachable: bool
    splits: dict[str, Samples]
    datasets: dict[str, Any]
    settings: Mapping[str, Any]
    before: Findings | None
    rates: Iterable[tuple[Iterable[keras.Variable], float]]

    @property
    def batch(self) -> Samples:
        """The examples of the first split; without data, a pair of None."""
        return next(iter(self.splits.values()), Samples(None, None))

    @property
    def training_base(self) -> list[Leaf]:
        """The layers of the base that train."""
        return [leaf for leaf in self.base if self.trains(leaf[1])]

    @cached_property
    def training_ids(self) -> set[int]:
        """The weights that train, by identity."""
        return {id(weight) for weight in self.model.trainable_weights}

    @property
    def optimizer(self) -> keras.Optimizer | None:
        """The optimizer of the model, without the wrapper of mixed precision."""
        return optimizer_of(self.model)

    def trains(self, layer: keras.Layer) -> bool:
        """Tell whether a weight of a layer trains; a frozen model can hide the layer's own flag.

        Args:
            layer: a layer of the model.

        Returns:
            Whether the model trains it.
        """
        return any(id(weight) in self.training_ids for weight in layer.trainable_weights)


def make_case(
    model: keras.Model,
    base: keras.Model | None,
    data: Any,
    before: Findings | None,
    rates: Iterable[tuple[Iterable[keras.Variable], float]],
) -> Case:
    """Take a model apart.

    Args:
        model: any Keras model.
        base: the part of it that is the base; None to infer it.
        data: as for `read_splits`.
        before: the findings of the stage before; None for none.
        rates: learning rates that are noted beside the optimizer.

    Returns:
        The case.

    Raises:
        TypeError: data of another form.
        ValueError: a base that is no part of the model.

    Lesson: 12
    """
    splits, datasets = read_splits(data)
    leaves = list(leaf_layers(model))
    base_leaves, name, nested = (
        given_base(model, base) if base is not None else inferred_base(model)
    )
    known = {id(layer) for _, layer in base_leaves}
    return Case(
        model=model,
        base=base_leaves,
        base_name=name,
        head=[leaf for leaf in leaves if id(leaf[1]) not in known],
        family=family_of((model if nested is None else nested).layers)
        or (None if base is None else family_of(base.layers)),
        nested=nested,
        reachable=has_graph(model) and known <= {id(layer) for _, layer in leaves},
        splits=splits,
        datasets=datasets,
        settings=_settings(model),
        before=before,
        rates=rates,
    )


def is_used(case: Case) -> bool:
    """Tell whether the base is more than a base by itself.

    Args:
        case: the model.

    Returns:
        Whether it has a new head, or is compiled.

    Lesson: 12
    """
    on_top = [layer for _, layer in learners(case.head) if layer.name != "predictions"]
    return bool(on_top) or case.model.compiled


def _settings(model: keras.Model) -> Mapping[str, Any]:
    try:
        return model.get_compile_config() or {}
    except Exception:  # a loss or a metric of one's own that cannot be described
        return {}
