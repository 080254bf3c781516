"""The doctor itself: what it leaves alone, what it shows, how long it takes."""

import random
import time

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from keras.src.random.seed_generator import global_seed_generator

from helpers.doctor import Finding, Findings, examine
from helpers.doctor_data import read_splits
from helpers.doctor_outputs import activation_of, losses_of, output_layers
from helpers.freezing import freeze
from helpers.surgery import attach_head
from tests.seed_examples import bare
from tests.sound_models import (
    OwnModel,
    frozen_small,
    on_top,
    photos,
    raw_small,
    ready,
    sequential_with_augmentation,
    signed,
    small,
    softmax,
    tiny_nested,
)
from tests.tiny import changed, tiny_base, tiny_task, values

NOTE = Finding("b", "note", "A note", "1 of 2", "because", "do < this")
ERROR = Finding("a", "error", "An <error>", "2 of 2", "because & so", "x = y")


def random_states() -> tuple:
    """Of Python, numpy and Keras."""
    keras_state = global_seed_generator().state.numpy().tolist()
    return random.getstate(), str(np.random.get_state()), keras_state  # noqa: NPY002


def flags(model: keras.Model) -> list[bool]:
    return [layer.trainable for layer in model.layers]


def test_findings_are_ordered_by_severity_and_keep_their_order_otherwise():
    second = Finding("c", "error", "", "", "", "")
    assert Findings([NOTE, ERROR, second]).codes == ["a", "c", "b"]


def test_findings_show_as_text():
    text = str(Findings([NOTE, ERROR]))
    assert text.startswith("ERROR a: An <error>\n    evidence: 2 of 2\n    why: because & so")
    assert text.endswith("fix: do < this") and repr(Findings([NOTE])) == str(Findings([NOTE]))
    assert "\n\nNOTE b: A note" in text


def test_long_lines_are_wrapped_between_words():
    finding = Finding("a", "note", "t", "word " * 60, "w", "f")
    lines = str(Findings([finding])).splitlines()
    assert max(map(len, lines)) <= 100 and len(lines) > 5
    assert all(line.startswith("    ") for line in lines[1:])


def test_findings_show_as_a_table_with_their_text_escaped():
    page = Findings([NOTE, ERROR])._repr_html_()
    assert page.count("<tr") == 3 and "An &lt;error&gt;" in page and "because &amp; so" in page
    assert ">do &lt; this</code>" in page and "<error>" not in page
    assert [f"<th>{name}</th>" in page for name in ("code", "severity", "fix")] == [True] * 3


def test_no_findings_say_so_in_text_and_in_a_notebook():
    assert str(Findings()).startswith("No findings")
    assert Findings()._repr_html_().startswith("<p>No findings")


@pytest.mark.parametrize("build", [
    lambda: (ready(on_top(small(), softmax())), signed()),
    lambda: (ready(OwnModel(small())), signed()),
    lambda: sequential_with_augmentation()[:2],
    lambda: (ready(on_top(bare(keras.applications.VGG16, 32), softmax(),
                          keras.applications.vgg16.preprocess_input)), photos()),
])  # fmt: skip
def test_examining_changes_nothing(build):
    model, data = build()
    model(data[0][:1])
    optimizer = [variable.numpy() for variable in model.optimizer.variables]
    before, kept, images = values(model), flags(model), data[0].copy()
    seeds = [v.numpy() for v in model.non_trainable_variables]
    name = keras.layers.Dense(1).name
    keras.utils.set_random_seed(3)
    number = tf.random.uniform(()).numpy()
    keras.utils.set_random_seed(3)
    state = random_states()
    examine(model, data=data)
    assert random_states() == state and tf.random.uniform(()).numpy() == number
    assert changed(model, before) == set() and flags(model) == kept
    assert np.array_equal(images, data[0])
    for old, new in zip(optimizer, model.optimizer.variables, strict=True):
        assert np.array_equal(old, new.numpy())
    for old, new in zip(seeds, model.non_trainable_variables, strict=True):
        assert np.array_equal(old, new.numpy())
    assert int(keras.layers.Dense(1).name.split("_")[-1]) == _number(name) + 1
    assert model.compiled and model.train_function is None


def _number(name: str) -> int:
    return int(name.split("_")[-1]) if "_" in name else 0


