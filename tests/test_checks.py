"""The mechanism of the exercises: replies, hints, and a record that is never lost."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest

from helpers import checks, exercise_record
from helpers.checks import Exercise, Question, Wrong, start
from helpers.exercise_record import Record
from helpers.exercises.step_diary import Diary
from helpers.exercises.trials import in_case, model_from

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
    assert "If that cell ended in an error" in reply.text


def test_an_error_of_the_answer_is_reported(exercise):
    reply = exercise.check(1, 5)
    assert not reply
    assert "stopped with AssertionError: an error of the answer's own" in reply.text


def quoted(error):
    def stop(answer):
        raise error

    question = Question("stops", "Stop", stop, ("one", "two", "three"))
    return Exercise("99", (question,), None).check(1, 2).text


GRAPH_ERROR = """Graph execution error:

Detected at node sub defined at (most recent call last):
  File "a.py", line 1, in <module>

Incompatible shapes: [32,5] vs. [32]
\t [[{{node sub}}]] [Op:__inference_1]"""
CALL_ERROR = """Exception encountered when calling Dense.call().

\x1b[1mThe shapes do not fit.\x1b[0m

Arguments received by Dense.call():
  \u2022 inputs=..."""


@pytest.mark.parametrize(
    "error,text",
    [
        (ValueError("one\ntwo"), "ValueError: one"),
        (ValueError(), "ValueError."),
        (RuntimeError(GRAPH_ERROR), "RuntimeError: Incompatible shapes: [32,5] vs. [32]"),
        (
            ValueError(CALL_ERROR),
            "ValueError: Exception encountered when calling Dense.call(). The shapes do not fit.",
        ),
        (KeyError("x" * 400), f"KeyError: '{'x' * 298}\u2026"),
    ],
)
def test_an_error_is_quoted_by_the_line_that_says_it(error, text):
    assert quoted(error) == f"Your answer stopped with {text}"


def test_values_that_are_options_are_told_from_a_function_that_takes_too_few():
    def build(base):
        return base

    with pytest.raises(TypeError, match="but 2 were given") as own:
        build(1, 2)
    assert quoted(own.value).endswith("were given. Options are given by name, such as "
                                      "classes=classes.")  # fmt: skip
    with pytest.raises(TypeError, match="but 2 were given") as by_check:
        model_from(build, 1, 2)
    assert quoted(by_check.value).endswith("The check hands it 2 values: those that the question "
                                           "names.")  # fmt: skip


def test_a_tensor_without_numbers_is_explained():
    with pytest.raises(ValueError, match="KerasTensor") as reason:
        np.mean(keras.Input((3,)))
    assert "use layers of Keras on it, not NumPy" in quoted(reason.value)


def test_a_reply_begins_with_its_case():
    with pytest.raises(Wrong, match=r"^With two: too few$"), in_case("With two"):
        raise Wrong("too few")
    stopped = r"^With two, your answer stopped with KeyError: 'x'$"
    with pytest.raises(Wrong, match=stopped), in_case("With two"):
        raise KeyError("x")


def test_a_diary_begins_anew_with_another_model():
    diary = Diary()
    for _ in range(2):
        model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        model.compile(keras.optimizers.SGD(0.5), "mse")
        model.fit(np.ones((4, 1)), np.ones(4), batch_size=2, verbose=0, callbacks=[diary])
    table = diary.table()
    assert diary.watched is model and table.index.tolist() == [1, 2]
    assert table["counted by the optimizer"].tolist() == [1, 2]
    assert set(table["rate"]) == {0.5} and set(table["moved so far"]) == {"none"}


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
