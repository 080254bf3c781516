import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from helpers.graph import leaf_layers, tensor_into
from helpers.surgery import attach_head, remove_top
from tests.tiny import tiny_base, tiny_task, values


def classifier(base: keras.Model) -> keras.Model:
    x = layers.GlobalAveragePooling2D(name="pool")(base.output)
    x = layers.Dropout(0.3, name="drop")(x)
    x = layers.Dense(3, name="logits")(x)
    return keras.Model(base.input, layers.Softmax(name="softmax")(x), name="classifier")


def sequential() -> keras.Sequential:
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.RandomFlip(name="augment"),
            layers.Rescaling(1 / 255, name="rescaling"),
            layers.Conv2D(4, 3, name="conv"),
            layers.GlobalMaxPooling2D(name="pool"),
            layers.Dense(3, activation="softmax", name="predictions"),
        ],
        name="seq",
    )


def test_removes_classifier_activation_and_dropout_of_a_functional_model():
    base = tiny_base()
    cut = remove_top(classifier(base))
    assert cut.removed == ("drop", "logits", "softmax")
    assert cut.base.name == "classifier_base"
    assert cut.base.layers[-1].name == "pool"
    x, _ = tiny_task()
    np.testing.assert_allclose(cut.base(x), np.mean(base(x), axis=(1, 2)), atol=1e-6)


def test_removes_the_top_of_a_sequential_and_keeps_what_stands_before():
    cut = remove_top(sequential())
    assert cut.removed == ("predictions",)
    names = [layer.name for layer in cut.base.layers]
    assert names[-4:] == ["augment", "rescaling", "conv", "pool"]
    assert cut.base.output_shape == (None, 4)


def test_shares_layers_and_leaves_the_original_as_it_was():
    model = classifier(tiny_base())
    x, _ = tiny_task()
    before, output = values(model), model(x)
    flags = [layer.trainable for layer in model.layers]
    cut = remove_top(model)
    assert cut.base.get_layer("block_1_conv") is model.get_layer("block_1_conv")
    assert [layer.trainable for layer in model.layers] == flags
    assert values(model).keys() == before.keys()
    np.testing.assert_array_equal(model(x), output)


def test_removes_a_dense_layer_below_a_nested_base():
    inputs = keras.Input((8, 8, 1))
    pooled = layers.GlobalAveragePooling2D(name="pool")(tiny_base()(inputs))
    outer = keras.Model(inputs, layers.Dense(3, name="top")(pooled), name="outer")
    cut = remove_top(outer)
    assert cut.removed == ("top",)
    assert [layer.name for layer in cut.base.layers][-2:] == ["tiny", "pool"]


def test_removes_a_top_that_sits_inside_a_nested_model():
    inner = classifier(tiny_base())
    inputs = keras.Input((8, 8, 1))
    outer = keras.Model(inputs, layers.Activation("linear", name="tail")(inner(inputs)), name="o")
    cut = remove_top(outer)
    assert cut.removed == (
        "classifier/drop", "classifier/logits", "classifier/softmax", "tail"
    )  # fmt: skip
    x, _ = tiny_task()
    np.testing.assert_allclose(cut.base(x), remove_top(inner).base(x))
    assert cut.base.get_layer("classifier_base").get_layer("block_1_conv") in inner.layers


def test_cuts_at_a_named_layer_taking_what_goes_into_it():
    model = classifier(tiny_base())
    cut = remove_top(model, layer="block_2_conv")
    assert cut.base.layers[-1].name == "block_1_dropout"
    assert cut.removed == (
        "block_2_conv", "block_2_bn", "block_2_relu", "block_2_dropout",
        "pool", "drop", "logits", "softmax",
    )  # fmt: skip


def test_can_be_cut_again_and_again():
    model = classifier(tiny_base())
    once = remove_top(model)
    again = remove_top(once.base, layer="pool")
    assert again.removed == ("pool",)
    assert remove_top(model).removed == once.removed
    assert again.base.output_shape == (None, 8, 8, 6)


def test_an_lstm_loses_its_named_layer():
    inputs = keras.Input((10,))
    x = layers.LSTM(8, name="lstm")(layers.Embedding(20, 6)(inputs))
    model = keras.Model(inputs, layers.Dense(5, activation="relu", name="final_output")(x))
    cut = remove_top(model, layer="final_output")
    assert cut.removed == ("final_output",)
    assert cut.base.output_shape == (None, 8)


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__(name="mine")
        self.dense = layers.Dense(3)

    def call(self, x):
        return self.dense(x)


def two_outputs() -> keras.Model:
    base = tiny_base()
    pooled = layers.GlobalAveragePooling2D()(base.output)
    heads = [layers.Dense(n, name=f"head_{n}")(pooled) for n in (2, 3)]
    return keras.Model(base.input, heads, name="two")


def weightless() -> keras.Model:
    inputs = keras.Input((4,))
    return keras.Model(inputs, layers.Activation("relu")(inputs), name="weightless")


