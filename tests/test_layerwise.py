import json
import math
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from helpers.bases import load_base
from helpers.freezing import freeze, unfreeze_from
from helpers.safe_loading import load_saved
from helpers.surgery import attach_head
from helpers.training import Phase, fit_in_phases, layerwise_optimizer, rates_report
from tests.tiny import changed, tiny_base, tiny_task, values

# Linear layers that are pulled towards a far target: the gradients hardly change from step to step,
# so that every step of Adam, not only the first, is as long as the rate.
FACTORS = {"block_1": 0.1, "block_10": 0.5, "head": 1.0}
RATE = 0.001
X, FAR = np.ones((4, 3), "float32"), np.full((4, 1), -100.0, "float32")
LOSS = "mean_absolute_error"


def pulled(*, sequential=False):
    start = keras.initializers.Constant(0.25)  # low enough for the range of float16
    dense = [
        layers.Dense(units, kernel_initializer=start, use_bias=False, name=name)
        for name, units in zip(FACTORS, (3, 3, 1), strict=True)
    ]
    if sequential:
        model = keras.Sequential(dense)
        model.build((None, 3))  # after the model is made: its name is part of the paths
        return model
    x = inputs = keras.Input((3,))
    for layer in dense:
        x = layer(x)
    return keras.Model(inputs, x)


def compiled(model, rate=RATE, *, options=(), **settings):
    optimizer = layerwise_optimizer(model, rate, groups=FACTORS, **dict(options))
    model.compile(optimizer, LOSS, **settings)
    return model


def one_step(model, **options):
    model.fit(X, FAR, batch_size=4, verbose=0, **options)


def sizes(model, act):
    """How far each layer moves while `act` runs."""
    before = {layer.name: layer.get_weights()[0] for layer in model.layers if layer.weights}
    act()
    return {
        name: float(np.abs(model.get_layer(name).get_weights()[0] - old).max())
        for name, old in before.items()
    }


def plain_fit():
    model = compiled(pulled())
    return RATE, sizes(model, lambda: one_step(model))


def jit():
    model = compiled(pulled(), jit_compile=True)
    assert model.jit_compile
    return RATE, sizes(model, lambda: one_step(model))


def schedule():
    model = compiled(pulled(), keras.optimizers.schedules.ExponentialDecay(RATE, 1, 0.5))
    one_step(model, epochs=2)
    return RATE / 4, sizes(model, lambda: one_step(model))


def plateau():
    model = compiled(pulled())
    reduce = keras.callbacks.ReduceLROnPlateau(
        monitor="loss", factor=0.2, patience=1, min_delta=1000
    )
    one_step(model, epochs=2, callbacks=[reduce])
    return RATE * 0.2, sizes(model, lambda: one_step(model))


def scheduler():
    model = compiled(pulled())
    halve = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)
    return RATE / 2, sizes(model, lambda: one_step(model, callbacks=[halve]))


def precision(policy):
    def measure():
        before = keras.config.dtype_policy()
        try:
            keras.config.set_dtype_policy(policy)
            model = compiled(pulled())
            scaled = isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
            assert scaled == (policy == "mixed_float16")
            table = rates_report(model)
            assert table["rate"].tolist() == pytest.approx([RATE * f for f in FACTORS.values()])
            return RATE, sizes(model, lambda: one_step(model))
        finally:
            keras.config.set_dtype_policy(before)

    return measure


def reloaded(*, sequential):
    def measure(tmp_path):
        model = compiled(pulled(sequential=sequential))
        one_step(model)
        model.save(tmp_path / "model.keras")
        again = keras.models.load_model(tmp_path / "model.keras")
        assert again.optimizer is not model.optimizer
        if sequential:
            paths = [[each.path for each in m.weights] for m in (model, again)]
            assert paths[0] != paths[1], "this is what makes paths useless as names"
        for one, two in zip(model.optimizer.variables, again.optimizer.variables, strict=True):
            np.testing.assert_array_equal(one.numpy(), two.numpy())
        one_step(model)
        moved = sizes(again, lambda: one_step(again))
        for one, two in zip(model.get_weights(), again.get_weights(), strict=True):
            np.testing.assert_array_equal(one, two)
        return RATE, moved

    return measure


