"""Make one table of all that `make bench` measures, and write data/results/bench.csv.

    make bench

A row is a ratio, ours through what stands beside it: the middle one of all turns, with the
quartiles. Ways beside plain Keras (beside_keras.py) are timed now. The other rows are made from
photo_bench.csv, memory.csv and run_times.csv, which `make bench` has measured before.
"""

import keras
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from data.results_files import RESULTS, read, write
from tests.bench.beside_keras import COMPARISONS, compare

Rows = dict[str, dict[str, object]]


def summary(ours: ArrayLike, plain: ArrayLike, unit: str) -> dict[str, object]:
    """One row: the ratio of each turn, in the middle and at the quartiles."""
    low, median, high = np.percentile(np.divide(ours, plain), [25, 50, 75])
    row = {"turns": len(plain), "plain": np.median(plain), "unit": unit}
    return row | {"ratio": median, "quartile_1": low, "quartile_3": high}


def races() -> Rows:
    """Our recipe for photos beside the published ones: heads on the frozen base, then all of it.

    The whole of ours is the head alone and, where that is not enough, fine-tuning.
    """
    points = read(RESULTS / "photo_bench.csv")
    heads = points["stage"].str.startswith(("head", "frozen"))
    titles = {
        "a head on frozen MobileNetV2": heads,
        "the whole recipe for photos": heads | points["stage"].str.startswith("fine-tuned"),
    }
    return {
        f"{title}, to the best accuracy of the {rival}": summary(
            *seconds_to_equal(points[given], rival), "s"
        )
        for title, given in titles.items()
        for rival in ("Keras guide", "TensorFlow tutorial")
    }


def seconds_to_equal(points: pd.DataFrame, rival: str) -> tuple[list[float], list[float]]:
    """Seconds to the best test accuracy that a rival ever has, seed by seed: ours, and its own."""
    ours, its = [], []
    for _, runs in points.groupby("seed"):
        best = runs.loc[runs["test_accuracy"].where(runs["recipe"] == rival).idxmax()]
        equal = runs["test_accuracy"] >= best["test_accuracy"]
        ours.append(runs["seconds"][equal & (runs["recipe"] == "this course")].min())
        its.append(best["seconds"])
    return ours, its


def memories() -> Rows:
    """The peak of memory without the features that are kept, for many photos and for few."""
    table = read(RESULTS / "memory.csv").assign(rest=lambda t: t["peak_mb"] - t["features_mb"])
    rest = table.pivot(index="turn", columns=["way", "photos"], values="rest")
    files, arrays = rest["files"], rest["array"]
    rows = {
        f"{many:,} photos beside {files.columns[0]:,}": (files[many], files[files.columns[0]])
        for many in files.columns[1:]
    }
    for many in arrays:
        rows[f"{many:,} photos from files beside one array"] = (files[many], arrays[many])
    return {
        f"memory without the features: {name}": summary(*pair, "MB") for name, pair in rows.items()
    }


def notebooks() -> Rows:
    """The time that each notebook takes beside kernels that import Keras, before it and after."""
    return {
        f"{one.notebook} beside `import keras`": summary(
            [one.seconds] * 2, [one.keras_before, one.keras_after], "s"
        )
        for one in read(RESULTS / "run_times.csv").itertuples()
    }


def main() -> None:
    """Run every comparison, print the table and write it."""
    keras.utils.set_random_seed(0)
    rows = {each.name: summary(*compare(each), "s") for each in COMPARISONS}
    rows |= races() | memories() | notebooks()
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("comparison").round(4)
    print(table.to_string())
    write(RESULTS / "bench.csv", table.reset_index(), "make bench")


if __name__ == "__main__":
    main()
