import keras
import numpy as np
import pytest
from keras import layers

from helpers.bases import load_base
from helpers.freezing import freeze, keep_still, trainable_report, unfreeze_from, unfreeze_last
from helpers.surgery import attach_head
from tests.tiny import changed, tiny_base, tiny_task, values

CONVS = ["block_1_conv", "block_2_conv"]


def fit(model: keras.Model, x: np.ndarray, y: np.ndarray, epochs: int = 1) -> None:
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    model.fit(x, y, epochs=epochs, batch_size=8, verbose=0)


def layers_changed(model: keras.Model, before: dict) -> set[str]:
    return {path.split("/")[-2] for path in changed(model, before)}


def nested_model() -> tuple[keras.Model, keras.Model]:
    base = tiny_base()
    inputs = keras.Input((8, 8, 1))
    pooled = layers.GlobalAveragePooling2D()(base(inputs))
    return keras.Model(inputs, layers.Dense(3, name="top")(pooled), name="outer"), base


def test_keep_still_stops_batchnorm_and_dropout_only():
    base = tiny_base()
    keep_still(base)
    flags = {layer.name: layer.trainable for layer in base.layers}
    assert not flags["block_1_bn"] and not flags["block_2_bn"]
    assert flags["block_1_conv"] and flags["block_2_conv"]
    assert [base.get_layer(f"block_{n}_dropout").rate for n in (1, 2)] == [0.0, 0.0]


@pytest.mark.parametrize("kind", ["SpatialDropout2D", "AlphaDropout", "GaussianDropout"])
def test_keep_still_stops_every_kind_of_dropout(kind):
    inputs = keras.Input((8, 8, 1))
    model = keras.Model(inputs, getattr(layers, kind)(0.3, name="drop")(inputs))
    keep_still(model)
    x = np.ones((2, 8, 8, 1), "float32")
    np.testing.assert_array_equal(model(x, training=True), x)


INSIDE = {
    "LSTM": lambda: layers.LSTM(3, dropout=0.5),
    "GRU": lambda: layers.GRU(3, recurrent_dropout=0.5),
    "Bidirectional": lambda: layers.Bidirectional(layers.LSTM(3, dropout=0.5)),
    "TimeDistributed": lambda: layers.TimeDistributed(layers.Dropout(0.5)),
    "stacked": lambda: layers.RNN([layers.LSTMCell(3, dropout=0.5), layers.GRUCell(3)]),
}


@pytest.mark.parametrize("kind", INSIDE)
def test_keep_still_stops_dropout_inside_a_layer_for_good(kind, tmp_path):
    inputs = keras.Input((6, 4))
    model = keras.Model(inputs, INSIDE[kind]()(inputs))
    x = np.random.default_rng(0).normal(size=(8, 6, 4))
    assert (model(x, training=True) != model(x, training=False)).numpy().any()
    keep_still(model)
    model.save(tmp_path / "still.keras")
    for each in (model, keras.models.load_model(tmp_path / "still.keras")):
        np.testing.assert_array_equal(each(x, training=True), each(x, training=False))


def test_freeze_leaves_only_the_head_to_learn():
    base = tiny_base()
    model = attach_head(base, classes=3)
    freeze(base)
    before = values(model)
    fit(model, *tiny_task())
    assert layers_changed(model, before) == {"head_predictions"}


@pytest.mark.parametrize("pick", [0, 1], ids=["nested", "flat"])
def test_freeze_reaches_a_layer_unfrozen_after_its_model_was_frozen(pick):
    model = nested_model()[pick]
    model.trainable = False
    base = model if pick else model.get_layer("tiny")
    base.get_layer("block_2_conv").trainable = True
    freeze(model)
    assert not any(layer.trainable_weights for layer in base.layers)


def test_frozen_base_gives_the_same_output_in_training():
    base = tiny_base()
    freeze(base)
    x, _ = tiny_task()
    np.testing.assert_array_equal(base(x, training=True), base(x, training=False))


