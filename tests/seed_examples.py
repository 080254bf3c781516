"""The examples of the answers that people copy: as written there, and mended.

As written but for random weights, few and small pictures, and three classes. Where an example
stops with an error of its own, the line that stops it is mended and said so.
"""

from typing import Any, NamedTuple

import keras
import numpy as np
from keras import applications, layers
from keras.applications import VGG16, InceptionV3, MobileNetV2, ResNet50
from keras.layers import Conv2D, Dense, GlobalAveragePooling2D
from keras.models import Model
from keras.optimizers import Adam

from helpers.doctor import Findings, examine
from helpers.freezing import keep_still, unfreeze_last
from helpers.training import layerwise_optimizer

CLASSES = 3


class Example(NamedTuple):
    model: keras.Model
    data: Any = None
    before: Findings | None = None
    rates: Any = ()
    base: keras.Model | None = None

    def findings(self) -> Findings:
        model, *options = self
        return examine(
            model, **dict(zip(("data", "before", "rates", "base"), options, strict=True))
        )


def pixels(size: int, *, binary: bool = False) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (8, size, size, 3)).astype("float32")
    labels = np.arange(8) % (2 if binary else CLASSES)
    return x, labels if binary else keras.utils.to_categorical(labels, CLASSES)


def bare(build: Any, size: int) -> keras.Model:
    return build(weights=None, include_top=False, input_shape=(size, size, 3))


def scaled(build: Any, size: int) -> keras.Model:
    """The same base behind its own scaling, which so is a part of it."""
    inputs = keras.Input((size, size, 3))
    module = getattr(applications, build.__module__.rsplit(".", 1)[-1])
    return build(weights=None, include_top=False, input_tensor=module.preprocess_input(inputs))


def headed(base: keras.Model, *hidden: keras.Layer) -> keras.Model:
    x = base.output
    for layer in (*hidden, GlobalAveragePooling2D()) if _is_conv(hidden) else (
        GlobalAveragePooling2D(), *hidden):  # fmt: skip
        x = layer(x)
    return Model(inputs=base.input, outputs=Dense(CLASSES, activation="softmax")(x))


def _is_conv(hidden: tuple) -> bool:
    return any(isinstance(layer, Conv2D) for layer in hidden)


def compiled(model: keras.Model, optimizer: Any = "adam") -> keras.Model:
    model.compile(optimizer=optimizer, loss="categorical_crossentropy", metrics=["accuracy"])
    return model


# How can I modify only the output layer?


def output_1():
    base_model = bare(MobileNetV2, 32)
    base_model.trainable = False
    model = keras.Sequential(
        [base_model, layers.GlobalAveragePooling2D(), layers.Dense(1, activation="sigmoid")]
    )
    model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
    return Example(model, pixels(32, binary=True))


def output_2():
    base_model = bare(ResNet50, 32)
    base_model.trainable = False
    inputs = keras.Input(shape=(32, 32, 3))
    x = base_model(inputs)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dense(1024, activation="relu")(x)
    outputs = layers.Dense(CLASSES, activation="softmax")(x)
    return Example(compiled(keras.Model(inputs=inputs, outputs=outputs)), pixels(32))


def output_3():
    base_model = bare(InceptionV3, 75)
    for layer in base_model.layers[:-5]:
        layer.trainable = False
    model = headed(base_model, Dense(1024, activation="relu"))
    return Example(compiled(model, Adam(learning_rate=0.0001)), pixels(75))


# How can I replace only the final dense layer?


def dense_1():
    base_model = bare(VGG16, 32)
    base_model.trainable = False
    return Example(base_model)


def dense_2(shape=(32, 32, 3)):
    """As written, the shape is that of the features, and the call stops; the shape is mended."""
    base_model = dense_1().model
    inputs = keras.Input(shape=shape)
    x = base_model(inputs, training=False)
    x = layers.Flatten()(x)
    outputs = layers.Dense(CLASSES, activation="softmax")(x)
    model = compiled(keras.Model(inputs=inputs, outputs=outputs))
    noise = np.random.default_rng(0).uniform(size=(8, 32, 32, 3))
    return Example(model, (noise, pixels(32)[1]))


# How do I fine-tune the last layers?


def last_1():
    base_model = bare(VGG16, 32)
    for layer in base_model.layers:
        layer.trainable = False
    return Example(compiled(headed(base_model, Dense(1024, activation="relu"))), pixels(32))


