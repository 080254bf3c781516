"""Make the course's base for text: train langnet to tell languages apart, write its card.

It reads the names of countries and languages, letter by letter, in all languages of the CLDR that
are written in the Latin script, except the ten that the course's task is about.

Usage, from the folder that holds data/: python data/make_langnet.py [--quick] [--out FOLDER]
"""

import argparse
import hashlib
import json
import platform
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
from babel import Locale

from helpers.data import TextSplit, repeatable
from helpers.names import TARGETS, name_tables
from helpers.vocabulary import PADDING, UNKNOWN, Vocabulary

COPIES = ("ht", "no")  # their tables repeat those of French (fr) and Bokmål (nb)
FEWEST = 150  # names that a language needs to take part
RARE = 20  # a character that occurs less often counts as unknown
HIDDEN = 0.03  # share of characters that training replaces by "unknown", anew in each epoch
EMBEDDING, UNITS = 48, 128


@dataclass(frozen=True)
class Recipe:
    """How much to train on and how long."""

    languages: int | None
    held_out: int
    epochs: int
    batch_size: int = 128
    learning_rate: float = 3e-3
    weight_decay: float = 1e-3


FULL = Recipe(languages=None, held_out=1500, epochs=8)
QUICK = Recipe(languages=3, held_out=50, epochs=4, batch_size=32)


class Files(NamedTuple):
    """Where the three products of a run are written."""

    model: Path
    vocabulary: Path
    card: Path


def main(argv: Sequence[str] | None = None) -> int:
    """Read the command line, make everything, and return 0."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a few languages, to try the script")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, metavar="FOLDER")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args(argv)
    if asked.quick and asked.out == parser.get_default("out"):
        parser.error("--quick would overwrite the shipped base; name another folder with --out")
    make(QUICK if asked.quick else FULL, out=asked.out, seed=asked.seed)
    return 0


def make(recipe: Recipe, *, out: Path, seed: int) -> keras.callbacks.History:
    """Collect, train, and write langnet.keras, langnet.json and LANGNET.md into out."""
    files = Files(out / "langnet.keras", out / "langnet.json", out / "LANGNET.md")
    training, held_out, languages = splits(recipe, np.random.default_rng(seed))
    vocabulary = Vocabulary(frequent_characters(training), languages)
    repeatable(seed)
    net = build_langnet(vocabulary)
    history = train(net, training, held_out, vocabulary, recipe)
    out.mkdir(parents=True, exist_ok=True)
    keras.Model(net.input, net.output, name=net.name).save(files.model)  # no optimizer inside
    files.vocabulary.write_text(as_json(vocabulary), encoding="utf-8")
    sizes = len(training.labels), len(held_out.labels)
    accuracy = net.evaluate(vocabulary.encode(held_out.texts), held_out.labels, verbose=0)[1]
    text = card(files, net, vocabulary, sizes, accuracy, recipe, seed)
    files.card.write_text(text, encoding="utf-8")
    return history


# Collecting


def sources(most: int | None = None) -> dict[str, list[str]]:
    """The names of every language that takes part, those that English spells alike left out."""
    tables = name_tables()
    english = set(tables["en"].values())
    taking_part = [
        code
        for code, table in tables.items()
        if len(table) >= FEWEST and code not in {"en", *COPIES, *TARGETS}
    ]
    return {code: sorted(set(tables[code].values()) - english) for code in taking_part[:most]}


def splits(
    recipe: Recipe, rng: np.random.Generator
) -> tuple[TextSplit, TextSplit, tuple[str, ...]]:
    """Training names, held-out ones that are spelled like none of them, and the languages."""
    names = sources(recipe.languages)
    spellings = sorted({name for own in names.values() for name in own})
    held_out = set(rng.permutation(spellings)[: recipe.held_out].tolist())
    pairs = [(name, label) for label, own in enumerate(names.values()) for name in own]
    parts = [[pair for pair in pairs if (pair[0] in held_out) == held] for held in (False, True)]
    training, tested = (
        TextSplit(np.array([name for name, _ in part]), np.array([label for _, label in part]))
        for part in parts
    )
    return training, tested, tuple(names)


def frequent_characters(training: TextSplit) -> str:
    """Every character that the training names hold often enough to learn it, sorted."""
    counts = Counter("".join(training.texts))
    return "".join(sorted(character for character, count in counts.items() if count >= RARE))


def as_json(vocabulary: Vocabulary) -> str:
    """The vocabulary as a small file that people can read."""
    fields = {
        "length": vocabulary.length,
        "characters": vocabulary.characters,
        "languages": vocabulary.languages,
    }
    return json.dumps(fields, ensure_ascii=False, indent=1) + "\n"


# Training


def build_langnet(vocabulary: Vocabulary) -> keras.Model:
    """Embedding, two LSTM layers, a classifier; padding is masked all the way."""
    ids = keras.Input((vocabulary.length,), dtype="int32", name="character_ids")
    kinds = len(vocabulary.characters) + 2
    x = keras.layers.Embedding(kinds, EMBEDDING, mask_zero=True, name="embedding")(ids)
    x = keras.layers.LSTM(UNITS, return_sequences=True, name="lstm_1")(x)
    x = keras.layers.LSTM(UNITS, name="lstm_2")(x)
    classes = len(vocabulary.languages)
    languages = keras.layers.Dense(classes, activation="softmax", name="final_output")(x)
    return keras.Model(ids, languages, name="langnet")


class PartlyHidden(keras.utils.PyDataset):
    """Shuffled batches in which some characters are replaced by the unknown one."""

    def __init__(self, ids: np.ndarray, labels: np.ndarray, batch_size: int) -> None:
        """Keep the data; everything random comes from NumPy with a seed of its own."""
        super().__init__()
        self.ids, self.labels, self.batch_size = ids, labels, batch_size
        self.rng = np.random.default_rng(0)
        self.on_epoch_end()

    def __len__(self) -> int:
        """Batches an epoch."""
        return -(-len(self.ids) // self.batch_size)

    def __getitem__(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Give one batch of ids and labels."""
        rows = self.order[number * self.batch_size : (number + 1) * self.batch_size]
        return np.where(self.hidden[rows], UNKNOWN, self.ids[rows]), self.labels[rows]

    def on_epoch_end(self) -> None:
        """Draw order and hidden characters anew; padding is never replaced."""
        self.order = self.rng.permutation(len(self.ids))
        self.hidden = (self.rng.random(self.ids.shape) < HIDDEN) & (self.ids != PADDING)


