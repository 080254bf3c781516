import random

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from helpers.surgery import attach_head
from helpers.training import find_learning_rate, layerwise_optimizer
from tests.tiny import tiny_base, tiny_task

ONES, ZEROS = np.ones((8, 1), "float32"), np.zeros((8, 1), "float32")
CLASSES = "sparse_categorical_crossentropy"


def lever(optimizer="sgd", *, weights=1, **settings):
    """A product of single weights, each 1 at first, pulled to 0 by a squared error."""
    dense = [layers.Dense(1, use_bias=False, kernel_initializer="ones") for _ in range(weights)]
    model = keras.Sequential([keras.Input((1,)), *dense])
    model.compile(optimizer, "mse", **settings)
    return model


def search(model, x=ONES, y=ZEROS, **options):
    return find_learning_rate(model, x, y, **{"steps": 30, "batch_size": 4} | options)


def descent(rates):
    """Losses of gradient descent on w**2 from w = 1."""
    weight, losses = 1.0, []
    for rate in rates:
        losses.append(weight**2)
        weight -= rate * 2 * weight
    return losses


def test_the_rate_rises_evenly_and_the_loss_is_that_of_training():
    found = search(lever(), lowest=1e-4, highest=0.1)
    np.testing.assert_allclose(found.rates, np.geomspace(1e-4, 0.1, 30))
    np.testing.assert_allclose(found.losses, descent(found.rates), rtol=1e-4)


def test_the_smoothed_loss_is_a_running_average_without_a_bias_at_the_start():
    found = search(lever(), lowest=1e-4, highest=0.1)
    for n in (1, 2, 17, 30):
        weights = 0.9 ** np.arange(n)[::-1]
        assert found.smoothed[n - 1] == pytest.approx(np.average(found.losses[:n], weights=weights))


def test_the_suggestion_is_a_tenth_of_the_rate_with_the_lowest_smoothed_loss():
    found = search(lever(), lowest=1e-4, highest=10.0, steps=60)
    lowest = np.argmin(found.smoothed)
    assert 0 < lowest < len(found.rates) - 1
    assert found.suggestion == pytest.approx(found.rates[lowest] / 10)


def test_it_ends_when_the_loss_has_grown_fourfold():
    found = search(lever(), lowest=1e-3, highest=1e4, steps=80)
    assert len(found.rates) == len(found.losses) == len(found.smoothed) < 80
    *before, last = found.smoothed / np.minimum.accumulate(found.smoothed)
    assert max(before) < 4 <= last


def test_it_ends_when_the_loss_is_no_number():
    found = search(lever(), lowest=0.01, highest=1e30, steps=20)
    assert not np.isfinite(found.losses[-1]) or found.smoothed[-1] > 4 * np.nanmin(found.smoothed)
    assert np.isfinite(found.losses[:-1]).all()
    assert np.isfinite(found.suggestion)

    def gives_nan(y, p):
        return tf.where(p < 0.5, np.nan, (p - y) ** 2)

    model = lever()
    model.compile("sgd", gives_nan)
    found = search(model, lowest=0.01, highest=1.0)
    assert np.isnan(found.losses[-1]) and np.isfinite(found.losses[:-1]).all()
    assert len(found.losses) < 30
    assert np.isfinite(found.suggestion)


def test_every_example_comes_once_before_any_comes_again():
    marks = np.roll(np.arange(1.0, 11.0, dtype="float32"), 5).reshape(10, 1)  # a high loss first
    options = {"lowest": 1e-12, "highest": 1e-11, "steps": 20, "batch_size": 1}
    losses = search(lever(), np.ones((10, 1)), 1 + marks, **options).losses
    first, second = losses[:10].round(2).tolist(), losses[10:].round(2).tolist()
    assert sorted(first) == sorted(second) == [float(n**2) for n in range(1, 11)]
    assert first != second
    assert first != sorted(first)
    pairs = search(lever(), np.ones((10, 1)), 1 + marks, **options | {"batch_size": 2}).losses
    assert pairs[:5].sum() == pytest.approx(np.mean(np.square(marks)) * 5, rel=1e-3)


