"""Exercise 05, question 2: a diary of training steps, and two stages that it must show."""

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import pandas as pd

from helpers.exercises.tools import listed, need, need_model, unlike_glyphnet

STEPS = 12
"""Two stages of three epochs, each of two batches."""

BLOCK = ["block_3_conv/kernel"]
"""What is to learn in stage two, beside the head."""


@dataclass(frozen=True)
class Step:
    """One step of training.

    Attributes:
        optimizer: that took it.
        count: how many steps this optimizer has taken, this one included.
        rate: its learning rate, before the step.
        moved: paths of glyphnet's weights that are not what they were in the file.

    Lesson: 05
    """

    optimizer: keras.Optimizer
    count: int
    rate: float
    moved: tuple[str, ...]


class Diary(keras.callbacks.Callback):
    """Note each step of `fit`; with another model the diary begins anew.

    Lesson: 05
    """

    def __init__(self) -> None:
        """Begin empty."""
        super().__init__()
        self.steps: list[Step] = []
        self.watched: keras.Model | None = None
        self._rate = 0.0

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Begin anew with another model."""
        if self.watched is not self.model:
            self.steps, self.watched = [], self.model

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """Note the rate before the step; a schedule moves on after it."""
        self._rate = float(self.model.optimizer.learning_rate)

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Note the step."""
        optimizer, moved = self.model.optimizer, tuple(unlike_glyphnet(self.model))
        self.steps.append(Step(optimizer, int(optimizer.iterations), self._rate, moved))

    def table(self) -> pd.DataFrame:
        """Show the steps.

        Returns:
            A row for each: what its optimizer has counted, the rate, and what of glyphnet has
            moved so far.

        Lesson: 05
        """
        rows = [(step.count, round(step.rate, 6), listed(step.moved)) for step in self.steps]
        table = pd.DataFrame(rows, columns=["counted by the optimizer", "rate", "moved so far"])
        return table.set_axis(range(1, len(rows) + 1)).rename_axis("step")


def check_stages(model: Any, diary: Any) -> str:
    """Check a model that was trained in two stages, with one optimizer throughout."""
    need_model(model)
    need(model.compiled, "The model is not compiled.")
    need(isinstance(diary, Diary), f"This is a {type(diary).__name__}, not the diary of the cell.")
    steps = diary.steps
    need(
        diary.watched is model and bool(steps),
        "The diary has not seen this model: give each fit callbacks=[diary].",
    )
    _need_one_optimizer(steps)
    _need_stage("one", steps[: STEPS // 2], 0.01, [])
    _need_stage("two", steps[STEPS // 2 :], 0.001, BLOCK)
    stuck = {id(w) for w in model.layers[-1].weights} - {id(w) for w in model.trainable_weights}
    need(not stuck, "In stage two the head is frozen: it was to learn on.")
    return (
        f"One optimizer counted all {STEPS} steps, six at 0.01 and six at 0.001; "
        f"{listed(steps[-1].moved)} learned with the head, in stage two only."
    )


def _need_one_optimizer(steps: list[Step]) -> None:
    new = [number for number, step in enumerate(steps) if step.optimizer is not steps[0].optimizer]
    need(
        not new,
        f"A new optimizer began after step {new[0] if new else 0}: what the first had gathered for "
        f"the head is gone. One was to take all {STEPS} steps.",
    )
    counted = [step.count for step in steps]
    need(
        counted == list(range(1, STEPS + 1)),
        f"The diary holds {len(steps)} steps, the last counted as {counted[-1]}; two stages of "
        f"three epochs take {STEPS}. Run the whole cell again, with callbacks=[diary] in each fit.",
    )


def _need_stage(name: str, steps: list[Step], rate: float, moved: list[str]) -> None:
    for step in steps:
        need(
            bool(np.isclose(step.rate, rate, rtol=1e-3)),
            f"Step {step.count} ran at a rate of {step.rate:.3g}; stage {name} was to run at "
            f"{rate}.",
        )
        others = [path for path in step.moved if path not in moved]
        need(
            not others,
            f"After step {step.count} {listed(others)} had moved; in stage {name} "
            + (f"only {listed(moved)} was to learn with the head." if moved
               else "the head was to learn alone."),
        )  # fmt: skip
        need(
            list(step.moved) == moved,
            f"After step {step.count} no weight of the base had moved: in stage {name} "
            f"{listed(moved)} should learn.",
        )
