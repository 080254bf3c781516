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

LOSS = "sparse_categorical_crossentropy"
# All chosen on the validation split.
TUNE_EPOCHS, TUNE_RATE = 15, 0.003
CONV_RATE, GATE_RATE, ADAPTER_RANK, INK_WEIGHT = 0.001, 0.01, 4, 0.03


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
    """The head, then it and a gate between the last two blocks; the blocks stay frozen."""
    gated = architectures.with_attention(base, "block_5_relu", ratio=8)
    model = ways.train_head(gated, task)
    for name in ("se_reduce", "se_excite"):
        gated.get_layer(name).trainable = True
    model.compile(keras.optimizers.Adam(GATE_RATE), LOSS)
    model.fit(*task.train, epochs=TUNE_EPOCHS, verbose=0)
    return model


def other_activation(ways: Ways, base: keras.Model, task: Task) -> keras.Model:
    """Fine-tuned with GELU for the last ReLU."""
    smooth = architectures.with_activation(base, ["block_6_relu"], "gelu")
    return fine_tuned(ways, smooth, task)


def separable(ways: Ways, base: keras.Model, task: Task) -> keras.Model:
    """Fine-tuned with a depthwise-separable last convolution."""
    lighter = architectures.with_separable(base, "block_6_conv")
    return fine_tuned(ways, lighter, task)


def two_heads(ways: Ways, base: keras.Model, task: Task) -> keras.Model:
    """Fine-tuned with a second head that tells the amount of ink."""
    digits = ways.train_head(base, task)
    ink = task.train.images.mean(axis=(1, 2, 3))
    targets = {"digit": task.train.labels, "ink": (ink - ink.mean()) / ink.std()}
    second = keras.layers.Dense(1, name="ink")(digits.get_layer("head_pool").output)
    model = keras.Model(base.input, {"digit": digits.output, "ink": second})
    unfreeze_from(base, "block_5_conv")
    losses = {"digit": LOSS, "ink": "mse"}
    weights = {"digit": 1.0, "ink": INK_WEIGHT}
    model.compile(keras.optimizers.Adam(TUNE_RATE), losses, loss_weights=weights)
    model.fit(task.train.images, targets, epochs=TUNE_EPOCHS, verbose=0)
    return model


def adapters(ways: Ways, base: keras.Model, task: Task) -> keras.Model:
    """Fine-tuned through low-rank adapters on the last two convolutions."""
    adapted = architectures.with_adapters(base, ["block_5_conv", "block_6_conv"], ADAPTER_RANK)
    return fine_tuned(ways, adapted, task)


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


def by_channels(
    ways: Ways, seed: int, pictures: str, first_layer: str, base: str
) -> dict[str, float]:
    """Coloured digits through a base that was made for grey pictures."""
    task = architectures.coloured(load_digits_task(20, seed=seed), pictures, seed)
    if first_layer == "unchanged":
        task = architectures.with_images(task, BY_HAND[pictures])
    network = FIRST_LAYERS[first_layer](load_base("glyphnet"))
    if base == "frozen":
        model = ways.train_head(network, task)
    else:
        model = ways.fine_tune(network, task, "block_1_conv", TUNE_RATE)
    return {"test_accuracy": ways.accuracy(model, task.test)}


BY_HAND = {"bright ink": architectures.as_grey, "red ink": lambda images: images[..., :1]}
"""What somebody would keep of each who has looked at the pictures."""
FIRST_LAYERS: dict[str, Callable[[keras.Model], keras.Model]] = {
    "unchanged": lambda base: base,
    "carried over": lambda base: architectures.in_colour(base, "block_1_conv", carry=True),
    "new": lambda base: architectures.in_colour(base, "block_1_conv", carry=False),
}
CHANNELS = {
    "pictures": [*BY_HAND],
    "first_layer": [*FIRST_LAYERS],
    "base": ["frozen", "fine-tuned"],
}


def experiments(ways: Ways) -> dict[str, tuple[Callable[..., dict[str, float]], dict[str, list]]]:
    """Each experiment with its grid of settings, as `make_evidence.py` keeps them."""
    return {
        "architectures": (partial(by_architecture, ways), {"method": [*METHODS]}),
        "channels": (partial(by_channels, ways), CHANNELS),
    }