def last_2():
    base_model = bare(ResNet50, 32)
    for layer in base_model.layers[:-20]:
        layer.trainable = False
    model = headed(base_model, Dense(512, activation="relu"))
    first = examine(compiled(model, Adam(learning_rate=0.001)))
    for layer in base_model.layers[-20:]:
        layer.trainable = True
    return Example(compiled(model, Adam(learning_rate=0.0001)), pixels(32), first)


def last_3():
    model = headed(bare(MobileNetV2, 32), Dense(256, activation="relu"))
    rates = []
    for layer in model.layers:
        if layer.name.startswith("block_1"):
            rates.append((layer.trainable_variables, 0.00001))
        elif layer.name.startswith("block_2") or layer.name.startswith("block_3"):
            rates.append((layer.trainable_variables, 0.00005))
        elif layer.name.startswith("block_4") or layer.name.startswith("block_5"):
            rates.append((layer.trainable_variables, 0.0001))
        elif layer.name.startswith("dense"):
            rates.append((layer.trainable_variables, 0.001))
        else:
            rates.append((layer.trainable_variables, 0.001))
    return Example(compiled(model, Adam()), pixels(32), rates=rates)


# How can transfer learning models be customized?


def custom_1():
    base_model = bare(MobileNetV2, 32)
    base_model.trainable = False
    return Example(compiled(headed(base_model, Dense(128, activation="relu"))), pixels(32))


def custom_2():
    base_model = bare(ResNet50, 32)
    for layer in base_model.layers[-5:]:
        layer.trainable = True
    return Example(compiled(headed(base_model), Adam(learning_rate=1e-5)), pixels(32))


def custom_3():
    base_model = bare(InceptionV3, 139)
    for layer in base_model.layers[:-10]:
        layer.trainable = False
    return Example(compiled(headed(base_model, Conv2D(64, (3, 3), activation="relu"))), pixels(139))


# How can the top layer of a loaded model be removed?


def top_1(name="flattened"):
    """As written, two layers are called "flatten", and the last line stops; the name is mended."""
    base_model = VGG16(include_top=True, weights=None, input_shape=(32, 32, 3))
    last_layer_name = base_model.layers[-1].name
    intermediate_model = Model(
        inputs=base_model.input, outputs=base_model.get_layer(last_layer_name).output
    )
    for layer in intermediate_model.layers:
        layer.trainable = False
    x = layers.Flatten(name=name)(intermediate_model.output)
    x = layers.Dense(128, activation="relu")(x)
    predictions = layers.Dense(5, activation="softmax")(x)
    return Example(Model(inputs=intermediate_model.input, outputs=predictions))


def top_2():
    input_tensor = keras.Input(shape=(10, 10, 3))
    x = layers.Conv2D(32, (3, 3), activation="relu", padding="same")(input_tensor)
    x = layers.MaxPooling2D((2, 2))(x)
    x = layers.Conv2D(64, (3, 3), activation="relu", padding="same")(x)
    x = layers.MaxPooling2D((2, 2))(x)
    x = layers.Flatten()(x)
    x = layers.Dense(256, activation="relu")(x)
    output_tensor = layers.Dense(10, activation="softmax", name="final_output")(x)
    return Example(_cut(Model(input_tensor, output_tensor), 128, 2))


def top_3():
    input_tensor = keras.Input(shape=(100,))
    x = layers.Embedding(input_dim=1000, output_dim=256)(input_tensor)
    x = layers.LSTM(128, return_sequences=True)(x)
    x = layers.LSTM(128)(x)
    output_tensor = layers.Dense(200, activation="relu", name="final_output")(x)
    return Example(_cut(Model(input_tensor, output_tensor), 64, 3))


def _cut(base_model: keras.Model, hidden: int, classes: int) -> keras.Model:
    intermediate_model = Model(base_model.input, base_model.get_layer("final_output").input)
    for layer in intermediate_model.layers:
        layer.trainable = False
    x = layers.Dense(hidden, activation="relu")(intermediate_model.output)
    return Model(intermediate_model.input, layers.Dense(classes, activation="softmax")(x))


