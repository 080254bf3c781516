"""Sound models in different styles: the doctor finds nothing in any of them."""

import contextlib
import inspect
import tempfile

import keras
import numpy as np
import tensorflow as tf
from keras import applications, layers
from keras.optimizers import SGD, Adam, AdamW

from helpers.bases import load_base
from helpers.data import load_digits_task
from helpers.doctor import examine
from helpers.freezing import freeze, keep_still, unfreeze_from, unfreeze_last
from helpers.photo_model import with_class_names
from helpers.surgery import attach_head, remove_top
from helpers.training import Phase, fit_in_phases, layerwise_optimizer
from tests.seed_examples import Example, bare, scaled
from tests.tiny import tiny_base, tiny_task

SPARSE = "sparse_categorical_crossentropy"


def small() -> keras.Model:
    return applications.MobileNetV2(
        weights=None, include_top=False, input_shape=(32, 32, 3), alpha=0.35
    )


def photos(n: int = 12, size: int = 32) -> tuple[np.ndarray, np.ndarray]:
    x = np.random.default_rng(0).integers(0, 256, (n, size, size, 3)).astype("float32")
    return x, np.arange(n) % 3


def signed(n: int = 12) -> tuple[np.ndarray, np.ndarray]:
    x, y = photos(n)
    return x / 127.5 - 1, y


def on_top(base: keras.Model, last: keras.Layer, prepare=None) -> keras.Model:
    inputs = keras.Input(base.input_shape[1:])
    features = base(prepare(inputs) if prepare else inputs, training=False)
    return keras.Model(inputs, last(layers.GlobalAveragePooling2D()(features)))


def softmax(units: int = 3, **options) -> keras.layers.Layer:
    return layers.Dense(units, activation="softmax", **options)


def frozen_small() -> keras.Model:
    base = small()
    base.trainable = False
    return base


def raw_small() -> keras.Model:
    """The same base for raw pixels."""
    return load_base("MobileNetV2", weights=None, alpha=0.35, input_shape=(32, 32, 3))


def tiny_frozen() -> keras.Model:
    base = tiny_base()
    freeze(base)
    return base


def tiny_nested() -> keras.Model:
    return on_top(tiny_frozen(), softmax())


def ready(model: keras.Model, optimizer="adam", loss=SPARSE) -> keras.Model:
    model.compile(optimizer, loss, metrics=["accuracy"])
    return model


def last_layers_train(n: int, optimizer="adam") -> Example:
    base = small()
    unfreeze_last(base, n)
    return Example(ready(on_top(base, softmax()), optimizer), signed())


def at_own_rates(rate: float, *, decay: float | None = None, groups=None) -> Example:
    """Each layer at a rate of its own, by `layerwise_optimizer`."""
    base = small()
    keep_still(base)
    model = attach_head(base, classes=3)
    given = {"groups": groups} if groups else {"base": base, "decay": decay}
    return Example(ready(model, layerwise_optimizer(model, rate, **given)), signed())


def at_rates_of_keras(groups: dict, *, default: float = 1e-5, n: int = 40) -> Example:
    """Groups of layers at rates of their own, by Keras' `MultiOptimizer`."""
    base = small()
    unfreeze_last(base, n)
    model = attach_head(base, classes=3)
    rates = keras.optimizers.OptimizerMap(Adam(default), groups)
    return Example(ready(model, keras.optimizers.MultiOptimizer(rates)), signed())


@keras.saving.register_keras_serializable(package="tests")
class OwnHead(layers.Layer):
    """A head whose activation cannot be read from the outside."""

    def __init__(self, **options):
        super().__init__(**options)
        self.dense = layers.Dense(3)

    def build(self, shape):
        self.dense.build(shape)

    def call(self, x):
        return self.dense(x)


class OwnModel(keras.Model):
    """A base kept in inference mode by the code around it."""

    def __init__(self, base):
        super().__init__()
        self.base, self.pool, self.top = base, layers.GlobalAveragePooling2D(), softmax()

    def call(self, x):
        return self.top(self.pool(self.base(x, training=False)))