MIRRORED = """
import json, keras, tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from tests.test_layerwise import RATE, compiled, one_step, pulled, sizes
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
assert strategy.num_replicas_in_sync == 2
with strategy.scope():
    model = compiled(pulled(), options={"weight_decay": 1e-9})
print(json.dumps([RATE, sizes(model, lambda: one_step(model))]))
"""


def mirrored():
    command = [sys.executable, "-c", MIRRORED]
    root = Path(__file__).parent.parent
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=root)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


CASES = {
    "plain fit": plain_fit,
    "jit_compile": jit,
    "learning-rate schedule": schedule,
    "ReduceLROnPlateau": plateau,
    "LearningRateScheduler": scheduler,
    "mixed_float16": precision("mixed_float16"),
    "mixed_bfloat16": precision("mixed_bfloat16"),
    "reloaded": reloaded(sequential=False),
    "reloaded Sequential": reloaded(sequential=True),
    "MirroredStrategy": mirrored,
}


@pytest.mark.parametrize("case", CASES)
def test_each_group_moves_at_its_true_rate(case, tmp_path):
    measure = CASES[case]
    rate, moved = measure(tmp_path) if case.startswith("reloaded") else measure()
    assert moved == pytest.approx({name: rate * f for name, f in FACTORS.items()}, rel=0.01)


class Sizes(keras.callbacks.Callback):
    """Note how far each layer moves in each phase."""

    def __init__(self):
        super().__init__()
        self.phases = []

    def kernels(self):
        return {n: self.model.get_layer(n).get_weights()[0].copy() for n in FACTORS}

    def on_train_begin(self, logs=None):
        self.before = self.kernels()

    def on_train_end(self, logs=None):
        after = self.kernels()
        self.phases.append({n: float(np.abs(after[n] - self.before[n]).max()) for n in FACTORS})


def newcomer(step):
    """Length of a first step, in rates, with the shared counter at `step` (lesson 05)."""
    correction = math.sqrt(1 - 0.999**step) / (1 - 0.9**step)
    return correction * (1 - 0.9) / math.sqrt(1 - 0.999)


def test_each_group_moves_at_its_true_rate_in_every_phase_of_unfreezing():
    model = pulled()
    base = keras.Model(model.input, model.get_layer("block_10").output)
    noted = Sizes()
    fit_in_phases(
        model, base, [Phase(1, 0.002), Phase(1, 0.001, "block_10"), Phase(1, 0.0005, "block_1")],
        X, FAR, optimizer=layerwise_optimizer(model, groups=FACTORS), loss=LOSS, metrics=(),
        callbacks=[noted], verbose=0, batch_size=4,
    )  # fmt: skip
    assert noted.phases[0] == pytest.approx({"block_1": 0, "block_10": 0, "head": 0.002}, rel=0.01)
    second = {"block_1": 0, "block_10": 0.0005 * newcomer(2), "head": 0.001}
    assert noted.phases[1] == pytest.approx(second, rel=0.01)
    assert noted.phases[2]["block_1"] == pytest.approx(0.00005 * newcomer(3), rel=0.01)
    assert noted.phases[2]["head"] == pytest.approx(0.0005, rel=0.01)


def test_building_again_for_a_part_of_the_variables_changes_nothing():
    """As the wrapper for mixed precision does in each phase."""
    model = compiled(pulled())
    model.optimizer.build(model.trainable_variables)
    model.optimizer.build([model.get_layer("head").kernel])
    moved = sizes(model, lambda: one_step(model))
    assert moved == pytest.approx({name: RATE * f for name, f in FACTORS.items()}, rel=0.01)


class Stop(keras.callbacks.Callback):
    fits = 0

    def on_train_begin(self, logs=None):
        self.fits += 1
        if self.fits == 2:
            raise KeyboardInterrupt


def test_phases_are_taken_up_again_after_an_interruption(tmp_path):
    def run(**options):
        keras.utils.set_random_seed(0)
        base = tiny_base()
        model = attach_head(base, classes=3)
        fit_in_phases(
            model, base, [Phase(1, 0.01), Phase(2, 0.01, "block_2_conv")], *tiny_task(),
            optimizer=layerwise_optimizer(model, base=base, decay=0.5), shuffle=False,
            loss="sparse_categorical_crossentropy", verbose=0, **options,
        )  # fmt: skip
        return model

    whole = run()
    with pytest.raises(KeyboardInterrupt):
        run(resume_dir=tmp_path, callbacks=[Stop()])
    for one, two in zip(whole.get_weights(), run(resume_dir=tmp_path).get_weights(), strict=True):
        np.testing.assert_allclose(one, two, atol=1e-6)


