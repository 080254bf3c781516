"""The text contract: which characters a base for text knows, and which number stands for each.

A base for text takes numbers, and any numbers will do: with those of another vocabulary it reads
gibberish without an error. So the vocabulary is kept in a file of its own beside the base.
"""

import json
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

PADDING, UNKNOWN, FIRST = 0, 1, 2

VOCABULARY_FILE = Path(__file__).resolve().parent.parent / "data" / "langnet.json"


@dataclass(frozen=True)
class Vocabulary:
    """What goes into a base for text, and what its own top says.

    Attributes:
        characters: the known characters, no two alike; the first has id 2, the next 3, and so on.
            Id 0 is padding, 1 every other character.
        languages: codes of the languages that the base's own top tells apart, in its order.
        length: ids of each text; longer texts lose their end.

    Lesson: 08
    """

    characters: str
    languages: tuple[str, ...] = ()
    length: int = 24

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Turn texts into rows of character ids, padded at the end.

        Args:
            texts: any number of texts; `normalise` is applied to each.

        Returns:
            int32 array `(n, length)`: 0 padding, 1 an unknown character, 2 and up known ones.

        Raises:
            TypeError: one text instead of several.
            ValueError: a text without any character, which would be nothing but padding.

        Lesson: 08
        """
        if isinstance(texts, str):
            raise TypeError(f"texts is the single text {texts!r}: give a list, [{texts!r}].")
        ids = np.full((len(texts), self.length), PADDING, dtype="int32")
        known = {character: FIRST + place for place, character in enumerate(self.characters)}
        for row, text in enumerate(map(normalise, texts)):
            if not text:
                raise ValueError(f"texts[{row}] is empty: there is nothing to read. Leave it out.")
            start = [known.get(character, UNKNOWN) for character in text[: self.length]]
            ids[row, : len(start)] = start
        return ids

    def decode(self, ids: np.ndarray) -> list[str]:
        """Turn rows of character ids back into what a base can read of the texts.

        Args:
            ids: whole numbers `(n, any length)` from `encode`.

        Returns:
            One text a row: padding left out, `?` for an unknown character.

        Lesson: 08
        """
        symbols = ["", "?", *self.characters]
        return ["".join(symbols[number] for number in row) for row in ids]


def load_vocabulary() -> Vocabulary:
    """Load the characters and languages of the bundled base for text.

    Returns:
        The Vocabulary that langnet was trained with.

    Raises:
        FileNotFoundError: if data/langnet.json is missing.

    Lesson: 08
    """
    if not VOCABULARY_FILE.is_file():
        raise FileNotFoundError(
            f"{VOCABULARY_FILE} is missing; restore it with git, or make it with 'make data'."
        )
    stored = json.loads(VOCABULARY_FILE.read_text(encoding="utf-8"))
    return Vocabulary(stored["characters"], tuple(stored["languages"]), stored["length"])


def normalise(text: str) -> str:
    """Write a text as the base for text knows it: lower case, letters and accents composed.

    Args:
        text: any text.

    Returns:
        The text in lower case and Unicode's form NFC, without blanks at its ends.

    Lesson: 08
    Source: https://unicode.org/reports/tr15/
    """
    return unicodedata.normalize("NFC", text.lower()).strip()
