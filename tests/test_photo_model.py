"""The file that is saved takes any photo, gives words, and never replaces another."""

import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from helpers.photo_head import Head
from helpers.photo_model import build_classifier, save_new, with_class_names
from helpers.safe_loading import load_saved
from tests.photo_samples import picture, tiny_photo_base

NAMES = ("Äpfel, rot", "b b", "猫")


def classifier():
    rng = np.random.default_rng(0)
    head = Head(rng.normal(size=(12, 3)).astype("float32") * 9, np.zeros(3, "float32"))
    return build_classifier(tiny_photo_base(), head), head


def photos(n=6, size=(32, 32)):
    return np.stack([np.asarray(picture(seed, size=size)) for seed in range(n)])


def test_a_classifier_is_the_frozen_base_the_pool_and_the_head():
    model, head = classifier()
    base = tiny_photo_base()
    pooled = np.mean(base(photos()), axis=(1, 2))
    expected = keras.ops.softmax(pooled @ head.kernel + head.bias)
    np.testing.assert_allclose(model(photos()), expected, atol=1e-5)
    trainable = [variable.path for variable in model.trainable_variables]
    assert trainable == ["probabilities/kernel", "probabilities/bias"]


def test_a_photo_of_any_size_gets_a_name():
    model, _ = classifier()
    whole = with_class_names(model, NAMES)
    probabilities = model.predict(photos(), verbose=0)
    assert len(set(probabilities.argmax(axis=1))) > 1
    found = whole.predict(photos(), verbose=0)
    np.testing.assert_allclose(found["probabilities"], probabilities, atol=1e-5)
    expected = [NAMES[label].encode() for label in probabilities.argmax(axis=1)]
    assert list(found["answer"]) == expected
    large = whole.predict(photos(2, size=(300, 200)), verbose=0)
    assert large["probabilities"].shape == (2, 3)


def test_called_exported_or_asked_to_predict_it_says_the_same(tmp_path):
    whole, pixels = with_class_names(classifier()[0], NAMES), photos(size=(40, 50))
    expected = whole.predict(pixels, verbose=0)["probabilities"]
    whole.export(tmp_path / "server", verbose=False)
    server = tf.saved_model.load(tmp_path / "server")
    for found in (whole(pixels), server.serve(pixels.astype("float32"))):
        np.testing.assert_allclose(found["probabilities"], expected, atol=1e-5)


def test_the_file_needs_nothing_but_keras(tmp_path):
    model, _ = classifier()
    whole = with_class_names(model, NAMES)
    path = save_new(whole, tmp_path / "new" / "photos.keras")
    np.save(tmp_path / "photos.npy", photos(3, size=(60, 40)))
    code = """
import sys, keras, numpy as np
model = keras.saving.load_model(sys.argv[1])
found = model.predict(np.load(sys.argv[2]), verbose=0)
assert "helpers" not in sys.modules
print(*[word.decode() for word in found["answer"]], sep="|")
print(*model.get_layer("answer").get_vocabulary(), sep="|")
"""
    command = [sys.executable, "-X", "utf8", "-c", code, str(path), str(tmp_path / "photos.npy")]
    done = subprocess.run(command, capture_output=True, cwd=tmp_path, check=False)
    words = whole.predict(photos(3, size=(60, 40)), verbose=0)["answer"]
    lines = done.stdout.decode().splitlines()
    assert lines[-2:] == ["|".join(word.decode() for word in words), "|".join(NAMES)], done.stderr


def test_the_course_loads_the_file_too(tmp_path):
    whole = with_class_names(classifier()[0], NAMES)
    loaded = load_saved(save_new(whole, tmp_path / "photos.keras"))
    np.testing.assert_array_equal(
        loaded.predict(photos(), verbose=0)["answer"],
        whole.predict(photos(), verbose=0)["answer"],
    )


def test_names_must_fit_the_classes():
    with pytest.raises(ValueError, match="2 names for 3 classes: one for each"):
        with_class_names(classifier()[0], NAMES[:2])


def test_an_existing_file_is_never_replaced(tmp_path):
    model, _ = classifier()
    path = tmp_path / "photos.keras"
    assert save_new(model, str(path)) == path
    before = path.read_bytes()
    with pytest.raises(
        FileExistsError, match=r"left as it is. Name another file, such as photos_2\.keras"
    ):
        save_new(model, path)
    assert path.read_bytes() == before
    (tmp_path / "folder.keras").mkdir()
    with pytest.raises(FileExistsError, match="exists"):
        save_new(model, tmp_path / "folder.keras")
