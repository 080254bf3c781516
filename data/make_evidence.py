"""Measure what the lessons claim, over five or ten seeds, and write data/results/*.csv.

    python data/make_evidence.py              # every experiment; resumes where it was stopped
    python data/make_evidence.py examples     # one of them

A row is one training run. Settings were chosen on the validation split; the test split only gives
the figures written here. A row that a file already holds is not measured again: delete the file to
measure anew.
"""

import argparse
import itertools
import math
from collections.abc import Callable, Iterator
from pathlib import Path

import architecture_runs
import keras
import names_runs
import numpy as np
import pandas as pd
import photo_runs
from results_files import RESULTS, read, write
from tqdm import tqdm

from helpers.bases import load_base
from helpers.data import Split, Task, load_digits_task, load_letters_sample, repeatable
from helpers.downloads import missing_downloads
from helpers.features import extract_features, split_at
from helpers.freezing import freeze, unfreeze_from
from helpers.surgery import attach_head, remove_top
from helpers.training import Phase, fit_in_phases, gradual_phases, layerwise_optimizer

LOSS = "sparse_categorical_crossentropy"
BLOCKS = [f"block_{number}_conv" for number in (6, 5, 4, 3, 2, 1)]
HEAD_EPOCHS, HEAD_RATE = 100, 0.01
SCRATCH_STEPS, SCRATCH_RATE, SCRATCH_MOMENTUM = 500, 0.002, 0.8
TUNE_EPOCHS, TUNE_RATE, BLOCK_RATE = 15, 0.0003, 0.001


def accuracy(model: keras.Model, split: Split) -> float:
    """Share of a split's pictures that a model puts into the right class, 0 to 1."""
    probabilities = model.predict(split.images, batch_size=256, verbose=0)
    return float(np.mean(probabilities.argmax(axis=1) == split.labels))


def train_head(
    base: keras.Model, task: Task, *, model: keras.Model | None = None, rate: float = HEAD_RATE
) -> keras.Model:
    """Freeze a base, train what a model has above it (a new head) on cached features."""
    freeze(base)
    model = model or attach_head(base, classes=10)
    lower, head = split_at(model, model.layers[len(base.layers)].name)
    features = extract_features(lower, task.train.images)
    head.compile(keras.optimizers.Adam(rate), LOSS)
    head.fit(features, task.train.labels, epochs=HEAD_EPOCHS, verbose=0)
    return model


def fit(model: keras.Model, task: Task, optimizer: keras.Optimizer, epochs: int, **options) -> None:
    """Compile and fit on the training split of a task."""
    model.compile(optimizer, LOSS)
    model.fit(*task.train, epochs=epochs, verbose=0, **options)


def fresh_layer(layer: keras.Layer) -> keras.Layer:
    """The same layer with new weights; BatchNormalization that settles within few steps."""
    config = layer.get_config()
    if isinstance(layer, keras.layers.BatchNormalization):
        config["momentum"] = SCRATCH_MOMENTUM
    return type(layer).from_config(config)


def train_from_scratch(task: Task) -> keras.Model:
    """Train the base's architecture with new weights: the fair baseline."""
    base = keras.models.clone_model(load_base("glyphnet"), clone_function=fresh_layer)
    model = attach_head(base, classes=10)
    steps_per_epoch = math.ceil(len(task.train.labels) / 32)
    rate = keras.optimizers.schedules.CosineDecay(SCRATCH_RATE, SCRATCH_STEPS)
    fit(model, task, keras.optimizers.Adam(rate), math.ceil(SCRATCH_STEPS / steps_per_epoch))
    return model


def fine_tune(base: keras.Model, task: Task, layer: str, rate: float) -> keras.Model:
    """Train the head, then the base from one layer on, with BatchNormalization still."""
    model = train_head(base, task)
    unfreeze_from(base, layer)
    fit(model, task, keras.optimizers.Adam(rate), TUNE_EPOCHS)
    return model


METHODS: dict[str, Callable[[keras.Model, Task], keras.Model]] = {
    "from scratch": lambda base, task: train_from_scratch(task),
    "frozen": train_head,
    "frozen, one block less": lambda base, task: train_head(
        remove_top(base, layer="block_6_conv").base, task
    ),
    "fine-tuned": lambda base, task: fine_tune(base, task, "block_5_conv", TUNE_RATE),
}


