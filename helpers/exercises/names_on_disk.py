"""Names in languages that langnet knows, as an older computer stores them."""

import unicodedata
from functools import cache

import numpy as np

from helpers.data import TextSplit
from helpers.names import name_tables
from helpers.vocabulary import load_vocabulary

STORED = {"cs": "Czech", "lt": "Lithuanian", "ro": "Romanian", "lv": "Latvian", "sl": "Slovenian"}
EACH = 30


@cache
def names_on_disk() -> TextSplit:
    """Give thirty names with accents in each of five languages, as files could be called.

    Returns:
        Texts with capital letters and with accents apart (Unicode's form NFD); labels are places
        in `load_vocabulary().languages`. langnet saw these names when it was trained.

    Lesson: 08
    """
    languages, rng = load_vocabulary().languages, np.random.default_rng(0)
    texts: list[str] = []
    for code in STORED:
        names = sorted({name for name in name_tables()[code].values() if not name.isascii()})
        texts += [unicodedata.normalize("NFD", n.title()) for n in rng.permutation(names)[:EACH]]
    labels = np.repeat([languages.index(code) for code in STORED], EACH)
    return TextSplit(np.array(texts), labels)
