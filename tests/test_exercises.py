"""Exercises answer back: a stub is open, right answers pass, wrong ones are told what is wrong.

An answer is tried in the place of the cell that the reader fills: after the cells above the first
question, and after those that are given with its own question. Where the weights or photos of
Part II are missing, the cells that load them are left out, and the questions that need them skip.
"""

import functools
import itertools
import re
import time
import tomllib
from collections import Counter
from pathlib import Path

import keras
import matplotlib.pyplot as plt
import nbformat
import pytest

from helpers import exercise_record
from notebooks import make_exercises
from tests import notebook_lint
from tests.part_two import missing

FOLDER = Path(__file__).with_name("exercise_answers")
SOLUTIONS = sorted(make_exercises.SOLUTIONS.glob("*.ipynb"))
SECONDS = 20
PART_TWO = {"09": {1, 2}}  # questions that need weights or photos
LOADING = "raise SystemExit(error)"  # in the cell that says in one line what is missing


class Sheet:
    """A notebook of questions, taken apart."""

    def __init__(self, path):
        self.setup, self.questions = [], {}
        current = self.setup
        for cell in nbformat.read(path, as_version=4).cells:
            if match := re.match(r"## Question (\d+)", cell.source):
                current = self.questions.setdefault(int(match[1]), [])
            elif cell.source.startswith("## "):
                break
            elif cell.cell_type == "code" and not cell.source.startswith("# exercise.hint"):
                current.append(cell.source)

    @functools.cached_property
    def names(self):
        here = itertools.takewhile(lambda cell: LOADING not in cell, self.setup)
        return run("\n".join(here if missing() else self.setup), {})

    def reply(self, number, answer=None):
        """What the check says; `answer` in the place of the cell to fill, which comes before it."""
        keras.utils.set_random_seed(0)
        *given, fill, check = self.questions[number]
        names = dict(self.names)
        for source in (*given, fill if answer is None else answer):
            run(source, names)
        begun = time.process_time()
        reply = eval(check, names)
        assert time.process_time() - begun < SECONDS, "the check takes too long"
        plt.close("all")
        return reply


def run(source, names):
    exec(compile(source, "<cell>", "exec"), names)
    return names


@functools.cache
def sheet(path):
    return Sheet(path)


def skip_without_files(path, number):
    if number in PART_TWO.get(path.name[:2], ()) and (reason := missing()):
        pytest.skip(reason)


def exercise(solution):
    return make_exercises.EXERCISES / solution.name


def answers(solution):
    path = FOLDER / f"{solution.name[:2]}.toml"
    return tomllib.loads(path.read_text(encoding="utf-8"))["answer"]


QUESTIONS = [(path, number) for path in SOLUTIONS for number in sheet(path).questions]
ANSWERS = [(path, answer) for path in SOLUTIONS for answer in answers(path)]


def title(value):
    if isinstance(value, dict):
        return f"{value['question']}-{value.get('says', 'right')}"
    return value.name[:2] if isinstance(value, Path) else str(value)


@pytest.fixture(autouse=True)
def _as_in_a_kernel_but_without_progress(tmp_path, monkeypatch):
    monkeypatch.setattr(exercise_record, "FOLDER", tmp_path / "progress")
    monkeypatch.chdir(make_exercises.SOLUTIONS)  # where a kernel runs the cells


@pytest.mark.parametrize("path,number", QUESTIONS, ids=title)
def test_a_stub_fails(path, number):
    skip_without_files(path, number)
    reply = sheet(exercise(path)).reply(number)
    assert not reply and "stopped with" not in reply.text


@pytest.mark.parametrize("path,number", QUESTIONS, ids=title)
def test_a_solution_passes(path, number):
    skip_without_files(path, number)
    assert sheet(path).reply(number)


@pytest.mark.parametrize("path,answer", ANSWERS, ids=title)
def test_an_answer(path, answer):
    skip_without_files(path, answer["question"])
    reply = sheet(path).reply(answer["question"], answer["code"])
    assert bool(reply) == ("says" not in answer), reply
    assert answer.get("says", "") in reply.text


@pytest.mark.parametrize("path", SOLUTIONS, ids=title)
def test_two_right_and_two_wrong_answers_for_each_question(path):
    right = Counter(answer["question"] for answer in answers(path) if "says" not in answer)
    wrong = Counter(answer["question"] for answer in answers(path) if "says" in answer)
    numbers = list(sheet(path).questions)
    assert numbers == list(range(1, len(sheet(path).names["exercise"].questions) + 1))
    assert all(right[number] >= 2 and wrong[number] >= 2 for number in numbers), (right, wrong)


@pytest.mark.parametrize("path", SOLUTIONS, ids=title)
def test_making_an_exercise_again_leaves_no_difference(path):
    made = exercise(path)
    if make_exercises.is_worked_on(made):
        pytest.skip(f"{made.name} holds somebody's answers")
    assert made.read_text(encoding="utf-8") == make_exercises.exercise_of(path)


@pytest.mark.parametrize("path", SOLUTIONS, ids=title)
def test_an_exercise_holds_no_solution_and_no_output(path):
    nb = nbformat.reads(make_exercises.exercise_of(path), as_version=4)
    nbformat.validate(nb)
    text = "\n".join(cell.source for cell in nb.cells)
    assert not re.search(r"SOLUTION|# BEFORE|\*\*Solution", text)
    code = notebook_lint.code_cells(nb)
    assert not any(cell.outputs or cell.execution_count for cell in code)
    assert list(notebook_lint.plain_python(nb)) == list(notebook_lint.clean_metadata(nb)) == []
    for link in re.findall(r"\]\(([^)#]+)", text):
        assert (exercise(path).parent / link).exists(), link
    numbers = sheet(path).questions
    assert all(f"# exercise.hint({number})" in text for number in numbers)
    assert all(f"{path.name}#Question-{number})" in text for number in numbers)


@pytest.mark.parametrize("path", SOLUTIONS, ids=title)
@pytest.mark.parametrize("rule", notebook_lint.RULES, ids=lambda rule: rule.__name__)
def test_outputs_and_code_of_a_solution(path, rule):
    assert list(rule(nbformat.read(path, as_version=4))) == []


@pytest.mark.parametrize("path", SOLUTIONS, ids=title)
def test_what_loads_files_is_known(path):
    assert any(LOADING in cell for cell in sheet(path).setup) == (path.name[:2] in PART_TWO)


def test_every_exercise_has_a_solution():
    made = {path.name for path in make_exercises.EXERCISES.glob("[0-9][0-9]_*.ipynb")}
    assert made == {path.name for path in SOLUTIONS}