def test_unfreeze_from_trains_the_named_layer_and_all_after_it():
    base = tiny_base()
    model = attach_head(base, classes=3)
    assert unfreeze_from(base, "block_2_conv") == ["block_2_conv"]
    before = values(model)
    fit(model, *tiny_task())
    assert layers_changed(model, before) == {"block_2_conv", "head_predictions"}


def test_unfreeze_from_replaces_what_was_set_before():
    base = tiny_base()
    assert unfreeze_from(base, "block_1_conv") == CONVS
    assert unfreeze_from(base, "block_1_relu") == ["block_2_conv"]


@pytest.mark.parametrize("unfreeze", [lambda m: unfreeze_from(m, "block_2_conv"),
                                      lambda m: unfreeze_last(m, 1)])  # fmt: skip
def test_where_a_layer_has_adapters_only_they_and_its_bias_train(unfreeze):
    base = tiny_base()
    model = attach_head(base, classes=3)
    base.get_layer("block_1_conv").enable_lora(2)
    base.get_layer("block_2_conv").enable_lora(2)
    freeze(base)
    assert unfreeze(base) == ["block_2_conv"]
    before = values(model)
    fit(model, *tiny_task(), epochs=2)
    moved = {"/".join(path.split("/")[-2:]) for path in changed(model, before)}
    adapters = {f"block_2_conv/{name}" for name in ("lora_kernel_a", "lora_kernel_b", "bias")}
    assert moved == adapters | {"head_predictions/kernel", "head_predictions/bias"}


def test_adapters_of_an_embedding_train_without_its_table():
    tokens = keras.Input((3,), dtype="int32")
    base = keras.Model(tokens, layers.Embedding(5, 4, name="table")(tokens))
    base.get_layer("table").enable_lora(2)
    unfreeze_from(base, "table")
    names = [weight.name for weight in base.trainable_weights]
    assert names == ["lora_embeddings_a", "lora_embeddings_b"]
    assert trainable_report(base).loc["table", "trainable"] == 5 * 2 + 2 * 4


def test_unfreeze_from_opens_a_frozen_nested_model():
    model, base = nested_model()
    freeze(model)
    assert unfreeze_from(model, "tiny/block_2_conv") == ["tiny/block_2_conv", "top"]
    assert unfreeze_from(model, "tiny") == ["tiny/block_1_conv", "tiny/block_2_conv", "top"]
    assert not base.get_layer("block_1_bn").trainable
    before = values(model)
    x, y = tiny_task()
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(x, y, verbose=0)
    assert layers_changed(model, before) == {*CONVS, "top"}


def test_unfreeze_from_an_unknown_layer_suggests_names_and_changes_nothing():
    base = tiny_base()
    with pytest.raises(ValueError, match=r"No layer 'block_2_cnv' in model 'tiny'.*block_2_conv"):
        unfreeze_from(base, "block_2_cnv")
    with pytest.raises(ValueError, match="'zzz'.* The last .* can learn: block_1_conv, block_2_"):
        unfreeze_from(base, "zzz")
    assert base.get_layer("block_1_conv").trainable


def test_unfreeze_from_refuses_when_nothing_there_can_learn():
    base = tiny_base()
    with pytest.raises(ValueError, match="'block_2_bn' on in 'tiny'.*block_1_conv, block_2_conv"):
        unfreeze_from(base, "block_2_bn")
    assert base.get_layer("block_1_conv").trainable, "a refused call must change nothing"


def test_unfreeze_from_says_so_when_no_layer_at_all_can_learn():
    inputs = keras.Input((4,))
    model = keras.Model(inputs, layers.BatchNormalization(name="bn")(inputs))
    with pytest.raises(ValueError, match="can learn: none"):
        unfreeze_from(model, "bn")


def test_unfreeze_last_counts_layers_that_hold_weights():
    base = tiny_base()
    assert unfreeze_last(base, 1) == ["block_2_conv"]
    assert unfreeze_last(base, 2) == CONVS


@pytest.mark.parametrize("n", [0, 3])
def test_unfreeze_last_refuses_a_number_outside_the_model(n):
    with pytest.raises(ValueError, match=f"last n={n} layers: 'tiny' has 2 .* from 1 to 2"):
        unfreeze_last(tiny_base(), n)


