"""The lessons keep the rules. Their code itself is run by nbval, in `make test`."""

import re
from pathlib import Path

import nbformat
import pytest

from tests import lesson_lint, notebook_lint

FOLDER = Path(__file__).parent.parent / "notebooks"
LESSONS = sorted(FOLDER.glob("[0-9][0-9]_*.ipynb"))
LIMIT = 300 * 1024


def name_of(item):
    return item.stem if isinstance(item, Path) else item.__name__


def read(path):
    return nbformat.read(path, as_version=4)


def test_lessons_and_clinic_exist_and_no_number_is_used_twice():
    assert [int(path.name[:2]) for path in LESSONS] == [*range(13)]


@pytest.mark.parametrize("path", LESSONS, ids=name_of)
@pytest.mark.parametrize("rule", notebook_lint.RULES, ids=name_of)
def test_outputs_and_code(path, rule):
    assert list(rule(read(path))) == []


@pytest.mark.parametrize("path", LESSONS, ids=name_of)
@pytest.mark.parametrize("rule", lesson_lint.RULES, ids=name_of)
def test_anatomy(path, rule):
    assert list(rule(read(path))) == []


@pytest.mark.parametrize("path", LESSONS, ids=name_of)
def test_file(path):
    nbformat.validate(read(path))
    assert path.stat().st_size < LIMIT, f"{path.stat().st_size} bytes, {LIMIT} are allowed"


@pytest.mark.parametrize("path", LESSONS, ids=name_of)
def test_links_lead_somewhere_and_the_last_part_links_to_the_next_lesson(path):
    nb = read(path)
    links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", lesson_lint.markdown(nb.cells))
    assert [link for link in links if not (FOLDER / link).exists()] == []
    following = LESSONS[LESSONS.index(path) + 1 :][:1]
    assert all(f"]({lesson.name})" in lesson_lint.ending(nb) for lesson in following)
