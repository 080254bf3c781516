"""The examples that people copy yield their faults; mended, they yield none."""

import keras
import pytest

from tests import seed_examples
from tests.seed_examples import AS_WRITTEN, MENDED


def name(example) -> str:
    return example.__name__


@pytest.mark.parametrize("example", AS_WRITTEN, ids=name)
def test_an_example_as_written_yields_its_faults_and_no_other(example):
    found = example().findings().codes
    assert sorted(found) == sorted(AS_WRITTEN[example])


@pytest.mark.parametrize("example", MENDED, ids=name)
def test_a_mended_example_yields_nothing(example):
    assert example().findings() == []


def test_two_examples_stop_by_themselves_as_they_were_written():
    with pytest.raises(ValueError, match="expected shape"):
        seed_examples.dense_2(shape=(1, 1, 512))
    with pytest.raises(ValueError, match="used 2 times"):
        seed_examples.top_1(name="flatten")


def test_the_wide_group_names_block_1_and_the_blocks_that_came_along():
    finding = next(f for f in seed_examples.last_3().findings() if f.code == "group-too-wide")
    assert "block_1_expand" in finding.evidence and "block_16_project_BN" in finding.evidence


def test_the_unfreeze_that_freed_nothing_names_the_layers_and_what_would_have_worked():
    finding = seed_examples.output_3().findings()[0]
    assert finding.code == "unfroze-nothing"
    assert "5 layers" in finding.title and "mixed10" in finding.evidence
    assert "Activation, Concatenate; 0 of" in finding.evidence
    base = keras.applications.InceptionV3(weights=None, include_top=False)
    kinds = [type(layer).__name__ for layer in base.layers[-5:]]
    assert set(kinds) == {"Activation", "Concatenate"}
