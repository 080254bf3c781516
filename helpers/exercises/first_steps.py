"""Measure the first step of each layer: the rate that it really gets from an Adam."""

from collections.abc import Mapping

import keras
import numpy as np

from helpers.checks import Wrong
from helpers.exercises.tools import listed
from helpers.exercises.trials import labels_for, put_back

CLOSE = 0.05
"""How far a step may be off, as a share of it."""


def first_steps(model: keras.Model, x: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """Take one step as with a fresh optimizer, and put everything back.

    Args:
        model: compiled.
        x: one batch of inputs.
        y: whole-number labels; they become one-hot where the loss wants that.

    Returns:
        For the name of each layer that trains the largest distance that one of its weights moved.

    Lesson: 06
    """
    optimizer = model.optimizer
    if not optimizer.built:
        optimizer.build(model.trainable_variables)
    before = [variable.numpy() for variable in model.trainable_variables]
    steps: dict[str, float] = {}
    with put_back([*model.variables, *optimizer.variables]):
        for variable in optimizer.variables:
            if "learning_rate" not in variable.path:
                variable.assign(np.zeros(variable.shape))
        y = labels_for(model, y)
        model.fit(x, y, epochs=1, batch_size=len(x), shuffle=False, verbose=0)
        for weight, old in zip(model.trainable_variables, before, strict=True):
            name, step = weight.path.split("/")[-2], float(np.abs(weight.numpy() - old).max())
            steps[name] = max(steps.get(name, 0.0), step)
    return steps


def need_steps(steps: Mapping[str, float], wanted: Mapping[str, float], more: str = "") -> None:
    """Go on only if each layer moves as far as it should.

    Args:
        steps: what `first_steps` measured.
        wanted: the rate of each layer.
        more: put behind what is wrong.

    Raises:
        Wrong: a layer is off, with the step that it took.

    Lesson: 06
    """
    found = {name: steps.get(name, 0.0) for name in wanted}
    off = [name for name in wanted if not np.isclose(found[name], wanted[name], rtol=CLOSE)]
    if off:
        raise Wrong(_fault(found, wanted, off) + more)


def plain(number: float) -> str:
    """Write a number without an exponent, to two figures.

    Args:
        number: a rate or a step.

    Returns:
        Such as `"0.00005"`.

    Lesson: 06
    """
    return np.format_float_positional(number, 2, unique=False, fractional=False, trim="-")


def _fault(found: Mapping[str, float], wanted: Mapping[str, float], off: list[str]) -> str:
    steps, ratios = (np.array([by_name[name] for name in wanted]) for by_name in (found, wanted))
    ratios = steps / ratios
    if np.ptp(steps) <= CLOSE * steps.max():
        return (
            f"Every layer moves {plain(steps[0])} in its first step: the optimizer has one rate "
            "for all. Rates noted beside it reach nobody, and a factor in the gradient cancels."
        )
    if np.allclose(ratios, ratios[0], rtol=CLOSE):
        return (
            f"The proportions are right, but all steps are {ratios[0]:.2g} times as long as asked "
            f"for: {off[-1]} moves {plain(found[off[-1]])}, not {plain(wanted[off[-1]])}."
        )
    first = f"{off[0]} moves {plain(found[off[0]])} in its first step, not {plain(wanted[off[0]])}"
    caught = [name for name in off if _taken_along(name, found, off)]
    if caught:
        return f"{first}: a name that begins with 'block_1' may go on, as in {listed(caught)}."
    default = " Is it in no group?" if found[off[0]] > 0.95 * steps.max() else ""
    return f"{first}.{default} Layers that are off: {listed(off)}."


def _taken_along(name: str, found: Mapping[str, float], off: list[str]) -> bool:
    """Whether a layer moves as another does, with whose name and number its own name begins."""
    stems = {other: "_".join(other.split("_")[:2]) for other in found if other not in off}
    return any(
        name.startswith(stem) and np.isclose(found[name], found[other], rtol=CLOSE)
        for other, stem in stems.items()
    )