class Still(layers.Layer):
    """A layer that keeps the base inside it in inference mode."""

    def __init__(self, base):
        super().__init__()
        self.base = base

    def call(self, x):
        return self.base(x, training=False)

    def compute_output_shape(self, shape):
        return self.base.compute_output_shape(shape)


def sequential_with_augmentation():
    model = keras.Sequential([
        keras.Input((32, 32, 3)), layers.RandomFlip(), layers.Rescaling(1 / 127.5, offset=-1),
        frozen_small(), layers.GlobalAveragePooling2D(), layers.Dropout(0.2), softmax(),
    ])  # fmt: skip
    return Example(ready(model), photos())


def sequential_not_built_yet():
    parts = [layers.RandomFlip(), layers.Rescaling(1 / 127.5, offset=-1), frozen_small()]
    return Example(ready(keras.Sequential([*parts, layers.Flatten(), softmax()])), photos())


def loaded_again():
    model = ready(keras.Sequential([tiny_frozen(), layers.Flatten(), softmax()]))
    model.fit(*tiny_task(), verbose=0)
    with tempfile.TemporaryDirectory() as folder:
        model.save(f"{folder}/model.keras")
        model = keras.models.load_model(f"{folder}/model.keras")
    model.fit(*tiny_task(), verbose=0)
    return Example(model, tiny_task())


def nested_augmentation():
    augment = keras.Sequential([layers.RandomFlip(), layers.RandomRotation(0.1)])
    return Example(ready(on_top(frozen_small(), softmax(), augment)), signed())


def densenet_with_its_own_scaling():
    base = bare(applications.DenseNet121, 32)
    base.trainable = False
    scale = applications.densenet.preprocess_input
    return Example(ready(on_top(base, softmax(), scale)), photos())


def resnet_scaled_in_the_data():
    base = bare(applications.ResNet50, 32)
    unfreeze_last(base, 3)
    x, y = photos()
    x = applications.resnet50.preprocess_input(x.copy())
    return Example(ready(on_top(base, softmax()), Adam(1e-5)), (x, y))


def vgg_fine_tuned_whole():
    model = on_top(bare(applications.VGG16, 32), softmax(), applications.vgg16.preprocess_input)
    return Example(ready(model, Adam(1e-5)), photos())


def efficientnet_kept_still():
    base = bare(applications.EfficientNetB0, 32)
    freeze(base)
    return Example(ready(on_top(base, softmax())), photos())


def mobilenet_v3_flat():
    base = bare(applications.MobileNetV3Small, 32)
    freeze(base)
    return Example(ready(attach_head(base, classes=3)), photos())


def convnext_flat():
    base = bare(applications.ConvNeXtTiny, 32)
    freeze(base)
    return Example(ready(attach_head(base, classes=3)), photos())


def flat_with_raw_pixels():
    base = raw_small()
    unfreeze_from(base, "block_13_expand")
    return Example(ready(attach_head(base, classes=3), Adam(1e-4)), photos())


def norms_that_keep_pace():
    base = raw_small()
    unfreeze_from(base, "block_13_expand")
    for layer in base.layers[base.layers.index(base.get_layer("block_13_expand")) :]:
        if isinstance(layer, layers.BatchNormalization):
            layer.trainable, layer.momentum = True, 0.95
    return Example(ready(attach_head(base, classes=3), Adam(1e-4)), photos())


def shipped_with_class_names():
    base = raw_small()
    freeze(base)
    return Example(with_class_names(attach_head(base, classes=3), ["a", "b", "c"]), photos())


def glyphnet_on_digits():
    base = load_base("glyphnet")
    freeze(base)
    task = load_digits_task(10)
    data = {"train": task.train, "validation": task.validation}
    return Example(ready(attach_head(base, classes=10)), data, base=base)


def tiny_flat():
    base = tiny_base()
    freeze(base)
    return Example(ready(attach_head(base, classes=3)), tiny_task(), base=base)


def in_phases():
    base, (x, y) = tiny_base(), tiny_task()
    model = attach_head(base, classes=3)
    phases = [Phase(1, 1e-2), Phase(1, 1e-4, "block_2_conv"), Phase(1, 1e-5, "block_1_conv")]
    fit_in_phases(model, base, phases, x, y, optimizer=Adam(), loss=SPARSE, verbose=0)
    return Example(model, (x, y), base=base)


