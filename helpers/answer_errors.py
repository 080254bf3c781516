"""Quote an error that stopped an answer: the line that says it, and what often helps."""

import re
import traceback
from pathlib import Path

LONGEST = 300
HELPERS = Path(__file__).resolve().parent
COLOURS = re.compile(r"\x1b\[\d+m")
POSITIONAL = re.compile(r"takes .*positional arguments? but (\d+) (?:was|were) given")


def in_short(error: Exception) -> str:
    """Quote an error by the line that says what is wrong.

    Args:
        error: raised by an answer, or while a check worked with it.

    Returns:
        Its type, one line of at most 300 characters, and a sentence of advice where there is one.

    Lesson: 01
    """
    kind, line = type(error).__name__, _telling_line(str(error))
    quoted = f"{kind}: {line}" if line else f"{kind}."
    advice = _advice(error, line)
    return f"{quoted}{'' if line.endswith('.') else '.'} {advice}" if advice else quoted


def _telling_line(text: str) -> str:
    """The first line; the last one of a long report; two where the first only says where."""
    lines = [COLOURS.sub("", line).strip() for line in text.splitlines()]
    lines = [line for line in lines if line and not line.startswith("[[{{")]
    if not lines:
        return ""
    line = lines[0]
    if line.startswith("Graph execution error"):
        line = lines[-1]
    elif line.startswith("Exception encountered"):
        line = " ".join(lines[:2])
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"


def _advice(error: Exception, line: str) -> str:
    match = POSITIONAL.search(line)
    if isinstance(error, TypeError) and match:
        if _raised_in_helpers(error):
            return f"The check hands it {match[1]} values: those that the question names."
        return "Options are given by name, such as classes=classes."
    if "KerasTensor" in line:
        return "A KerasTensor holds no numbers yet: use layers of Keras on it, not NumPy."
    return ""


def _raised_in_helpers(error: Exception) -> bool:
    frames = traceback.extract_tb(error.__traceback__)
    return bool(frames) and HELPERS in Path(frames[-1].filename).parents
