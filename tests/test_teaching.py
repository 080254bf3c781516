"""What a teacher reads agrees with the lessons: minutes, measured times, sections, schedules."""

import math
import re
from pathlib import Path

import nbformat
import pytest

from data.results_files import RESULTS, read
from tests.lesson_lint import sections
from tests.test_notebooks import LESSONS, name_of

ROOT = Path(__file__).parent.parent
TEACHING = (ROOT / "notebooks" / "TEACHING.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| (\d\d) \| \[(.+?)\]\((.+?)\) \| (.+?) \| (.+?) \| (.+?) \| (.+?) \|$", re.M)
TIMES = read(RESULTS / "run_times.csv").set_index("notebook")
ITALIC = re.compile(r"(?<!\*)\*([^*]+)\*(?!\*)")
POINTS = ["The one idea.", "Often believed.", "Ask.", "Late?"]


def minutes(path):
    return re.search(r"(\d+) minutes", nbformat.read(path, as_version=4).cells[0].source)[1]


def part(title):
    """The text below a heading, up to the next of its level or above."""
    found = re.search(rf"^(#+) {re.escape(title)}.*?\n(.*?)(?=^##?#? |\Z)", TEACHING, re.M | re.S)
    assert found, title
    return found[2]


def test_the_table_lists_every_lesson_with_its_own_minutes():
    assert [row[2] for row in ROW.findall(TEACHING)] == [path.name for path in LESSONS]
    assert [row[3] for row in ROW.findall(TEACHING)] == [minutes(path) for path in LESSONS]


def test_the_table_gives_the_measured_times_and_memory():
    for row in ROW.findall(TEACHING):
        seconds, megabytes = TIMES.loc[row[2], ["seconds", "megabytes"]]
        assert row[4] == f"{seconds:.0f} s", row
        assert row[5] == f"{math.ceil(megabytes / 100) / 10} GB", row


def test_the_table_gives_the_minutes_of_each_exercise():
    for row in ROW.findall(TEACHING):
        exercise = ROOT / "notebooks" / "exercises" / row[2]
        assert row[6] == (minutes(exercise) if exercise.exists() else "none"), row


@pytest.mark.parametrize("title,total", [("90 minutes", 90), ("Half a day", 240), ("A day", 450)])
def test_a_schedule_adds_up(title, total):
    assert sum(map(int, re.findall(r"^\| (\d+) \|", part(title), re.M))) == total


@pytest.mark.parametrize("path", LESSONS, ids=name_of)
def test_each_lesson_has_its_points_and_the_sections_that_it_names(path):
    text = part(f"{path.name[:2]} · ")
    assert [point for point in POINTS if f"**{point}**" in text] == POINTS
    assert text.count("**Draw it out:**") == 1
    titles = [name for name, _ in sections(nbformat.read(path, as_version=4))]
    (cut,) = re.findall(r"\*\*Late\?\*\*(.+?)\n\n", text + "\n\n", re.S)
    for named in ITALIC.findall(cut):
        assert any(title.startswith(" ".join(named.split())) for title in titles), named


def test_sections_named_in_the_schedules_exist():
    rows = re.findall(r"\]\((\d\d_\w+\.ipynb)\)(.*) \|$", TEACHING, re.M)
    named = [(file, title) for file, rest in rows for title in ITALIC.findall(rest)]
    assert named
    for file, title in named:
        titles = [name for name, _ in sections(nbformat.read(ROOT / "notebooks" / file, 4))]
        assert any(each.startswith(title) for each in titles), (file, title)


def test_links_lead_somewhere():
    links = re.findall(r"\]\((?!https?:)([^)]+)\)", TEACHING)
    anchors = {
        re.sub(r"[^\w -]", "", h).strip().lower().replace(" ", "-")
        for h in re.findall(r"^#+ (.+)$", TEACHING, re.M)
    }
    for link in links:
        if link.startswith("#"):
            assert link[1:] in anchors, link
        else:
            assert (ROOT / "notebooks" / link).exists(), link
