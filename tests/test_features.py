import keras
import numpy as np
import pytest
from keras import layers

from helpers.bases import load_base
from helpers.features import extract_features, split_at
from helpers.freezing import freeze
from helpers.surgery import attach_head
from tests.tiny import changed, tiny_base, tiny_task, values


def test_features_are_the_base_in_inference_mode_in_order():
    base = tiny_base()  # its Dropout is live: training mode would differ
    x, _ = tiny_task(10)
    features = extract_features(base, x, batch_size=4)
    assert features.dtype == np.float32
    assert features.shape == (10, 8, 8, 6)
    np.testing.assert_allclose(features, base(x, training=False), atol=1e-6)


def test_features_take_any_number_type_and_float32_comes_out():
    base = tiny_base()
    x, _ = tiny_task(6)
    np.testing.assert_allclose(
        extract_features(base, x.astype("uint8")), extract_features(base, x), atol=1e-6
    )


def test_features_of_half_precision_are_float32():
    inputs = keras.Input((4,))
    model = keras.Model(inputs, layers.Dense(3, dtype="mixed_bfloat16")(inputs))
    assert extract_features(model, np.ones((2, 4))).dtype == np.float32


def test_features_refuse_no_images_and_pixels_out_of_range():
    base = load_base("glyphnet")
    with pytest.raises(ValueError, match="inputs is empty"):
        extract_features(base, np.zeros((0, 28, 28, 1)))
    with pytest.raises(ValueError, match="255"):
        extract_features(base, np.full((2, 28, 28, 1), 0.5))


def test_head_trained_on_features_is_the_head_trained_on_images():
    """Cached features are no approximation when the base is still."""
    base = tiny_base()
    freeze(base)
    x, y = tiny_task()
    features = extract_features(base, x)
    keras.utils.set_random_seed(1)
    whole = attach_head(base, classes=3)
    inputs = keras.Input(features.shape[1:])
    head = attach_head(keras.Model(inputs, layers.Identity()(inputs)), classes=3)
    head.set_weights(whole.layers[-1].get_weights())
    for model, data in ((whole, x), (head, features)):
        model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
        model.fit(data, y, epochs=3, shuffle=False, verbose=0)
    np.testing.assert_allclose(whole(x), head(features), rtol=1e-4, atol=1e-5)


def test_the_two_parts_are_the_whole():
    model = attach_head(tiny_base(), classes=3)
    lower, upper = split_at(model, "block_2_conv")
    x, _ = tiny_task()
    np.testing.assert_allclose(upper(lower(x)), model(x), atol=1e-6)
    assert lower.layers[-1].name == "block_1_dropout"
    assert upper.layers[1].name == "block_2_conv"
    assert (lower.name, upper.name) == ("tiny_head_lower", "tiny_head_upper")


def test_training_the_upper_part_trains_the_model_and_leaves_the_lower():
    model = attach_head(tiny_base(), classes=3)
    lower, upper = split_at(model, "block_2_conv")
    x, y = tiny_task()
    before = values(model)
    upper.compile("adam", "sparse_categorical_crossentropy")
    upper.fit(extract_features(lower, x), y, verbose=0)
    moved = changed(model, before)
    assert any("block_2_conv" in path for path in moved)
    assert not any("block_1" in path for path in moved)


def test_mobilenet_splits_between_blocks_but_not_inside_a_residual_one():
    base = load_base("MobileNetV2", weights=None, alpha=0.35, input_shape=(32, 32, 3))
    lower, upper = split_at(base, "block_13_expand")
    x = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)).astype("float32")
    np.testing.assert_allclose(upper(lower(x)), base(x), atol=1e-5)
    with pytest.raises(ValueError, match="before 'block_14_depthwise': another path"):
        split_at(base, "block_14_depthwise")


def reader() -> keras.Model:
    """Embedding, two LSTMs and a classifier; id 0 is padding and masked."""
    ids = keras.Input((5,), dtype="int32")
    x = layers.Embedding(9, 4, mask_zero=True, name="embedding")(ids)
    x = layers.LSTM(3, return_sequences=True, name="lstm_1")(x)
    x = layers.LSTM(3, name="lstm_2")(x)
    return keras.Model(ids, layers.Dense(2, name="final_output")(x), name="reader")


@pytest.mark.parametrize("layer", ["lstm_1", "lstm_2"])
@pytest.mark.parametrize("reloaded", [False, True])
def test_split_refuses_to_lose_a_mask(layer, reloaded, tmp_path):
    model = reader()
    if reloaded:
        model.save(tmp_path / "reader.keras")
        model = keras.models.load_model(tmp_path / "reader.keras")
    with pytest.raises(ValueError, match=f"'reader' before '{layer}': a mask leads .* padding"):
        split_at(model, layer)


def test_split_cuts_where_the_mask_is_used_up():
    model, ids = reader(), np.array([[1, 2, 0, 0, 0], [3, 4, 5, 6, 7]])
    for layer in ("embedding", "final_output"):
        lower, upper = split_at(model, layer)
        features = extract_features(lower, ids)
        np.testing.assert_allclose(upper(features), model(ids), atol=1e-6)


def test_split_explains_an_unknown_layer():
    with pytest.raises(ValueError, match="No layer 'block_9' in 'tiny'"):
        split_at(tiny_base(), "block_9")


@pytest.mark.parametrize("shape", [(8, 8, 1), (2, 8, 8, 3), (2, 8, 4, 1), (2, 64)])
def test_what_is_no_batch_for_this_base_is_refused(shape):
    with pytest.raises(ValueError, match=r"takes \(None, 8, 8, 1\).*inputs\[None\]"):
        extract_features(tiny_base(), np.ones(shape))


def test_a_model_without_a_graph_takes_what_it_likes():
    class Doubles(keras.Model):
        def call(self, x):
            return 2 * x

    assert extract_features(Doubles(), np.ones((3, 2))).tolist() == [[2, 2]] * 3