REFUSED = {
    "subclassed": (Subclassed, "'mine' is a Subclassed without a graph.*model.backbone"),
    "not built": (
        lambda: keras.Sequential([layers.Dense(3)], name="s"),
        "'s' does not know.*build",
    ),
    "two outputs": (two_outputs, r"'two' has 2 outputs \(head_2, head_3\).*layer="),
    "no top": (
        tiny_base,
        "'tiny' seems to have no top.*'block_2_relu', a ReLU.*layer='...'",
    ),
    "no weights": (weightless, "no top"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_explains_what_it_cannot_cut(case):
    make, message = REFUSED[case]
    with pytest.raises(ValueError, match=message):
        remove_top(make())


def test_a_model_of_trailing_layers_only_has_nothing_to_remove():
    model = weightless()
    with pytest.raises(ValueError):
        remove_top(keras.Model(model.input, layers.Dropout(0.1)(model.output)))


def test_a_convolution_that_is_wider_than_one_pixel_is_no_classifier():
    inputs = keras.Input((8, 8, 1))
    model = keras.Model(inputs, layers.GlobalAveragePooling2D()(layers.Conv2D(3, 3)(inputs)))
    with pytest.raises(ValueError, match="no top"):
        remove_top(model)


def test_a_named_cut_explains_unknown_names_and_points_into_nested_models():
    with pytest.raises(
        ValueError, match="No layer 'fc9' in 'classifier'. Its last layers: .*softmax"
    ):
        remove_top(classifier(tiny_base()), layer="fc9")
    inputs = keras.Input((8, 8, 1))
    outer = keras.Model(inputs, classifier(tiny_base())(inputs))
    with pytest.raises(ValueError, match=r"model.get_layer\('classifier'\)"):
        remove_top(outer, layer="logits")


def test_a_named_cut_refuses_a_layer_with_several_inputs():
    inputs = keras.Input((4,))
    branches = [layers.Dense(3, name=f"d{n}")(inputs) for n in (1, 2)]
    merged = layers.Add(name="add")(branches)
    model = keras.Model(inputs, layers.Dense(2)(merged), name="m")
    with pytest.raises(ValueError, match="Cannot cut at 'add' in 'm': 2 tensors go into it"):
        remove_top(model, layer="add")
    with pytest.raises(ValueError, match="0 tensors go into it"):
        remove_top(model, layer=model.layers[0].name)


TOPS = {
    "VGG16": (("predictions",), 4096),
    "MobileNet": (("dropout", "conv_preds", "reshape_2", "predictions"), 1024),
    "MobileNetV2": (("predictions",), 1280),
    "MobileNetV3Small": (("dropout", "logits", "flatten", "predictions"), 1024),
    "ResNet50": (("predictions",), 2048),
    "ResNet50V2": (("predictions",), 2048),
    "InceptionV3": (("predictions",), 2048),
    "InceptionResNetV2": (("predictions",), 1536),
    "Xception": (("predictions",), 2048),
    "DenseNet121": (("predictions",), 1024),
    "NASNetMobile": (("predictions",), 1056),
    "EfficientNetB0": (("top_dropout", "predictions"), 1280),
    "EfficientNetV2B0": (("top_dropout", "predictions"), 1280),
    "ConvNeXtTiny": (("convnext_tiny_head_dense",), 768),
}


@pytest.mark.parametrize("name", TOPS)
def test_finds_the_top_of_each_family_in_keras_applications(name):
    removed, features = TOPS[name]
    keras.utils.clear_session(free_memory=False)  # automatic names begin at the start again
    with tf.Graph().as_default():  # symbolic: no weights are made
        cut = remove_top(getattr(keras.applications, name)(weights=None))
    assert [n.rstrip("_0123456789") for n in cut.removed] == [
        n.rstrip("_0123456789") for n in removed
    ]
    assert cut.base.output_shape[-1] == features


@pytest.mark.parametrize("classes,units,activation", [(2, 1, "sigmoid"), (3, 3, "softmax")])
def test_head_output_belongs_to_the_number_of_classes(classes, units, activation):
    model = attach_head(tiny_base(), classes=classes)
    assert model.output_shape == (None, units)
    assert model.layers[-1].activation.__name__ == activation
    assert model.name == "tiny_head"
    assert [layer.name for layer in model.layers[-2:]] == ["head_pool", "head_predictions"]


def test_head_takes_the_average_of_each_map():
    base = tiny_base()
    model = attach_head(base, classes=3)
    assert model.layers[-1].kernel.shape == (6, 3)
    x, _ = tiny_task()
    pool = keras.Model(model.input, model.get_layer("head_pool").output)
    np.testing.assert_allclose(pool(x), np.mean(base(x), (1, 2)), rtol=1e-4, atol=1e-6)


def test_head_takes_hidden_layers_and_dropout_in_order():
    model = attach_head(tiny_base(), classes=3, hidden=(8, 5), dropout=0.25)
    assert [layer.name for layer in model.layers[-5:]] == [
        "head_pool", "head_dense_1", "head_dense_2", "head_dropout", "head_predictions"
    ]  # fmt: skip
    assert model.get_layer("head_dense_1").units == 8
    assert model.get_layer("head_dense_2").activation.__name__ == "relu"
    assert model.get_layer("head_dropout").rate == 0.25


def test_head_on_vectors_needs_no_pooling():
    model = attach_head(remove_top(classifier(tiny_base())).base, classes=3)
    assert "head_pool" not in [layer.name for layer in model.layers]


def test_heads_never_collide():
    first = attach_head(tiny_base(), classes=3)
    body = remove_top(first).base
    second = attach_head(body, classes=4)
    assert [layer.name for layer in second.layers[-2:]] == ["head_pool", "head_2_predictions"]
    assert attach_head(second, classes=5).layers[-1].name == "head_3_predictions"


def test_head_shares_the_base():
    base = tiny_base()
    assert attach_head(base, classes=3).get_layer("block_1_conv") is base.get_layer("block_1_conv")


def sequence_base() -> keras.Model:
    inputs = keras.Input((5, 4))
    return keras.Model(inputs, layers.Dense(3)(inputs), name="sequence")


BAD_HEADS = {
    "one class": (tiny_base, {"classes": 1}, "classes=1: .* 2 or more"),
    "dropout 1": (tiny_base, {"classes": 3, "dropout": 1.0}, "dropout=1.0 .* below 1"),
    "dropout below 0": (tiny_base, {"classes": 3, "dropout": -0.1}, "dropout=-0.1"),
    "two outputs": (two_outputs, {"classes": 3}, r"'two' gives \[\(None, 2\), \(None, 3\)\]"),
    "sequence": (sequence_base, {"classes": 3}, r"'sequence' gives \[\(None, 5, 3\)\]"),
    "subclassed": (Subclassed, {"classes": 3}, "without a graph"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_HEADS)
def test_head_explains_bad_input(case):
    make, options, message = BAD_HEADS[case]
    with pytest.raises(ValueError, match=message):
        attach_head(make(), **options)


@pytest.mark.parametrize("options", [{"classes": "10"}, {"classes": 3, "hidden": 64}])
def test_head_wants_whole_numbers_and_a_list_of_units(options):
    with pytest.raises(TypeError, match="whole number of classes, and a list of units"):
        attach_head(tiny_base(), **options)


def test_only_the_last_classifying_layer_is_taken_off():
    vgg = keras.applications.VGG16(weights=None, input_shape=(32, 32, 3))
    assert remove_top(vgg).removed == ("predictions",)
    whole_top = remove_top(vgg, layer="flatten").removed
    assert whole_top == ("flatten", "fc1", "fc2", "predictions")


def test_tensor_into_is_right_although_the_layer_is_in_two_models():
    base = tiny_base()
    expected = base.get_layer("block_2_conv").input
    keras.Model(base.get_layer("block_2_conv").input, base.output)  # a second use of the layers
    assert tensor_into(base, "block_2_conv") is expected


def test_leaf_layers_opens_nested_models():
    inputs = keras.Input((8, 8, 1), name="in")
    outer = keras.Model(inputs, tiny_base()(inputs))
    paths = [path for path, _ in leaf_layers(outer)]
    assert paths[:3] == ["in", "tiny/picture", "tiny/rescaling"]
    assert len(paths) == 11


def reader() -> keras.Model:
    """Embedding, two LSTMs and a classifier; id 0 is padding and masked."""
    ids = keras.Input((5,), dtype="int32", name="ids")
    x = layers.Embedding(9, 4, mask_zero=True, name="embedding")(ids)
    x = layers.LSTM(3, return_sequences=True, name="lstm_1")(x)
    x = layers.LSTM(3, name="lstm_2")(x)
    return keras.Model(ids, layers.Dense(2, name="final_output")(x), name="reader")


@pytest.mark.parametrize(
    "layer,shape", [(None, (3,)), ("final_output", (3,)), ("lstm_2", (5, 3)), ("lstm_1", (5, 4))]
)
def test_a_recurrent_network_is_cut_without_regard_to_its_masks(layer, shape, tmp_path):
    reader().save(tmp_path / "reader.keras")
    model = keras.models.load_model(tmp_path / "reader.keras")
    cut = remove_top(model, layer=layer)
    assert cut.base.output_shape == (None, *shape)
    assert cut.removed[0] == (layer or "final_output")
    assert cut.removed[-1] == "final_output"


def test_a_head_on_a_recurrent_base_sees_its_features():
    base, ids = remove_top(reader()).base, np.array([[1, 2, 0, 0, 0], [3, 4, 5, 6, 7]])
    model = attach_head(base, classes=3)
    np.testing.assert_allclose(model.layers[-1](base(ids)), model(ids), atol=1e-6)
    with pytest.raises(ValueError, match=r"gives \[\(None, 5, 3\)\]: a head needs"):
        attach_head(remove_top(reader(), layer="lstm_2").base, classes=3)
