"""Grad-CAM finds the bright corner, in flat and nested models, and says what it cannot do."""

import keras
import numpy as np
import pytest
from keras import layers

from helpers.grad_cam import grad_cam

CORNERS = [(0, 0), (0, 1), (1, 0), (1, 1)]


def corner_base():
    """A base whose four channels each see one quarter of the picture, by a fixed mask."""
    inputs = keras.Input((8, 8, 1))
    x = layers.AveragePooling2D(4, name="quarters")(inputs)
    x = layers.Conv2D(4, 1, use_bias=False, name="spread")(x)
    base = keras.Model(inputs, layers.ReLU(name="maps")(x), name="base")
    base.get_layer("spread").set_weights([np.ones((1, 1, 1, 4))])
    return base


def classifier(base, *, nested, units=4):
    """Class k looks at corner k only."""
    inputs = keras.Input((8, 8, 1))
    maps = base(inputs) if nested else base.output
    start = inputs if nested else base.input
    x = layers.Flatten(name="every_place")(maps)
    activation = "softmax" if units > 1 else "sigmoid"
    model = keras.Model(start, layers.Dense(units, activation=activation, name="scores")(x))
    kernel = np.full((2, 2, 4, units), -0.1)
    for k, (row, column) in enumerate(CORNERS[:units]):
        kernel[row, column, :, k] = 1.0
    model.get_layer("scores").set_weights([kernel.reshape(16, units), np.zeros(units)])
    return model


def bright(corner):
    image = np.zeros((8, 8, 1), "float32")
    row, column = CORNERS[corner]
    image[4 * row : 4 * row + 4, 4 * column : 4 * column + 4] = 1
    return image


@pytest.mark.parametrize("nested,path", [(False, "maps"), (True, "base/maps"), (True, None)])
def test_the_map_lights_up_where_the_reason_is(nested, path):
    model = classifier(corner_base(), nested=nested)
    images = np.stack([bright(k) for k in range(4)])
    maps = grad_cam(model, images, layer=path)
    assert maps.shape == (4, 2, 2)
    assert maps.dtype == "float32"
    for k, corner in enumerate(CORNERS):
        assert maps[k][corner] == 1
        assert maps[k].sum() == pytest.approx(1)


def test_flat_and_nested_agree():
    base = keras.applications.MobileNetV2(
        input_shape=(32, 32, 3), alpha=0.35, include_top=False, weights=None
    )
    head = [layers.GlobalAveragePooling2D(), layers.Dense(3, activation="softmax")]
    inputs = keras.Input((32, 32, 3))
    nested = keras.Model(inputs, head[1](head[0](base(inputs))))
    flat = keras.Model(base.input, head[1](head[0](base.output)))
    images = np.random.default_rng(0).uniform(-1, 1, (2, 32, 32, 3)).astype("float32")
    name = f"{base.name}/block_13_expand_relu"
    inside = grad_cam(nested, images, layer=name)
    np.testing.assert_allclose(
        inside, grad_cam(flat, images, layer="block_13_expand_relu"), atol=1e-4
    )
    assert inside.max() > 0


def test_the_class_can_be_chosen():
    model = classifier(corner_base(), nested=False)
    everywhere = np.ones((2, 8, 8, 1), "float32")
    chosen = grad_cam(model, everywhere, classes=[1, 2])
    assert chosen.max() <= 1
    with pytest.raises(ValueError, match="classes holds 1 numbers for 2 pictures"):
        grad_cam(model, everywhere, classes=[1])
    with pytest.raises(ValueError, match=r"classes=\[1, 4\]: this model knows 0 to 3"):
        grad_cam(model, everywhere, classes=[1, 4])
    with pytest.raises(ValueError, match=r"classes=\[-1, 0\]"):
        grad_cam(model, everywhere, classes=[-1, 0])


def test_a_sigmoid_explains_either_class():
    model = classifier(corner_base(), nested=False, units=1)
    image = bright(0)[None]
    assert grad_cam(model, image, classes=[1])[0][0, 0] == 1
    assert grad_cam(model, image, classes=[0]).max() == 0, "nothing speaks against a bright corner"


def test_what_has_no_maps_says_so():
    vectors = keras.Sequential([keras.Input((4,)), layers.Dense(2, activation="softmax")])
    with pytest.raises(ValueError, match="no layer that gives feature maps"):
        grad_cam(vectors, np.zeros((1, 4)))


@pytest.mark.parametrize(
    "path", ["block_9", "base/block_9", "scores", "scores/x", "every_place", "base"]
)
def test_a_layer_without_maps_is_named_with_those_that_have_some(path):
    model = classifier(corner_base(), nested=True)
    words = f"No layer '{path}' in .* gives feature maps .*: base/quarters, .*, base/maps"
    with pytest.raises(ValueError, match=words):
        grad_cam(model, np.zeros((1, 8, 8, 1)), layer=path)
