"""Fine-tune the upper part of a classifier of photos on cached activations."""

import math
from collections.abc import Callable

import keras
import numpy as np
from sklearn.utils import shuffle

from helpers.features import split_at
from helpers.freezing import unfreeze_from
from helpers.photo_head import class_weights
from helpers.progress import progress

BATCH = 64
EPOCHS, RATE = 8, 4e-3
WEIGHT_DECAY, CLIP, SMOOTHING = 0.05, 1.0, 0.1
MOMENTUM = 0.95
MEMBERS, MEMBER_EPOCHS = 3, 5
"""Of the recipe: chosen on the validation photos of lesson 09; ensembles by cross-validation on the
training and validation photos."""

Schedule = keras.optimizers.schedules.LearningRateSchedule


def fine_tune(
    model: keras.Model,
    layer_name: str,
    activations: np.ndarray,
    labels: np.ndarray,
    *,
    epochs: int = EPOCHS,
    rate: float = RATE,
) -> keras.Model:
    """Train everything from one layer on, on what the layers before it gave for each photo.

    Everything before the layer is frozen, and BatchNormalization from there on trains, too: see
    `release_batch_norm`. Dropout keeps still. How the rest trains: see `fit_on_activations`.

    Args:
        model: a flat classifier with a trained softmax head; changed in place.
        layer_name: where training begins: the first layer of a whole block.
        activations: `(variants, n, ...)`, what goes into that layer for each photo.
        labels: `(n,)`, 0 to the number of classes - 1; every class must occur.
        epochs: passes over all variants of all photos, 2 or more.
        rate: the highest learning rate.

    Returns:
        The upper part: it shares its layers with the model and takes activations.

    Raises:
        ValueError: as for `split_at`, `unfreeze_from` and `fit_on_activations`.

    Lesson: 09
    """
    upper = _opened(model, layer_name)
    fit_on_activations(upper, activations, labels, epochs=epochs, rate=rate)
    return upper


def fine_tune_ensemble(
    model: keras.Model,
    layer_name: str,
    activations: np.ndarray,
    labels: np.ndarray,
) -> keras.Model:
    """Train the upper part three times from where it stands, five epochs each, and let all vote.

    Each member sees the photos in another order. The mean of their answers was right more often
    than one network with as many steps: data/results/photos.csv. The cached activations serve all.

    Args:
        model: as for `fine_tune`; its weights stay as they are.
        layer_name: as for `fine_tune`.
        activations: `(variants, n, ...)`, as for `fine_tune`.
        labels: `(n,)`, as for `fine_tune`.

    Returns:
        A model from activations to probabilities, the mean of the members'.

    Raises:
        ValueError: as for `fine_tune`.

    Lesson: 09
    Source: https://arxiv.org/abs/1612.01474, deep ensembles
    """
    start = _opened(model, layer_name)
    inputs = keras.Input(start.input_shape[1:], name="activations")
    answers = []
    for number in range(1, MEMBERS + 1):
        member = keras.models.clone_model(start)
        member.name = f"member_{number}"
        member.set_weights(start.get_weights())
        fit_on_activations(member, activations, labels, epochs=MEMBER_EPOCHS)
        answers.append(member(inputs))
    return keras.Model(inputs, keras.layers.average(answers), name="ensemble")


def _opened(model: keras.Model, layer_name: str) -> keras.Model:
    """The part from a layer on, ready to train, with its BatchNormalization."""
    unfreeze_from(model, layer_name)
    upper = split_at(model, layer_name)[1]
    release_batch_norm(upper)
    return upper


def release_batch_norm(upper: keras.Model) -> None:
    """Let BatchNormalization train, with averages that keep pace with the network.

    This breaks the rule of lesson 04 by intent. The averages of ImageNet bases remember a thousand
    steps, longer than the whole training. With a momentum of 0.95 they follow within some twenty
    steps, and batches of 64 are enough to estimate them. Whether it is better than keeping them
    still, five seeds cannot say: data/results/photos.csv.

    Args:
        upper: the part that trains; changed in place before it is compiled.

    Lesson: 09
    """
    for layer in upper.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable, layer.momentum = True, MOMENTUM


def steady_adamw(rate: Schedule) -> keras.Optimizer:
    """Make the optimizer of the recipe: AdamW whose gradient is cut to length 1.

    The cut keeps one bad batch at a high rate from ruining what was learned.

    Args:
        rate: a schedule.

    Returns:
        The optimizer.

    Lesson: 09
    """
    return keras.optimizers.AdamW(rate, weight_decay=WEIGHT_DECAY, global_clipnorm=CLIP)


def fit_on_activations(
    upper: keras.Model,
    activations: np.ndarray,
    labels: np.ndarray,
    *,
    epochs: int,
    rate: float = RATE,
    make_optimizer: Callable[[Schedule], keras.Optimizer] = steady_adamw,
) -> None:
    """Train what is trainable in the upper part of a classifier, and show each epoch.

    The rate rises for one epoch and falls along a cosine; labels are smoothed by 0.1; photos of
    rare classes weigh more where `class_weights` says so. Each epoch has an order of its own: with
    a seed, `fit` of Keras 3.15 would take the photos in the same order in every epoch.

    Args:
        upper: from activations to probabilities, as `split_at` gives it; changed in place.
        activations: `(variants, n, ...)`.
        labels: `(n,)`, 0 to the number of classes - 1; every class must occur.
        epochs: passes over all variants of all photos, 2 or more.
        rate: the highest learning rate.
        make_optimizer: takes the schedule of the rate, gives an optimizer.

    Raises:
        ValueError: fewer than two epochs.

    Lesson: 09
    """
    if epochs < 2:
        raise ValueError(f"epochs={epochs}: the rate rises in the first, so give 2 or more.")
    x = activations.reshape(-1, *activations.shape[2:])
    y = keras.utils.to_categorical(np.tile(labels, len(activations)), upper.output_shape[-1])
    steps = math.ceil(len(x) / BATCH)
    schedule = keras.optimizers.schedules.CosineDecay(
        rate / 100, (epochs - 1) * steps, warmup_target=rate, warmup_steps=steps
    )
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=SMOOTHING)
    upper.compile(make_optimizer(schedule), loss)
    weights = class_weights(labels)
    for epoch in progress(range(epochs), "fine-tuning", unit="epochs"):
        options = {"initial_epoch": epoch, "epochs": epoch + 1, "verbose": 0}
        mixed = shuffle(x, y)
        upper.fit(*mixed, batch_size=BATCH, shuffle=False, class_weight=weights, **options)
