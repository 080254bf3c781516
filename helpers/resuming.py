"""Keep the state of a training run after each phase, and take it up again."""

import json
import os
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np


def store(path: Path, plan: dict, result: dict, variables: Sequence[keras.Variable]) -> None:
    """Write the state of a run in one step, in place of the one before.

    Args:
        path: the `.npz` file; its folder is made where it is missing.
        plan: what the run is to do, JSON-like; `restore` compares it.
        result: what it has reached so far, JSON-like.
        variables: of the model and of the optimizer.

    Lesson: 05
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    about = json.dumps({"plan": {**plan, "shapes": _shapes(variables)}, "result": result})
    unfinished = path.with_suffix(".part.npz")
    np.savez(unfinished, *(variable.numpy() for variable in variables), about=about)
    os.replace(unfinished, path)  # in one step: an interruption leaves the old state or the new one


def restore(path: Path, plan: dict, variables: Sequence[keras.Variable]) -> dict:
    """Put a stored state back into a model and its optimizer.

    Args:
        path: a file that `store` wrote.
        plan: what the run is to do; must equal the stored plan.
        variables: of the model and of the optimizer, in the same order as stored; changed in place.

    Returns:
        The stored result.

    Raises:
        ValueError: the file belongs to another plan or model; nothing is changed then.

    Lesson: 05
    """
    with np.load(path) as state:
        about = json.loads(str(state["about"]))
        if about["plan"] != {**plan, "shapes": _shapes(variables)}:
            raise ValueError(
                f"{path} belongs to another run (other phases or data, another model, optimizer, "
                "loss or batch size). Take that run up again as it was planned, or name another "
                "folder for this one."
            )
        for number, variable in enumerate(variables):
            variable.assign(state[f"arr_{number}"])
    return about["result"]


def _shapes(variables: Sequence[keras.Variable]) -> list[list[int]]:
    return [list(variable.shape) for variable in variables]