def test_no_names_are_used_up():
    model = ready(on_top(frozen_small(), softmax(), lambda x: x / 127.5 - 1.0))
    first = _number(keras.Sequential([]).name), _number(on_top(tiny_base(), softmax()).name)
    assert examine(model, data=photos()) == []
    second = _number(keras.Sequential([]).name), _number(on_top(tiny_base(), softmax()).name)
    assert [b - a for a, b in zip(first, second, strict=True)] == [1, 1]


def test_a_fit_after_an_examination_goes_as_if_there_had_been_none():
    results = []
    for look in (False, True):
        keras.utils.set_random_seed(0)
        base = tiny_base()
        base.trainable = False
        model = ready(attach_head(base, classes=3, dropout=0.5))
        if look:
            examine(model, base=base, data=tiny_task())
        results.append(model.fit(*tiny_task(), epochs=2, verbose=0).history["loss"])
    assert results[0] == pytest.approx(results[1], rel=1e-5)


def test_examining_a_whole_mobilenet_takes_less_time_than_building_it():
    """On a fast machine as on a slow one; a check that ran or copied the network would not."""
    start = time.process_time()
    base = keras.applications.MobileNetV2(weights=None, include_top=False, input_shape=(96, 96, 3))
    model = ready(on_top(base, softmax()))
    built = time.process_time()
    assert examine(model, data=signed())
    assert time.process_time() - built < built - start


def test_what_is_no_model_is_refused():
    with pytest.raises(TypeError, match="model is a Dense"):
        examine(layers.Dense(1))


def test_a_foreign_base_is_refused():
    with pytest.raises(ValueError, match="base='other' is no part of 'functional"):
        examine(tiny_nested(), base=tiny_base("other"))


@pytest.mark.parametrize("data, name", [
    (np.zeros((2, 3)), "data is a ndarray"),
    ((np.zeros((2, 3)),), "data is a tuple of 1: give a batch"),
    ({"train": np.zeros(2)}, r"data\['train'\] is a ndarray"),
])  # fmt: skip
def test_other_data_are_refused(data, name):
    with pytest.raises(TypeError, match=name):
        read_splits(data)


def test_a_dataset_by_itself_gives_its_first_batch_and_in_a_dictionary_all_of_it():
    x, y = tiny_task(6)
    dataset = tf.data.Dataset.from_tensor_slices((x, y)).batch(4)
    assert len(read_splits(dataset)[0]["data"].x) == 4
    whole = read_splits({"train": dataset})[0]["train"]
    assert np.array_equal(whole.x, x) and np.array_equal(whole.y, y)
    endless = read_splits({"train": dataset.repeat()})[0]["train"]
    assert np.array_equal(endless.x, x[:4])


def test_a_dataset_may_be_empty_or_have_no_labels():
    x, _ = tiny_task(6)
    empty = tf.data.Dataset.from_tensor_slices(x).batch(4).take(0)
    assert read_splits(empty)[0]["data"] == (None, None)
    assert read_splits({"train": empty})[0]["train"] == (None, None)
    splits, datasets = read_splits({"train": tf.data.Dataset.from_tensor_slices(x).batch(4)})
    assert splits["train"].y is None and list(datasets) == ["train"]


def test_overlap_is_counted_and_placed():
    x, y = tiny_task(10)
    twice = np.concatenate([x[3:5], x[3:4] + 1])
    data = {"train": (x, y), "test": (twice, y[:3])}
    finding = examine(tiny_nested(), data=data)[0]
    assert finding.code == "splits-overlap" and "2 examples of 'test'" in finding.title
    assert "2 of 3 (66.7%), such as train[3] = test[0], train[4] = test[1]" in finding.evidence


def test_texts_and_other_shapes_are_compared_too():
    words = np.array([["a"], ["b"]])
    findings = examine(tiny_nested(), data={"train": (words, [0, 1]), "test": (words[:1], [0])})
    assert findings.codes == ["splits-overlap"]
    other = {"train": (words, [0, 1]), "test": (np.zeros((2, 3)), [0, 1])}
    assert examine(tiny_nested(), data=other) == []


def test_the_evidence_names_layers_and_numbers():
    base = tiny_base()
    freeze(base)
    base.get_layer("block_2_bn").trainable = base.trainable = True
    model = ready(on_top(base, softmax()), keras.optimizers.Adam(0.002))
    findings = {finding.code: finding for finding in examine(model, data=tiny_task())}
    assert "2 BatchNormalization layers" in findings["batchnorm-moves"].evidence
    assert "block_1_bn, block_2_bn" in findings["batchnorm-moves"].evidence
    assert "rate 0.002;" in findings["rate-too-high"].evidence
    assert "Keras' default" not in findings["rate-too-high"].evidence