def by_examples(seed: int, examples_per_class: int, method: str) -> dict[str, float]:
    """From scratch, frozen, frozen but cut one block earlier, or fine-tuned."""
    task = load_digits_task(examples_per_class, seed=seed)
    model = METHODS[method](load_base("glyphnet"), task)
    return {"test_accuracy": accuracy(model, task.test)}


def by_depth(seed: int, unfreeze_from: str) -> dict[str, float]:
    """Fine-tune from one layer on; accuracy on the new task and on the old one."""
    return tuned_and_remembered(seed, unfreeze_from, TUNE_RATE)


def by_rate(seed: int, learning_rate: float) -> dict[str, float]:
    """Fine-tune the whole base at one rate; accuracy on the new task and on the old one."""
    return tuned_and_remembered(seed, BLOCKS[-1], learning_rate)


def tuned_and_remembered(seed: int, layer: str, rate: float) -> dict[str, float]:
    """Fine-tune at 20 examples a class, then ask the base's old top about letters again."""
    task = load_digits_task(20, seed=seed)
    whole = load_base("glyphnet", include_top=True)
    base = remove_top(whole).base
    model = train_head(base, task) if layer == "none" else fine_tune(base, task, layer, rate)
    remembered = accuracy(whole, load_letters_sample())
    return {"test_accuracy": accuracy(model, task.test), "letters_accuracy": remembered}


SCHEDULES = {
    "head only": [Phase(32, HEAD_RATE)],
    "all at once, one rate": [Phase(32, TUNE_RATE, BLOCKS[-1])],
    "all at once, faster head": [Phase(32, HEAD_RATE, BLOCKS[-1])],
    "head, then all": [Phase(20, HEAD_RATE), Phase(12, TUNE_RATE, BLOCKS[-1])],
    "head, then two blocks": [Phase(20, HEAD_RATE), Phase(12, TUNE_RATE, BLOCKS[1])],
    "gradual": gradual_phases(
        BLOCKS, head_epochs=20, head_rate=HEAD_RATE, epochs=2, rate=TUNE_RATE
    ),
    "gradual, falling rate": gradual_phases(
        BLOCKS, head_epochs=20, head_rate=HEAD_RATE, epochs=2, rate=TUNE_RATE, decay=0.6
    ),
}


def by_schedule(seed: int, schedule: str) -> dict[str, float]:
    """Orders of unfreezing, each with the same number of epochs in all."""
    task = load_digits_task(20, seed=seed)
    whole = load_base("glyphnet", include_top=True)
    base = remove_top(whole).base
    model = attach_head(base, classes=10)
    optimizer = keras.optimizers.Adam()
    if schedule == "all at once, faster head":
        groups = {"block_.*": TUNE_RATE / HEAD_RATE, "head_.*": 1.0}
        optimizer = layerwise_optimizer(model, groups=groups)
    fit_in_phases(
        model, base, SCHEDULES[schedule], *task.train, optimizer=optimizer, loss=LOSS, verbose=0
    )
    remembered = accuracy(whole, load_letters_sample())
    return {"test_accuracy": accuracy(model, task.test), "letters_accuracy": remembered}


def by_batchnorm(seed: int, batch_size: int, batchnorm: str) -> dict[str, float]:
    """Fine-tune with BatchNormalization still or live."""
    task = load_digits_task(20, seed=seed)
    base = load_base("glyphnet")
    model = train_head(base, task)
    unfreeze_from(base, BLOCKS[-1])
    for layer in base.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = batchnorm == "live"
    optimizer = keras.optimizers.Adam(TUNE_RATE)
    fit(model, task, optimizer, 5, batch_size=batch_size)
    return {"test_accuracy": accuracy(model, task.test)}


def by_block(seed: int, block: str) -> dict[str, float]:
    """Let one block of the base learn alone, under a trained head that stays as it is."""
    task = load_digits_task(20, seed=seed)
    whole = load_base("glyphnet", include_top=True)
    base = remove_top(whole).base
    model = train_head(base, task)
    if block != "none":
        for layer in model.layers:
            layer.trainable = layer.name == block
        fit(model, task, keras.optimizers.Adam(BLOCK_RATE), TUNE_EPOCHS)
    remembered = accuracy(whole, load_letters_sample())
    return {"test_accuracy": accuracy(model, task.test), "letters_accuracy": remembered}


