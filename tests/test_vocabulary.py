"""The text contract: characters become the numbers that the base was trained with."""

import numpy as np
import pytest

from helpers import vocabulary
from helpers.vocabulary import Vocabulary, load_vocabulary, normalise

SMALL = Vocabulary("abé", length=5)


def test_characters_get_their_ids_and_the_end_is_padded():
    ids = SMALL.encode(["ab", "béa"])
    assert ids.dtype == np.int32
    assert ids.tolist() == [[2, 3, 0, 0, 0], [3, 4, 2, 0, 0]]


def test_what_is_not_known_keeps_its_place():
    assert SMALL.encode(["aža"]).tolist() == [[2, 1, 2, 0, 0]]


def test_long_texts_lose_their_end():
    assert SMALL.encode(["abababab"]).tolist() == [[2, 3, 2, 3, 2]]


def test_texts_are_normalised_first():
    assert SMALL.encode([" E\u0301B "]).tolist() == [[4, 3, 0, 0, 0]]


@pytest.mark.parametrize("text", ["", "  "])
def test_a_text_of_nothing_is_refused(text):
    with pytest.raises(ValueError, match=r"texts\[1\] is empty"):
        SMALL.encode(["a", text])


def test_a_single_text_is_refused():
    with pytest.raises(TypeError, match=r"texts is the single text 'ab': give a list, \['ab'\]"):
        SMALL.encode("ab")


def test_no_texts_give_no_rows():
    assert SMALL.encode([]).shape == (0, 5)


def test_decoding_shows_what_the_base_can_read():
    assert SMALL.decode(SMALL.encode(["Éa", "bžb"])) == ["éa", "b?b"]


@pytest.mark.parametrize(
    "text,expected", [("  Åland ", "åland"), ("Me\u0301xico", "m\u00e9xico"), ("CÔTE", "côte")]
)
def test_normalised_is_lower_case_composed_and_trimmed(text, expected):
    assert normalise(text) == expected


def test_the_shipped_vocabulary_knows_letters_and_languages():
    shipped = load_vocabulary()
    assert shipped.length == 24
    assert len(set(shipped.characters)) == len(shipped.characters)
    assert set("abcdefghijklmnopqrstuvwxyz -") <= set(shipped.characters)
    assert {"de", "et", "ga"} <= set(shipped.languages)


def test_a_missing_vocabulary_says_how_to_get_it_back(tmp_path, monkeypatch):
    monkeypatch.setattr(vocabulary, "VOCABULARY_FILE", tmp_path / "gone.json")
    with pytest.raises(FileNotFoundError, match=r"gone\.json is missing; .*git.*'make data'"):
        load_vocabulary()
