"""The doctor's checks of what keeps still: BatchNormalization, and noise in a frozen base."""

from collections.abc import Iterator

import keras
from keras import layers

from helpers.doctor_anatomy import batch_norms, some
from helpers.doctor_case import Case, is_used
from helpers.doctor_findings import Finding
from helpers.freezing import DROPOUTS, Leaf
from helpers.graph import parts_of

KEEPS_PACE = 0.95
"""The highest momentum with which BatchNormalization follows within some twenty steps."""

NOISE = (*DROPOUTS, layers.SpatialDropout1D, layers.SpatialDropout2D, layers.SpatialDropout3D,
         layers.GaussianNoise)  # fmt: skip


def check_noise(case: Case) -> Iterator[Finding]:
    """Find layers that add noise inside a base that is frozen.

    Args:
        case: the model.

    Yields:
        `noise-in-frozen-base`.

    Lesson: 12
    """
    frozen = case.base and case.head and not case.training_base and case.reachable
    noisy = [path for path, layer in case.base if any(map(is_noise, parts_of(layer)))]
    if frozen and noisy:
        yield Finding(
            code="noise-in-frozen-base",
            severity="note",
            title=f"The frozen base {case.base_name!r} gives other features in fit than in predict",
            evidence=f"Layers that stay random in training: {some(noisy)}.",
            why="trainable=False stops weights, not Dropout: features that were cached with "
            "predict are not what the head sees in fit.",
            fix="helpers.freezing.keep_still(base), or base.get_layer(name).rate = 0.0 for each, "
            "before the head is built",
        )


def check_batch_norm(case: Case) -> Iterator[Finding]:
    """Find BatchNormalization of the base whose statistics move in `fit`.

    Calling the base with `training=False` in a graph of layers does not stop them. Where code
    of one's own calls the base, one batch is run in training mode, with all changes held back, to
    see what would move; without data nothing is said. A momentum of 0.95 or less, where other such
    layers of the base have a higher one, is taken for intent: these keep pace (lesson 09).

    Args:
        case: the model.

    Yields:
        `batchnorm-moves`.

    Lesson: 12
    """
    norms = batch_norms(case.base)
    live = [leaf for leaf in norms if is_used(case) and leaf[1].trainable]
    pacing = [leaf for leaf in live if _keeps_pace(leaf[1], norms)]
    moving = [leaf for leaf in live if leaf not in pacing]
    if not case.reachable:
        moving = _moved(case, moving)
    if not moving:
        return
    layers_have = "layer has" if len(moving) == 1 else "layers have"
    others = f"frozen: {sum(not norm.trainable for _, norm in norms)}"
    others += f"; keeping pace by a lower momentum: {len(pacing)}" if pacing else ""
    yield Finding(
        code="batchnorm-moves",
        severity="warning",
        title=f"BatchNormalization of {case.base_name!r} will move during training",
        evidence=f"{len(moving)} BatchNormalization {layers_have} trainable=True ({others}): "
        f"{some([path for path, _ in moving])}.",
        why="In fit they use the statistics of each batch and shift the stored ones, also behind "
        "base(x, training=False): validation may drop although the training loss falls.",
        fix="helpers.freezing.keep_still(base), or for each of them layer.trainable = False, then "
        "compile again",
    )


def is_noise(layer: keras.Layer) -> bool:
    """Tell whether a layer is random in training: Dropout that is on, noise, augmentation.

    Args:
        layer: a layer, not one with others inside.

    Returns:
        Whether it is.

    Lesson: 12
    """
    if isinstance(layer, NOISE):
        return bool(getattr(layer, "rate", getattr(layer, "stddev", 0)))
    if isinstance(layer, layers.RNN):
        return False  # its cell is looked at by itself
    own = [getattr(layer, name, 0) for name in ("dropout", "recurrent_dropout")]
    drops = any(isinstance(rate, (int, float)) and rate > 0 for rate in own)
    return drops or type(layer).__name__.startswith("Random")


def _keeps_pace(norm: keras.Layer, norms: list[Leaf]) -> bool:
    """Whether somebody has lowered its momentum, so that the stored statistics follow at once."""
    return norm.momentum <= KEEPS_PACE and any(each.momentum > KEEPS_PACE for _, each in norms)


def _moved(case: Case, norms: list[Leaf]) -> list[Leaf]:
    """Those whose mean would move in one step of training; nothing is changed."""
    if case.batch.x is None or not case.model.built:
        return []
    x = keras.tree.map_structure(lambda each: keras.ops.convert_to_tensor(each[:8]), case.batch.x)
    with keras.StatelessScope() as scope:
        case.model(x, training=True)
    return [leaf for leaf in norms if scope.get_current_value(leaf[1].moving_mean) is not None]
