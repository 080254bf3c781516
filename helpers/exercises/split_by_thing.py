"""Check a split of shots of things: a test must show things that were never seen."""

from typing import Any

import numpy as np
from sklearn.model_selection import GroupKFold, cross_val_score
from sklearn.neighbors import KNeighborsClassifier

from helpers.exercises.tools import listed, need

LEAST, MOST = 0.1, 0.4
"""The share of shots that may be for the test."""


def check_split(seen: np.ndarray, kinds: np.ndarray, things: np.ndarray, *sides: Any) -> str:
    """Check two sets of rows: what is learned from, and a test with things that are not in it.

    Args:
        seen: features of each shot, `(n, features)`.
        kinds: the class of each, `(n,)`.
        things: the number of the thing that it shows, `(n,)`.
        *sides: row numbers, or masks: those to learn from, and those to test on.

    Returns:
        Why they are right.

    Raises:
        Wrong: a thing, or a row, is on both sides; a class or the size of the test is not right.

    Lesson: 10
    """
    learn, test = (_rows(side, len(kinds)) for side in sides)
    twice = len(learn) + len(test) - len(np.union1d(learn, test))
    need(twice == 0, f"{twice} rows are there twice, or on both sides.")
    used = len(learn) + len(test)
    need(
        LEAST <= len(test) / used <= MOST,
        f"The test has {len(test)} of {used} shots, {len(test) / used:.0%}; {LEAST:.0%} to "
        f"{MOST:.0%} are asked for.",
    )
    for name, rows in (("learn from", learn), ("test on", test)):
        gone = sorted(set(kinds) - set(kinds[rows]))
        need(not gone, f"There is nothing of class {listed(gone)} to {name}.")
    nearest = KNeighborsClassifier(1).fit(seen[learn], kinds[learn])
    share = nearest.score(seen[test], kinds[test])
    honest = cross_val_score(nearest, seen, kinds, groups=things, cv=GroupKFold(5)).mean()
    torn = int(np.isin(things[test], things[learn]).sum())
    need(
        torn == 0,
        f"{torn} of {len(test)} test shots show a thing of which another shot is learned from. The "
        f"nearest neighbour tells {share:.0%} of your test right; of things that it has never "
        f"seen, {honest:.0%}.",
    )
    return (
        f"{len(learn)} shots of {len(set(things[learn]))} things to learn from, {len(test)} of "
        f"{len(set(things[test]))} others to test on: {share:.0%} is what it knows of new things."
    )


def _rows(side: Any, most: int) -> np.ndarray:
    rows = np.asarray(side)
    if rows.dtype == bool and rows.shape == (most,):
        rows = np.flatnonzero(rows)
    ok = rows.ndim == 1 and rows.dtype.kind in "iu" and rows.size > 0
    need(ok and rows.min() >= 0 and rows.max() < most, f"Give row numbers from 0 to {most - 1}.")
    return rows
