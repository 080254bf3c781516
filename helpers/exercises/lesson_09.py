"""Exercise 09: pixels scaled once, a cache in its place, mistakes to learn from, and one figure."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from helpers.checks import Question
from helpers.data import Split, Task
from helpers.exercises.coloured_photos import PHOTOS, SIDE, colour_model, coloured_task
from helpers.exercises.mirrored_epochs import mirrored
from helpers.exercises.tools import accuracy, listed, need, need_model, outputs
from helpers.photo_pixels import read_photo
from helpers.photo_split import accuracy_interval

ENOUGH = 0.8
"""The share of photos that the classifier of question 1 should tell right."""

SCALED = {"scaled to -1..1": (1 / 127.5, -1), "divided by 255": (1 / 255, 0)}
EPOCHS = 6


def _check_classifier(classifier: Any, photos: np.ndarray, labels: np.ndarray) -> str:
    """A classifier that takes photos as they come from the file."""
    need_model(classifier)
    raw = accuracy(classifier, Split(photos, labels))
    scaled = {
        name: accuracy(classifier, Split(scale * photos.astype("float32") + offset, labels))
        for name, (scale, offset) in SCALED.items()
    }
    best = max(scaled, key=scaled.get)
    told = f"Of {len(photos)} photos as they come from the file it tells {raw:.0%} right"
    need(
        raw >= ENOUGH or scaled[best] <= raw + 0.1,
        f"{told}; of the same photos {best}, {scaled[best]:.0%}. Its head knows features of scaled "
        "pixels, which the base scales once more; photos of tomorrow come as they are.",
    )
    need(raw >= ENOUGH, f"{told}; {ENOUGH:.0%} are asked for. What reaches the base, and how often "
         "is it scaled on the way?")  # fmt: skip
    return f"{told}; {best} before, {scaled[best]:.0%}. The base scales them, once."


def _check_pipeline(data: Any, photos: np.ndarray, labels: np.ndarray, opened: list) -> str:
    """A dataset that mirrors photos anew in each epoch, and opens no file twice."""
    kind = type(data).__name__
    need(isinstance(data, tf.data.Dataset), f"This is a {kind}, not a tf.data.Dataset.")
    flipped, before, n = [mirrored(data, photos, labels)], len(opened), len(photos)
    flipped += [mirrored(data, photos, labels) for _ in range(EPOCHS - 1)]
    ever, always = np.any(flipped, axis=0), np.all(flipped, axis=0)
    need(ever.any(), f"In {EPOCHS} epochs none of the {n} photos was mirrored.")
    both = int(np.sum(ever & ~always))
    need(
        both > n / 2,
        f"In {EPOCHS} epochs {both} of {n} photos came both ways; {always.sum()} were mirrored in "
        "every epoch. One draw serves for all: what lies before cache() is kept, and a random "
        "operation with a fixed seed may begin anew in each epoch.",
    )
    again = len(opened) - before
    need(
        again == 0,
        f"{both} of {n} photos came both ways, but after the first epoch files were opened {again} "
        "times: each epoch decodes all photos anew.",
    )
    return f"In {EPOCHS} epochs {both} of {n} photos came both ways, and no file was opened again."


def _check_mistakes(surest_mistakes: Callable) -> str:
    """A function that finds the photos from whose mistakes one may learn."""
    kind = type(surest_mistakes).__name__
    need(callable(surest_mistakes), f"This is a {kind}, not a function.")
    model = colour_model()
    with tempfile.TemporaryDirectory() as folder:
        task = coloured_task(Path(folder))
        for many in (2, 9):
            given = _need_surest(surest_mistakes(model, task, many), model, task, many)
    return (
        "On a set that you have not seen it finds the surest 2 mistakes, and asked for 9 it gives "
        f"all {given} of the validation split, which is there to choose by."
    )


def _need_surest(found: Any, model: keras.Model, task: Task, many: int) -> int:
    need(found is not None, "Your function returns None: end it with `return` and the paths.")
    paths = [str(path) for path in found]
    known = {path: name for name in PHOTOS for path in getattr(task, name).paths}
    need(set(paths) <= set(known), f"Give paths of photos; {listed(paths)} are none.")
    reasons = {
        "train": "the model has learned from these, its mistakes on new photos look otherwise",
        "test": "what you change because of them, the test figure will flatter",
    }
    for split, reason in reasons.items():
        count = sum(known[path] == split for path in paths)
        need(count == 0, f"{count} of {len(paths)} paths are of the {split} split: {reason}.")
    photos = np.stack([read_photo(path, size=SIDE) for path in task.validation.paths])
    sure = outputs(model, photos)
    wrong = sure.argmax(axis=1) != task.validation.labels
    surest = dict(zip(task.validation.paths, sure.max(axis=1), strict=True))
    mistakes = [path for path, is_wrong in zip(surest, wrong, strict=True) if is_wrong]
    right = [path for path in paths if path not in mistakes]
    need(not right, f"{len(right)} of {len(paths)} paths are no mistakes: the answer is right.")
    wanted = sorted(mistakes, key=lambda path: -surest[path])[:many]
    need(
        paths == wanted,
        f"Asked for {many}, of {len(mistakes)} mistakes: how sure the model is of yours "
        f"{[round(float(surest[path]), 2) for path in paths]}, of the surest "
        f"{[round(float(surest[path]), 2) for path in wanted]}.",
    )
    return len(paths)


def _check_one_figure(runs: pd.DataFrame, tested: int, chosen: Any, low: float, high: float) -> str:
    """The run to ship, and the interval that is reported for it."""
    need(chosen in runs.index, f"chosen: {chosen!r} is the number of no row of the table.")
    row, best = runs.loc[chosen], runs["validation_accuracy"].max()
    equal = runs.index[runs["validation_accuracy"] == best]
    of_test = ", the highest" * bool(row["test_accuracy"] == runs["test_accuracy"].max())
    need(
        chosen in equal,
        f"Row {chosen} has {row['validation_accuracy']:.3f} in validation, rows {listed(equal)} "
        f"{best:.3f}; in the test it has {row['test_accuracy']:.3f}{of_test}. Taken because of "
        "the test, the best of many runs owes a part of its figure to luck.",
    )
    wanted = accuracy_interval(round(row["test_accuracy"] * tested), tested)
    need(
        np.allclose((low, high), wanted, rtol=0, atol=0.006),
        f"The run is well chosen. But for {row['test_accuracy']:.3f} of {tested} photos you report "
        f"{low:.3f} to {high:.3f}, {high - low:.3f} wide, and it should be "
        f"{wanted[1] - wanted[0]:.3f}: what counts is how few the test photos are, not how far "
        "seeds differ.",
    )
    highest = runs["test_accuracy"].max()
    return (
        f"{row['method']}, seed {row['seed']}: {row['test_accuracy']:.3f}, on new photos "
        f"{wanted[0]:.3f} to {wanted[1]:.3f}. The highest test figure, {highest:.3f}, lies in it: "
        f"{tested} photos do not tell the two runs apart."
    )


QUESTIONS = (
    Question(
        "raw-photos",
        "A classifier for photos as they are",
        _check_classifier,
        (
            "Two figures for the same photos and the same head: what reaches the base in each?",
            "Every base of this course scales raw pixels itself. preprocess_input comes on top, "
            "and only where the head is fitted.",
            "Let prepare return its photos unchanged: return pixels",
        ),
    ),
    Question(
        "cache-then-mirror",
        "Mirrored anew in each epoch, read once",
        _check_pipeline,
        (
            "cache() keeps what comes out of the steps before it. Which step should be repeated "
            "in each epoch, which one should not?",
            "Reading files is to be kept, mirroring is to be drawn anew: the cache belongs "
            "between the two.",
            "data = files.cache().map(mirror_at_random).batch(32)",
        ),
    ),
    Question(
        "surest-mistakes",
        "Mistakes to learn from",
        _check_mistakes,
        (
            "You are going to change something because of these photos. Which split is there for "
            "choices?",
            "task.validation. Read its photos at the model's size (read_photo, or run_on_photos, "
            "which does all of it), keep those whose argmax is not the label.",
            "sure = run_on_photos(model, task.validation.paths)[0][0]; wrong = np.flatnonzero("
            "sure.argmax(axis=1) != task.validation.labels); sort wrong by -sure[wrong].max(axis=1)"
            "; return the paths of the first many.",
        ),
    ),
    Question(
        "one-honest-figure",
        "Which run do you ship, and what do you report?",
        _check_one_figure,
        (
            "One column is there to choose by. The other one is for the figure, once the choice "
            "is made.",
            "runs.sort_values('validation_accuracy') shows three equal rows at its end: any "
            "will do. The interval comes from how many of the 372 were right: accuracy_interval.",
            "chosen = runs['validation_accuracy'].idxmax(); low, high = accuracy_interval(round("
            "runs.loc[chosen, 'test_accuracy'] * tested), tested)",
        ),
    ),
)