def first_phase_of_several():
    base, (x, y) = tiny_base(), tiny_task()
    model, optimizer = attach_head(base, classes=3), Adam(1e-3)
    unfreeze_from(base, "block_1_conv")
    optimizer.build(model.trainable_variables)
    freeze(base)
    ready(model, optimizer).fit(x, y, verbose=0)
    return Example(model, (x, y), base=base)


def second_stage():
    model = tiny_nested()
    ready(model).fit(*tiny_task(), verbose=0)
    first = examine(model, data=tiny_task())
    unfreeze_last(model.layers[1], 1)
    ready(model, Adam(1e-5)).fit(*tiny_task(), verbose=0)
    return Example(model, tiny_task(), first)


def own_head_with_logits():
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return Example(ready(on_top(frozen_small(), OwnHead()), loss=loss), signed())


def own_model():
    model = OwnModel(small())
    model(signed()[0][:1])
    return Example(ready(model, Adam(1e-5)), signed())


def own_layer_around_the_base():
    base = small()
    inputs = keras.Input((32, 32, 3))
    x = layers.GlobalAveragePooling2D()(Still(base)(inputs))
    model = keras.Model(inputs, softmax()(x))
    return Example(ready(model, Adam(1e-5)), signed(), base=base)


def text():
    tokens = keras.Input((6,), dtype="int32")
    x = layers.LSTM(4)(layers.Embedding(20, 5, mask_zero=True)(tokens))
    old = keras.Model(tokens, softmax(7, name="old_top")(x))
    base = remove_top(old).base
    freeze(base)
    ids = np.random.default_rng(0).integers(1, 20, (12, 6))
    return Example(ready(attach_head(base, classes=3)), (ids, np.arange(12) % 3), base=base)


def labels_for_each_step():
    tokens = keras.Input((6,), dtype="int32")
    x = layers.LSTM(4, return_sequences=True)(layers.Embedding(20, 5)(tokens))
    ids = np.random.default_rng(0).integers(1, 20, (12, 6))
    return Example(ready(keras.Model(tokens, softmax(6)(x))), (ids, ids % 2))


def flat_with_augmentation_in_front():
    inputs = keras.Input((32, 32, 3))
    x = layers.Rescaling(1 / 127.5, offset=-1)(layers.RandomFlip()(inputs))
    base = applications.MobileNetV2(weights=None, include_top=False, input_tensor=x)
    base.trainable = False
    return Example(ready(attach_head(base, classes=3)), photos())


def two_heads():
    base, (x, y) = frozen_small(), signed()
    inputs = keras.Input((32, 32, 3))
    features = layers.GlobalAveragePooling2D()(base(inputs))
    heads = {
        "kind": softmax(3, name="kind")(features),
        "damaged": layers.Dense(1, activation="sigmoid", name="damaged")(features),
    }
    model = keras.Model(inputs, heads)
    model.compile("adam", {"kind": SPARSE, "damaged": "binary_crossentropy"})
    return Example(model, (x, {"kind": y, "damaged": y % 2}))


def two_heads_in_a_list():
    base, (x, y) = frozen_small(), signed()
    inputs = keras.Input((32, 32, 3))
    features = layers.GlobalAveragePooling2D()(base(inputs))
    model = keras.Model(inputs, [softmax(3)(features), softmax(2)(features)])
    model.compile("adam", [SPARSE, "categorical_crossentropy"], loss_weights=[1.0, 0.5])
    return Example(model, (x, [y, keras.utils.to_categorical(y % 2, 2)]))


def layer_wise():
    return at_own_rates(1e-2, decay=0.09)


def several_optimizers():
    return at_rates_of_keras({"head_.*": Adam(1e-3), "block_16_.*": Adam(1e-4)}, n=6)


@contextlib.contextmanager
def half_precision():
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(policy)


@half_precision()
def mixed_precision():
    base = frozen_small()
    inputs = keras.Input((32, 32, 3))
    x = softmax()(layers.GlobalAveragePooling2D()(base(inputs)))
    model = keras.Model(inputs, layers.Activation("linear", dtype="float32")(x))
    return Example(ready(model), signed())