AS_WRITTEN = {
    output_1: {"pixels-out-of-range"},
    output_2: {"pixels-out-of-range"},
    output_3: {"pixels-out-of-range", "unfroze-nothing"},
    dense_1: set(),
    dense_2: {"pixels-out-of-range"},
    last_1: {"pixels-out-of-range"},
    last_2: {"pixels-out-of-range", "stage-changed-nothing", "batchnorm-moves"},
    last_3: {
        "pixels-out-of-range",
        "nothing-frozen",
        "batchnorm-moves",
        "rate-too-high",
        "group-too-wide",
        "group-default",
        "rates-unused",
    },
    custom_1: {"pixels-out-of-range"},
    custom_2: {"pixels-out-of-range", "nothing-frozen", "batchnorm-moves"},
    custom_3: {"pixels-out-of-range", "unfroze-nothing", "batchnorm-moves", "rate-too-high"},
    top_1: {"top-not-removed"},
    top_2: set(),
    top_3: set(),
}
"""What the doctor finds in each."""


# The same, mended.


def mended_output_1():
    base = bare(MobileNetV2, 32)
    base.trainable = False
    model = keras.Sequential([
        keras.Input((32, 32, 3)), layers.Rescaling(1 / 127.5, offset=-1), base,
        layers.GlobalAveragePooling2D(), layers.Dense(1, activation="sigmoid"),
    ])  # fmt: skip
    model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
    return Example(model, pixels(32, binary=True))


def mended_output_2():
    base = bare(ResNet50, 32)
    base.trainable = False
    inputs = keras.Input(shape=(32, 32, 3))
    x = base(applications.resnet50.preprocess_input(inputs))
    x = layers.Dense(1024, activation="relu")(layers.GlobalAveragePooling2D()(x))
    model = keras.Model(inputs, layers.Dense(CLASSES, activation="softmax")(x))
    return Example(compiled(model), pixels(32))


def mended_output_3():
    base = scaled(InceptionV3, 75)
    unfreeze_last(base, 5)
    model = headed(base, Dense(1024, activation="relu"))
    return Example(compiled(model, Adam(learning_rate=0.0001)), pixels(75))


def mended_dense_2():
    base = bare(VGG16, 32)
    base.trainable = False
    inputs = keras.Input((32, 32, 3))
    x = layers.Flatten()(base(applications.vgg16.preprocess_input(inputs)))
    model = keras.Model(inputs, layers.Dense(CLASSES, activation="softmax")(x))
    return Example(compiled(model), pixels(32))


def mended_last_1():
    base = scaled(VGG16, 32)
    base.trainable = False
    return Example(compiled(headed(base, Dense(1024, activation="relu"))), pixels(32))


def mended_last_2():
    base = scaled(ResNet50, 32)
    base.trainable = False
    model = headed(base, Dense(512, activation="relu"))
    first = examine(compiled(model, Adam(learning_rate=0.001)), data=pixels(32))
    assert first == []
    unfreeze_last(base, 6)
    return Example(compiled(model, Adam(learning_rate=0.0001)), pixels(32), first)


def mended_last_3():
    base = scaled(MobileNetV2, 32)
    keep_still(base)
    model = headed(base, Dense(256, activation="relu"))
    return Example(
        compiled(model, layerwise_optimizer(model, 1e-3, base=base, decay=0.9)), pixels(32)
    )


def mended_custom_1():
    base = scaled(MobileNetV2, 32)
    base.trainable = False
    return Example(compiled(headed(base, Dense(128, activation="relu"))), pixels(32))


def mended_custom_2():
    base = scaled(ResNet50, 32)
    unfreeze_last(base, 5)
    return Example(compiled(headed(base), Adam(learning_rate=1e-5)), pixels(32))


def mended_custom_3():
    base = scaled(InceptionV3, 139)
    unfreeze_last(base, 3)
    model = headed(base, Conv2D(64, (3, 3), activation="relu"))
    return Example(compiled(model, Adam(1e-4)), pixels(139))


def mended_top_1():
    whole = VGG16(include_top=True, weights=None, input_shape=(32, 32, 3))
    base = Model(whole.input, whole.get_layer("predictions").input)
    base.trainable = False
    x = layers.Dense(128, activation="relu")(base.output)
    return Example(Model(base.input, layers.Dense(5, activation="softmax")(x)))


MENDED = [
    mended_output_1, mended_output_2, mended_output_3, dense_1, mended_dense_2, mended_last_1,
    mended_last_2, mended_last_3, mended_custom_1, mended_custom_2, mended_custom_3, mended_top_1,
    top_2, top_3,
]  # fmt: skip
