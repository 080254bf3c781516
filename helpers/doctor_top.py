"""The doctor's check for the classifier of the old task, left in the middle of a model."""

from collections.abc import Iterator

import keras

from helpers.doctor_anatomy import steps_of
from helpers.doctor_case import Case, is_used
from helpers.doctor_findings import Finding
from helpers.doctor_outputs import activation_of, output_layers


def check_top(case: Case) -> Iterator[Finding]:
    """Find a classifier that was left in place, with a new head on top of it, or as the head.

    Args:
        case: the model.

    Yields:
        `top-not-removed`.

    Lesson: 12
    """
    old = _old_top(case)
    if old is None:
        return
    is_head = any(old is layer for layer in output_layers(case.model))
    units = old.output.shape[-1]
    place = "It is the output of the model" if is_head else "The new head reads its probabilities"
    yield Finding(
        code="top-not-removed",
        severity="error",
        title=f"The classifier of the old task, {old.name!r}, is still in place",
        evidence=f"{old.name!r} ends in {activation_of(old)} with {units} units. {place}.",
        why=f"What the base knows about an example is one layer earlier. A head on {units} "
        "probabilities of the old classes learns all the same, so no message tells you.",
        fix=f"helpers.surgery.remove_top(model), include_top=False, or "
        f"model.get_layer({old.name!r}).input as the end of the base",
    )


def _old_top(case: Case) -> keras.Layer | None:
    outputs = output_layers(case.model)
    if case.nested is not None:
        ends = output_layers(case.nested) if is_used(case) else []
        return next((end for end in ends if _is_softmax(end)), None)
    for output in outputs:
        below = _softmax_below(case.model, output)
        if below is not None:
            return below
    whole = case.family and case.model.compiled
    return next((end for end in outputs if whole and _is_imagenet(end)), None)


def _softmax_below(model: keras.Model, layer: keras.Layer) -> keras.Layer | None:
    """Walk down from a layer, as long as the way does not fork, to a softmax over classes."""
    makers = {id(each.output): each for each in steps_of(model) if _is_simple(each)}
    while _is_simple(layer) and id(layer.input) in makers and makers[id(layer.input)] is not layer:
        layer = makers[id(layer.input)]
        if _is_softmax(layer):
            return layer
    return None


def _is_simple(layer: keras.Layer) -> bool:
    """Whether a layer takes one tensor and gives one, and is no model."""
    ends = [getattr(layer, end, None) for end in ("input", "output")]
    return not isinstance(layer, keras.Model) and all(
        isinstance(e, keras.KerasTensor) for e in ends
    )


def _is_softmax(layer: keras.Layer) -> bool:
    shape = getattr(getattr(layer, "output", None), "shape", ())
    return activation_of(layer) == "softmax" and len(shape) == 2 and (shape[-1] or 0) > 1


def _is_imagenet(layer: keras.Layer) -> bool:
    return layer.name == "predictions" and layer.output.shape[-1] == 1000
