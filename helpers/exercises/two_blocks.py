"""Exercise 04, question 2: the last two blocks of glyphnet, fine-tuned without forgetting."""

from typing import Any

import keras
import numpy as np

from helpers.data import load_digits_task
from helpers.exercises.letters import letters_read, letters_read_before
from helpers.exercises.tools import (
    accuracy,
    glyphnet_weights,
    listed,
    need,
    need_model,
    unlike_glyphnet,
)

LETTERS_LOST = 0.03
"""How much of the letters fine-tuning may cost."""

AT_LEAST = 0.0005
"""How far each kernel is to move, as a share of its size; below that a head alone does as well."""

WANTED = ("block_5_conv/kernel", "block_6_conv/kernel")


def check_tuned(model: Any) -> str:
    """Check a model with a trained head whose upper two blocks were fine-tuned with care."""
    need_model(model, (None, 10))
    gone = unlike_glyphnet(model)
    letters, digits = letters_read(model), accuracy(model, load_digits_task(5).validation)
    before = letters_read_before()
    numbers = f"digits {digits:.0%}, letters {letters:.0%} (before: {before:.0%})"
    _need_still(gone, numbers)
    need(
        letters > before - LETTERS_LOST,
        f"The base forgets: {numbers}. A lower rate, or fewer blocks, forgets less.",
    )
    _need_two_blocks(gone)
    shares = _need_moved(model)
    need(digits > 0.85, f"The letters are kept, but the digits are not read well: {numbers}.")
    return f"2 kernels moved, by {listed(shares)} of their size, no statistics; {numbers}."


def _need_still(gone: list[str], numbers: str) -> None:
    kernels = [path for path in gone if path.endswith("conv/kernel")]
    need(bool(kernels), "No kernel of the base differs from glyphnet's: nothing was fine-tuned.")
    others = [path for path in gone if path not in kernels]
    need(
        not others,
        f"BatchNormalization moved: {len(others)} of its arrays, {listed(others)}; {numbers}.",
    )


def _need_two_blocks(gone: list[str]) -> None:
    early = [path for path in gone if path not in WANTED]
    need(not early, f"{listed(early)} moved too; only block_5 and block_6 were to train.")
    missing = [path for path in WANTED if path not in gone]
    need(
        not missing,
        f"{listed(gone)} moved, but {listed(missing)} did not: both blocks were to train, from "
        "block_5_conv on.",
    )


def _need_moved(model: keras.Model) -> list[str]:
    """How far the two kernels moved, as shares of their size, in words."""
    stored = glyphnet_weights()
    now = {weight.path: weight.numpy() for weight in model.weights if weight.path in WANTED}
    norm = np.linalg.norm
    moved = {path: float(norm(now[path] - stored[path]) / norm(stored[path])) for path in WANTED}
    said = [f"{share:.3%}" for share in moved.values()]
    need(
        min(moved.values()) >= AT_LEAST,
        f"The kernels of block_5 and block_6 moved by {listed(said)} of their size: next to "
        f"nothing, so the head does the work. At least {AT_LEAST:.2%} each is asked for: a higher "
        "rate, or more epochs.",
    )
    return said
