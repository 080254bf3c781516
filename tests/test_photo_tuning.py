"""Fine-tuning on cached activations trains the upper part, and only that."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from helpers import photo_tuning
from helpers.data import repeatable
from helpers.features import split_at
from helpers.freezing import freeze
from helpers.photo_head import Head
from helpers.photo_model import build_classifier
from helpers.photo_tuning import fine_tune, fine_tune_ensemble, fit_on_activations
from tests.photo_samples import picture, tiny_photo_base
from tests.tiny import changed, values

LABELS = np.arange(24) % 3
BATCH_NORM = ["gamma", "beta", "moving_mean", "moving_variance"]
TINTS = [(255, 0, 0), (0, 255, 0), (0, 0, 255)]


def task():
    """A classifier that knows nothing yet, and activations below its second block."""
    head = Head(np.zeros((12, 3), "float32"), np.zeros(3, "float32"))
    model = build_classifier(tiny_photo_base(), head)
    photos = [picture(n, tint=TINTS[label], size=(32, 32)) for n, label in enumerate(LABELS)]
    pixels = np.stack([np.asarray(photo) for photo in photos])
    lower, _ = split_at(model, "block_2_conv")
    variants = [lower.predict(x, verbose=0) for x in (pixels, pixels[:, :, ::-1])]
    return model, pixels, np.stack(variants).astype("float16")


def test_it_learns_and_moves_all_upper_weights_but_nothing_below():
    model, pixels, activations = task()
    before = values(model)
    upper = fine_tune(model, "block_2_conv", activations, LABELS, epochs=20, rate=0.01)
    assert changed(model, before) == {
        "block_2_conv/kernel",
        *(f"block_2_bn/{name}" for name in BATCH_NORM),
        "probabilities/kernel",
        "probabilities/bias",
    }
    found = upper.predict(activations[0], verbose=0)
    np.testing.assert_allclose(found, model.predict(pixels, verbose=0), atol=0.01)
    assert np.mean(found.argmax(axis=1) == LABELS) > 0.8


def test_batchnorm_trains_with_averages_that_keep_pace():
    model, pixels, activations = task()
    fine_tune(model, "block_2_conv", activations, LABELS, epochs=40)
    norm = model.get_layer("block_2_bn")
    arrives = keras.Model(model.input, norm.input).predict(pixels, verbose=0)
    # 40 steps at a momentum of 0.99 would leave two thirds of what the averages began with
    np.testing.assert_allclose(norm.moving_mean, arrives.mean(axis=(0, 1, 2)), atol=0.1)
    assert np.abs(arrives.mean(axis=(0, 1, 2))).max() > 0.2, "averages that began at 0 tell nothing"


def test_a_frozen_classifier_can_be_tuned_and_smoothed_labels_keep_it_unsure():
    model, _, activations = task()
    freeze(model)
    upper = fine_tune(model, "block_2_conv", activations, LABELS, epochs=60, rate=0.03)
    found = upper.predict(activations[0], verbose=0)
    assert np.mean(found.argmax(axis=1) == LABELS) == 1
    assert 0.85 < np.median(found.max(axis=1)) < 0.985


def recorded(monkeypatch, labels=LABELS, **options):
    """What each call of `fit` was given, and the optimizer."""
    model, _, activations = task()
    calls, rates = [], []
    plain = keras.Model.fit

    def fit(self, x, y, **given):
        calls.append((len(x), given["class_weight"]))
        plain(self, x, y, **given)
        rates.append(float(self.optimizer.learning_rate))

    monkeypatch.setattr(keras.Model, "fit", fit)
    upper = fine_tune(model, "block_2_conv", activations, labels, **options)
    return calls, rates, upper.optimizer


def test_the_rate_warms_up_for_one_epoch_and_falls_to_a_hundredth(monkeypatch):
    calls, rates, optimizer = recorded(monkeypatch, epochs=4, rate=0.02)
    assert calls == [(48, None)] * 4, "every epoch sees all photos, mirror images too"
    assert int(optimizer.iterations) == 4 * 1
    assert rates[0] == pytest.approx(0.02)
    assert rates[0] > rates[1] > rates[2] > rates[3] >= 0
    assert rates[3] < 0.01 * 0.02
    assert float(optimizer.weight_decay) == pytest.approx(0.05)
    assert float(optimizer.global_clipnorm) == 1


@pytest.mark.parametrize("mixed_by_us", [True, False])
def test_each_epoch_has_its_own_order_which_keras_does_not_give(mixed_by_us):
    """The second half notices when Keras begins to."""
    orders = []

    class Notes(keras.layers.Layer):
        def call(self, x):
            tf.py_function(lambda values: orders.append(values.numpy()[:, 0].tolist()), [x], [])
            return x

    repeatable(0)
    inputs = keras.Input((1,))
    upper = keras.Sequential([inputs, Notes(), keras.layers.Dense(3, activation="softmax")])
    numbered = np.arange(24, dtype="float32")[None, :, None]
    if mixed_by_us:
        fit_on_activations(upper, numbered, LABELS, epochs=3)
    else:
        upper.compile("sgd", "sparse_categorical_crossentropy")
        upper.fit(numbered[0], LABELS, epochs=3, verbose=0)
    assert len(orders) == 3
    assert [sorted(order) for order in orders] == [[*range(24)]] * 3
    assert len({tuple(order) for order in orders}) == (3 if mixed_by_us else 1)


def test_photos_of_rare_classes_weigh_more_where_the_imbalance_is_strong(monkeypatch):
    uneven = np.array([0] * 16 + [1] * 4 + [2] * 4)
    calls, _, _ = recorded(monkeypatch, uneven, epochs=2)
    assert calls[0][1] == {0: 0.5, 1: 2.0, 2: 2.0}


def test_eight_epochs_at_four_thousandths_unless_told_otherwise(monkeypatch):
    calls, rates, _ = recorded(monkeypatch)
    assert len(calls) == 8
    assert rates[0] == pytest.approx(4e-3)


def test_another_optimizer_gets_the_schedule():
    model = task()[0]
    upper, before = split_at(model, "probabilities")[1], values(model)
    given = []

    def sgd(rate):
        given.append(rate)
        return keras.optimizers.SGD(rate)

    features = np.ones((2, 24, 12), "float16")
    fit_on_activations(upper, features, LABELS, epochs=2, rate=0.5, make_optimizer=sgd)
    assert [type(rate).__name__ for rate in given] == ["CosineDecay"]
    assert isinstance(upper.optimizer, keras.optimizers.SGD)
    assert changed(model, before) == {"probabilities/kernel", "probabilities/bias"}


def test_one_epoch_is_refused():
    model, _, activations = task()
    with pytest.raises(ValueError, match="epochs=1: .* 2 or more"):
        fine_tune(model, "block_2_conv", activations, LABELS, epochs=1)


def test_the_members_of_an_ensemble_differ_and_their_mean_answers(monkeypatch):
    monkeypatch.setattr(photo_tuning, "MEMBER_EPOCHS", 20)
    model, _, activations = task()
    before, several_batches = values(model), np.concatenate([activations, activations])
    voting = fine_tune_ensemble(model, "block_2_conv", several_batches, LABELS)
    assert changed(model, before) == set(), "the members are copies"
    members = [layer for layer in voting.layers if isinstance(layer, keras.Model)]
    answers = [member.predict(activations[0], verbose=0) for member in members]
    assert len(answers) == 3
    assert np.abs(answers[0] - answers[1]).max() > 1e-3
    found = voting.predict(activations[0], verbose=0)
    np.testing.assert_allclose(found, np.mean(answers, axis=0), atol=1e-6)
    assert np.mean(found.argmax(axis=1) == LABELS) > 0.8


def test_the_batchnorm_of_members_trains_with_averages_that_keep_pace():
    model, _, activations = task()
    voting = fine_tune_ensemble(model, "block_2_conv", activations, LABELS)
    norm = voting.get_layer("member_2").get_layer("block_2_bn")
    assert (norm.trainable, norm.momentum) == (True, 0.95)
    assert np.abs(norm.moving_mean).max() > 0
