"""Exercise 02, question 4: three heads on glyphnet's maps, measured and judged."""

from functools import cache
from typing import Any

import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from helpers.bases import load_base
from helpers.data import load_digits_task
from helpers.exercises.tools import listed, need
from helpers.features import extract_features

NINE_OF_TEN = 0.9
COSTS = {"average": 1290, "maximum": 1290, "flatten": 20490}
"""Parameters of a head for ten classes behind glyphnet's maps of 4 x 4 x 128."""

LESSON = (
    " (In lesson 02 the maximum was behind the average: over three draws, with ten examples of "
    "each digit and a head trained in another way. Here ten draws cannot tell.)"
)


@cache
def measured_poolings() -> pd.DataFrame:
    """Measure three heads, once; see `pooling_draws`."""
    base, validation = load_base("glyphnet"), load_digits_task(5).validation
    poolings = {
        "average": lambda maps: maps.mean(axis=(1, 2)),
        "maximum": lambda maps: maps.max(axis=(1, 2)),
        "flatten": lambda maps: maps.reshape(len(maps), -1),
    }
    head = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    seen, rows = extract_features(base, validation.images), []
    for seed in range(10):
        train = load_digits_task(5, seed=seed).train
        maps = extract_features(base, train.images)
        fits = {name: head.fit(pool(maps), train.labels).score(pool(seen), validation.labels)
                for name, pool in poolings.items()}  # fmt: skip
        rows.append(fits)
    return pd.DataFrame(rows).rename_axis("draw")


def check_verdict(draws: pd.DataFrame, verdict: Any, choice: Any) -> str:
    """Check what ten draws say of each pooling against the average, and which one to take."""
    shares = {name: (draws[name] - draws["average"]) for name in ("maximum", "flatten")}
    need(
        isinstance(verdict, dict) and set(verdict) == set(shares),
        f"verdict: give a dictionary with an entry for each of {listed(shares)}.",
    )
    for name, gain in shares.items():
        ahead, behind = int((gain > 0).sum()), int((gain < 0).sum())
        need(verdict[name] is not ..., f"{name} waits for a verdict.")
        need(
            verdict[name] == _in_words(ahead, behind, len(gain)),
            f"{name}: you say {verdict[name]!r}, but in your {len(gain)} draws it is ahead of the "
            f"average {ahead} times and behind {behind} times. What does the rule in the question "
            "make of that?",
        )
    need(choice in COSTS, f"choice: {choice!r} is none of {listed(COSTS)}.")
    need(verdict.get(choice) != "worse", f"You choose {choice}, and called it worse yourself.")
    need(
        COSTS[choice] == min(COSTS.values()) or verdict.get(choice) == "better",
        f"{choice} costs {COSTS[choice]:,} parameters, the average {COSTS['average']:,}, and your "
        "draws do not show that it is better.",
    )
    lesson = LESSON if verdict["maximum"] == "cannot tell" else ""
    return (
        f"{choice}: {COSTS[choice]:,} parameters, and nothing dearer is shown to be better.{lesson}"
    )


def _in_words(ahead: int, behind: int, draws: int) -> str:
    if max(ahead, behind) < NINE_OF_TEN * draws:
        return "cannot tell"
    return "better" if ahead > behind else "worse"