def test_a_fresh_optimizer_of_the_same_kind_and_settings_is_used():
    model = lever(keras.optimizers.SGD(0.5, momentum=0.5))
    weight, velocity = 1.0, 0.0
    found = search(model, lowest=1e-3, highest=1e-1)
    for rate, loss in zip(found.rates, found.losses, strict=True):
        assert loss == pytest.approx(weight**2, rel=1e-3)
        velocity = 0.5 * velocity - rate * 2 * weight
        weight += velocity


def test_a_layerwise_optimizer_keeps_its_factors():
    def model(factor):
        keras.utils.set_random_seed(0)
        whole = attach_head(tiny_base(), classes=3)
        optimizer = layerwise_optimizer(whole, groups={".*": factor})
        whole.compile(optimizer, CLASSES)
        return whole

    full = search(model(1), *tiny_task(), lowest=1e-5, highest=1e-3)
    half = search(model(0.5), *tiny_task(), lowest=2e-5, highest=2e-3)
    np.testing.assert_allclose(full.losses, half.losses, rtol=1e-3)


def test_a_compiled_schedule_gives_way_to_the_rising_rate():
    decay = keras.optimizers.schedules.CosineDecay(1.0, 5)
    found = search(lever(keras.optimizers.SGD(decay)), lowest=1e-4, highest=0.1)
    np.testing.assert_allclose(found.losses, descent(found.rates), rtol=1e-4)


@pytest.mark.parametrize("nested", [False, True])
def test_frozen_layers_stay_frozen(nested):
    inner = lever(weights=2)
    inner.layers[0].trainable = False
    model = keras.Sequential([keras.Input((1,)), inner]) if nested else inner
    model.compile("sgd", "mse")
    found = search(model, lowest=1e-4, highest=0.1)
    np.testing.assert_allclose(found.losses, descent(found.rates), rtol=1e-4)


def test_several_inputs_and_weighted_losses():
    a, b = keras.Input((1,), name="a"), keras.Input((1,), name="b")
    ones = {"use_bias": False, "kernel_initializer": "ones"}
    outputs = {"p": layers.Dense(1, name="p", **ones)(a), "q": layers.Dense(1, name="q", **ones)(b)}
    model = keras.Model({"a": a, "b": b}, outputs)
    model.compile("sgd", {"p": "mse", "q": "mse"}, loss_weights={"p": 3.0, "q": 0.5})
    x, y = {"a": ONES, "b": 2 * ONES}, {"p": ZEROS, "q": ZEROS}
    assert search(model, x, y).losses[0] == pytest.approx(3 * 1 + 0.5 * 4)


def test_an_optimizer_wrapped_for_mixed_precision_is_used_as_it_is():
    scaled = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(), initial_scale=8.0)
    found = search(lever(scaled), lowest=1e-4, highest=0.1)
    np.testing.assert_allclose(found.losses, descent(found.rates), rtol=1e-4)


def trained():
    """With Dropout, BatchNormalization, frozen layers and an optimizer that has gone some steps."""
    keras.utils.set_random_seed(0)
    base = tiny_base()
    base.get_layer("block_1_conv").trainable = False
    model = attach_head(base, classes=3, dropout=0.5)
    model.compile(keras.optimizers.Adam(0.003), CLASSES, metrics=["accuracy"])
    model.fit(*tiny_task(), epochs=2, verbose=0)
    return model


