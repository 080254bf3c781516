"""Which photos test what was learned from the others, and how sure the figure is that comes out."""

from collections import Counter
from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.stats import binomtest
from sklearn.model_selection import StratifiedGroupKFold

from helpers.photo_folder import PhotoFolder

FOLDS = 5
"""Parts of a set; each class needs as many different photos, to have one in each part."""

USEFUL = 20
"""Photos of a class from which a figure begins to say something about that class."""


def five_folds(photos: PhotoFolder, *, seed: int = 0) -> list[tuple[np.ndarray, np.ndarray]]:
    """Cut a set into five parts of equal mixture; each is for testing once.

    Near-identical photos stay in one part, so that no photo is tested on what was learned from its
    twin. A small set needs all five, a large one has enough photos in the first.

    Args:
        photos: what `check_photo_folder` found.
        seed: every seed cuts in another way, each time the same.

    Returns:
        Five pairs of row numbers, int64: those to learn from and those to test on.

    Raises:
        ValueError: one class only, or a class with fewer than five different photos.

    Lesson: 10
    Source: https://scikit-learn.org/stable/modules/cross_validation.html
    """
    _require_enough(photos)
    cut = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    rows = np.arange(len(photos.labels))
    return list(cut.split(rows, photos.labels, photos.groups))


def accuracy_interval(correct: int, total: int) -> tuple[float, float]:
    """Give the range in which the accuracy on new photos of the same kind lies, 19 times in 20.

    Args:
        correct: how many of the tested photos were told right.
        total: how many were tested, 1 or more.

    Returns:
        Lower and upper end of Wilson's 95 % interval, 0 to 1.

    Lesson: 09
    Source: https://en.wikipedia.org/wiki/Binomial_proportion_confidence_interval
    """
    interval = binomtest(int(correct), int(total)).proportion_ci(0.95, method="wilson")
    return float(interval.low), float(interval.high)


def accuracy_table(right: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Tabulate accuracies with their 95 % intervals.

    Args:
        right: for each line of the table, bool `(n,)`: which of the tested photos were told right.

    Returns:
        A table with the columns `right` and `tested` (photos), `accuracy`, `low` and `high` (0 to
        1, missing where no photo was tested).

    Lesson: 10
    """
    rows = {name: (int(np.sum(each)), len(each)) for name, each in right.items()}
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["right", "tested"])
    table["accuracy"] = table["right"] / table["tested"]
    ends = [accuracy_interval(*row) if row[1] else (np.nan, np.nan) for row in rows.values()]
    return table.assign(low=[low for low, _ in ends], high=[high for _, high in ends])


def _require_enough(photos: PhotoFolder) -> None:
    if len(photos.class_names) < 2:
        raise ValueError(
            f"There is only one class, {photos.class_names[0]!r}: a classifier needs two or more. "
            "Add a folder with photos of something else, such as what it must not be taken for."
        )
    different = Counter(label for label, _ in set(zip(photos.labels, photos.groups, strict=True)))
    counts = {name: different[label] for label, name in enumerate(photos.class_names)}
    few = [f"{name!r} ({count})" for name, count in counts.items() if count < FOLDS]
    if few:
        raise ValueError(
            f"Too few different photos of {', '.join(few)}: each class needs {FOLDS}, and {USEFUL} "
            "to be of use. Add photos, or move these folders out of the set."
        )
