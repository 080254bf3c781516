"""Exercise 04: unfreeze what can learn, keep the rest still, and weigh gain against loss."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pandas as pd

from helpers.checks import Question
from helpers.data import Split, load_digits_task
from helpers.exercises.heads import need_head
from helpers.exercises.tools import interval_95, listed, need, need_model
from helpers.exercises.trials import in_case, model_from, moved_by_fit, need_healthy
from helpers.exercises.two_blocks import check_tuned

MAY_FORGET = 0.02
"""How much of the letters fine-tuning may cost in question 4."""

CLASSES = 3
"""Of the task that the function of question 3 is tried on."""

STATISTICS = ("moving_mean", "moving_variance")


def _check_unfrozen(model: Any, base: Any) -> str:
    """A model in which the convolution of glyphnet's last block trains with the head."""
    need_model(model)
    need_model(base)
    need(model.compiled, "The model is not compiled: nothing can train it yet.")
    codes = ("unfroze-nothing", "nothing-frozen", "batchnorm-moves", "head-frozen")
    need_healthy(model, (*codes, "everything-frozen"), base=base)
    inside = {weight.path for weight in base.weights}
    moved = [path for path in moved_by_fit(model, load_digits_task(5).train) if path in inside]
    wanted = ["block_6_conv/kernel"]
    need(
        moved == wanted,
        f"One epoch moves {listed(moved)} in the base; it should move {listed(wanted)} alone."
        + (" Compile after the last change of a flag." if not moved else ""),
    )
    return f"One epoch moves {listed(moved)} in the base, and the head."


def _check_still(build: Callable) -> str:
    """A function from a base to a compiled model whose kernels learn while statistics rest."""
    base, task = _base_with_statistics(), _task_of_noise()
    with in_case(f"With classes={CLASSES}, tried on {len(task.labels)} pictures"):
        model = model_from(build, base, CLASSES)
        need_head(model, base, CLASSES, task)
        moved = moved_by_fit(model, task, batch_size=2)
    still = [path for path in moved if path.endswith(STATISTICS)]
    need(
        not still,
        f"In one epoch of fit {len(still)} arrays of statistics moved: {listed(still)}. In a "
        "Functional or Sequential model base(x, training=False) does not stop them.",
    )
    kernels = [w.path for w in base.weights if w.path.endswith("/kernel")]
    stuck = [path for path in kernels if path not in moved]
    need(not stuck, f"The statistics rest, but so do kernels that should learn: {listed(stuck)}.")
    own = {w.path for w in base.weights}
    need(any(path not in own for path in moved), "The base learns, but the head does not.")
    return f"{len(kernels)} kernels of the base and the head learn; no moving average moves."


def _check_rate(rates: pd.DataFrame, frozen_letters: float, rate: Any) -> str:
    """A rate that forgets little, and that no other such rate is shown to beat on digits."""
    digits, letters = rates["test_accuracy"], rates["letters_accuracy"]
    need(rate in list(digits.columns), f"{rate!r} is none of {list(digits.columns)}.")
    lost = frozen_letters - letters.mean()
    need(
        lost[rate] <= MAY_FORGET,
        f"At {rate:g} the base reads {letters[rate].mean():.3f} of the letters, "
        f"{lost[rate]:.3f} less than the frozen base; {MAY_FORGET} are allowed.",
    )
    allowed = digits.loc[:, lost <= MAY_FORGET]
    gains = interval_95(allowed.sub(digits[rate], axis=0).drop(columns=rate))
    for other, gain in gains.iterrows():
        need(
            gain["low"] <= 0,
            f"{other:g} forgets no more than is allowed, and reads more digits in the same draws: "
            f"by {gain['mean']:.4f}, interval {gain['low']:.4f} to {gain['high']:.4f}.",
        )
    return (
        f"At {rate:g}: digits {digits[rate].mean():.3f}, letters {lost[rate]:.3f} lost; no other "
        "rate that is allowed is shown to be better."
    )


def _task_of_noise() -> Split:
    images = np.random.default_rng(0).uniform(0, 9, (24, 8, 8, 1)).astype("float32")
    return Split(images, np.arange(24) % CLASSES)


def _base_with_statistics() -> keras.Model:
    inputs = x = keras.Input((8, 8, 1))
    for number in (1, 2):
        x = keras.layers.Conv2D(3, 3, use_bias=False, name=f"conv_{number}")(x)
        x = keras.layers.BatchNormalization(name=f"bn_{number}")(x)
        x = keras.layers.LeakyReLU()(x)
    return keras.Model(inputs, x, name="base")


QUESTIONS = (
    Question(
        "layers-that-learn",
        "Unfreeze a layer that can learn",
        _check_unfrozen,
        (
            "Print what trains: [v.path for v in model.trainable_variables]. Which kinds of layers "
            "are the last ones of the base?",
            "The last layers are an activation and BatchNormalization, which should stay still. "
            "Name the convolution, or count layers that can learn.",
            'Put unfreeze_from(base, "block_6_conv") in the place of the loop.',
        ),
    ),
    Question(
        "tune-with-care",
        "Fine-tune without forgetting",
        check_tuned,
        (
            "Three things decide: what trains, whether BatchNormalization keeps still, and the "
            "rate.",
            'unfreeze_from(base, "block_5_conv") takes care of the first two. Then compile with a '
            "rate far below 0.01.",
            "unfreeze_from(base, 'block_5_conv'); model.compile(keras.optimizers.Adam(0.0003), "
            "LOSS); model.fit(*task.train, epochs=5, verbose=0)",
        ),
    ),
    Question(
        "statistics-at-rest",
        "A model whose BatchNormalization rests",
        _check_still,
        (
            "base(x, training=False) is not enough in a Functional model. What did lesson 04 set "
            "on the BatchNormalization layers?",
            "layer.trainable = False on each BatchNormalization layer, and True on the others; all "
            "of it before compile.",
            "for layer in base.layers: layer.trainable = not isinstance(layer, "
            "keras.layers.BatchNormalization); then a head, compile, return model",
        ),
    ),
    Question(
        "which-rate",
        "Which rate do the draws speak for?",
        _check_rate,
        (
            "Two columns speak: digits for the gain, letters for the loss. First strike out the "
            "rates that lose more than is allowed.",
            "frozen_letters - rates['letters_accuracy'].mean() is what each rate loses. Compare "
            "the digits of those that are left, draw by draw.",
            "Three rates lose no more than 0.02. Both others read fewer digits than the highest of "
            "them, and zero lies outside the intervals.",
        ),
    ),
)