def trained(make_optimizer):
    keras.utils.set_random_seed(0)
    model = attach_head(tiny_base(), classes=3)
    model.compile(make_optimizer(model), "sparse_categorical_crossentropy")
    model.fit(*tiny_task(), batch_size=8, epochs=2, shuffle=False, verbose=0)
    return model.get_weights()


ADAM = {"amsgrad": True, "clipnorm": 0.5}
ADAMW = {"weight_decay": 0.3, "beta_2": 0.9}


@pytest.mark.parametrize("options", [{}, ADAM, ADAMW], ids=["plain", "options", "weight decay"])
@pytest.mark.parametrize("factor", [1, 0.5])
def test_one_factor_for_all_equals_adam_at_that_part_of_the_rate(options, factor):
    ours = trained(lambda m: layerwise_optimizer(m, 0.01, groups={".*": factor}, **options))
    plain = trained(lambda m: keras.optimizers.Adam(0.01 * factor, **options))
    for one, two in zip(ours, plain, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-5, atol=1e-7)


def test_weight_decay_follows_the_rate_of_the_layer_and_leaves_out_what_it_is_told():
    model = pulled()
    optimizer = layerwise_optimizer(model, RATE, groups=FACTORS, weight_decay=4.0)
    optimizer.exclude_from_weight_decay([model.get_layer("block_10").kernel])
    model.compile(optimizer, LOSS)
    moved = sizes(model, lambda: one_step(model))
    expected = {"block_1": 0.1 * RATE * 2, "block_10": 0.5 * RATE, "head": RATE * 2}
    assert moved == pytest.approx(expected, rel=0.01), (
        "a decay of 4 at the weight 0.25 adds one rate"
    )


def head_on_tiny():
    base = tiny_base()
    return attach_head(base, classes=3), base


def test_decay_falls_layer_by_layer_and_batchnorm_goes_with_the_layer_before_it():
    model, base = head_on_tiny()
    model.compile(layerwise_optimizer(model, 0.01, base=base, decay=0.5))
    freeze(base)
    unfreeze_from(base, "block_2_conv")
    table = rates_report(model)
    assert table.index.tolist() == [
        "block_1_conv", "block_1_bn", "block_2_conv", "block_2_bn", "head_predictions"
    ]  # fmt: skip
    assert table["factor"].tolist() == [0.25, 0.25, 0.5, 0.5, 1]
    assert table["group"].tolist() == [
        "block_1_conv", "block_1_conv", "block_2_conv", "block_2_conv", "head_predictions"
    ]  # fmt: skip
    assert table["rate"].tolist() == pytest.approx([0.0025, 0.0025, 0.005, 0.005, 0.01])
    assert table["trains"].tolist() == [False, False, True, False, True]
    model.optimizer.learning_rate = 0.1
    assert rates_report(model)["rate"].max() == pytest.approx(0.1), "the rate of this moment"


def test_a_decay_of_one_is_one_rate():
    model, base = head_on_tiny()
    optimizer = layerwise_optimizer(model, base=base, decay=1.0)
    assert set(optimizer.factors.values()) == {1}
    assert float(optimizer.learning_rate) == pytest.approx(0.001)


def test_statistics_may_come_first_and_may_have_a_group_of_their_own():
    first = [layers.Normalization(name="scale"), layers.BatchNormalization(name="bn")]
    later = [layers.BatchNormalization(name="own"), layers.Dense(2, name="top")]
    model = keras.Sequential([keras.Input((4,)), *first, layers.Dense(3, name="low"), *later])
    optimizer = layerwise_optimizer(model, groups={"low": 0.1, "own": 0.2, "top": 1})
    assert optimizer.groups == {
        "scale": "low", "bn": "low", "low": "low", "own": "own", "top": "top"
    }  # fmt: skip


