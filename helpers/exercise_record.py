"""Remember which questions of an exercise were answered right: one small file for each lesson."""

import json
import os
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "notebooks" / "exercises" / ".progress"


class Record:
    """The questions of one lesson that were once answered right.

    Every write keeps what the file holds already, so that two notebooks lose nothing of each
    other's. A file that cannot be read is put aside, never overwritten.

    Args:
        lesson: two digits.

    Attributes:
        right: names of questions.
        trouble: what went wrong with the file, for the reader; empty where nothing did.

    Lesson: 01
    """

    def __init__(self, lesson: str) -> None:
        """Read the file, if there is one."""
        self.file = FOLDER / f"{lesson}.json"
        self.right: set[str] = set()
        self.trouble = ""
        self._read()

    def add(self, name: str) -> str:
        """Remember one more.

        Args:
            name: of the question.

        Returns:
            What went wrong, beginning with a space; empty where nothing did.
        """
        may_write = self._read()
        self.right.add(name)
        if not may_write:
            return self.trouble
        beside = self.file.with_suffix(f".{os.getpid()}.new")
        try:
            FOLDER.mkdir(parents=True, exist_ok=True)
            beside.write_text(json.dumps({"right": sorted(self.right)}, indent=1) + "\n", "utf-8")
            beside.replace(self.file)  # in one step: the file is never half written
        except OSError as error:
            self.trouble = f" (Your progress cannot be kept in {FOLDER}: {error.strerror}.)"
        return self.trouble

    def _read(self) -> bool:
        """Read the file; tell whether it may be written."""
        try:
            self.right |= _names(self.file.read_text("utf-8"))
        except FileNotFoundError:
            return True
        except OSError as error:
            self.trouble = f" (Your progress in {self.file} cannot be read: {error.strerror}.)"
            return False
        except ValueError:
            return self._put_aside()
        return True

    def _put_aside(self) -> bool:
        count = len(list(FOLDER.glob(f"{self.file.stem}.damaged*")))
        aside = self.file.with_suffix(f".damaged{count or ''}")
        self.trouble = f" (The file {self.file} of your progress is damaged; it was not touched.)"
        try:
            self.file.replace(aside)
        except OSError:
            return False
        self.trouble = (
            f" (The file {self.file.name} of your progress was damaged. It is kept as {aside}, and "
            "a new one begins.)"
        )
        return True


def _names(text: str) -> set[str]:
    """The names in a file.

    Raises:
        ValueError: it is not one that `Record` wrote.
    """
    content = json.loads(text)
    names = content.get("right") if isinstance(content, dict) else None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError("no list of names under 'right'")
    return set(names)
