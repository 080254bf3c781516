"""How the checks of the exercises try an answer: they call, examine or fit it, and undo the fit."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np

from helpers.answer_errors import in_short
from helpers.checks import Wrong
from helpers.data import Split
from helpers.doctor import examine
from helpers.exercises.tools import need, need_function, need_model, need_returned, outputs


@contextmanager
def in_case(case: str) -> Iterator[None]:
    """Begin every reply with the case that it is about.

    Args:
        case: such as `"With classes=5"`.

    Yields:
        Nothing; what is tried stands in the `with` block.

    Raises:
        Wrong: what the block finds wrong, or the error that stopped it, with the case in front.

    Lesson: 01
    """
    try:
        yield
    except Wrong as reason:
        raise Wrong(f"{case}: {reason}") from reason
    except Exception as error:  # code of the reader's own
        raise Wrong(f"{case}, your answer stopped with {in_short(error)}") from error


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
    need_function(build)
    model = build(*given)
    need_returned(model, "the model")
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


@contextmanager
def put_back(variables: Iterable[keras.Variable]) -> Iterator[None]:
    """Give variables the values that they had before a `with` block, whatever happens in it.

    Args:
        variables: of models and optimizers.

    Yields:
        Nothing.

    Lesson: 03
    """
    before = [(variable, variable.numpy()) for variable in variables]
    try:
        yield
    finally:
        for variable, value in before:
            variable.assign(value)


def labels_for(model: keras.Model, labels: np.ndarray) -> np.ndarray:
    """Write labels as the loss of a model wants them.

    Args:
        model: a compiled model that knows its output shape.
        labels: whole numbers.

    Returns:
        The labels; one-hot for a categorical loss.

    Lesson: 03
    """
    one_hot = str(getattr(model.loss, "name", model.loss)).startswith("categorical")
    return keras.utils.to_categorical(labels, model.output_shape[-1]) if one_hot else labels


def moved_by_fit(model: keras.Model, split: Split, *, batch_size: int = 32) -> list[str]:
    """Fit a model for one epoch, see which of its weights move, and put everything back.

    Args:
        model: a compiled model.
        split: pictures and labels; labels become one-hot where the loss wants that.
        batch_size: as for `fit`.

    Returns:
        Paths of the weights that moved.

    Raises:
        Wrong: the model is not compiled.

    Lesson: 03
    """
    need(model.compiled, "The model is not compiled: nothing can train it yet.")
    outputs(model, split.images[:2])  # builds a model that knows no shape yet
    labels, before = labels_for(model, split.labels), model.get_weights()
    with put_back([*model.variables, *model.optimizer.variables]):
        model.fit(split.images, labels, epochs=1, batch_size=batch_size, verbose=0)
        pairs = zip(model.weights, before, strict=True)
        return [weight.path for weight, old in pairs if not np.array_equal(old, weight.numpy())]
