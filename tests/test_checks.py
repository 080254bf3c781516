"""The mechanism of the exercises: replies, hints, and a record that is never lost."""

import json
from pathlib import Path

import pytest

from helpers import checks, exercise_record
from helpers.checks import Exercise, Question, Wrong, start
from helpers.exercise_record import Record

QUESTION_FILES = Path(checks.__file__).parent / "exercises"


def is_two(answer):
    if answer == 3:
        raise Wrong("3 < 4 & too many")
    assert answer == 2, "an error of the answer's own"
    return "2 is 2."


QUESTIONS = (
    Question("two", "Say two", is_two, ("one", "two", "three")),
    Question("again", "Say it <again>", is_two, ("a", "b", "c")),
)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(exercise_record, "FOLDER", tmp_path / "progress")
    return tmp_path / "progress"


@pytest.fixture
def exercise():
    return Exercise("99", QUESTIONS, None)


def recorded():
    return Exercise("99", QUESTIONS, Record("99"))


def test_a_right_answer_says_why(exercise):
    reply = exercise.check(1, 2)
    assert reply
    assert repr(reply) == "Right. 2 is 2."


def test_a_wrong_answer_says_why_and_its_text_is_safe_in_html(exercise):
    reply = exercise.check(1, 3)
    assert not reply
    assert repr(reply) == "Not yet. 3 < 4 & too many"
    assert "3 &lt; 4 &amp; too many" in reply._repr_html_()
    assert "#D55E00" in reply._repr_html_() and "#0072B2" in exercise.check(1, 2)._repr_html_()


@pytest.mark.parametrize("answer", [..., None])
def test_an_open_answer_is_not_called_wrong(exercise, answer):
    reply = exercise.check(2, answer)
    assert not reply
    assert reply.headline == "Not answered yet." and "Question 2" in reply.text


def test_an_error_of_the_answer_is_reported(exercise):
    reply = exercise.check(1, 5)
    assert not reply
    assert "stopped with AssertionError: an error of the answer's own" in reply.text


def test_hints_come_one_by_one_and_by_number(exercise):
    assert [exercise.hint(1).text for _ in range(4)] == ["one", "two", "three", "three"]
    assert repr(exercise.hint(2)) == "Hint 1 of 3. a"
    assert exercise.hint(2, 3).text == "c" and exercise.hint(2, 1).text == "a"
    assert exercise.hint(2).text == "b"
    assert not exercise.hint(2)


@pytest.mark.parametrize("which", [0, 4])
def test_another_hint_is_refused(exercise, which):
    with pytest.raises(ValueError, match=f"no hint {which}: give a number from 1 to 3"):
        exercise.hint(1, which)


@pytest.mark.parametrize("number", [0, 3])
def test_another_question_is_refused(exercise, number):
    for method in (exercise.check, exercise.hint):
        with pytest.raises(ValueError, match=f"no question {number}: give a number from 1 to 2"):
            method(number)


def test_an_exercise_shows_what_is_right(exercise):
    exercise.check(1, 2)
    exercise.check(1, 3)
    assert (
        repr(exercise) == "Exercise 99: 1 of 2 right.\n1. Say two: right\n2. Say it <again>: open"
    )
    assert "Say it &lt;again&gt;" in exercise._repr_html_()
    assert exercise._repr_html_().count("<b>right</b>") == 1


def test_nothing_is_written_without_a_record(exercise, folder):
    exercise.check(1, 2)
    assert not folder.exists()


def test_progress_survives_the_kernel():
    recorded().check(1, 2)
    assert "1. Say two: right\n2. Say it <again>: open" in repr(recorded())


def test_two_notebooks_lose_nothing_of_each_other_and_wrong_answers_take_nothing_back(folder):
    one, other = recorded(), recorded()
    one.check(1, 2)
    other.check(2, 2)
    one.check(1, 3)
    assert "2 of 2 right" in repr(recorded())
    assert [path.name for path in folder.iterdir()] == ["99.json"]


@pytest.mark.parametrize("text", ["{", "[]", '{"right": "two"}', '{"right": [1]}', "\xff"])
def test_a_damaged_file_is_kept_aside_and_named(folder, text):
    folder.mkdir()
    for number in ("", "1"):
        (folder / "99.json").write_text(text, encoding="latin-1")
        exercise = recorded()
        assert f"was damaged. It is kept as {folder / '99.damaged'}{number}" in repr(exercise)
        assert (folder / f"99.damaged{number}").read_text(encoding="latin-1") == text
    exercise.check(1, 2)
    assert json.loads((folder / "99.json").read_text())["right"] == ["two"]


def test_a_file_damaged_while_working_costs_nothing(folder):
    exercise = recorded()
    exercise.check(1, 2)
    (folder / "99.json").write_text("{")
    assert "was damaged" in exercise.check(2, 2).text
    assert "2 of 2 right" in repr(recorded())


def test_a_folder_that_cannot_be_written_is_named_and_the_answer_counts(folder, monkeypatch):
    refuse = PermissionError(13, "Permission denied")
    monkeypatch.setattr(Path, "mkdir", lambda *_, **__: (_ for _ in ()).throw(refuse))
    exercise = recorded()
    reply = exercise.check(1, 2)
    assert reply
    assert f"progress cannot be kept in {folder}: Permission denied" in reply.text
    assert "1 of 2 right" in repr(exercise)


def test_a_file_that_cannot_be_read_is_named(folder):
    (folder / "99.json").mkdir(parents=True)
    assert "cannot be read" in repr(recorded())


def test_a_damaged_file_that_cannot_be_put_aside_is_not_written_over(folder, monkeypatch):
    folder.mkdir()
    (folder / "99.json").write_text("{")
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(PermissionError()))
    reply = recorded().check(1, 2)
    assert reply and "is damaged; it was not touched" in reply.text
    assert (folder / "99.json").read_text() == "{"


def test_start_finds_the_lesson(folder):
    assert repr(start("01")).startswith("Exercise 01: 0 of ")
    assert start("01", remember=False).record is None
    with pytest.raises(ValueError, match="no exercise '99'"):
        start("99")


def test_every_lesson_gives_three_hints_and_names_its_questions_once():
    for lesson in sorted(path.stem[-2:] for path in QUESTION_FILES.glob("lesson_*.py")):
        questions = start(lesson, remember=False).questions
        assert len({question.name for question in questions}) == len(questions)
        assert all(len(set(question.hints)) == 3 for question in questions)
