"""Exercise 10: names in order, a split by things, a file that stands alone, and what it shows."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
from scipy.stats import binomtest

from helpers.checks import Question
from helpers.exercises.coloured_photos import colour_model
from helpers.exercises.fresh_process import answers_elsewhere
from helpers.exercises.split_by_thing import check_split
from helpers.exercises.tools import listed, need, need_model, outputs
from helpers.photo_folder import PhotoFolder
from helpers.photo_pixels import read_photo

FLOWERS = ("poppy", "moss", "cornflower")
"""Names for red, green and blue: in the order of the classes, not of the alphabet."""

SHOWN = ((30, 40, (230, 30, 30)), (50, 20, (30, 190, 30)), (24, 24, (20, 20, 220)))
CLAIMS = {
    "A": ("256 filters", "always the most frequent class"),
    "B": ("256 filters", 0.5),
    "C": ("256 filters", 0.95),
    "D": ("256 filters", "32 filters"),
    "E": ("256 filters on apples", "256 filters on leaves"),
}
PAIRED = ("A", "D")
"""Claims about two answers to the same photos."""

VERDICTS = ("yes", "no", "cannot tell")
CHANCE = 0.05


def _check_names(whole: Any, classifier: keras.Model, photos: PhotoFolder, rows: np.ndarray) -> str:
    """A model that calls each class by the name of its folder."""
    need_model(whole)
    paths, labels = photos.paths[rows], photos.labels[rows]
    size = classifier.input_shape[1]
    by_number = outputs(classifier, np.stack([read_photo(path, size=size) for path in paths]))
    found, names = by_number.argmax(axis=1), np.array(photos.class_names)
    said = np.array([_word(whole, read_photo(path)) for path in paths])
    right, named = np.sum(found == labels), np.sum(said == names[labels])
    numbers = f"Of {len(rows)} photos the classifier tells {right} right, your model names {named}"
    calls = {
        name: pd.Series(said[found == k]).mode()[0] for k, name in enumerate(names) if k in found
    }
    other = [f"{name} {word!r}" for name, word in calls.items() if word != name]
    every = len(set(calls.values())) == len(calls)
    need(
        not (other and every),
        f"{numbers}. It calls {listed(other)}: names and classes differ in order.",
    )
    need(
        named >= right - 3,
        f"{numbers}; most often it says {pd.Series(said).mode()[0]!r}. Names of classes are in "
        "order: are pixels scaled on the way?",
    )
    return f"{numbers} right: the names stand in the order of the classes."


def _word(model: keras.Model, photo: np.ndarray) -> str:
    """The one word that a model says of a photo."""
    values = keras.tree.flatten(model(photo[None].astype("float32"), training=False))
    texts = [value.numpy() for value in values if "string" in str(value.dtype)]
    need(len(texts) == 1, f"Your model gives {len(texts)} outputs of text; one is asked for.")
    return texts[0].ravel()[0].decode()


def _check_file(ship: Callable) -> str:
    """A function that writes one file which needs nobody."""
    need(callable(ship), f"This is a {type(ship).__name__}, not a function.")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "flowers.keras"
        ship(colour_model(), list(FLOWERS), file)
        need(file.is_file(), f"Your function wrote no file {file.name}, the path that it is given.")
        found = answers_elsewhere(file, SHOWN)
    texts = [text for each in found for text in each["texts"]]
    need(
        all(len(each["texts"]) == 1 for each in found),
        f"For {len(found)} photos it gives {len(texts)} words: one for each is asked for.",
    )
    need(
        texts == list(FLOWERS),
        f"In a fresh process, photos of {listed(FLOWERS)} are called {listed(texts)}. A name "
        "belongs to its number, and pixels run from 0 to 255.",
    )
    answers = max(each["answers"] for each in found)
    need(
        answers == 1,
        f"predict names all photos right, but twelve direct calls with one photo give {answers} "
        "different answers: Resizing runs in training mode unless told otherwise, and Dropout "
        "behind it follows.",
    )
    sizes = listed(f"{height} x {width}" for height, width, _ in SHOWN)
    return (
        f"In a fresh process, without this course, photos of {sizes} pixels are called "
        f"{listed(texts)}, and twelve direct calls agree."
    )


def _check_claims(report: pd.DataFrame, right: dict[str, np.ndarray], verdict: Any) -> str:
    """What a report on few test photos shows."""
    need(isinstance(verdict, dict) and set(verdict) == set(CLAIMS), f"Give {listed(CLAIMS)}.")
    truth = {}
    for claim, (one, other) in CLAIMS.items():
        judged = _by_photo(right, one, other) if claim in PAIRED else _apart(report, one, other)
        truth[claim], why = judged
        need(verdict[claim] in VERDICTS, f"{claim}: write one of {VERDICTS}.")
        need(verdict[claim] == truth[claim], f"{claim}: you say {verdict[claim]!r}. {why}")
    by = {word: listed([claim for claim in truth if truth[claim] == word]) for word in VERDICTS}
    tested = report.loc["256 filters", "tested"]
    return (
        f"Shown: {by['yes']}. Refuted: {by['no']}. {tested} photos cannot tell {by['cannot tell']}."
    )


def _by_photo(right: dict[str, np.ndarray], one: str, other: str) -> tuple[str, str]:
    """McNemar's test: how a fair coin would share out the photos that only one tells right."""
    won, lost = (int(np.sum(right[a] & ~right[b])) for a, b in ((one, other), (other, one)))
    chance = binomtest(won, won + lost).pvalue if won + lost else 1.0
    truth = "cannot tell" if chance >= CHANCE else "yes" if won > lost else "no"
    return truth, (
        f"Of the photos that only one of the two tells right, {one} takes {won}, {other} {lost}: "
        f"for a fair coin, p = {chance:.3f}."
    )


