"""A loaded base computes with other bits only when it is built anew."""

import keras
import numpy as np
import pytest

from helpers.bases import load_base
from helpers.precision import with_policy


@pytest.mark.parametrize(
    "policy,bits", [("mixed_bfloat16", "bfloat16"), ("mixed_float16", "float16")]
)
def test_the_copy_computes_in_half_and_keeps_its_weights(policy, bits):
    base = load_base("glyphnet")
    base.get_layer("block_1_conv").trainable = False
    copy = with_policy(base, policy)
    assert {layer.compute_dtype for layer in copy.layers if layer.weights} == {bits}
    assert {weight.dtype for weight in copy.weights} == {"float32"}
    assert [layer.trainable for layer in copy.layers] == [layer.trainable for layer in base.layers]
    pixels = np.random.default_rng(0).uniform(0, 255, (2, 28, 28, 1)).astype("float32")
    expected = base.predict(pixels, verbose=0)
    found = copy.predict(pixels, verbose=0)
    assert found.dtype == bits
    assert 0 < np.abs(found.astype("float32") - expected).max() < 0.1 * expected.max()


def test_the_copy_shares_nothing():
    base = load_base("glyphnet")
    before = base.get_weights()
    copy = with_policy(base, "float32")
    copy.set_weights([np.zeros_like(weight) for weight in before])
    assert all(map(np.array_equal, base.get_weights(), before))


def test_a_nested_model_is_refused():
    inner = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)], name="inner")
    with pytest.raises(ValueError, match="'inner' is a model inside"):
        with_policy(keras.Sequential([inner, keras.layers.Dense(1)]), "mixed_bfloat16")


def test_state_that_is_no_weight_is_copied():
    normal = keras.layers.Normalization()
    normal.adapt(np.random.default_rng(0).normal(5, 3, (500, 4)).astype("float32"))
    model = keras.Sequential([keras.Input((4,)), normal, keras.layers.Dense(2)])
    x = np.full((2, 4), 7, "float32")
    found = with_policy(model, "mixed_bfloat16").predict(x, verbose=0).astype("float32")
    assert np.allclose(found, model.predict(x, verbose=0), atol=0.05)
    assert np.array_equal(
        with_policy(model, "float32").predict(x, verbose=0), model.predict(x, verbose=0)
    )


@pytest.mark.parametrize("outermost,scaled", [("mixed_float16", True), ("float32", False)])
def test_keras_scales_the_loss_where_the_outermost_model_says_so(outermost, scaled):
    base = with_policy(load_base("glyphnet"), "mixed_float16")
    keras.config.set_dtype_policy(outermost)
    try:
        model = keras.Sequential([base, keras.layers.Flatten(), keras.layers.Dense(2)])
    finally:
        keras.config.set_dtype_policy("float32")
    model.compile("sgd", "mse")
    assert isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer) is scaled
