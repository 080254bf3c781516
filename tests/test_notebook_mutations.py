"""Every lesson's assertions go red when the line that they rest on is broken."""

import tomllib
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tests.mutation import mutate, outcome
from tests.part_two import PART_TWO, missing
from tests.test_notebooks import FOLDER, LESSONS

TABLE = Path(__file__).with_name("notebook_mutations.toml")
MUTATIONS = tomllib.loads(TABLE.read_text(encoding="utf-8")).get("mutation", [])


def title(mutation):
    return f"{mutation['notebook'][:2]}: {mutation['why']}"


def test_every_lesson_has_a_mutation():
    assert {mutation["notebook"] for mutation in MUTATIONS} == {path.name for path in LESSONS}


@pytest.mark.parametrize("mutation", MUTATIONS, ids=title)
def test_what_a_mutation_changes_is_still_there(mutation):
    nb = nbformat.read(FOLDER / mutation["notebook"], as_version=4)
    assert mutate(nb, old=mutation["old"], new=mutation["new"]) != nb


@pytest.mark.thorough
@pytest.mark.timeout(600)
@pytest.mark.parametrize("mutation", MUTATIONS, ids=title)
def test_a_broken_lesson_goes_red(mutation):
    path = FOLDER / mutation["notebook"]
    if path.name.startswith(PART_TWO) and (reason := missing()):
        pytest.skip(reason)
    assert outcome(path, old=mutation["old"], new=mutation["new"]) == "caught"


@pytest.fixture
def lesson(tmp_path):
    (tmp_path / "beside.txt").write_text("2", encoding="utf-8")
    cells = [
        new_markdown_cell("rate = 2"),
        new_code_cell("rate = int(open('beside.txt').read())\nunused = 1"),
        new_code_cell("assert rate == 2"),
        new_code_cell("if unused == 3:\n    raise KeyError('late')"),
    ]
    path = tmp_path / "lesson.ipynb"
    nbformat.write(new_notebook(cells=cells), path)
    return path


@pytest.mark.parametrize(
    "old,new,expected",
    [
        ("int(open('beside.txt').read())", "3", "caught"),
        ("unused = 1", "unused = 2", "unnoticed"),
        ("unused = 1", "unused = 3", "KeyError: 'late'"),
    ],
)
def test_a_mutant_is_caught_by_an_assertion_only(lesson, old, new, expected):
    before = lesson.read_bytes()
    assert outcome(lesson, old=old, new=new) == expected
    assert lesson.read_bytes() == before


@pytest.mark.parametrize("old,count", [("unused", 2), ("rate = 2", 0)])
def test_a_mutation_must_name_one_place_in_the_code(lesson, old, count):
    nb = nbformat.read(lesson, as_version=4)
    with pytest.raises(ValueError, match=f"'{old}' stands {count} times in the code, not once"):
        mutate(nb, old=old, new="x")
