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
