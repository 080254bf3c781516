"""What the architectures behind lesson 07's figures promise: they begin where the base was."""

import architectures
import keras
import numpy as np
import pytest

from helpers.bases import load_base
from helpers.data import load_digits_task


@pytest.fixture(scope="module")
def task():
    return load_digits_task(2)


@pytest.fixture
def base():
    return load_base("glyphnet")


def test_attention_changes_nothing_before_it_learns(base, task):
    gated = architectures.with_attention(base, "block_5_relu", ratio=8)
    images = task.train.images
    np.testing.assert_array_equal(gated(images), base(images))
    gated.get_layer("se_excite").bias.assign(np.linspace(-3, 3, 96))
    assert not np.allclose(gated(images), base(images))


def test_adapters_change_nothing_before_they_learn(base, task):
    before = base(task.train.images)
    adapted = architectures.with_adapters(base, ["block_6_conv"], 2)
    np.testing.assert_array_equal(adapted(task.train.images), before)
    assert adapted.get_layer("block_6_conv").lora_rank == 2


def test_an_activation_is_swapped_and_everything_else_shared(base):
    smooth = architectures.with_activation(base, ["block_6_relu"], "gelu")
    fresh = [
        new.name for new, old in zip(smooth.layers, base.layers, strict=True) if new is not old
    ]
    assert fresh == ["pixels_0_255", "block_6_relu"]
    assert smooth.get_layer("block_6_relu").activation is keras.activations.gelu


def test_a_kernel_that_is_separable_is_found_again():
    rng = np.random.default_rng(0)
    patterns, mixture = rng.normal(size=(3, 3, 4, 1)), rng.normal(size=(1, 1, 4, 5))
    depthwise, pointwise = architectures.separated(patterns * mixture)
    assert depthwise.shape == patterns.shape and pointwise.shape == mixture.shape
    np.testing.assert_allclose(depthwise * pointwise, patterns * mixture, atol=1e-12)


def test_the_separable_layer_is_nearer_to_the_old_one_than_none(base, task):
    lighter = architectures.with_separable(base, "block_6_conv")
    images = task.train.images
    old = base.get_layer("block_6_conv")(base.get_layer("block_5_relu").output)
    new = lighter.get_layer("block_6_conv")(lighter.get_layer("block_5_relu").output)
    old, new = (keras.Model(base.input, maps)(images) for maps in (old, new))
    assert np.sum((new - old) ** 2) < 0.5 * np.sum(np.square(old))


@pytest.mark.parametrize("carry", [True, False])
def test_a_grey_picture_in_colour_gives_the_old_features_if_carried_over(base, task, carry):
    colour = architectures.in_colour(base, "block_1_conv", carry=carry)
    images = task.train.images
    seen = colour(np.repeat(images, 3, axis=-1))
    assert np.allclose(seen, base(images), atol=1e-4) is carry
    assert colour.input.name == "pixels_0_255"


@pytest.mark.parametrize("pictures", architectures.PAINTS)
def test_paint_keeps_the_labels_and_the_range_of_pixels(task, pictures):
    painted = architectures.coloured(task, pictures, seed=0)
    for part in (painted.train, painted.validation, painted.test):
        assert part.images.shape[1:] == (28, 28, 3)
        assert part.images.min() >= 0 and part.images.max() <= 255
    np.testing.assert_array_equal(painted.test.labels, task.test.labels)
    assert not np.array_equal(painted.validation.images[0], painted.test.images[0])


@pytest.mark.parametrize("pictures,shown", [("bright ink", [0, 1, 2]), ("red ink", [0])])
def test_paint_puts_the_digit_into_the_channels_that_show_it(task, pictures, shown):
    images = architectures.coloured(task, pictures, seed=0).train.images
    grey = task.train.images / task.train.images.max(axis=(1, 2), keepdims=True)
    scaled = images / images.max(axis=(1, 2), keepdims=True)
    for channel in range(3):
        same = np.allclose(scaled[..., [channel]], grey, atol=1e-4)
        assert same is (channel in shown)


def test_brightness_weighs_the_colours():
    pure = np.eye(3, dtype="float32").reshape(1, 1, 3, 3) * 100
    np.testing.assert_allclose(architectures.as_grey(pure).ravel(), [29.9, 58.7, 11.4], rtol=1e-5)
