"""Measure what the helpers cost beside plain Keras, and write data/results/bench.csv.

    make bench

The speed of a machine swings while it works. So both ways of doing a thing take turns in one
process, each turn gives one ratio, and the table shows the middle one with the quartiles. The
first row times plain Keras against itself: what it shows is chance.
"""

import time
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pandas as pd

from helpers.bases import load_base
from helpers.data import load_digits_task, repeatable
from helpers.freezing import unfreeze_from
from helpers.surgery import attach_head
from helpers.training import layerwise_optimizer

RESULTS = Path(__file__).resolve().parents[2] / "data" / "results" / "bench.csv"
TURNS, STEPS = 400, 2

Work = Callable[[], object]


def training_step(optimizer: Callable[[keras.Model, keras.Model], keras.Optimizer]) -> Work:
    """One step on 32 pictures, with the whole of glyphnet training."""
    base = load_base("glyphnet")
    model = attach_head(base, classes=10)
    unfreeze_from(base, "block_1_conv")
    model.compile(optimizer(model, base), "sparse_categorical_crossentropy")
    images, labels = load_digits_task(4).train
    batch = keras.ops.convert_to_tensor(images[:32]), keras.ops.convert_to_tensor(labels[:32])
    return lambda: model.train_on_batch(*batch)


def adam(model: keras.Model, base: keras.Model) -> keras.Optimizer:
    """Plain Keras."""
    return keras.optimizers.Adam(1e-4)


def layerwise(model: keras.Model, base: keras.Model) -> keras.Optimizer:
    """A rate for each layer."""
    return layerwise_optimizer(model, 1e-4, base=base, decay=0.5)


def seconds(work: Work) -> float:
    """Time for some repetitions."""
    begun = time.perf_counter()
    for _ in range(STEPS):
        work()
    return time.perf_counter() - begun


def compare(ours: Work, plain: Work) -> dict[str, float]:
    """Time both in turns, every second turn in the other order."""
    pair = [ours, plain]
    for work in pair:
        seconds(work)  # the first steps build the graph
    times = np.empty((TURNS, 2))
    for turn in range(TURNS):
        for which in (0, 1) if turn % 2 else (1, 0):
            times[turn, which] = seconds(pair[which])
    low, median, high = np.percentile(times[:, 0] / times[:, 1], [25, 50, 75])
    milliseconds = 1000 * np.median(times[:, 1]) / STEPS
    return {"plain_ms": milliseconds, "ratio": median, "quartile_1": low, "quartile_3": high}


COMPARISONS: dict[str, tuple[Callable[[], Work], Callable[[], Work]]] = {
    "training step, Adam twice": (lambda: training_step(adam), lambda: training_step(adam)),
    "training step, layer-wise": (lambda: training_step(layerwise), lambda: training_step(adam)),
}


def main() -> None:
    """Run every comparison, print the table and write it."""
    repeatable(0)
    rows = {name: compare(ours(), plain()) for name, (ours, plain) in COMPARISONS.items()}
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("comparison").round(3)
    print(table.to_string())
    with RESULTS.open("w", encoding="utf-8", newline="\n") as file:
        file.write("# make bench\n")
        table.to_csv(file, lineterminator="\n")


if __name__ == "__main__":
    main()
