"""Every finding fires on its fault, and the faults of one model are found and no others."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import applications, layers
from keras.optimizers import SGD, Adam

from helpers.bases import load_base
from helpers.doctor import examine
from helpers.freezing import freeze, unfreeze_from, unfreeze_last
from helpers.surgery import attach_head
from tests.seed_examples import Example, bare
from tests.sound_models import (
    SPARSE,
    OwnHead,
    OwnModel,
    at_own_rates,
    at_rates_of_keras,
    frozen_small,
    last_layers_train,
    on_top,
    photos,
    ready,
    signed,
    small,
    softmax,
    tiny_nested,
)
from tests.tiny import tiny_base, tiny_task

CROSS = "categorical_crossentropy"
LOGITS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def frozen_model(last=None, **options) -> keras.Model:
    return ready(on_top(frozen_small(), last or softmax()), **options)


def top_below_a_new_head():
    whole = applications.MobileNetV2(weights=None, alpha=0.35, input_shape=(32, 32, 3))
    whole.trainable = False
    inputs = keras.Input((32, 32, 3))
    return Example(ready(keras.Model(inputs, softmax()(whole(inputs)))), signed())


def top_below_a_flat_head():
    whole = applications.VGG16(weights=None, input_shape=(32, 32, 3))
    whole.trainable = False
    return Example(keras.Model(whole.input, softmax(name="new")(whole.output)))


def old_top_as_the_head():
    whole = applications.MobileNetV2(weights=None, alpha=0.35, input_shape=(32, 32, 3))
    for layer in whole.layers[:-1]:
        layer.trainable = False
    return Example(ready(whole), signed())


def top_of_any_network():
    base = tiny_base()
    x = softmax(5, name="old")(layers.GlobalAveragePooling2D()(base.output))
    x = layers.Dense(4, activation="relu")(layers.Dropout(0.1)(x))
    return Example(keras.Model(base.input, softmax(name="new")(x)))


def everything_frozen():
    model = on_top(small(), softmax())
    model.trainable = False
    return Example(ready(model), signed())


def everything_frozen_in_a_flat_model():
    model = attach_head(tiny_base(), classes=3)
    model.trainable = False
    return Example(ready(model), tiny_task())


def head_frozen():
    base = small()
    unfreeze_last(base, 2)
    model = on_top(base, softmax())
    model.layers[-1].trainable = False
    return Example(ready(model, Adam(1e-5)), signed())


def nothing_frozen():
    return Example(ready(on_top(small(), softmax()), Adam(1e-5)), signed())


def unfreeze_of_nothing():
    base = tiny_base()
    for layer in base.layers[:-2]:
        layer.trainable = False
    return Example(ready(attach_head(base, classes=3)), tiny_task(), base=base)


def unfrozen_head_inside_a_frozen_model():
    model = tiny_nested()
    model.trainable = False
    model.layers[-1].trainable = True
    return Example(ready(model), tiny_task())


def raw_into_signed_before_the_model_is_built():
    parts = [layers.RandomFlip(), layers.Rescaling(1 / 255), frozen_small(), layers.Flatten()]
    return Example(ready(keras.Sequential([*parts, softmax()])), photos())


def norms_move():
    base = small()
    base.trainable = True
    for layer in base.layers[:-10]:
        layer.trainable = False
    return Example(ready(on_top(base, softmax()), Adam(1e-5)), signed())


def norms_move_in_code_of_ones_own():
    class Careless(OwnModel):
        def call(self, x):
            return self.top(self.pool(self.base(x)))

    model = Careless(small())
    model(signed()[0][:1])
    return Example(ready(model, Adam(1e-5)), signed())


def dropout_in_the_base():
    base = bare(applications.EfficientNetB0, 32)
    base.trainable = False
    return Example(ready(on_top(base, softmax())), photos())


def dropout_in_a_recurrent_base():
    tokens = keras.Input((6,), dtype="int32")
    x = layers.LSTM(4, dropout=0.5)(layers.Embedding(20, 5)(tokens))
    base = keras.Model(tokens, x)
    base.trainable = False
    return Example(ready(attach_head(base, classes=3)), base=base)


def raw_into_signed():
    return Example(frozen_model(), photos())


def unit_into_signed():
    x, y = photos()
    return Example(frozen_model(), (x / 255, y))


def signed_twice_in_the_model():
    scale = applications.mobilenet_v2.preprocess_input
    model = on_top(frozen_small(), softmax(), lambda x: scale(scale(x)))
    return Example(ready(model), photos())


def signed_in_the_data_and_in_the_model():
    scale = applications.mobilenet_v2.preprocess_input
    return Example(ready(on_top(frozen_small(), softmax(), scale)), signed())


def efficientnet_scaled_before():
    base = bare(applications.EfficientNetB0, 32)
    freeze(base)
    x, y = photos()
    return Example(ready(on_top(base, softmax())), (x / 255, y))


def glyphnet_on_pixels_up_to(highest: int) -> Example:
    base = load_base("glyphnet")
    freeze(base)
    x = np.random.default_rng(0).uniform(0, highest, size=(6, 28, 28, 1))
    return Example(ready(attach_head(base, classes=3)), (x, np.arange(6) % 3), base=base)


def raw_contract_scaled_before():
    return glyphnet_on_pixels_up_to(1)


def raw_contract_beyond_255():
    return glyphnet_on_pixels_up_to(65535)


def vgg(prepare=None) -> keras.Model:
    base = bare(applications.VGG16, 32)
    base.trainable = False
    return ready(on_top(base, softmax(), prepare))


RGB_MEAN = np.array([123.68, 116.779, 103.939], "float32")


def red_first_in_the_model():
    return Example(vgg(lambda x: x - RGB_MEAN), photos())


def blue_mean_off_red_in_the_model():
    return Example(vgg(lambda x: x - RGB_MEAN[::-1]), photos())


def red_first_in_the_data():
    x, y = photos()
    x[0, 0, 0] = 0
    return Example(vgg(), (x - RGB_MEAN, y))


def vgg_scaled_twice():
    scale = applications.vgg16.preprocess_input
    return Example(vgg(lambda x: scale(scale(x))), photos())


def densenet_without_deviation():
    base = bare(applications.DenseNet121, 32)
    base.trainable = False
    return Example(ready(on_top(base, softmax())), signed())


def one_unit_softmax():
    x, y = signed()
    return Example(frozen_model(softmax(1), loss="binary_crossentropy"), (x, y % 2))


def one_unit_for_classes():
    return Example(frozen_model(layers.Dense(1)), signed())


def softmax_and_logits():
    return Example(frozen_model(loss=LOGITS), signed())


def logits_without_saying_so():
    return Example(frozen_model(layers.Dense(3)), signed())


def relu_at_the_end():
    return Example(frozen_model(layers.Dense(3, activation="relu")), signed())


def logits_of_ones_own_head():
    return Example(frozen_model(OwnHead()), signed())


def sigmoid_for_classes():
    return Example(frozen_model(layers.Dense(3, activation="sigmoid")), signed())


def softmax_for_binary():
    x, y = signed()
    labels = keras.utils.to_categorical(y, 3)
    return Example(frozen_model(loss="binary_crossentropy"), (x, labels))


def numbers_for_one_hot():
    return Example(frozen_model(loss=CROSS), signed())


def one_hot_for_numbers():
    x, y = signed()
    return Example(frozen_model(), (x, keras.utils.to_categorical(y, 3)))


def numbers_for_two_sigmoids():
    x, y = signed()
    last = layers.Dense(2, activation="sigmoid")
    return Example(frozen_model(last, loss="binary_crossentropy"), (x, y % 2))


def too_few_units():
    return Example(frozen_model(softmax(2)), signed())


def too_many_units():
    x, y = photos(60, 8)
    model = keras.Sequential([keras.Input((8, 8, 3)), layers.Flatten(), softmax(3)])
    return Example(ready(model), (x, y % 2))


def other_columns():
    x, y = signed()
    return Example(frozen_model(loss=CROSS), (x, keras.utils.to_categorical(y, 4)))


def labels_beyond_one():
    last = layers.Dense(1, activation="sigmoid")
    return Example(frozen_model(last, loss="binary_crossentropy"), signed())


def second_of_two_heads():
    inputs = keras.Input((5,))
    x = layers.Dense(4)(inputs)
    heads = {"a": softmax(3, name="a")(x), "b": layers.Dense(1, name="b")(x)}
    model = keras.Model(inputs, heads)
    model.compile("adam", {"a": SPARSE, "b": "binary_crossentropy"})
    return Example(model)


def high_rate():
    return last_layers_train(3)


def high_rate_of_sgd():
    return last_layers_train(3, SGD(0.1))


def high_rate_of_a_schedule():
    return last_layers_train(3, Adam(keras.optimizers.schedules.CosineDecay(1e-2, 100)))


def high_rate_layer_wise():
    return at_own_rates(1e-2, decay=0.9)


def rate_reset():
    model = tiny_nested()
    ready(model, Adam(1e-4)).fit(*tiny_task(), verbose=0)
    unfreeze_last(model.layers[1], 1)
    return Example(ready(model), tiny_task())


def empty_group():
    return at_rates_of_keras({"head_.*": Adam(1e-3), "mobilenet/block_16_.*": Adam(1e-4)})


def wide_group():
    return at_rates_of_keras({"head_.*": Adam(1e-3), "block_1.*": Adam(1e-4)})


def wide_group_layer_wise():
    others = "block_[2-9]_.*|Conv.*|expanded.*|bn_Conv1|head.*"
    return at_own_rates(1e-4, groups={"block_1.*": 0.1, others: 1.0})


def rest_at_the_default():
    return at_rates_of_keras({"block_1_.*": Adam(1e-5)}, default=9e-4)


def metrics_as_loss_weights():
    model = on_top(frozen_small(), softmax())
    model.compile("adam", SPARSE, ["accuracy"])
    return Example(model, signed())


def unfrozen_since():
    model = tiny_nested()
    ready(model, Adam(1e-4)).fit(*tiny_task(), verbose=0)
    unfreeze_last(model.layers[1], 1)
    return Example(model, tiny_task())


def optimizer_of_the_head_only():
    model, optimizer = tiny_nested(), Adam(1e-4)
    ready(model, optimizer).fit(*tiny_task(), verbose=0)
    unfreeze_last(model.layers[1], 1)
    return Example(ready(model, optimizer), tiny_task())


def frozen_since():
    base = tiny_base()
    unfreeze_from(base, "block_2_conv")
    model = ready(attach_head(base, classes=3), Adam(1e-4))
    model.fit(*tiny_task(), verbose=0)
    freeze(base)
    return Example(model, tiny_task(), base=base)


def stage_of_nothing():
    model = frozen_model()
    first = examine(model)
    model.layers[1].trainable = False
    return Example(ready(model), signed(), first)


def overlap():
    x, y = signed()
    data = {"train": (x[:8], y[:8]), "validation": (x[6:], y[6:])}
    return Example(frozen_model(), data)


def sorted_before_the_split():
    x, _ = signed(18)
    data = {"train": (x[:12], np.arange(12) % 2), "validation": (x[12:], np.full(6, 2))}
    return Example(frozen_model(), data)


def scaled_differently():
    x, y = signed()
    data = {"train": (x[:8], y[:8]), "test": ((x[8:] + 1) * 127.5, y[8:])}
    return Example(frozen_model(), data)


def cache_after_image_operations():
    dataset = tf.data.Dataset.from_tensor_slices(signed())
    dataset = dataset.map(lambda x, y: (tf.image.random_flip_left_right(x), y))
    return Example(frozen_model(), dataset.shuffle(4).cache().batch(4))


def cache_after_keras_layers():
    turn = layers.RandomRotation(0.1)
    dataset = tf.data.Dataset.from_tensor_slices(signed()).batch(4)
    dataset = dataset.map(lambda x, y: (turn(x, training=True), y)).cache().prefetch(1)
    return Example(frozen_model(), {"train": dataset})


FAULTS = {
    top_below_a_new_head: ["top-not-removed"],
    top_below_a_flat_head: ["top-not-removed"],
    old_top_as_the_head: ["top-not-removed"],
    top_of_any_network: ["top-not-removed"],
    everything_frozen: ["everything-frozen"],
    everything_frozen_in_a_flat_model: ["everything-frozen"],
    head_frozen: ["head-frozen"],
    nothing_frozen: ["nothing-frozen", "batchnorm-moves"],
    unfreeze_of_nothing: ["unfroze-nothing", "noise-in-frozen-base"],
    unfrozen_head_inside_a_frozen_model: ["everything-frozen"],
    raw_into_signed_before_the_model_is_built: ["pixels-out-of-range"],
    norms_move: ["batchnorm-moves"],
    norms_move_in_code_of_ones_own: ["batchnorm-moves"],
    dropout_in_the_base: ["noise-in-frozen-base"],
    dropout_in_a_recurrent_base: ["noise-in-frozen-base"],
    raw_into_signed: ["pixels-out-of-range"],
    unit_into_signed: ["pixels-out-of-range"],
    signed_twice_in_the_model: ["pixels-scaled-twice"],
    signed_in_the_data_and_in_the_model: ["pixels-scaled-twice"],
    efficientnet_scaled_before: ["pixels-scaled-twice"],
    raw_contract_scaled_before: ["pixels-scaled-twice"],
    raw_contract_beyond_255: ["pixels-out-of-range"],
    red_first_in_the_model: ["channels-not-reversed"],
    blue_mean_off_red_in_the_model: ["channels-not-reversed"],
    red_first_in_the_data: ["channels-not-reversed"],
    vgg_scaled_twice: ["pixels-scaled-twice"],
    densenet_without_deviation: ["pixels-out-of-range"],
    one_unit_softmax: ["one-unit-softmax"],
    one_unit_for_classes: ["one-unit-softmax"],
    softmax_and_logits: ["activation-loss"],
    logits_without_saying_so: ["activation-loss"],
    relu_at_the_end: ["activation-loss"],
    logits_of_ones_own_head: ["activation-loss"],
    sigmoid_for_classes: ["activation-loss"],
    softmax_for_binary: ["activation-loss"],
    numbers_for_one_hot: ["labels-loss"],
    one_hot_for_numbers: ["labels-loss"],
    numbers_for_two_sigmoids: ["labels-loss"],
    too_few_units: ["class-count"],
    too_many_units: ["class-count"],
    other_columns: ["class-count"],
    labels_beyond_one: ["class-count"],
    second_of_two_heads: ["activation-loss"],
    high_rate: ["rate-too-high"],
    high_rate_of_sgd: ["rate-too-high"],
    high_rate_of_a_schedule: ["rate-too-high"],
    high_rate_layer_wise: ["rate-too-high"],
    rate_reset: ["rate-reset"],
    empty_group: ["group-empty"],
    wide_group: ["group-too-wide"],
    wide_group_layer_wise: ["group-too-wide"],
    rest_at_the_default: ["group-default"],
    metrics_as_loss_weights: ["metrics-as-loss-weights"],
    unfrozen_since: ["trainable-changed"],
    optimizer_of_the_head_only: ["trainable-changed"],
    frozen_since: ["trainable-changed"],
    stage_of_nothing: ["stage-changed-nothing"],
    overlap: ["splits-overlap"],
    sorted_before_the_split: ["classes-never-learned"],
    scaled_differently: ["splits-scaled-differently"],
    cache_after_image_operations: ["cache-after-augmentation"],
    cache_after_keras_layers: ["cache-after-augmentation"],
}


@pytest.mark.parametrize("example", FAULTS, ids=lambda example: example.__name__)
def test_a_fault_is_found_and_nothing_else(example):
    assert example().findings().codes == FAULTS[example]


def test_keras_undoes_a_softmax_before_a_loss_on_logits_only_where_it_comes_last():
    x, y = np.random.default_rng(0).normal(size=(9, 3)), np.arange(9) % 3
    tails = [], [layers.Softmax()], [layers.Softmax(), layers.Reshape((3,))]
    models = [keras.Sequential([keras.Input((3,)), layers.Activation("linear"), *t]) for t in tails]
    for model in models:
        model.compile(loss=LOGITS)
    right, twice = models[0].evaluate(x, y, verbose=0), models[2].evaluate(x, y, verbose=0)
    with pytest.warns(UserWarning, match="from_logits=True"):
        assert models[1].evaluate(x, y, verbose=0) == pytest.approx(right)
    assert twice != pytest.approx(right, abs=0.01)
    assert "last operation" in examine(models[2]).pop().why