KEPT = {
    "weights": lambda m: [v.numpy().tolist() for v in m.variables],
    "optimizer": lambda m: [v.numpy().tolist() for v in m.optimizer.variables],
    "optimizer object": lambda m: id(m.optimizer),
    "rate": lambda m: float(m.optimizer.learning_rate),
    "iterations": lambda m: int(m.optimizer.iterations),
    "trainable": lambda m: [(each.path, each.trainable) for each in m._flatten_layers()],
    "compile": lambda m: (m.get_compile_config(), id(m.loss), m.jit_compile, m.run_eagerly),
    "functions": lambda m: [id(m.train_function), id(m.test_function), id(m.predict_function)],
    "metrics": lambda m: [(each.name, float(each.result())) for each in m.metrics[:1]],
    "policy": lambda m: keras.config.dtype_policy().name,
    "python": lambda m: random.getstate(),
    "numpy": lambda m: str(np.random.get_state()),  # noqa: NPY002
}


@pytest.fixture(scope="module")
def searched():
    """What was there before and after a search, and two searches in a row."""
    model = trained()
    before = {what: look(model) for what, look in KEPT.items()}
    found = [search(model, *tiny_task(), lowest=1e-3) for _ in range(2)]
    return before, {what: look(model) for what, look in KEPT.items()}, found


@pytest.mark.parametrize("what", KEPT)
def test_it_leaves_the_model_and_the_random_numbers_untouched(searched, what):
    before, after, _ = searched
    assert after[what] == before[what]


def test_it_finds_the_same_each_time(searched):
    one, two = searched[2]
    np.testing.assert_array_equal(one.losses, two.losses)
    assert np.ptp(one.losses) > 0.1, "it did train"


@pytest.mark.parametrize("draw", [tf.random.uniform, keras.random.uniform], ids=["tf", "keras"])
def test_what_is_drawn_afterwards_is_what_would_have_been_drawn(draw):
    def drawn(act):
        model = trained()
        keras.utils.set_random_seed(1)
        act(model)
        return draw((3,)).numpy().tolist()

    assert drawn(lambda model: search(model, *tiny_task())) == drawn(lambda model: None)


def test_training_goes_on_as_if_there_had_been_no_search():
    def go_on(act):
        model = trained()
        act(model)
        model.fit(*tiny_task(), epochs=2, batch_size=8, verbose=0)
        return model.get_weights()

    searched, plain = go_on(lambda m: search(m, *tiny_task())), go_on(lambda m: None)
    for one, two in zip(searched, plain, strict=True):
        np.testing.assert_allclose(one, two, atol=1e-6)


def test_random_numbers_are_put_back_after_an_error_too():
    model = trained()
    state = random.getstate()
    with pytest.raises(ValueError):
        search(model, np.ones((4, 2, 2, 1)), np.zeros(4))
    assert random.getstate() == state


@pytest.mark.parametrize(
    "options,message",
    [
        ({"lowest": 0.0}, "lowest=0.0, highest=1.0: give 0 < lowest < highest"),
        ({"lowest": 1.0}, "lowest=1.0, highest=1.0"),
        ({"steps": 19}, "steps=19: a curve needs 20 or more"),
    ],
)
def test_numbers_out_of_range_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        search(lever(), **options)


def test_the_defaults_span_six_decades_in_a_hundred_steps():
    found = find_learning_rate(lever(), ONES, ZEROS)
    assert (found.rates[0], found.rates[-1], len(found.rates)) == (1e-6, 1.0, 100)


def test_a_model_that_is_not_compiled_is_an_error():
    model = attach_head(tiny_base("mine"), classes=3)
    with pytest.raises(ValueError, match="'mine_head' is not compiled: .*model.compile"):
        search(model, *tiny_task())


def test_a_loss_that_never_falls_is_an_error():
    model = lever()
    model.compile(keras.optimizers.SGD(), lambda y, p: -((p - y) ** 2))
    with pytest.raises(ValueError, match="never fell between the rates 1e-06 and .*Does anything"):
        search(lever(), ONES, ONES)


def test_scaled_pixels_are_refused():
    base = keras.Sequential([keras.Input((8, 8, 1), name="pixels_0_255"), layers.Flatten()])
    model = attach_head(base, classes=3)
    model.compile("adam", CLASSES)
    x, y = tiny_task()
    with pytest.raises(ValueError, match="takes raw pixels, 0 to 255"):
        search(model, x / 255, y)