def test_numbers_and_what_is_counted_agree():
    model = ready(on_top(frozen_small(), softmax()))
    for layer in model.layers:
        layer.trainable = True
    stage = next(
        each for each in examine(model, before=examine(model)) if each.code.startswith("stage")
    )
    many = len(model.trainable_weights)
    assert many > 3 and f"{many} weight arrays train" in stage.evidence
    assert f"({many} arrays)" in stage.evidence and "layers" not in stage.evidence
    assert "would only throw away" in stage.why


def test_one_sigmoid_unit_is_not_called_a_softmax():
    model = on_top(raw_small(), layers.Dense(1, activation="sigmoid"))
    model.compile("adam", "sparse_categorical_crossentropy")
    finding = {each.code: each for each in examine(model)}["one-unit-softmax"]
    assert "goes with binary_crossentropy" in finding.why and "always 1" not in finding.why


def test_labels_that_count_from_one_are_shifted_and_others_get_more_units():
    x, _ = photos(9)
    model = ready(on_top(raw_small(), softmax()))
    shifted = examine(model, data=(x, np.arange(9) % 3 + 1))
    assert [each.fix for each in shifted if each.code == "class-count"] == [
        "labels - 1, so that they count from 0"
    ]
    more = {each.code: each for each in examine(model, data=(x, np.arange(9) % 5))}
    assert "Dense(5, ...)" in more["class-count"].fix


def test_a_norm_that_keeps_pace_on_purpose_is_not_counted_as_frozen():
    inputs = x = keras.Input((8, 8, 1))
    for name, momentum in (("moves", 0.99), ("rests", 0.99), ("follows", 0.9), ("too", 0.95)):
        x = layers.BatchNormalization(momentum=momentum, name=name)(x)
    base = keras.Model(inputs, x)
    base.get_layer("rests").trainable = False
    findings = {each.code: each for each in examine(ready(on_top(base, softmax())))}
    evidence = findings["batchnorm-moves"].evidence
    assert "(frozen: 1; keeping pace by a lower momentum: 2)" in evidence and evidence.endswith(
        ": moves."
    )


def test_norms_that_code_of_ones_own_keeps_still_are_not_counted_as_frozen():
    class Half(OwnModel):
        def call(self, x):
            x = self.base.layers[1](x)
            return self.top(self.pool(self.base.layers[2](x, training=False)))

    inputs = keras.Input((8, 8, 1))
    moves, still = (layers.BatchNormalization(name=name) for name in ("moves", "still"))
    model = ready(Half(keras.Model(inputs, still(moves(inputs)))))
    model(tiny_task()[0])
    findings = {each.code: each for each in examine(model, data=tiny_task())}
    assert "(frozen: 0): moves" in findings["batchnorm-moves"].evidence


def test_the_trace_of_a_frozen_weight_is_a_note_only():
    base = tiny_base()
    model = ready(on_top(base, softmax()), keras.optimizers.SGD(1e-3, momentum=0.9))
    model.fit(*tiny_task(), verbose=0)
    freeze(base)
    findings = examine(model)
    assert [(each.code, each.severity) for each in findings] == [("trainable-changed", "note")]


def test_without_momentum_a_change_of_flags_leaves_no_trace():
    model = ready(tiny_nested(), keras.optimizers.SGD(1e-3))
    model.fit(*tiny_task(), verbose=0)
    model.layers[1].get_layer("block_2_conv").trainable = True
    assert "trainable-changed" not in examine(model).codes


def test_a_head_alone_that_is_frozen_is_no_fault_until_it_is_compiled():
    base = tiny_base()
    model = attach_head(base, classes=3)
    model.trainable = False
    assert examine(model) == []
    assert examine(ready(model)).codes == ["everything-frozen"]


def test_a_base_without_weights_to_learn_is_passed_over():
    inputs = keras.Input((8, 8, 1))
    base = keras.Model(inputs, layers.BatchNormalization(name="norm")(inputs), name="norms")
    base.layers[0].trainable = False
    assert examine(ready(on_top(base, softmax()), "sgd")).codes == ["batchnorm-moves"]


