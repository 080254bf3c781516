"""The experiment of lesson 08, run by `make_evidence.py`: ten languages from few names each."""

import math
from collections.abc import Callable

import keras
import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from helpers.bases import load_base
from helpers.data import Task
from helpers.features import extract_features, split_at
from helpers.names import load_names_task
from helpers.surgery import attach_head
from helpers.training import Phase, fit_in_phases, gradual_phases, layerwise_optimizer
from helpers.vocabulary import load_vocabulary

# All chosen on the validation split, at 20 names a language.
SCRATCH_STEPS, SCRATCH_RATE = 800, 0.01
HEAD = Phase(20, 0.01)
WHOLE = [HEAD, Phase(12, 0.001, "embedding")]
LAYERS = ["lstm_2", "lstm_1", "embedding"]
FIRST = {"head_epochs": HEAD.epochs, "head_rate": HEAD.learning_rate}
GRADUAL = gradual_phases(LAYERS, **FIRST, epochs=4, rate=0.002)
GRADUAL_LAYERWISE = gradual_phases(LAYERS, **FIRST, epochs=4, rate=0.004)
DECAY = 0.4

LOSS = "sparse_categorical_crossentropy"


def by_names(seed: int, names_per_language: int, method: str) -> dict[str, float]:
    """No network at all, the base's architecture from scratch, and the base in four ways."""
    task = load_names_task(names_per_language, seed=seed)
    guesses = METHODS[method](task)(task.test.texts)
    return {"test_accuracy": float(np.mean(guesses == task.test.labels))}


Read = Callable[[np.ndarray], np.ndarray]
"""What a method gives: a function from texts to the labels that it guesses."""


def letter_groups(task: Task) -> Read:
    """Counts of one to three letters in a row, and a linear classifier: no network, no base."""
    counts = TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 3), sublinear_tf=True)
    return make_pipeline(counts, LogisticRegression(C=10, max_iter=1000)).fit(*task.train).predict


def from_scratch(task: Task) -> Read:
    """The architecture of the base with new weights: the fair opponent."""
    ids, labels = encoded(task)
    model = attach_head(load_base("langnet", weights=None), classes=10)
    rate = keras.optimizers.schedules.CosineDecay(SCRATCH_RATE, SCRATCH_STEPS)
    model.compile(keras.optimizers.Adam(rate), LOSS)
    model.fit(ids, labels, epochs=math.ceil(SCRATCH_STEPS / math.ceil(len(ids) / 32)), verbose=0)
    return reader(model)


def frozen(task: Task) -> Read:
    """A new head on cached features."""
    ids, labels = encoded(task)
    model = attach_head(load_base("langnet"), classes=10)
    lower, head = split_at(model, "head_predictions")
    head.compile(keras.optimizers.Adam(HEAD.learning_rate), LOSS)
    head.fit(extract_features(lower, ids), labels, epochs=HEAD.epochs, verbose=0)
    return reader(model)


def in_phases(phases: list[Phase], *, decay: float = 1.0) -> Callable[[Task], Read]:
    """Train in phases; `decay` is what each layer's rate is to that of the layer above it."""

    def train(task: Task) -> Read:
        base = load_base("langnet")
        model = attach_head(base, classes=10)
        optimizer = layerwise_optimizer(model, base=base, decay=decay)
        fit_in_phases(
            model, base, phases, *encoded(task), optimizer=optimizer, loss=LOSS, verbose=0
        )
        return reader(model)

    return train


def encoded(task: Task) -> tuple[np.ndarray, np.ndarray]:
    """The training names as ids of characters, and their labels."""
    return load_vocabulary().encode(task.train.texts), task.train.labels


def reader(model: keras.Model) -> Read:
    """Let a trained model read texts."""
    encode = load_vocabulary().encode
    return lambda texts: model.predict(encode(texts), batch_size=256, verbose=0).argmax(axis=1)


METHODS: dict[str, Callable[[Task], Read]] = {
    "letter groups": letter_groups,
    "from scratch": from_scratch,
    "frozen": frozen,
    "fine-tuned": in_phases(WHOLE),
    "gradual": in_phases(GRADUAL),
    "gradual, layer-wise rates": in_phases(GRADUAL_LAYERWISE, decay=DECAY),
}
GRID = {"names_per_language": [5, 20, 50], "method": [*METHODS]}
