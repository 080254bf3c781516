"""The experiments of lesson 07; `make_evidence.py` runs them and lends its ways of training."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import architectures
import keras

from helpers.bases import load_base
from helpers.data import Task, load_digits_task
from helpers.freezing import trainable_report, unfreeze_from
from helpers.surgery import attach_head, remove_top

# All chosen on the validation split.
TUNE_EPOCHS, TUNE_RATE = 15, 0.0003
CONV_RATE, GATE_RATE, SEPARABLE_RATE, CHANNELS_RATE = 0.001, 0.001, 0.001, 0.001
ADAPTER_RANK, ADAPTER_RATE, INK_WEIGHT = 2, 0.003, 0.03


class Ways(NamedTuple):
    """What every experiment does alike: train a head, fine-tune from a layer on, measure."""

    train_head: Callable[..., keras.Model]
    fine_tune: Callable[..., keras.Model]
    accuracy: Callable[..., float]


def by_architecture(ways: Ways, seed: int, method: str) -> dict[str, float]:
    """Something new in a base or above it, against the plain ways; its size and what trains."""
    task = load_digits_task(20, seed=seed)
    model = METHODS[method](ways, load_base("glyphnet"), task)
    digits = keras.Model(model.inputs, model.outputs[0])  # the first head, where there are two
    sizes = trainable_report(model).loc["total", ["parameters", "trainable"]]
    return {"test_accuracy": ways.accuracy(digits, task.test), **sizes.astype(int)}


def frozen(ways: Ways, base: keras.Model, task: Task) -> keras.Model:
    """A new head on the base."""
    return ways.train_head(base, task)


def fine_tuned(ways: Ways, base: keras.Model, task: Task) -> keras.Model:
    """The head, then the last two blocks."""
    return ways.fine_tune(base, task, "block_5_conv", TUNE_RATE)


def conv_above(ways: Ways, base: keras.Model, task: Task) -> keras.Model:
    """A new convolution and a new head, trained together."""
    model = attach_head(architectures.with_conv_block(base, 64), classes=10)
    return ways.train_head(base, task, model=model, rate=CONV_RATE)


def attention(ways: Ways, base: keras.Model, task: Task) -> keras.Model:
    """The head, then it and a gate on the last block."""
    gated = architectures.with_attention(base, "block_6_relu", ratio=8)
    return ways.fine_tune(gated, task, "se_reduce", GATE_RATE)


def other_activation(ways: Ways, base: keras.Model, task: Task) -> keras.Model:
    """Fine-tuned with GELU for the last ReLU."""
    smooth = architectures.with_activation(base, ["block_6_relu"], "gelu")
    return fine_tuned(ways, smooth, task)


def separable(ways: Ways, base: keras.Model, task: Task) -> keras.Model:
    """Fine-tuned with a depthwise-separable last convolution."""
    lighter = architectures.with_separable(base, "block_6_conv")
    return ways.fine_tune(lighter, task, "block_5_conv", SEPARABLE_RATE)


def two_heads(ways: Ways, base: keras.Model, task: Task) -> keras.Model:
    """Fine-tuned with a second head that tells the amount of ink."""
    digits = ways.train_head(base, task)
    ink = task.train.images.mean(axis=(1, 2, 3))
    targets = {"digit": task.train.labels, "ink": (ink - ink.mean()) / ink.std()}
    second = keras.layers.Dense(1, name="ink")(digits.get_layer("head_pool").output)
    model = keras.Model(base.input, {"digit": digits.output, "ink": second})
    unfreeze_from(base, "block_5_conv")
    losses = {"digit": "sparse_categorical_crossentropy", "ink": "mse"}
    weights = {"digit": 1.0, "ink": INK_WEIGHT}
    model.compile(keras.optimizers.Adam(TUNE_RATE), losses, loss_weights=weights)
    model.fit(task.train.images, targets, epochs=TUNE_EPOCHS, verbose=0)
    return model


def adapters(ways: Ways, base: keras.Model, task: Task) -> keras.Model:
    """Fine-tuned through low-rank adapters on the last two convolutions."""
    adapted = architectures.with_adapters(base, ["block_5_conv", "block_6_conv"], ADAPTER_RANK)
    return ways.fine_tune(adapted, task, "block_5_conv", ADAPTER_RATE)


def less(train: Callable[..., keras.Model]) -> Callable[..., keras.Model]:
    """The same on a base without its last block."""
    return lambda ways, base, task: train(ways, remove_top(base, layer="block_6_conv").base, task)


METHODS: dict[str, Callable[[Ways, keras.Model, Task], keras.Model]] = {
    "frozen": frozen,
    "frozen, one block less": less(frozen),
    "fine-tuned": fine_tuned,
    "convolution above": conv_above,
    "convolution above, one block less": less(conv_above),
    "attention": attention,
    "other activation": other_activation,
    "separable convolution": separable,
    "two heads": two_heads,
    "adapters": adapters,
}


def by_channels(ways: Ways, seed: int, first_layer: str, base: str) -> dict[str, float]:
    """Digits in red ink on coloured paper, through a base that was made for grey pictures."""
    task = architectures.in_red_ink(load_digits_task(20, seed=seed), seed)
    glyphnet = load_base("glyphnet")
    if first_layer in ONE_CHANNEL:
        task = architectures.with_images(task, ONE_CHANNEL[first_layer])
    else:
        carry = first_layer == "carried over"
        glyphnet = architectures.in_colour(glyphnet, "block_1_conv", carry=carry)
    if base == "frozen":
        model = ways.train_head(glyphnet, task)
    else:
        model = ways.fine_tune(glyphnet, task, "block_1_conv", CHANNELS_RATE)
    return {"test_accuracy": ways.accuracy(model, task.test)}


ONE_CHANNEL = {
    "unchanged, brightness alone": architectures.as_grey,
    "unchanged, red alone": lambda images: images[..., :1],
}
CHANNELS = {
    "first_layer": [*ONE_CHANNEL, "carried over", "new"],
    "base": ["frozen", "fine-tuned"],
}


def experiments(ways: Ways) -> dict[str, tuple[Callable[..., dict[str, float]], dict[str, list]]]:
    """Each experiment with its grid of settings, as `make_evidence.py` keeps them."""
    return {
        "architectures": (partial(by_architecture, ways), {"method": [*METHODS]}),
        "channels": (partial(by_channels, ways), CHANNELS),
    }