def test_code_of_ones_own_is_not_judged_without_a_batch():
    model = ready(OwnModel(small()), keras.optimizers.Adam(1e-5))
    model(signed()[0][:1])
    assert examine(model) == []


def test_a_loss_that_cannot_be_described_does_no_harm():
    class Odd(keras.losses.Loss):
        def call(self, y, prediction):
            return prediction[:, 0]

        def get_config(self):
            raise NotImplementedError

    model = ready(tiny_nested(), loss=Odd())
    with pytest.raises(NotImplementedError):
        model.get_compile_config()
    assert examine(model, data=tiny_task()) == []


def test_several_inputs_before_the_base_are_not_judged():
    left, right = keras.Input((32, 32, 3)), keras.Input((32, 32, 3))
    x = frozen_small()(layers.Concatenate(axis=1)([left, right])[:, :32])
    model = ready(keras.Model([left, right], softmax()(layers.Flatten()(x))))
    assert examine(model, data=(photos()[0], photos()[1])) == []


def test_outputs_that_are_no_table_are_not_judged():
    class Maps(keras.Model):
        def __init__(self):
            super().__init__()
            self.top = layers.Conv2D(3, 1)

        def call(self, x):
            return self.top(x)

    model = ready(Maps())
    model(tiny_task()[0])
    assert examine(model, data=tiny_task()) == []


def test_rates_noted_for_a_head_alone_are_unused():
    model = ready(keras.Sequential([keras.Input((4,)), layers.Dense(3), softmax()]))
    rates = [(layer.trainable_variables, 10.0**-i) for i, layer in enumerate(model.layers)]
    assert examine(model, rates=rates).codes == ["rates-unused"]
    assert examine(model, rates=rates[:1]) == []


def test_a_pipeline_that_calls_python_is_passed_over():
    x, rng = signed()[0], np.random.default_rng(0)

    def noisy(image):
        return tf.numpy_function(lambda a: a * np.float32(rng.normal()), [image], tf.float32)

    dataset = tf.data.Dataset.from_tensor_slices(x).map(noisy).cache().batch(4)
    assert "cache-after-augmentation" not in examine(tiny_nested(), data=dataset).codes


def test_a_pipeline_that_cannot_be_written_down_is_passed_over(monkeypatch):
    def refuse(**_):
        raise tf.errors.FailedPreconditionError(None, None, "no")

    monkeypatch.setattr(tf.raw_ops, "DatasetToGraphV2", refuse)
    assert examine(tiny_nested(), data=tf.data.Dataset.from_tensors(tiny_task()).cache()) == []


def test_a_cache_after_random_calls_in_a_function_of_a_function_is_found():
    @tf.function
    def noise(x):
        return x + tf.random.normal(tf.shape(x))

    @tf.function
    def twice(x):
        return noise(x) + noise(x)

    dataset = tf.data.Dataset.from_tensor_slices(tiny_task()[0]).map(twice).batch(4).cache()
    finding = examine(tiny_nested(), data=dataset)[0]
    assert finding.code == "cache-after-augmentation"
    assert "RandomStandardNormal" in finding.evidence


def test_output_layers_look_through_shapes_types_and_nested_heads():
    inputs = keras.Input((4,))
    top = keras.Sequential([keras.Input((4,)), layers.Dense(2, name="inner"), layers.Reshape((2,))])
    model = keras.Model(inputs, layers.Activation("linear", dtype="float32")(top(inputs)))
    assert [layer.name for layer in output_layers(model)] == ["inner"]
    assert output_layers(OwnModel(tiny_base())) == []


@pytest.mark.parametrize("layer, name", [
    (layers.Softmax(), "softmax"), (layers.ReLU(), "relu"), (layers.Dense(1), "linear"),
    (layers.Activation("sigmoid"), "sigmoid"), (layers.Flatten(), None),
])  # fmt: skip
def test_activations_are_read_from_any_layer(layer, name):
    assert activation_of(layer) == name


@pytest.mark.parametrize("loss", [
    "binary_crossentropy", "bce", keras.losses.binary_crossentropy,
    keras.losses.BinaryCrossentropy(),
])  # fmt: skip
def test_losses_are_read_in_any_form(loss):
    model = ready(tiny_nested(), loss=loss)
    assert losses_of(model, 1) == [("binarycrossentropy", False)]


def test_a_model_that_is_not_compiled_has_no_loss():
    assert losses_of(tiny_nested(), 2) == [None, None]
