"""Exercise 08: ids and masks for a base that reads names, a new top, and fair offers."""

from functools import cache
from typing import Any

import keras
import numpy as np
import pandas as pd

from helpers.bases import load_base
from helpers.checks import Question
from helpers.exercises.names_on_disk import names_on_disk
from helpers.exercises.text_classifiers import check_build
from helpers.exercises.tools import interval_95, need, same
from helpers.vocabulary import load_vocabulary

WORDS = ("ahead", "behind", "not shown")

CHEAPEST = ("letter groups", 20)
"""Of the offers that no other is shown to beat: fewest names, and no network."""


def _check_ids(ids: Any) -> str:
    """The names from a disk as numbers for langnet."""
    ids, split = np.asarray(ids), names_on_disk()
    n, known = len(split.texts), 2 + len(load_vocabulary().characters)
    need(
        ids.ndim == 2 and len(ids) == n,
        f"ids has the shape {ids.shape}; there are {n} names, so give {n} rows of numbers.",
    )
    whole = np.issubdtype(ids.dtype, np.number) and np.all(ids == np.floor(ids))
    need(
        bool(whole) and ids.min() >= 0 and ids.max() < known,
        f"langnet takes whole numbers from 0 to {known - 1}, and yours are others.",
    )
    ids = ids.astype("int32")
    wanted = load_vocabulary().encode(list(split.texts))
    share, best = (float(np.mean(_read(x) == split.labels)) for x in (ids, wanted))
    unknown = [np.sum(x == 1) / max(1, np.sum(x != 0)) for x in (ids, wanted)]
    numbers = f"langnet names the right language for {share:.0%} of your rows"
    need(
        share > best - 0.02,
        f"{numbers}; {best:.0%} are possible. {_misread(ids, wanted)} {unknown[0]:.0%} of your "
        f"characters have id 1, unknown; no more than {unknown[1]:.0%} need be.",
    )
    return f"{numbers}; {unknown[0]:.0%} of the characters are unknown to it."


def _check_features(features: Any, ids: Any) -> str:
    """What lstm_2 gives for cached steps, with the mask handed over."""
    base, ids = load_base("langnet"), np.asarray(ids)
    found, wanted = np.asarray(features), np.asarray(base(ids))
    need(
        found.shape == wanted.shape,
        f"features has the shape {found.shape}; the last state of lstm_2 is {wanted.shape}.",
    )
    steps = base.get_layer("lstm_1")(base.get_layer("embedding")(ids))
    upper, steps = base.get_layer("lstm_2"), np.asarray(steps)
    read = {
        "lstm_2 read all 24 steps, padding as if it were text. Hand the mask over.": None,
        "The mask is the wrong way round: it is True where there is text, not padding.": ids == 0,
        "Unknown characters (id 1) are hidden too; only padding, id 0, is no text.": ids > 1,
    }
    for fault, mask in read.items():
        off = same(found, np.asarray(upper(steps, mask=mask)))
        need(not off or same(found, wanted), fault + _lengths(ids))
    need(same(found, wanted), "The right shape, but not what the base gives for these names.")
    return f"The same {wanted.shape[1]} features as from the whole base.{_lengths(ids)}"


def _check_offers(runs: pd.DataFrame, verdicts: Any, choice: Any) -> str:
    """What ten draws say of four pairs, and which offer to take."""
    need(isinstance(verdicts, dict), "verdicts: give a dictionary, with a word for each pair.")
    for pair, (a, b) in PAIRS.items():
        word, gain = verdicts.get(pair, ...), _gain(runs, a, b)
        need(word is not ..., f"{pair!r} waits for its verdict: one of {', '.join(WORDS)}.")
        need(word in WORDS, f"{pair!r}: {word!r} is none of {', '.join(map(repr, WORDS))}.")
        truth = "ahead" if gain["low"] > 0 else "behind" if gain["high"] < 0 else "not shown"
        need(
            word == truth,
            f"{pair!r}: you say {word!r}. The ten differences have the mean {gain['mean']:+.4f}, "
            f"interval {gain['low']:+.4f} to {gain['high']:+.4f}.",
        )
    offers = list(dict.fromkeys(offer for pair in PAIRS.values() for offer in pair))
    choice = tuple(choice) if isinstance(choice, list | tuple) else choice
    need(choice in offers, f"choice: give one of {offers}.")
    for rival in offers:
        lead = _gain(runs, rival, choice)
        need(
            not lead["low"] > 0,
            f"You choose {choice}, but {rival} is shown to beat it: by {lead['mean']:+.4f}, "
            f"{lead['low']:+.4f} to {lead['high']:+.4f}.",
        )
    need(
        choice == CHEAPEST,
        f"No offer is shown to beat {choice}, but none is shown to beat {CHEAPEST} either, and "
        "that needs no more names and no network.",
    )
    return f"{choice} needs the fewest names and no network, and no offer is shown to beat it."


