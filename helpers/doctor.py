"""Examine a model, its data and its compile settings: what is silently wrong, and how to mend it.

Outside `helpers/graph.py` only public attributes of Keras are read, and nothing is changed: no
weight, no flag, no optimizer, no random state. A fault that leaves no public trace is not found:
see `examine`.
"""

from collections.abc import Iterable
from typing import Any

import keras

from helpers import doctor_freezing as freezing
from helpers import doctor_splits as splits
from helpers import doctor_stillness as stillness
from helpers.doctor_case import make_case
from helpers.doctor_findings import Finding, Findings
from helpers.doctor_groups import check_groups
from helpers.doctor_loss import check_outputs
from helpers.doctor_pipeline import check_cache
from helpers.doctor_pixels import check_pixel_contract
from helpers.doctor_rates import check_rate
from helpers.doctor_stages import (
    check_loss_weights,
    check_since_compile,
    check_stage,
    training_paths,
)
from helpers.doctor_top import check_top

__all__ = ["Finding", "Findings", "examine"]

CHECKS = (
    check_top,
    freezing.check_head,
    freezing.check_unfrozen,
    freezing.check_nothing_frozen,
    stillness.check_batch_norm,
    stillness.check_noise,
    check_pixel_contract,
    check_outputs,
    check_since_compile,
    check_loss_weights,
    check_rate,
    splits.check_overlap,
    splits.check_classes,
    splits.check_same_scale,
    check_cache,
    lambda case: check_groups(case, case.rates),
    check_stage,
)


def examine(
    model: keras.Model,
    *,
    base: keras.Model | None = None,
    data: Any = None,
    before: Findings | None = None,
    rates: Iterable[tuple[Iterable[keras.Variable], float]] = (),
) -> Findings:
    """Examine a model for the silent mistakes of transfer learning.

    Not everything leaves a trace that can be read from the outside: whether pixels that were scaled
    before came from the right picture; a change of `trainable` since compile under SGD without
    momentum; what code of one's own (a subclassed model) does, except what one batch shows.

    Args:
        model: compiled or not.
        base: the part that was trained before. Default: a nested model, or the layers that come
            from `keras.applications`; for other flat models it must be given, or only what does
            not depend on it is examined.
        data: a batch `(x, y)` as `fit` takes it; a `tf.data.Dataset`, of which the first batch is
            read; or a dictionary of splits by name, of which a dataset is read whole.
        before: the findings of the stage before, for a model that is trained in stages.
        rates: learning rates that are noted beside the optimizer, as `(variables, rate)`.

    Returns:
        The findings, the most severe first; empty where nothing is wrong.

    Raises:
        TypeError: no Keras model, or data of another form.
        ValueError: a base that is no part of the model.

    Lesson: 12
    """
    if not isinstance(model, keras.Model):
        raise TypeError(f"model is a {type(model).__name__}: give a Keras model.")
    case = make_case(model, base, data, before, rates)
    found = (finding for check in CHECKS for finding in check(case))
    return Findings(found, trains=training_paths(model))
