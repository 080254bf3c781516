"""What the checks of the exercises demand of an answer; else they say what is wrong with it."""

from collections.abc import Iterable
from typing import Any

import keras

from helpers.checks import Wrong
from helpers.doctor import examine


def need(condition: bool, reason: str) -> None:
    """Go on only if something holds.

    Args:
        condition: what must hold.
        reason: what is wrong otherwise.

    Raises:
        Wrong: it does not hold.

    Lesson: 01
    """
    if not condition:
        raise Wrong(reason)


def need_model(answer: Any, shape: tuple[int | None, ...] | None = None) -> None:
    """Go on only with a Keras model.

    Args:
        answer: anything.
        shape: of its output; None for any.

    Raises:
        Wrong: it is something else, or gives another shape.

    Lesson: 01
    """
    kind = type(answer).__name__
    need(isinstance(answer, keras.Model), f"This is a {kind}; the question asks for a Keras model.")
    if shape is not None:
        found = tuple(answer.output_shape)
        need(found == shape, f"Its output has the shape {found}, the question asks for {shape}.")


def model_from(build: Any, *given: Any) -> keras.Model:
    """Call a function of the reader's; go on only if it gives a Keras model.

    Args:
        build: anything.
        *given: what it is called with.

    Returns:
        The model.

    Raises:
        Wrong: it cannot be called, or gives something else.

    Lesson: 01
    """
    need(callable(build), f"This is a {type(build).__name__}, not a function.")
    model = build(*given)
    need(model is not None, "Your function returns None: end it with `return` and the model.")
    need_model(model)
    return model


def need_healthy(model: keras.Model, codes: Iterable[str], **options: Any) -> None:
    """Go on only if the doctor finds none of certain faults.

    Args:
        model: what `helpers.doctor.examine` takes.
        codes: of its findings.
        **options: as for `examine`.

    Raises:
        Wrong: the most severe of them that it finds, with its evidence.

    Lesson: 02
    """
    codes = set(codes)
    for finding in examine(model, **options):
        if finding.code in codes:
            raise Wrong(f"{finding.title}. {finding.evidence} {finding.why} ({finding.code})")


def listed(names: Iterable[Any]) -> str:
    """Write names in a sentence.

    Args:
        names: anything that can be written.

    Returns:
        Such as `"a, b and c"`; `"none"` for no name; only the first three of many.

    Lesson: 01
    """
    words = [str(name) for name in names]
    if len(words) > 4:
        return f"{', '.join(words[:3])} and {len(words) - 3} more"
    *first, last = words or ["none"]
    return f"{', '.join(first)} and {last}" if first else last
