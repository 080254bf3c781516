"""The README promises what is there: commands, files, lessons and their minutes."""

import re
import shutil
from pathlib import Path

import make_map
import make_tables
import nbformat
import pandas as pd
import pytest

from tests.test_notebooks import LESSONS, name_of

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
TEACHING = (ROOT / "notebooks" / "TEACHING.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| (\d\d) \| \[(.+?)\]\(notebooks/(.+?)\) \| .+ \| (.+?) \|$", re.MULTILINE)


def test_it_fits_one_screen_with_its_details_folded():
    folded = re.sub(r"</summary>.*?</details>", "", README, flags=re.DOTALL)
    assert len(folded.splitlines()) <= 70
    assert max(map(len, README.splitlines())) <= 130


def test_the_routes_take_as_long_as_their_lessons():
    minutes = {row[0]: int(row[3]) for row in ROW.findall(README)}
    exercises = (ROOT / "notebooks" / "exercises").glob("[0-9]*.ipynb")
    first_cells = [nbformat.read(path, as_version=4).cells[0].source for path in exercises]
    practice = sum(int(re.search(r"(\d+) minutes", first)[1]) for first in first_cells)
    afternoon = sum(minutes[number] for number in make_map.AFTERNOON)
    assert f"an afternoon of {round(afternoon / 60)} hours" in README
    assert f"{round(sum(minutes.values()) / 60)} hours of lessons" in README
    assert f"{round(practice / 60)} of exercises" in README


def test_the_map_is_drawn_from_the_lessons(monkeypatch, tmp_path):
    stored = make_map.MAP.read_bytes()
    monkeypatch.setattr(make_map, "MAP", tmp_path / "map.svg")
    make_map.main()
    assert make_map.MAP.read_bytes() == stored, "run: python data/make_map.py"
    assert set(make_map.lessons()) == {name for *_, names in make_map.ROWS for name in names}


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "notebooks/TEACHING.md"])
def test_its_commands_exist(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    commands = set(re.findall(r"(?:^|`|=\S+ )make (\w+)", text, flags=re.MULTILINE))
    assert commands
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


def test_the_tables_of_measurements_are_those_of_the_files(monkeypatch, tmp_path):
    for name in ("README", "TEACHING"):
        stored = getattr(make_tables, name)
        monkeypatch.setattr(make_tables, name, Path(shutil.copy(stored, tmp_path)))
    make_tables.main()
    for made in tmp_path.iterdir():
        stored = README if made.name == "README.md" else TEACHING
        assert made.read_text(encoding="utf-8") == stored, "run: python data/make_tables.py"


def test_every_results_file_has_its_table_in_the_readme():
    files = {path.name for path in make_tables.RESULTS.glob("*.csv")}
    assert {name for name in files if f"`{name}`" not in README} == set()


def test_a_mean_comes_with_half_its_interval():
    assert make_tables.mean_and_half(pd.Series([0.8, 0.9])) == "0.850 ± 0.635"  # t(1) = 12.7062


def test_conda_users_activate_the_environment_that_the_file_makes():
    environment = (ROOT / "environment.yml").read_text(encoding="utf-8")
    (name,) = re.findall(r"^name: (\S+)", environment, flags=re.MULTILINE)
    assert f"conda activate {name}\n" in README
