"""Names of countries and languages, in many languages: the course's texts.

The names are those of the Unicode CLDR, as the package `babel` brings them along.
"""

import functools
import unicodedata
from collections import Counter
from collections.abc import Sequence

import numpy as np
from babel import Locale, localedata

from helpers.data import Task, TextSplit
from helpers.vocabulary import normalise

TARGETS = {
    "cy": "Welsh",
    "eu": "Basque",
    "fi": "Finnish",
    "hu": "Hungarian",
    "is": "Icelandic",
    "pl": "Polish",
    "sw": "Swahili",
    "tr": "Turkish",
    "vi": "Vietnamese",
    "zu": "Zulu",
}
"""The languages of the course's task. The bundled base never saw a name in any of them."""

POOL_SHARE, VALIDATION_SHARE = 0.42, 0.2
VALIDATION_NAMES, TEST_NAMES = 60, 100


def load_names_task(names_per_language: int, *, seed: int = 0) -> Task:
    """Load names in ten languages to tell apart, with few labelled examples of each.

    A name is used if no other language spells one of its own like that, and if it names one thing
    only, so each has one right answer. The splits go by what is named: all names of Peru are in
    one split, whatever the language, and so are all names of Arabic and its varieties. A model is
    tested on countries and languages that its training split does not name. Validation and test
    are the same for every seed: 60 and 100 names of each language.

    Args:
        names_per_language: training names in each language, 1 to 133.
        seed: which names of the pool are drawn; every seed gives another balanced draw.

    Returns:
        A Task of three `TextSplit`, training in random order. Texts are as `normalise` gives them.

    Raises:
        ValueError: if names_per_language is below 1 or beyond what the pool holds.

    Lesson: 08
    Source: https://cldr.unicode.org
    """
    pool, validation, test = _parts()
    most = min(map(len, pool))
    if not 1 <= names_per_language <= most:
        raise ValueError(
            f"names_per_language is {names_per_language}; the pool holds enough for 1 to {most}."
        )
    rng = np.random.default_rng(seed)
    drawn = _split([rng.permutation(names)[:names_per_language] for names in pool])
    order = rng.permutation(len(drawn.labels))
    return Task(
        train=TextSplit(drawn.texts[order], drawn.labels[order]),
        validation=_split([names[:VALIDATION_NAMES] for names in validation]),
        test=_split([names[:TEST_NAMES] for names in test]),
        class_names=tuple(TARGETS.values()),
    )


@functools.cache
def name_tables() -> dict[str, dict[str, str]]:
    """Read the names of countries, regions and languages in every language of the CLDR.

    Returns:
        For each language code a table from what is named (`"territory FI"`, `"language fi"`) to its
        normalised name; names with a letter of another script than the Latin one are left out.

    Lesson: 08
    Source: https://cldr.unicode.org
    """
    codes = [code for code in localedata.locale_identifiers() if "_" not in code]
    return {code: _table(Locale.parse(code)) for code in sorted(codes)}


def _table(locale: Locale) -> dict[str, str]:
    entries = [(f"territory {code}", name) for code, name in locale.territories.items()]
    entries += [(f"language {code}", name) for code, name in locale.languages.items()]
    return {entry: normalise(name) for entry, name in sorted(entries) if _is_latin(name)}


def _is_latin(name: str) -> bool:
    letters = [character for character in name if character.isalpha()]
    return bool(letters) and all("LATIN" in unicodedata.name(letter) for letter in letters)


@functools.cache
def _parts() -> tuple[list[list[str]], ...]:
    """Pool, validation and test: each language's own names, in a fixed random order."""
    spelled = Counter(name for table in name_tables().values() for name in set(table.values()))
    own = [_one_thing_each(name_tables()[code], spelled) for code in TARGETS]
    things = sorted({thing for names in own for thing in names.values()})
    place = dict(zip(np.random.default_rng(0).permutation(things), range(len(things)), strict=True))
    ends = [POOL_SHARE * len(things), (POOL_SHARE + VALIDATION_SHARE) * len(things)]
    parts = tuple([[] for _ in own] for _ in range(3))
    for language, names in enumerate(own):
        for name, thing in sorted(names.items(), key=lambda item: place[item[1]]):
            parts[np.searchsorted(ends, place[thing], side="right")][language].append(name)
    return parts


def _one_thing_each(table: dict[str, str], spelled: Counter) -> dict[str, str]:
    """The names that one language alone spells so, each with the one thing that it names there.

    Variants count as one: `"language en_GB"` is `"language en"`.
    """
    things: dict[str, set[str]] = {}
    for entry, name in table.items():
        things.setdefault(name, set()).add(entry.split("_")[0])
    return {
        name: next(iter(named))
        for name, named in things.items()
        if spelled[name] == 1 and len(named) == 1
    }


def _split(by_language: Sequence[Sequence[str]]) -> TextSplit:
    texts = np.array([name for names in by_language for name in names])
    sizes = [len(names) for names in by_language]
    return TextSplit(texts, np.repeat(np.arange(len(sizes), dtype="int64"), sizes))