def test_a_pattern_fits_whole_names_so_block_1_is_not_block_10():
    base = load_base("MobileNetV2", weights=None, alpha=0.35, input_shape=(32, 32, 3))
    groups = {"block_1_.*": 0.1, r"block_([2-9]|1\d)_.*|Conv.*|bn.*|expanded.*": 0.5}
    optimizer = layerwise_optimizer(base, groups=groups)
    first = [name for name, group in optimizer.groups.items() if group == "block_1_.*"]
    assert first == [layer.name for layer in base.layers if layer.name.startswith("block_1_")
                     and layer.weights]  # fmt: skip


def test_nested_models_are_opened_and_can_be_a_group_by_their_name():
    base = tiny_base("inner")
    model = keras.Sequential([base, layers.GlobalAveragePooling2D(), layers.Dense(3, name="top")])
    model.build((None, 8, 8, 1))
    optimizer = layerwise_optimizer(model, groups={"inner": 0.1, "top": 1})
    assert set(optimizer.groups.values()) == {"inner", "top"}
    model.compile(optimizer)
    assert rates_report(model).loc["inner/block_1_conv", "factor"] == 0.1
    model.compile(layerwise_optimizer(model, base=base, decay=0.1))
    assert rates_report(model)["factor"].tolist() == pytest.approx([0.01, 0.01, 0.1, 0.1, 1])


def test_cells_and_wrapped_layers_belong_to_the_layer_around_them():
    inputs = keras.Input((5, 4))
    x = layers.TimeDistributed(layers.Dense(3), name="each")(inputs)
    x = layers.Bidirectional(layers.LSTM(2), name="both")(x)
    model = keras.Model(inputs, layers.Dense(1, name="top")(x))
    optimizer = layerwise_optimizer(model, groups={"each": 0.1, "both": 0.2, "top": 1})
    found = [optimizer.factor_of(variable) for variable in model.trainable_variables]
    assert found == [0.1] * 2 + [0.2] * 6 + [1.0] * 2


def test_the_outermost_name_counts():
    class Pair(layers.Layer):
        def build(self, shape):
            self.inner = layers.Dense(2, name="head")
            self.inner.build(shape)

        def call(self, x):
            return self.inner(x)

    model = keras.Sequential([keras.Input((3,)), Pair(name="pair"), layers.Dense(1, name="head")])
    optimizer = layerwise_optimizer(model, groups={"pair": 0.1, "head": 1})
    assert [optimizer.factor_of(each) for each in model.weights] == [0.1, 0.1, 1, 1]


class Wrap(layers.Layer):
    """Holds a layer that was made, with its weights, before it."""

    def __init__(self, inner, **options):
        super().__init__(**options)
        self.inner = inner

    def call(self, x):
        return self.inner(x)


def early(name):
    inner = layers.Dense(3, name=name)
    inner.build((None, 3))
    return inner


def wrapped(name):
    return keras.Sequential([keras.Input((3,)), Wrap(early(name), name="wrap"), early("top")])


def twins():
    inner = keras.Sequential([keras.Input((3,)), early("top")], name="inner")
    return keras.Sequential([keras.Input((3,)), inner, early("top")])


GOOD = {"block_1_.*": 0.1, "block_2_.*": 0.5, "head_.*": 1.0}
BAD_GROUPS = {
    "above": (GOOD | {"head_.*": 1.5}, r"Factors out of range: {'head_\.\*': 1\.5}.*up to 1"),
    "zero": (GOOD | {"head_.*": 0}, "Factors out of range: .*frozen instead"),
    "nan": (GOOD | {"head_.*": math.nan}, "Factors out of range"),
    "prefix": (GOOD | {"block_1": 0.1}, "No layer with weights belongs to 'block_1'. .*whole name"),
    "no weights": (GOOD | {".*_relu": 0.1}, r"belongs to '\.\*_relu'"),
    "overlap": (
        GOOD | {".*_conv": 0.1},
        r"'block_1_\.\*', '\.\*_conv' each take 'block_1_conv', 'block_2_conv'\. Each layer",
    ),
    "left over": ({"block_2_.*": 0.5}, "No group takes 'block_1_conv', 'head_predictions'. There"),
    "glob": (GOOD | {"*_conv": 0.1}, r"'\*_conv' is no regular expression \(nothing.*'\.\*_conv'"),
    "none": ({}, "No group takes 'block_1_conv', 'block_2_conv', 'head_predictions'"),
}


@pytest.mark.parametrize("case", BAD_GROUPS)
def test_wrong_groups_are_named(case):
    groups, message = BAD_GROUPS[case]
    with pytest.raises(ValueError, match=message):
        layerwise_optimizer(head_on_tiny()[0], groups=groups)


