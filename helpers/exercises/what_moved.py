"""Exercise 03, question 3: find every weight that moved."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from helpers.exercises.tools import listed, need, need_function, need_returned


def check_what_moved(what_moved: Callable) -> str:
    """Check a function from a model and a training to the paths of the weights that it changed."""
    need_function(what_moved)
    cases = {
        "nothing": ([], ""),
        "kernel": (["probe/kernel"], "Only a kernel moved, by 0.5. Did you copy it before?"),
        "mean": (
            ["statistics/moving_mean"],
            "A moving mean moved, and no optimizer touches it: look at model.weights, not at "
            "trainable weights.",
        ),
        "little": (
            ["probe/kernel"],
            "One number moved by a millionth of itself. A tolerance lets small steps pass.",
        ),
    }
    for case, (wanted, reason) in cases.items():
        model, calls = _probe(), []
        found = what_moved(model, lambda m=model, c=case, log=calls: (_move(m, c), log.append(c)))
        need_returned(found, "the paths")
        need(len(calls) == 1, f"Your function called train() {len(calls)} times; once is right.")
        _need_paths(list(found), [weight for weight in model.weights if weight.path in wanted])
        paths = sorted(map(_path, found))
        need(
            paths == wanted,
            f"It says that {listed(paths)} moved; it was {listed(wanted)}. {reason}",
        )
    return "It finds a kernel, a moving mean, a step of a millionth, and no more than moved."


def _path(answer: Any) -> str:
    return answer.path if isinstance(answer, keras.Variable) else str(answer)


def _need_paths(found: list, moved: list[keras.Variable]) -> None:
    """Refuse names, which two layers may share, and variables, where they are the right ones."""
    by_name = [str(each) for each in found] == [weight.name for weight in moved]
    as_weight = any(isinstance(each, keras.Variable) for each in found)
    paths = sorted(weight.path for weight in moved)
    wrong = moved and (by_name or (as_weight and sorted(map(_path, found)) == paths))
    need(
        not wrong,
        f"Right weight, but give its path, {listed(map(repr, paths))}, not "
        f"{'the weight itself' if as_weight else 'its name'}.",
    )


def _probe() -> keras.Model:
    inputs = keras.Input((3,))
    x = keras.layers.Dense(2, name="probe")(inputs)
    return keras.Model(inputs, keras.layers.BatchNormalization(name="statistics")(x))


def _move(model: keras.Model, case: str) -> None:
    kernel, mean = model.get_layer("probe").kernel, model.get_layer("statistics").moving_mean
    if case == "mean":
        mean.assign_add(np.float32([0.0, 0.1]))
    elif case == "kernel":
        kernel.assign_add(keras.ops.full((3, 2), 0.5))
    elif case == "little":
        values = kernel.numpy().copy()
        values[1, 1] = np.nextafter(values[1, 1] * np.float32(1.000001), np.float32(9))
        kernel.assign(values)
