"""A line that counts, for work that takes longer than five seconds."""

import time
from collections.abc import Iterable, Iterator, Sized
from typing import TypeVar

from IPython import get_ipython
from IPython.display import display
from tqdm import tqdm

INTERVAL = 0.2
"""Seconds between two updates of the line."""

T = TypeVar("T")


def progress(items: Iterable[T], label: str, *, unit: str = "steps") -> Iterator[T]:
    """Go through items and show how far it got: one line in a notebook, a bar in a terminal.

    The notebook's line ends as "label: 12 of 12 steps", the same in every run, so that a stored
    output does not change.

    Args:
        items: what to go through; with a length, the line says out of how many.
        label: what is going on, such as "extracting features".
        unit: what is counted.

    Yields:
        The items.

    Lesson: 09
    """
    if get_ipython() is None:
        yield from tqdm(items, desc=label, unit=f" {unit}")
        return
    total = f" of {len(items)}" if isinstance(items, Sized) else ""
    line = display(_Text(f"{label}: 0{total} {unit}"), display_id=True)
    count, shown = 0, time.monotonic()
    for count, item in enumerate(items, start=1):
        yield item
        if time.monotonic() - shown > INTERVAL:
            line.update(_Text(f"{label}: {count}{total} {unit}"))
            shown = time.monotonic()
    line.update(_Text(f"{label}: {count}{total} {unit}"))


class _Text:
    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text