def train(
    net: keras.Model,
    training: TextSplit,
    held_out: TextSplit,
    vocabulary: Vocabulary,
    recipe: Recipe,
) -> keras.callbacks.History:
    """Train with AdamW and a cosine-shaped rate; held-out names are watched, never chosen by."""
    batches = PartlyHidden(vocabulary.encode(training.texts), training.labels, recipe.batch_size)
    rate = keras.optimizers.schedules.CosineDecay(
        recipe.learning_rate, recipe.epochs * len(batches)
    )
    net.compile(
        optimizer=keras.optimizers.AdamW(rate, weight_decay=recipe.weight_decay),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    watched = vocabulary.encode(held_out.texts), held_out.labels
    return net.fit(batches, epochs=recipe.epochs, validation_data=watched, verbose=2)


# The card


CARD = """\
# langnet: where the offline base for text comes from

Written by `data/make_langnet.py`, with the figures of its last run. Do not edit by hand.

`langnet.keras` is a small recurrent network (Embedding, LSTM, LSTM, Dense) that tells {classes}
languages apart by the name of one country, region or language, read letter by letter. It is the
course's pre-trained base for text.

| fact | value |
|---|---|
{facts}

## Files

| file | bytes | SHA-256 |
|---|---|---|
{files}

A second run on the same machine gives the same weights and the same vocabulary; other processors
round differently, and a `.keras` file holds the hour at which it was saved, so its SHA-256
differs from run to run.

## What it was trained on

{training:,} names of countries, regions and languages in {classes} languages, from the tables of
the Unicode CLDR inside the Python package `babel` (`Locale.territories`, `Locale.languages`). A
language takes part if it has at least {fewest} such names in the Latin script. Left out: names
that English spells alike, because many tables repeat English where they have no name of their own;
the tables of Haitian and Norwegian, which repeat those of French and Bokmål; and the ten languages
of the course's task:
{targets}.
**No name of the task was trained on**: each is spelled like no name in any other language. A
spelling that several training languages share is there once for each of them, so no network could
tell them all apart: part of the missing accuracy lies there.

{held_out:,} pairs of a held-out spelling and a language were watched, never trained on. The size
of the network and the length of training were chosen by time: a few minutes on two cores. Names of
scripts, currencies and cities were tried besides and did not help. That trial, like the first
search for the rate of the network from scratch, used an earlier split of the task, whose validation
names are partly today's test names. All other choices were made on today's validation names.

Languages, in the order of the outputs: {languages}.

## What goes in

Character ids, int32, shape (n, {length}): text in lower case and Unicode form NFC, cut after
{length} characters, padded at the end. Id 0 is padding and masked, 1 an unknown character, 2 and up
the {characters} characters in `langnet.json`, in its order. Characters that occur fewer than {rare}
times in training count as unknown; besides, training replaced {hidden:.0%} of all characters by
"unknown", so that the network has met that id everywhere. `langnet.json` and `langnet.keras` belong
together: with another order of characters the network reads gibberish, without an error.

## Licence of the data

CLDR data are copyright © 1991-2025 Unicode, Inc., under the
[Unicode License v3](https://www.unicode.org/license.txt), which lets anyone use, change and pass
them on as long as its notice goes along. The tables themselves are not shipped here: they come with
`babel` (BSD licence). The network was made with them.

## Use and limits

- Made for teaching transfer learning. Names only: short, no sentences, Latin script only.
- Names of countries and languages have endings and particles of their own ("isi-", "tiếng",
  "-era"): accuracy on them says little about other words, or about names of people.
- Not to be used for any decision about people, least of all about where they come from.
"""


def card(
    files: Files,
    net: keras.Model,
    vocabulary: Vocabulary,
    sizes: tuple[int, int],
    accuracy: float,
    recipe: Recipe,
    seed: int,
) -> str:
    """The provenance card, filled with what this run measured."""
    facts = {
        "parameters": f"{net.count_params()}",
        "held-out accuracy": f"{accuracy:.4f}",
        "training": f"{recipe.epochs} epochs, AdamW, rate {recipe.learning_rate} with cosine "
        f"decay, weight decay {recipe.weight_decay}, batches of {recipe.batch_size}",
        "seed": f"{seed}",
        "command": f"`python data/make_langnet.py{' --quick' * (recipe is QUICK)} --seed {seed}`",
        "versions": versions(),
    }
    return CARD.format(
        facts="\n".join(f"| {name} | {value} |" for name, value in facts.items()),
        files="\n".join(file_row(path) for path in (files.model, files.vocabulary)),
        classes=len(vocabulary.languages),
        languages=", ".join(map(in_english, vocabulary.languages)),
        targets=", ".join(TARGETS.values()),
        training=sizes[0],
        held_out=sizes[1],
        characters=len(vocabulary.characters),
        length=vocabulary.length,
        fewest=FEWEST,
        rare=RARE,
        hidden=HIDDEN,
    )


def in_english(code: str) -> str:
    """The code and the English name of a language, where the CLDR has one."""
    name = Locale.parse(code).english_name
    return f"{code} {name}" if name else code


def versions() -> str:
    """Python and every package that takes part, with their versions."""
    packages = ("tensorflow", "keras", "numpy", "babel")
    return ", ".join(
        [f"Python {platform.python_version()}", *(f"{p} {version(p)}" for p in packages)]
    )


def file_row(path: Path) -> str:
    """A table row with the name, size in bytes and SHA-256 of a file."""
    content = path.read_bytes()
    return f"| {path.name} | {len(content)} | `{hashlib.sha256(content).hexdigest()}` |"


if __name__ == "__main__":
    sys.exit(main())