def test_unfreeze_last_skips_normalization_statistics():
    inputs = keras.Input((4,))
    x = layers.Dense(3, name="dense")(inputs)
    norm = layers.Normalization(name="norm")
    model = keras.Model(inputs, norm(x))
    assert unfreeze_last(model, 1) == ["dense"]


def test_unfreeze_last_five_of_inception_really_unfreezes_five():
    base = keras.applications.InceptionV3(weights=None, include_top=False, input_shape=(75, 75, 3))
    for layer in base.layers[:-5]:
        layer.trainable = False
    assert not base.trainable_weights, "by position, the last five layers hold no weights"
    training = unfreeze_last(base, 5)
    assert len(training) == 5
    assert {base.get_layer(name).__class__.__name__ for name in training} == {"Conv2D"}


def test_report_counts_layers_parameters_and_shares():
    base = tiny_base()
    freeze(base)
    report = trainable_report(attach_head(base, classes=3))
    assert report.index.name == "layer"
    assert list(report.columns) == ["type", "parameters", "trainable", "share"]
    assert list(report.index) == [
        "block_1_conv", "block_1_bn", "block_2_conv", "block_2_bn", "head_predictions", "total"
    ]  # fmt: skip
    assert report["parameters"].tolist() == [40, 16, 222, 24, 21, 323]
    assert report["trainable"].tolist() == [0, 0, 0, 0, 21, 21]
    assert report.loc["head_predictions", "share"] == 1
    assert report.loc["total", "share"] == pytest.approx(21 / 323)
    assert report.loc["block_1_conv", "type"] == "Conv2D"


def test_report_opens_nested_models_and_counts_live_batchnorm():
    model, _ = nested_model()
    report = trainable_report(model)
    assert report.loc["tiny/block_1_bn", "trainable"] == 8
    assert report.loc["total", "parameters"] == model.count_params()


def test_report_of_a_model_without_weights_has_a_share_of_zero():
    inputs = keras.Input((4,))
    report = trainable_report(keras.Model(inputs, layers.ReLU()(inputs)))
    assert report.loc["total"].tolist() == ["", 0, 0, 0.0]


STILL = {
    "glyphnet": lambda: load_base("glyphnet"),
    "MobileNetV2": lambda: load_base(
        "MobileNetV2", weights=None, alpha=0.35, input_shape=(32, 32, 3)
    ),
    "EfficientNetB0": lambda: load_base("EfficientNetB0", weights=None, input_shape=(32, 32, 3)),
}


@pytest.mark.parametrize("name", STILL)
def test_a_base_stays_still_in_fit_and_after_a_reload(name, tmp_path):
    base = STILL[name]()
    model = attach_head(base, classes=3)
    last = unfreeze_last(base, 2)
    model.save(tmp_path / "model.keras")
    reloaded = keras.models.load_model(tmp_path / "model.keras")
    x = np.random.default_rng(0).integers(0, 256, (8, *base.input_shape[1:])).astype("float32")
    for trained in (model, reloaded):
        np.testing.assert_array_equal(trained(x, training=True), trained(x, training=False))
        before = values(trained)
        fit(trained, x, np.arange(8) % 3)
        assert layers_changed(trained, before) == {*last, "head_predictions"}


@pytest.mark.parametrize("name", STILL)
def test_without_keep_still_the_statistics_do_move(name):
    """The proof above can fail: `training=False` alone does not protect a base in `fit`."""
    base = STILL[name]()
    base.trainable = True
    inputs = keras.Input(base.input_shape[1:])
    pooled = layers.GlobalAveragePooling2D()(base(inputs, training=False))
    model = keras.Model(inputs, layers.Dense(3, activation="softmax")(pooled))
    before = values(model)
    x = np.random.default_rng(0).integers(0, 256, (8, *base.input_shape[1:])).astype("float32")
    model.compile(keras.optimizers.SGD(0.0), "sparse_categorical_crossentropy")
    model.fit(x, np.arange(8) % 3, verbose=0)
    assert any("moving_mean" in path for path in changed(model, before))
