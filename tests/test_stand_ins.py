"""Networks get the weights of this machine or random ones, and nothing is downloaded."""

import keras
import numpy as np
import pytest
from keras.applications import MobileNetV2

from helpers import stand_ins
from helpers.bases import load_base
from helpers.stand_ins import random_weights_where_missing

FILE = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_0.35_96_no_top.h5"
SMALL = {"include_top": False, "alpha": 0.35, "input_shape": (96, 96, 3)}


@pytest.fixture
def models(tmp_path, monkeypatch):
    """Keras' folder of weights, empty; a download is an error; all undone afterwards."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(stand_ins.FILES, "urlretrieve", _no_network)
    monkeypatch.setattr(stand_ins.FILES, "get_file", stand_ins.GET_FILE)
    monkeypatch.setattr(keras.Model, "load_weights", stand_ins.LOAD_WEIGHTS)
    (tmp_path / "models").mkdir()
    return tmp_path / "models"


def _no_network(*_):
    raise AssertionError("something is downloaded")


def kernel(model):
    return model.get_layer("Conv1").get_weights()[0]


def test_missing_weights_stay_random_and_are_named(models):
    used = random_weights_where_missing()
    assert used == {}
    one, other = (MobileNetV2(weights="imagenet", **SMALL) for _ in range(2))
    assert used == {FILE: "random"}
    assert not np.array_equal(kernel(one), kernel(other))
    assert one.count_params() == MobileNetV2(weights=None, **SMALL).count_params()


def test_weights_in_keras_folder_are_loaded(models):
    donor = MobileNetV2(weights=None, **SMALL)
    donor.save(models / FILE)
    used = random_weights_where_missing()
    assert np.array_equal(kernel(MobileNetV2(weights="imagenet", **SMALL)), kernel(donor))
    assert used == {FILE: "ImageNet"}


def test_the_default_folder_is_in_the_home_of_the_user(models, tmp_path, monkeypatch):
    monkeypatch.delenv("KERAS_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    models.rename(tmp_path / "elsewhere")
    (tmp_path / ".keras").mkdir()
    (tmp_path / "elsewhere").rename(tmp_path / ".keras" / "models")
    MobileNetV2(weights=None, **SMALL).save(tmp_path / ".keras" / "models" / FILE)
    used = random_weights_where_missing()
    MobileNetV2(weights="imagenet", **SMALL)
    assert used == {FILE: "ImageNet"}


def test_it_holds_for_load_base_too(models):
    used = random_weights_where_missing()
    load_base("MobileNetV2", alpha=0.35, input_shape=(96, 96, 3))
    assert used == {FILE: "random"}


def test_a_second_call_begins_a_new_list(models):
    random_weights_where_missing()
    MobileNetV2(weights="imagenet", **SMALL)
    assert random_weights_where_missing() == {}


def test_own_weights_load_as_ever(models, tmp_path):
    random_weights_where_missing()
    one, other = (MobileNetV2(weights=None, **SMALL) for _ in range(2))
    one.save_weights(tmp_path / "own.weights.h5")
    other.load_weights(tmp_path / "own.weights.h5")
    assert np.array_equal(kernel(one), kernel(other))


@pytest.mark.parametrize(
    "name,folder", [("photos.tar.gz", "models"), ("own.h5", "datasets"), ("own.h5", None)]
)
def test_other_files_are_left_to_keras(models, monkeypatch, name, folder):
    asked = []
    monkeypatch.setattr(stand_ins, "GET_FILE", lambda *args, **options: asked.append(args))
    random_weights_where_missing()
    options = {"cache_subdir": folder} if folder else {}
    stand_ins.FILES.get_file(name, "https://example.org", **options)
    assert asked == [(name, "https://example.org")]


def test_nothing_is_changed_before_it_is_asked_for():
    assert stand_ins.FILES.get_file is keras.utils.get_file
