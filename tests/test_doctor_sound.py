"""No sound model, in whatever style, gives a finding."""

import pytest

from tests.sound_models import SOUND


@pytest.mark.parametrize("example", SOUND, ids=lambda example: example.__name__)
def test_a_sound_model_yields_nothing(example):
    assert example().findings() == []


def test_there_are_at_least_fifteen_of_them():
    assert len(SOUND) >= 15
