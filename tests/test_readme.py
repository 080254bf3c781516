"""The README promises what is there: commands, files, lessons and their minutes."""

import re
from pathlib import Path

import nbformat
import pytest

from tests.test_notebooks import LESSONS, name_of

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| (\d\d) \| \[(.+?)\]\(notebooks/(.+?)\) \| .+ \| (.+?) \|$", re.MULTILINE)


def test_it_fits_one_screen():
    assert len(README.splitlines()) <= 70
    assert max(map(len, README.splitlines())) <= 130


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_its_commands_exist(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    commands = set(re.findall(r"(?:^|`|=\S+ )make (\w+)", text, flags=re.MULTILINE))
    assert "test" in commands
    assert commands <= set(re.findall(r"^(\w+):", makefile, flags=re.MULTILINE))


def test_the_two_commands_come_first():
    assert re.findall(r"^make (\w+)", README, flags=re.MULTILINE) == ["course", "test"]


def test_what_it_links_to_exists():
    links = re.findall(r"\]\((?!https?:|#)([^)]+)\)", README)
    assert "LICENSE" in links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_table_lists_every_lesson_in_order():
    assert [row[2] for row in ROW.findall(README)] == [path.name for path in LESSONS]
    assert all(name.startswith(number) for number, _, name, _ in ROW.findall(README))


@pytest.mark.parametrize("path", LESSONS, ids=name_of)
def test_the_table_gives_the_minutes_that_the_lesson_gives(path):
    minutes = {name: minutes for _, _, name, minutes in ROW.findall(README)}
    first = nbformat.read(path, as_version=4).cells[0].source
    assert f"{minutes[path.name]} minutes" in first


def test_conda_users_activate_the_environment_that_the_file_makes():
    environment = (ROOT / "environment.yml").read_text(encoding="utf-8")
    (name,) = re.findall(r"^name: (\S+)", environment, flags=re.MULTILINE)
    assert f"conda activate {name}\n" in README