def _apart(report: pd.DataFrame, one: str, other: str | float) -> tuple[str, str]:
    """Whether an interval lies apart from a number, or from that of other photos."""
    low, high = report.loc[one, ["low", "high"]]
    least, most = [other] * 2 if isinstance(other, float) else report.loc[other, ["low", "high"]]
    truth = "yes" if low > most else "no" if high < least else "cannot tell"
    against = f"{other} {least:.2f} to {most:.2f}" if least < most else f"the claim {other}"
    how = {"yes": "lies above", "no": "lies below", "cannot tell": "overlaps with"}[truth]
    return truth, f"The interval of {one}, {low:.2f} to {high:.2f}, {how} {against}."


QUESTIONS = (
    Question(
        "names-in-order",
        "Each class by its own name",
        _check_names,
        (
            "The number of a class is a position. In which order were the names when labels were "
            "made?",
            "photos.labels counts through photos.class_names. The table of the report was sorted "
            "by size.",
            "names = photos.class_names",
        ),
    ),
    Question(
        "split-by-thing",
        "A test with things never seen",
        check_split,
        (
            "Print things[:9]. On which side are the three shots of one thing?",
            "Draw things, not shots, and np.isin(things, drawn) says which shots show them. "
            "scikit-learn also has splitters that take groups.",
            "new = train_test_split(np.arange(len(labels)), test_size=0.2, random_state=0)[1]; "
            "test = rows[np.isin(things, new)]; learn = rows[~np.isin(things, new)]",
        ),
    ),
    Question(
        "one-file",
        "One file that stands alone",
        _check_file,
        (
            "Four things go into the file: a size for any photo, the classifier, a word for its "
            "number, and the order to be in inference mode.",
            "Functional API: Input((None, None, 3)), Resizing to classifier.input_shape[1:3], "
            "classifier(..., training=False), argmax, StringLookup(invert=True). Layers of Keras "
            "only. Lesson 10 has a helper that does it.",
            "with_class_names(classifier, class_names).save(file)",
        ),
    ),
    Question(
        "what-a-test-shows",
        "What do 59 test photos show?",
        _check_claims,
        (
            "Read low and high, not accuracy. With 95 % confidence the truth may lie anywhere "
            "between them. That is enough for B, C and E.",
            "For A and D count the photos that only one of the two tells right: "
            "np.sum(rows_of[one] & ~rows_of[other]), and the other way round. binomtest of scipy "
            "asks how often a fair coin gives that.",
            "B lies above, C lies below, and the two intervals of E overlap. For D the count is "
            "lopsided: binomtest(won, won + lost).pvalue is below 0.05.",
        ),
    ),
)