@half_precision()
def fitted_with_mixed_precision():
    model = ready(tiny_nested())
    model.fit(*tiny_task(), verbose=0)
    return Example(model, tiny_task())


def binary():
    x, y = signed()
    top = layers.Dense(1, activation="sigmoid")
    return Example(ready(on_top(frozen_small(), top), loss="binary_crossentropy"), (x, y % 2))


def binary_with_logits():
    x, y = signed()
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    return Example(ready(on_top(frozen_small(), layers.Dense(1)), loss=loss), (x, y[:, None] % 2))


def several_labels():
    x, y = signed()
    labels = np.stack([y == 0, y > 0, y < 2], axis=1).astype("float32")
    top = layers.Dense(3, activation="sigmoid")
    return Example(ready(on_top(frozen_small(), top), loss="binary_crossentropy"), (x, labels))


def softmax_as_an_operation():
    base = frozen_small()
    inputs = keras.Input((32, 32, 3))
    x = layers.Dense(3)(layers.GlobalAveragePooling2D()(base(inputs / 127.5 - 1.0)))
    return Example(ready(keras.Model(inputs, keras.ops.softmax(x))), photos())


def regression():
    x, y = signed()
    return Example(ready(on_top(frozen_small(), layers.Dense(1)), loss="mse"), (x, y * 1.5))


def cosine_schedule():
    base = scaled(applications.MobileNetV2, 32)
    unfreeze_last(base, 8)
    rate = keras.optimizers.schedules.CosineDecay(1e-5, 100, warmup_target=1e-3, warmup_steps=10)
    return Example(ready(attach_head(base, classes=3), AdamW(rate)), photos())


def momentum():
    return last_layers_train(4, SGD(1e-2, momentum=0.9))


def from_scratch():
    model = keras.Sequential([
        keras.Input((32, 32, 3)), layers.Rescaling(1 / 255), layers.Conv2D(4, 3, strides=4),
        layers.BatchNormalization(), layers.ReLU(), layers.Flatten(), softmax(),
    ])  # fmt: skip
    return Example(ready(model), photos())


def head_on_features():
    features = np.random.default_rng(0).normal(size=(12, 5))
    model = keras.Sequential([keras.Input((5,)), layers.BatchNormalization(), softmax()])
    return Example(ready(model), (features, np.arange(12) % 3))


def pipelines():
    (x, y), flip = signed(), layers.RandomFlip()
    train = tf.data.Dataset.from_tensor_slices((x[:8], y[:8])).cache().shuffle(8).batch(4)
    train = train.map(lambda images, labels: (flip(images, training=True), labels))
    validation = tf.data.Dataset.from_tensor_slices((x[8:], y[8:])).batch(4).cache()
    model = ready(on_top(frozen_small(), softmax()))
    return Example(model, {"train": train, "validation": validation})


def whole_numbers_that_are_no_classes():
    x, y = signed(18)
    base = frozen_small()
    model = on_top(base, layers.Dense(1))
    model.compile(keras.optimizers.Adam(), "mse")
    return Example(model, {"train": (x[:12], y[:12]), "test": (x[12:], np.full(6, 40))})


def a_rare_class_that_only_validation_has():
    x, _ = signed(18)
    rare = np.array([0, 0, 1, 1, 1, 2])
    data = {"train": (x[:12], np.arange(12) % 2), "validation": (x[12:], rare)}
    return Example(ready(on_top(frozen_small(), softmax())), data)


def one_pipeline():
    dataset = tf.data.Dataset.from_tensor_slices(signed()).cache().batch(4)
    return Example(ready(on_top(frozen_small(), softmax())), dataset)


def base_alone():
    base = frozen_small()
    return Example(base, signed())


def whole_network_before_anything_was_done():
    return Example(applications.MobileNetV2(weights=None, alpha=0.35, input_shape=(32, 32, 3)))


HELPERS = ("small", "frozen_small", "raw_small", "tiny_frozen", "tiny_nested", "half_precision")
SOUND = [
    value for name, value in list(vars().items()) if inspect.isfunction(value)
    and value.__module__ == __name__ and name not in HELPERS
    and not inspect.signature(value).parameters
]  # fmt: skip
"""Every function here that takes nothing and gives an example."""
