"""Layer-wise learning rates: one optimizer, a pace of its own for each layer.

Keras' own `MultiOptimizer` holds one optimizer for each group. It has no `learning_rate` to set,
refuses to train a part of its variables (as phases do), and finds groups by the path of a variable,
which changes when a Sequential model is loaded again. So here Adam itself multiplies its rate.
"""

from collections.abc import Mapping
from typing import Any

import keras
import pandas as pd
from keras import ops

from helpers.layer_groups import falling_groups, group_of, layers_with_weights, members_of


@keras.saving.register_keras_serializable(package="transfer_learning_course")
class LayerwiseAdam(keras.optimizers.Adam):
    """Adam whose rate for each layer is `learning_rate` times the factor of the layer's group.

    What sets or reads `learning_rate` (a schedule, a callback, a phase) moves all layers and keeps
    the proportions between them. Weight decay follows the rate of the layer. Make it with
    `layerwise_optimizer`, which checks the groups against a model.

    Args:
        learning_rate: of a layer with the factor 1; a number above 0, or a schedule.
        groups: for each layer name the name of its group.
        factors: for each group its factor, above 0 up to 1.
        options: as for `keras.optimizers.Adam`.

    Lesson: 06
    """

    def __init__(
        self,
        learning_rate: float | keras.optimizers.schedules.LearningRateSchedule = 0.001,
        *,
        groups: Mapping[str, str],
        factors: Mapping[str, float],
        **options: Any,
    ) -> None:
        """Keep the groups beside what Adam keeps."""
        super().__init__(learning_rate, **options)
        self.groups = dict(groups)
        self.factors = dict(factors)

    def factor_of(self, variable: keras.Variable) -> float:
        """Find the factor of a variable by the name of its layer.

        Args:
            variable: a weight of the model; `path` holds the names of its layer and of what is
                around it, which differs between a model and its saved copy.

        Returns:
            The factor, above 0 up to 1.

        Raises:
            ValueError: no part of the path is a layer with a group.
        """
        group = group_of(variable, self.groups)
        if group is None:
            raise ValueError(
                f"No group for the weight {variable.path!r}: this optimizer was made for the "
                f"layers {', '.join(self.groups)}. Make a new one with layerwise_optimizer(model)."
            )
        return self.factors[group]

    def build(self, var_list: list[keras.Variable]) -> None:
        """Make the running averages, and look up the factor of each variable once.

        Args:
            var_list: all variables that will ever train.
        """
        if not self.built:
            self._factor_by_index = tuple(self.factor_of(variable) for variable in var_list)
        super().build(var_list)

    def update_step(
        self, gradient: Any, variable: Any, learning_rate: float | keras.KerasTensor
    ) -> None:
        """Update one variable, at its layer's rate.

        Args:
            gradient: tensor of the variable's shape.
            variable: the variable.
            learning_rate: the rate of a layer with the factor 1.
        """
        rate = ops.cast(learning_rate, variable.dtype)
        rate = rate * self._factor_by_index[self._get_variable_index(variable)]
        if self.weight_decay is not None and self._use_weight_decay(variable):
            self.assign_sub(variable, ops.convert_to_tensor(variable) * self.weight_decay * rate)
        super().update_step(gradient, variable, rate)

    def _apply_weight_decay(self, variables: list) -> None:
        """Leave it to `update_step`, which knows the layer's rate."""

    def get_config(self) -> dict[str, Any]:
        """Describe the optimizer, for saving.

        Returns:
            What `from_config` needs.
        """
        return super().get_config() | {"groups": dict(self.groups), "factors": dict(self.factors)}


def layerwise_optimizer(
    model: keras.Model,
    learning_rate: float | keras.optimizers.schedules.LearningRateSchedule = 0.001,
    *,
    groups: Mapping[str, float] | None = None,
    base: keras.Model | None = None,
    decay: float | None = None,
    **options: Any,
) -> LayerwiseAdam:
    """Make an Adam with a rate for each group of layers: `learning_rate` times the group's factor.

    Say either which groups there are, or how the factor decays towards the bottom of a base. A
    BatchNormalization layer that no group names goes with the layer that it follows.

    Args:
        model: the model to compile; nested models are opened.
        learning_rate: the rate of the factor 1; a number above 0, or a schedule.
        groups: factors, above 0 up to 1, by pattern: a regular expression for the *whole* name of
            a layer, or of a nested model. `"block_1_.*"` does not take `block_10_conv`. Each layer
            that can learn must fall into exactly one group.
        base: instead of groups, the part whose rates fall. Its last layer that can learn gets
            `decay`, the one before it `decay**2`, and so on; layers outside it, the head, get 1.
        decay: above 0 up to 1 (the same rate everywhere).
        options: passed on to `keras.optimizers.Adam`, such as `weight_decay` or `clipnorm`.

    Returns:
        A fresh optimizer for `model.compile` or `fit_in_phases`.

    Raises:
        ValueError: a factor out of range, a group without layers, a layer in two groups or in
            none, a base that is no part of the model, or layers that cannot be told apart.

    Lesson: 06
    Source: Howard and Ruder, 2018, https://arxiv.org/abs/1801.06146
    """
    if groups is None and base is not None and decay is not None:
        groups = falling_groups(model, base, decay)
    elif groups is None or base is not None or decay is not None:
        raise ValueError("Give either groups={pattern: factor}, or base and decay together.")
    wrong = {name: factor for name, factor in groups.items() if not 0 < factor <= 1}
    if wrong:
        raise ValueError(
            f"Factors out of range: {wrong}. Give numbers above 0, up to 1: the fastest group has "
            "the learning rate itself. A layer that should not move at all is frozen instead."
        )
    return LayerwiseAdam(learning_rate, groups=members_of(model, groups), factors=groups, **options)


def rates_report(model: keras.Model) -> pd.DataFrame:
    """Tabulate who learns how fast: one row for each layer that holds weights.

    Args:
        model: compiled with a `layerwise_optimizer`.

    Returns:
        A table indexed by layer path, in the order of the graph, with the columns `group` (the
        pattern, or the layer that it is counted with), `factor`, `rate` (at this moment) and
        `trains` (False where the layer is frozen).

    Raises:
        ValueError: the model is not compiled, or with another optimizer.

    Lesson: 06
    """
    optimizer = optimizer_of(model)
    if not isinstance(optimizer, LayerwiseAdam):
        raise ValueError(
            f"{model.name!r} has the optimizer {optimizer!r}, which knows one rate only. Compile "
            "it with model.compile(layerwise_optimizer(model, ...), ...)."
        )
    rate = float(optimizer.learning_rate)
    rows = {}
    for path, layer in layers_with_weights(model):
        factor = optimizer.factor_of(layer.weights[0])
        group = optimizer.groups[layer.name]
        rows[path] = (group, factor, rate * factor, bool(layer.trainable_weights))
    columns = ["group", "factor", "rate", "trains"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("layer")


def optimizer_of(model: keras.Model) -> keras.Optimizer | None:
    """Find the optimizer of a model, without the wrapper of mixed precision.

    Args:
        model: any Keras model.

    Returns:
        The optimizer; None where the model is not compiled.

    Lesson: 06
    """
    optimizer = getattr(model, "optimizer", None)
    return getattr(optimizer, "inner_optimizer", optimizer)
