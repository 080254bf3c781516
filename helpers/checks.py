"""Exercises that answer back: check an answer, give hints, and remember what was right."""

import html
import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from helpers.answer_errors import in_short
from helpers.exercise_record import Record

COLOURS = {"right": "#0072B2", "wrong": "#D55E00", "hint": "#999999"}


class Wrong(Exception):  # noqa: N818
    """An answer is not right; the text says what is wrong, with the answer's own numbers."""


@dataclass(frozen=True)
class Question:
    """One question of an exercise.

    Attributes:
        name: a fixed name, under which it is remembered.
        title: one line.
        check: takes the answers; returns why they are right, or raises `Wrong`.
        hints: three, each more concrete than the one before.

    Lesson: 01
    """

    name: str
    title: str
    check: Callable[..., str]
    hints: tuple[str, str, str]


@dataclass(frozen=True)
class Reply:
    """What an exercise says; true only where it says that an answer is right.

    Attributes:
        kind: `"right"`, `"wrong"` or `"hint"`.
        headline: a few words.
        text: the reason, with numbers.

    Lesson: 01
    """

    kind: str
    headline: str
    text: str

    def __bool__(self) -> bool:
        return self.kind == "right"

    def __repr__(self) -> str:
        return f"{self.headline} {self.text}"

    def _repr_html_(self) -> str:
        text = html.escape(self.text).replace("\n", "<br>")
        style = f"border-left:5px solid {COLOURS[self.kind]};padding:2px 10px;max-width:55em"
        return f"<div style='{style}'><b>{html.escape(self.headline)}</b> {text}</div>"


class Exercise:
    """The questions of one lesson; shown at the end of a cell, it tells which are answered.

    Args:
        lesson: two digits, for messages.
        questions: in order.
        record: where right answers are remembered; None to forget them.

    Lesson: 01
    """

    def __init__(self, lesson: str, questions: tuple[Question, ...], record: Record | None) -> None:
        """Begin with no hint given."""
        self.lesson, self.questions, self.record = lesson, questions, record
        self._hints: dict[str, int] = {}
        self._right: set[str] = set()

    def check(self, number: int, *answers: Any) -> Reply:
        """Check the answer to a question.

        Args:
            number: of the question, from 1.
            *answers: what the question asks for.

        Returns:
            Right or wrong, and why.

        Raises:
            ValueError: no question of that number.
        """
        question = self._question(number)
        if any(answer is ... or answer is None for answer in answers):
            text = f"Question {number} waits for its answer: fill in the cell above, and run it. "
            text += "(If that cell ended in an error, read the error first.)"
            return Reply("wrong", "Not answered yet.", text)
        try:
            text = question.check(*answers)
        except Wrong as reason:
            return Reply("wrong", "Not yet.", str(reason))
        except Exception as error:  # code of the reader's own, run by the check
            return Reply("wrong", "Not yet.", f"Your answer stopped with {in_short(error)}")
        self._right.add(question.name)
        trouble = self.record.add(question.name) if self.record else ""
        return Reply("right", "Right.", f"{text}{trouble}")

    def hint(self, number: int, which: int | None = None) -> Reply:
        """Give a hint.

        Args:
            number: of the question, from 1.
            which: 1, 2 or 3, each more concrete. Default: one more at each call.

        Returns:
            The hint.

        Raises:
            ValueError: no question, or no hint, of that number.
        """
        question = self._question(number)
        many = len(question.hints)
        which = min(self._hints.get(question.name, 0) + 1, many) if which is None else which
        if which not in range(1, many + 1):
            raise ValueError(f"There is no hint {which}: give a number from 1 to {many}.")
        self._hints[question.name] = which
        return Reply("hint", f"Hint {which} of {many}.", question.hints[which - 1])

    def _question(self, number: int) -> Question:
        if number not in range(1, len(self.questions) + 1):
            raise ValueError(
                f"There is no question {number}: give a number from 1 to {len(self.questions)}."
            )
        return self.questions[number - 1]

    def _rows(self) -> list[tuple[str, str]]:
        right = self._right | (self.record.right if self.record else set())
        states = ("right" if question.name in right else "open" for question in self.questions)
        titles = (f"{n}. {question.title}" for n, question in enumerate(self.questions, start=1))
        return list(zip(titles, states, strict=True))

    def _summary(self) -> str:
        right = sum(state == "right" for _, state in self._rows())
        trouble = self.record.trouble if self.record else ""
        return f"Exercise {self.lesson}: {right} of {len(self.questions)} right.{trouble}"

    def __repr__(self) -> str:
        return "\n".join([self._summary(), *(f"{title}: {state}" for title, state in self._rows())])

    def _repr_html_(self) -> str:
        rows = (
            f"<tr><td style='text-align:left'>{html.escape(title)}</td><td>"
            f"{'<b>right</b>' if state == 'right' else state}</td></tr>"
            for title, state in self._rows()
        )
        return f"<p>{html.escape(self._summary())}</p><table>{''.join(rows)}</table>"


def start(lesson: str, *, remember: bool = True) -> Exercise:
    """Open the exercise of a lesson.

    Args:
        lesson: two digits, such as `"01"`.
        remember: keep what was answered right in a file, so that it survives the kernel.

    Returns:
        The exercise, with `check` and `hint`.

    Raises:
        ValueError: no exercise for that lesson.

    Lesson: 01
    """
    name = f"helpers.exercises.lesson_{lesson}"
    try:
        questions = importlib.import_module(name).QUESTIONS
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise ValueError(f"There is no exercise {lesson!r}: give two digits, as '01'.") from error
    return Exercise(lesson, questions, Record(lesson) if remember else None)
