"""Question 3 of exercise 08: a new top on a saved classifier of texts, whatever it looks like."""

from collections.abc import Callable

import keras
import numpy as np

from helpers.exercises.tools import listed, need, same
from helpers.exercises.trials import model_from, need_healthy

layers = keras.layers

HEAD_FAULTS = ("activation-loss", "labels-loss")


def check_build(build: Callable) -> str:
    """Try a function from a saved classifier and a number of classes to a model with a new top.

    Args:
        build: gives a compiled model for whole-number labels.

    Returns:
        Why it is right.

    Raises:
        Wrong: the old top is on, padding is read, or other weights train than those of the head.

    Lesson: 08
    """
    said = []
    for whole, classes in ((_two_lstm(), 4), (_one_gru(), 3)):
        model = model_from(build, whole, classes)
        kept = _need_cut(model, whole)
        _need_padding_unread(model, whole)
        shape = tuple(model.output_shape)
        need(shape == (None, classes), f"For {classes} classes your model gives {shape}.")
        need(model.compiled, "The model is not compiled: the loss is half of the answer.")
        _need_head_trains(model, kept, classes)
        said.append(f"{whole.name}: {classes} classes")
    return f"{' and '.join(said)}. Padding is not read, the base rests, and the head learns."


def _two_lstm() -> keras.Model:
    ids = x = keras.Input((10,), name="character_ids")
    x = layers.Embedding(30, 6, mask_zero=True, name="embedding")(x)
    x = layers.LSTM(8, return_sequences=True, name="lstm_1")(x)
    x = layers.LSTM(7, name="lstm_2")(x)
    x = layers.Dense(9, activation="softmax", name="final_output")(x)
    return keras.Model(ids, x, name="languages")


def _one_gru() -> keras.Model:
    ids = x = keras.Input((10,), name="word_ids")
    x = layers.Embedding(30, 5, mask_zero=True, name="words")(x)
    x = layers.GRU(6, name="reader")(x)
    x = layers.Dense(5, activation="relu", name="hidden")(x)
    x = layers.Dense(2, activation="softmax", name="mood")(x)
    return keras.Model(ids, x, name="moods")


def _texts() -> np.ndarray:
    """Twelve rows of ids that end in padding."""
    rng = np.random.default_rng(0)
    ids = rng.integers(1, 30, (12, 10))
    return np.where(np.arange(10) < rng.integers(2, 8, (12, 1)), ids, 0)


def _run(model: keras.Model, ids: np.ndarray) -> np.ndarray:
    return keras.ops.convert_to_numpy(model(ids, training=False))


def _twins(model: keras.Model, weights: list[keras.Variable]) -> dict[str, keras.Variable]:
    """The weights of a model that are certain ones of another model, or copies of them."""
    inside, found = {id(weight) for weight in model.weights}, {}
    for weight in weights:
        copies = [w for w in model.weights if same(w.numpy(), weight.numpy())]
        if id(weight) in inside or copies:
            found[weight.path] = weight if id(weight) in inside else copies[0]
    return found


def _need_cut(model: keras.Model, whole: keras.Model) -> dict[str, keras.Variable]:
    """The weights of the model that come from below the old top."""
    top = whole.layers[-1]
    need(
        not _twins(model, top.weights[:1]),
        f"The old top, {top.name!r}, is still in: its {top.units} probabilities are no features. "
        "A layer's `.output` lies behind it, its `.input` before it.",
    )
    below = [weight for layer in whole.layers[:-1] for weight in layer.weights]
    kept = _twins(model, below)
    missing = [weight.path for weight in below if weight.path not in kept]
    why = "Cut right before the old top." if kept else "Layers made anew have learned nothing."
    need(not missing, f"Not in your model: {listed(missing)}. {why}")
    return kept


def _need_padding_unread(model: keras.Model, whole: keras.Model) -> None:
    ids = _texts()
    in_front = np.array([np.roll(row, np.sum(row == 0)) for row in ids])
    need(same(_run(whole, ids), _run(whole, in_front)), "The saved model itself reads padding now.")
    changed = np.abs(_run(model, ids) - _run(model, in_front)).max(axis=1) > 1e-4
    need(
        not changed.any(),
        f"With the padding in front instead of behind, {changed.sum()} of {len(ids)} answers "
        "change: somewhere the mask is lost, and your model reads padding as text.",
    )


def _need_head_trains(model: keras.Model, kept: dict[str, keras.Variable], classes: int) -> None:
    ids, labels = _texts(), np.arange(12) % classes
    need_healthy(model, HEAD_FAULTS, data=(ids, labels))
    before = {id(weight): weight.numpy() for weight in model.weights}
    model.fit(ids, labels, epochs=1, verbose=0)
    moved = [w for w in model.weights if not np.array_equal(before[id(w)], w.numpy())]
    own = {id(weight) for weight in kept.values()}
    lost = [weight.path for weight in moved if id(weight) in own]
    need(not lost, f"One epoch moves {listed(lost)} in the base; only the head should learn.")
    need(bool(moved), "One epoch moves nothing at all: the head should learn.")