def by_layer(seed: int, rates: str, learning_rate: float) -> dict[str, float]:
    """Fine-tune the whole base with a factor for each block: equal, falling, or upside down.

    Validation accuracy chooses between rates and decays; the test split judges what was chosen.
    """
    task = load_digits_task(20, seed=seed)
    whole = load_base("glyphnet", include_top=True)
    base = remove_top(whole).base
    model = train_head(base, task)
    unfreeze_from(base, BLOCKS[-1])
    order, decay = LAYERWISE[rates]
    groups = {f"{layer[:7]}_.*": decay**k for k, layer in enumerate(BLOCKS[::order], start=1)}
    optimizer = layerwise_optimizer(model, learning_rate, groups=groups | {"head_.*": 1.0})
    fit(model, task, optimizer, TUNE_EPOCHS)
    return {
        "validation_accuracy": accuracy(model, task.validation),
        "test_accuracy": accuracy(model, task.test),
        "letters_accuracy": accuracy(whole, load_letters_sample()),
    }


LAYERWISE = {
    "one rate": (1, 1.0),
    "decay 0.8": (1, 0.8),
    "decay 0.5": (1, 0.5),
    "decay 0.3": (1, 0.3),
    "decay 0.5, upside down": (-1, 0.5),
}
EXPERIMENTS: dict[str, tuple[Callable[..., dict[str, float]], dict[str, list]]] = {
    "examples": (by_examples, {"examples_per_class": [2, 5, 10, 20, 50], "method": [*METHODS]}),
    "depth": (by_depth, {"unfreeze_from": ["none", *BLOCKS]}),
    "rates": (by_rate, {"learning_rate": [0.00003, 0.0001, 0.0003, 0.001, 0.003]}),
    "schedules": (by_schedule, {"schedule": [*SCHEDULES]}),
    "batchnorm": (by_batchnorm, {"batch_size": [2, 32], "batchnorm": ["still", "live"]}),
    "blocks": (by_block, {"block": ["none", *BLOCKS]}),
    "layerwise": (by_layer, {"rates": [*LAYERWISE], "learning_rate": [0.0003, 0.001, 0.003]}),
    "names": (names_runs.by_names, names_runs.GRID),
    **architecture_runs.experiments(architecture_runs.Ways(train_head, fine_tune, accuracy)),
    **photo_runs.experiments(),
}
SEEDS = dict.fromkeys(EXPERIMENTS, 10) | dict.fromkeys(photo_runs.experiments(), 5)


def settings_of(grid: dict[str, list], seeds: int) -> Iterator[dict]:
    """Every combination of a grid with every seed, all settings of a seed together."""
    for seed, *chosen in itertools.product(range(seeds), *grid.values()):
        yield {"seed": seed, **dict(zip(grid, chosen, strict=True))}


def run(name: str, folder: Path) -> pd.DataFrame:
    """Measure what is missing in one results file, row by row."""
    experiment, grid = EXPERIMENTS[name]
    path = folder / f"{name}.csv"
    rows = read(path).to_dict("records") if path.exists() else []
    known = [{key: row[key] for key in ("seed", *grid)} for row in rows]
    for settings in tqdm([s for s in settings_of(grid, SEEDS[name]) if s not in known], desc=name):
        keras.utils.clear_session()
        repeatable(settings["seed"])
        rows.append(settings | {k: round(v, 4) for k, v in experiment(**settings).items()})
        write(path, pd.DataFrame(rows), f"python data/make_evidence.py {name}")
    return pd.DataFrame(rows)


def main(arguments: list[str] | None = None) -> None:
    """Run the named experiments, or all."""
    parser = argparse.ArgumentParser(description="Measure what the lessons claim.")
    parser.add_argument("names", nargs="*", metavar="experiment", help=", ".join(EXPERIMENTS))
    names = parser.parse_args(arguments).names or list(EXPERIMENTS)
    unknown = [name for name in names if name not in EXPERIMENTS]
    if unknown:
        parser.error(f"unknown experiment {unknown[0]!r}; choose from {', '.join(EXPERIMENTS)}")
    RESULTS.mkdir(exist_ok=True)
    missing = missing_downloads()
    for name in names:
        if missing and name in photo_runs.experiments():
            print(f"{name} needs {missing[0]}: left out (`make photos` fetches it)")
            continue
        run(name, RESULTS)


if __name__ == "__main__":
    main()