BASE = tiny_base("other")
BAD_OPTIONS = {
    "nothing": ({}, "Give either groups={pattern: factor}, or base and decay together"),
    "both": ({"groups": GOOD, "decay": 0.5}, "Give either"),
    "all": ({"groups": GOOD, "base": BASE, "decay": 0.5}, "Give either"),
    "half": ({"base": BASE}, "Give either"),
    "other half": ({"decay": 0.5}, "Give either"),
    "foreign": (
        {"base": BASE, "decay": 0.5},
        "base='other' is no part of .*its layers 'block_1_conv', 'block_2_conv'. Pass the base",
    ),
    "empty": (
        {"base": keras.Sequential([keras.Input((2,))], name="void"), "decay": 0.5},
        r"base='void' is no part of .*\(it has none that can learn\)",
    ),
    "decay 0": ({"base": BASE, "decay": 0.0}, "decay=0.0: give a number above 0, up to 1"),
    "decay 2": ({"base": BASE, "decay": 2.0}, "decay=2.0"),
}


@pytest.mark.parametrize("case", BAD_OPTIONS)
def test_wrong_options_are_named(case):
    options, message = BAD_OPTIONS[case]
    with pytest.raises(ValueError, match=message):
        layerwise_optimizer(head_on_tiny()[0], **options)


@pytest.mark.parametrize("inner", ["inner", "top"])
def test_a_layer_whose_weights_do_not_tell_its_name_is_named(inner):
    message = f"A weight of the layer 'wrap' is called '{inner}/kernel', which does not tell"
    with pytest.raises(ValueError, match=message):
        layerwise_optimizer(wrapped(inner), groups={"wrap": 0.1, "top": 1})


def test_two_layers_of_one_name_are_named():
    with pytest.raises(ValueError, match="are called 'top'; one is 'top'.*another name"):
        layerwise_optimizer(twins(), groups={".*": 1.0})


def test_another_model_is_refused_before_anything_moves():
    optimizer = layerwise_optimizer(pulled(), groups=FACTORS)
    model, _ = head_on_tiny()
    model.compile(optimizer, "sparse_categorical_crossentropy")
    before = values(model)
    message = (
        "No group for the weight 'block_1_conv/kernel': .*made for the layers block_1, block_10"
    )
    with pytest.raises(ValueError, match=message):
        model.fit(*tiny_task(), verbose=0)
    assert not changed(model, before)


def test_the_report_needs_a_layerwise_optimizer():
    model, _ = head_on_tiny()
    with pytest.raises(ValueError, match="has the optimizer None, which knows one rate only"):
        rates_report(model)
    model.compile("adam")
    with pytest.raises(ValueError, match="one rate only. Compile it with"):
        rates_report(model)


def test_a_file_with_this_optimizer_passes_the_safe_loader(tmp_path):
    model, base = head_on_tiny()
    model.compile(layerwise_optimizer(model, base=base, decay=0.5), LOSS)
    model.save(tmp_path / "model.keras")
    again = load_saved(tmp_path / "model.keras")
    assert not again.compiled
    for one, two in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)


def test_why_this_is_not_keras_multi_optimizer(tmp_path):
    """The day one of these fails, Keras may have made our own optimizer needless."""
    adam = keras.optimizers.Adam

    def multi(model):
        slow = keras.optimizers.OptimizerMap(adam(RATE), {f"{model.name}/block_1/.*": adam(1e-6)})
        model.compile(keras.optimizers.MultiOptimizer(slow), LOSS)
        return model

    model = multi(pulled(sequential=True))
    assert sizes(model, lambda: one_step(model))["block_1"] < 2e-6
    with pytest.raises(AttributeError):
        model.optimizer.learning_rate = 0.1  # as a phase sets it
    model.save(tmp_path / "model.keras")
    with pytest.raises(ValueError, match="could not be loaded"):  # the paths are others now
        keras.models.load_model(tmp_path / "model.keras")

    part = multi(pulled(sequential=True))
    part.optimizer.build(part.trainable_variables)
    part.get_layer("block_1").trainable = False
    part.compile(part.optimizer, LOSS)
    with pytest.raises(ValueError, match="Gradients must match trainable variables one-to-one"):
        one_step(part)