PAIRS = {
    "fine-tuned 20 - frozen 20": (("fine-tuned", 20), ("frozen", 20)),
    "fine-tuned 20 - from scratch 50": (("fine-tuned", 20), ("from scratch", 50)),
    "letter groups 20 - fine-tuned 20": (("letter groups", 20), ("fine-tuned", 20)),
    "from scratch 20 - letter groups 20": (("from scratch", 20), ("letter groups", 20)),
}
"""Which offers question 4 compares: method and names a language."""


def _gain(runs: pd.DataFrame, a: tuple[str, int], b: tuple[str, int]) -> pd.Series:
    return interval_95(runs[a] - runs[b])


@cache
def _langnet() -> keras.Model:
    return load_base("langnet", include_top=True)


def _read(ids: np.ndarray) -> np.ndarray:
    """The language that langnet finds; layer by layer, for rows of any length."""
    x = ids
    for layer in _langnet().layers[1:]:
        x = layer(x)
    return np.asarray(x).argmax(axis=1)


def _misread(ids: np.ndarray, wanted: np.ndarray) -> str:
    """A row that reads other than it should."""
    found, right = (load_vocabulary().decode(x) for x in (ids, wanted))
    other = [pair for pair in zip(found, right, strict=True) if pair[0] != pair[1]]
    for mine, name in sorted(other, key=lambda pair: pair[1].count("?") - pair[0].count("?"))[:1]:
        return f"It reads {mine!r} where the name is {name!r}."
    return ""


def _lengths(ids: np.ndarray) -> str:
    text = int(np.sum(ids[0] != 0))
    return f" (The first name has {text} characters; {ids.shape[1] - text} steps are padding.)"


QUESTIONS = (
    Question(
        "names-from-a-disk",
        "Names as langnet knows them",
        _check_ids,
        (
            "Print load_vocabulary().decode(ids)[:3] and compare with the names. What does ? mean?",
            "langnet knows small letters only, and accents composed with their letter (Unicode's "
            "form NFC).",
            "for character in unicodedata.normalize('NFC', name.lower()); or, for all names at "
            "once, vocabulary.encode(names)",
        ),
    ),
    Question(
        "mask-by-hand",
        "A mask that an array does not hold",
        _check_features,
        (
            "Calling a layer on an array, you have to say yourself which steps are text.",
            "A recurrent layer takes mask=..., an array of shape (names, steps) that is True where "
            "there is text. Padding has id 0.",
            'features = base.get_layer("lstm_2")(steps, mask=ids != 0)',
        ),
    ),
    Question(
        "new-top-for-texts",
        "A new top on any classifier of texts",
        check_build,
        (
            "The steps are those of lesson 02: cut before the last layer, freeze, put a head on.",
            "whole.layers[-1].input is what the old top gets. A model that ends there keeps the "
            "mask, because it keeps the layers.",
            "base = keras.Model(whole.input, whole.layers[-1].input); base.trainable = False; "
            "attach_head(base, classes=classes); compile; return",
        ),
    ),
    Question(
        "which-offer",
        "Which offer would you take?",
        _check_offers,
        (
            "gains = runs[a] - runs[b] has one number for each draw: the same names for both.",
            "Half the width of the 95 % interval of ten draws is 2.262 * gains.sem(). Two "
            "of four are not 'ahead'.",
            "Two pairs are ahead, one is behind, one is not shown. The cheapest offer takes 20 "
            "names and only counts letters.",
        ),
    ),
)
