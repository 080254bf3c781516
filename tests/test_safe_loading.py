"""Saved models: ordinary ones load, and everything else is refused before it can do harm."""

import io
import json
import sys
import zipfile

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from helpers import saved_storage
from helpers.safe_loading import UnsafeModelError, load_saved

FORMATS = (".keras", ".h5")


@keras.saving.register_keras_serializable(package="course_tests")
class Doubling(layers.Layer):
    """A registered layer; its variable and its random number are made where Keras builds it."""

    def build(self, shape):
        self.noise = keras.random.uniform(())
        self.factor = self.add_weight(shape=(), initializer="ones")

    def call(self, x):
        return 2 * x * self.factor


def small_dense() -> keras.Model:
    return keras.Sequential(
        [keras.Input((4,)), layers.Dense(3, activation="relu", name="a"), layers.Dense(2, name="b")]
    )


def branches() -> keras.Model:
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(3, 3, padding="same", kernel_regularizer="l2")(inputs)
    x = layers.BatchNormalization()(layers.Add()([x, inputs]))
    return keras.Model(inputs, layers.Dense(2)(layers.Flatten()(x)))


def augmented_and_nested() -> keras.Model:
    base = keras.Sequential([keras.Input((8, 8, 3)), layers.Conv2D(4, 3), layers.ReLU()])
    base.compile("adam", "mse")
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.RandomFlip(),
            layers.RandomRotation(0.1),
            layers.Rescaling(1 / 255),
            base,
            layers.GlobalAveragePooling2D(),
            layers.Dropout(0.5),
            layers.Dense(2, activation="softmax"),
        ]
    )


def text(output_mode: str, *, adapt: bool) -> keras.Model:
    vocabulary = None if adapt else ["cat", "dog"]
    idf = [0.5, 1.0] if output_mode == "tf_idf" and not adapt else None
    split = layers.TextVectorization(
        output_mode=output_mode, vocabulary=vocabulary, idf_weights=idf, max_tokens=10
    )
    if adapt:
        split.adapt(["cat dog", "dog fish"])
    return keras.Sequential([keras.Input((), dtype="string"), split, layers.Activation("linear")])


def recurrent() -> keras.Model:
    cell = layers.Bidirectional(layers.LSTM(3))
    return keras.Sequential([keras.Input((5,)), layers.Embedding(10, 4), cell, layers.Dense(2)])


def normalized() -> keras.Model:
    adapted = layers.Normalization()
    adapted.adapt(np.arange(12.0).reshape(3, 4))
    fixed = layers.Normalization(mean=3.0, variance=2.0)
    return keras.Sequential([keras.Input((4,)), adapted, fixed, layers.Dense(2)])


def registered() -> keras.Model:
    return keras.Sequential([keras.Input((4,)), Doubling(), layers.Dense(2)])


def operations() -> keras.Model:
    inputs = keras.Input((8, 8, 3))
    return keras.Model(inputs, keras.ops.flip(inputs, -1) + 1.0)


PICTURES = np.arange(384.0, dtype="float32").reshape(2, 8, 8, 3)
NUMBERS = np.arange(8.0, dtype="float32").reshape(2, 4)
TEXTS = tf.constant(["cat dog dog", "fish"])
GOOD = {
    "dense": (small_dense, NUMBERS, FORMATS),
    "branches": (branches, PICTURES, FORMATS),
    "augmented and nested": (augmented_and_nested, PICTURES, FORMATS),
    "text to numbers": (lambda: text("int", adapt=False), TEXTS, FORMATS),
    "text to counts": (lambda: text("multi_hot", adapt=False), TEXTS, FORMATS),
    "text to tf-idf": (lambda: text("tf_idf", adapt=False), TEXTS, FORMATS),
    "text, adapted": (lambda: text("int", adapt=True), TEXTS, (".keras",)),
    "recurrent": (recurrent, np.array([[1, 2, 3, 4, 5]]), FORMATS),
    "normalized": (normalized, NUMBERS, FORMATS),
    "registered": (registered, NUMBERS, FORMATS),
    "operations": (operations, PICTURES, (".keras",)),
}


@pytest.fixture
def archive(tmp_path):
    """A good `.keras` file."""
    path = tmp_path / "good.keras"
    small_dense().save(path)
    return path


@pytest.fixture
def hdf5(tmp_path):
    """A good `.h5` file."""
    path = tmp_path / "good.h5"
    small_dense().save(path)
    return path


def parts_of(archive):
    with zipfile.ZipFile(archive) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def edited(archive, change=None, *, weights=None, more=(), compression=zipfile.ZIP_STORED):
    """Copy a `.keras` file with its description, its weights or its members changed."""
    parts = parts_of(archive)
    if change:
        config = json.loads(parts["config.json"])
        change(config)
        parts["config.json"] = json.dumps(config).encode()
    if weights:
        buffer = io.BytesIO(parts["model.weights.h5"])
        with h5py.File(buffer, "a") as file:
            weights(file)
        parts["model.weights.h5"] = buffer.getvalue()
    path = archive.with_name("edited.keras")
    with zipfile.ZipFile(path, "w", compression) as out:
        for name, content in [*parts.items(), *more]:
            out.writestr(name, content)
    return path


def edited_hdf5(hdf5, change):
    with h5py.File(hdf5, "a") as file:
        config = json.loads(file.attrs["model_config"])
        change(config)
        file.attrs["model_config"] = json.dumps(config)
    return hdf5


def with_weights(archive, hdf5, ending, change):
    """A saved file of either format whose weights were changed."""
    if ending == ".keras":
        return edited(archive, weights=change)
    with h5py.File(hdf5, "a") as file:
        change(file)
    return hdf5


def settings(config, index=1):
    return config["config"]["layers"][index]["config"]


def put_layer(node):
    def change(config):
        config["config"]["layers"][1] = node

    return change


def put_layers(*new):
    """Replace all layers; the weights in the file no longer fit, which comes after all checks."""

    def change(config):
        config["config"]["layers"] = [keras.saving.serialize_keras_object(each) for each in new]
        config["config"].pop("build_input_shape", None)
        config.pop("build_config", None)

    return change


# What loads


@pytest.mark.parametrize(
    ("kind", "ending"), [(kind, ending) for kind in GOOD for ending in GOOD[kind][2]]
)
def test_ordinary_models_load_with_their_weights(tmp_path, kind, ending):
    make, inputs, _ = GOOD[kind]
    model = make()
    model.save(tmp_path / f"model{ending}")
    loaded = load_saved(tmp_path / f"model{ending}")
    np.testing.assert_array_equal(loaded(inputs, training=False), model(inputs, training=False))
    assert not loaded.compiled


def test_a_text_path_and_the_third_ending_load_too(hdf5):
    other = hdf5.rename(hdf5.with_suffix(".hdf5"))
    assert load_saved(str(other)).get_layer("b").units == 2


def test_how_a_model_was_trained_does_not_matter(archive):
    def loss_of_my_own(y, predicted):
        return predicted

    model = small_dense()
    model.compile("sgd", loss_of_my_own)
    model.save(archive)
    assert not load_saved(archive).compiled


def test_a_file_as_keras_2_wrote_it(hdf5):
    """Keras 2 had no modules in most places, `batch_input_shape`, and lists for an axis."""
    initializer = {"class_name": "GlorotUniform", "config": {"seed": None}}
    dense = {"units": 3, "activation": "relu", "kernel_initializer": initializer}
    keras_2 = [
        {"class_name": "InputLayer", "config": {"batch_input_shape": [None, 4], "name": "in"}},
        {"class_name": "Dense", "config": {"name": "a", "trainable": True, **dense}},
        {"class_name": "Dense", "config": {"name": "b", "units": 2, "activation": "linear"}},
    ]
    before = load_saved(hdf5)

    def change(config):
        config["config"] = {"name": "old", "layers": keras_2}

    loaded = load_saved(edited_hdf5(hdf5, change))
    np.testing.assert_array_equal(loaded(NUMBERS), before(NUMBERS))


def test_checking_leaves_no_trace_in_keras(tmp_path):
    path = tmp_path / "model.keras"
    registered().save(path)
    keras.backend.clear_session()
    first = layers.Dense(1).name
    load_saved(path)
    assert (first, layers.Dense(1).name) == ("dense", "dense_1")
    assert keras.random.uniform(()).numpy() < 1  # its state is not a symbol of the check


def test_warnings_of_old_settings_come_once(archive, recwarn):
    def change(config):
        settings(config)["input_shape"] = [4]

    path = edited(archive, change)
    load_saved(path)
    assert len([each for each in recwarn if "input_shape" in str(each.message)]) == 1


# Wrong files


def test_a_missing_file_names_those_that_are_there(archive):
    with pytest.raises(FileNotFoundError, match=r"No file 'god\.keras'.* holds good\.keras\.$"):
        load_saved(archive.with_name("god.keras"))
    with pytest.raises(FileNotFoundError, match=r"holds good\.keras\.$"):
        load_saved(archive.with_name("qqq"))
    with pytest.raises(FileNotFoundError, match=r"there is no folder '.*nowhere'"):
        load_saved(archive.parent / "nowhere" / "model.keras")


def test_a_missing_file_in_a_folder_without_models(tmp_path):
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(FileNotFoundError, match=r"holds no saved model\.$"):
        load_saved(tmp_path / "model.keras")


def test_folders_are_explained(tmp_path):
    with pytest.raises(ValueError, match=r"is a folder\. Pass a file that ends in \.keras, \.h5"):
        load_saved(tmp_path)
    (tmp_path / "saved_model.pb").write_bytes(b"")
    with pytest.raises(ValueError, match=r"is a SavedModel folder\. .*TFSMLayer.*save it there"):
        load_saved(tmp_path)


def test_other_endings_are_explained(tmp_path):
    path = tmp_path / "model.ckpt"
    path.write_bytes(b"")
    with pytest.raises(ValueError, match=r"model\.ckpt' does not end in \.keras, \.h5, \.hdf5"):
        load_saved(path)


def test_content_of_another_kind_is_explained(tmp_path):
    path = tmp_path / "model.keras"
    path.write_text("<html>")
    with pytest.raises(ValueError, match=r"model\.keras' is not a saved model: .* b'<htm'"):
        load_saved(path)


def test_exchanged_endings_are_explained(archive, hdf5):
    archive, hdf5 = (
        archive.rename(archive.with_name("x.h5")),
        hdf5.rename(archive.with_name("y.keras")),
    )
    with pytest.raises(ValueError, match=r"that of a \.keras file\. Rename it to 'x\.keras'"):
        load_saved(archive)
    with pytest.raises(ValueError, match=r"that of a \.h5 file\. Rename it to 'y\.h5'"):
        load_saved(hdf5)


@pytest.mark.parametrize("ending", FORMATS)
def test_a_file_cut_short(archive, hdf5, ending):
    path = archive if ending == ".keras" else hdf5
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(ValueError, match=rf"good\{ending}' is damaged or cut short \(.+\)\. Copy"):
        load_saved(path)


def test_a_damaged_part(archive):
    content = bytearray(archive.read_bytes())
    position = content.index(b'"units": 3')
    content[position : position + 10] = b'"units": 4'
    archive.write_bytes(content)
    with pytest.raises(ValueError, match=r"damaged or cut short \(Bad CRC-32"):
        load_saved(archive)


@pytest.mark.parametrize("name", ["only.weights.h5", "only.h5"])
def test_weights_without_a_model_are_explained(tmp_path, name):
    path = tmp_path / name
    if name == "only.h5":
        with h5py.File(path, "w") as file:
            file.create_group("dense")
    else:
        small_dense().save_weights(path)
    with pytest.raises(ValueError, match=r"only.*h5' cannot be loaded: it holds weights without"):
        load_saved(path)


@pytest.mark.parametrize("missing", ["config.json", "model.weights.h5"])
def test_an_archive_with_a_part_missing(archive, missing):
    parts = parts_of(archive)
    del parts[missing]
    with zipfile.ZipFile(archive, "w") as out:
        for name, content in parts.items():
            out.writestr(name, content)
    with pytest.raises(ValueError, match=rf"cannot be loaded: the archive lacks {missing}\."):
        load_saved(archive)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"{", "is not readable JSON"),
        (b"\xff\xfe", "is not readable JSON"),
        (b"[" * 100_000 + b"]" * 100_000, "is not readable JSON"),
        (b"[1]", "does not describe a model"),
        (b'{"class_name": "Sequential"}', "does not describe a model"),
    ],
)
def test_a_description_that_is_none(archive, content, reason):
    parts = parts_of(archive) | {"config.json": content}
    with zipfile.ZipFile(archive, "w") as out:
        for name, part in parts.items():
            out.writestr(name, part)
    with pytest.raises(
        ValueError, match=f"cannot be loaded: its description of the layers {reason}"
    ):
        load_saved(archive)


def test_a_description_of_something_else(archive):
    def change(config):
        config.update(keras.saving.serialize_keras_object(layers.Dense(3)))

    with pytest.raises(
        ValueError, match="cannot be loaded: it describes a Dense instead of a model"
    ):
        load_saved(edited(archive, change))


def test_weights_that_do_not_fit(archive):
    def change(config):
        settings(config, 2)["units"] = 7

    with pytest.raises(ValueError, match=r"edited\.keras' cannot be loaded: .*objects could not"):
        load_saved(edited(archive, change))


# Programs and files


def node(module, class_name, **config):
    return {
        "module": module,
        "class_name": class_name,
        "config": config,
        "registered_name": None,
    }


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("keras.layers", "Lambda"),
        ("keras.src.layers.core.lambda_layer", "Lambda"),
        (None, "__lambda__"),
        ("keras.layers", "TFSMLayer"),
        ("keras.layers", "TorchModuleWrapper"),
        ("keras.layers", "JaxLayer"),
        ("keras.layers", "FlaxLayer"),
    ],
)
def test_layers_that_run_programs_are_refused(archive, module, name):
    with pytest.raises(
        UnsafeModelError,
        match=rf"^Refused to load '.*edited\.keras': it contains '{name}', which can run any",
    ):
        load_saved(edited(archive, put_layer(node(module, name))))


@pytest.mark.parametrize("name", ["Lambda", "__lambda__"])
@pytest.mark.parametrize("module", [None, "keras.layers"])
@pytest.mark.parametrize("ending", FORMATS)
def test_a_lambda_is_refused_whatever_else_it_claims_to_be(archive, hdf5, ending, module, name):
    claim = node(module, name) | {"registered_name": "course_tests>Doubling"}
    change = put_layer(claim)
    path = edited(archive, change) if ending == ".keras" else edited_hdf5(hdf5, change)
    with pytest.raises(UnsafeModelError, match=f"it contains '{name}', which"):
        load_saved(path)


@pytest.mark.parametrize("name", ["Lambda", "__lambda__"])
def test_a_lambda_in_the_old_format_is_refused(hdf5, name):
    path = edited_hdf5(hdf5, put_layer({"class_name": name, "config": {}}))
    with pytest.raises(UnsafeModelError, match="it contains '.*ambda.*', which can run"):
        load_saved(path)


def test_a_lambda_as_activation_is_refused(archive):
    def change(config):
        settings(config)["activation"] = {"class_name": "__lambda__", "config": {"code": ""}}

    with pytest.raises(UnsafeModelError, match="it contains '.*ambda.*', which can run"):
        load_saved(edited(archive, change))


@pytest.mark.parametrize(
    ("module", "name", "advice"),
    [
        ("somewhere.layers", "MyLayer", "register_keras_serializable"),
        (None, "MyLayer", "register_keras_serializable"),
        (7, "MyLayer", "register_keras_serializable"),
        ("kerasx.layers", "Dense", "the version of Keras that saved it"),
        ("keras.layers", "NoSuchLayer", "the version of Keras that saved it"),
        ("keras.src.engine.functional", "Functional", "the version of Keras that saved it"),
        ("tf_keras.src.engine.functional", "Functional", "the version of Keras that saved it"),
        ("keras.utils", "get_file", "the version of Keras that saved it"),
        ("keras.saving", "KerasFileEditor", "the version of Keras that saved it"),
        ("tensorflow", "__typespec__", "the version of Keras that saved it"),
        (None, ["Dense"], "register_keras_serializable"),
    ],
)
def test_classes_from_elsewhere_are_refused(archive, module, name, advice):
    with pytest.raises(UnsafeModelError) as caught:
        load_saved(edited(archive, put_layer(node(module, name))))
    origin = f" from {module!r}" if module else ""
    assert f"it needs {name!r}{origin}, which is neither in Keras {keras.__version__}" in str(
        caught.value
    )
    assert advice in str(caught.value)


def test_a_module_is_never_imported_for_a_file(archive):
    module = "keras.src.saving.saving_lib_test"
    assert module not in sys.modules
    with pytest.raises(UnsafeModelError):
        load_saved(edited(archive, put_layer(node(module, "SavingTest"))))
    assert module not in sys.modules


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("builtins", "eval"),
        ("builtins", "get"),
        ("builtins", "deserialize"),
        ("builtins", "Zeros"),
        ("keras.utils", "get_file"),
        ("keras.utils", "relu"),
        ("keras.activations", "get_file"),
        (None, "relu"),
        ("builtins", None),
    ],
)
def test_functions_from_elsewhere_are_refused(archive, module, name):
    def change(config):
        settings(config)["activation"] = {
            "module": module,
            "class_name": "function",
            "config": name,
            "registered_name": "function",
        }

    with pytest.raises(UnsafeModelError, match=f"it needs {name!r}"):
        load_saved(edited(archive, change))


@pytest.mark.parametrize("module", ["builtins", "keras.activations"])
def test_functions_of_keras_load(archive, module):
    def change(config):
        settings(config)["activation"] = {
            "module": module,
            "class_name": "function",
            "config": "gelu",
            "registered_name": "gelu",
        }

    assert load_saved(edited(archive, change)).get_layer("a").activation is keras.activations.gelu


def test_a_registered_function_loads(archive):
    @keras.saving.register_keras_serializable(package="course_tests")
    def tripled(x):
        return 3 * x

    model = keras.Sequential([keras.Input((4,)), layers.Dense(2, activation=tripled)])
    model.save(archive)
    assert load_saved(archive).layers[0].activation is tripled


def test_in_the_old_format_only_the_first_name_counts(hdf5):
    claim = {"class_name": "deserialize", "registered_name": "course_tests>Doubling", "config": {}}
    with pytest.raises(UnsafeModelError, match="it needs 'deserialize'"):
        load_saved(edited_hdf5(hdf5, put_layer(claim)))


@pytest.mark.parametrize("name", ["MyLayer", "Flip", "deserialize", "keras_export", "TypeSpec"])
def test_unknown_names_in_the_old_format_are_refused(hdf5, name):
    path = edited_hdf5(hdf5, put_layer({"class_name": name, "config": {"name": "x"}}))
    with pytest.raises(UnsafeModelError, match=rf"it needs '{name}', .*as \.keras only\.$"):
        load_saved(path)


def test_a_module_named_in_the_old_format_counts(hdf5):
    path = edited_hdf5(hdf5, put_layer(node("elsewhere", "Dense", units=3)))
    with pytest.raises(UnsafeModelError, match="it needs 'Dense' from 'elsewhere'"):
        load_saved(path)


@pytest.mark.parametrize("layer", ["StringLookup", "IntegerLookup", "TextVectorization"])
def test_a_vocabulary_from_a_path_is_refused(archive, layer):
    lookup = node("keras.layers", layer, name="words", vocabulary="/home/me/words.txt")
    with pytest.raises(
        UnsafeModelError, match=r"read its vocabulary from the file '/home/me/words"
    ):
        load_saved(edited(archive, put_layer(lookup)))


# Odd archives and weights


@pytest.mark.parametrize(
    "name",
    [
        "../x",
        "/x",
        "x.txt",
        "assets",
        "assets/../x",
        "assets/./x",
        "assets//x",
        "assets/..\\x",
        "assets/c:x",
        "assets\\x",
        "other/x",
        "model.weights.npz",
    ],
)
def test_odd_members_are_refused(archive, name):
    with pytest.raises(UnsafeModelError, match="where Keras would not put it"):
        load_saved(edited(archive, more=[(name, "")]))


def test_a_member_twice_is_refused(archive):
    with pytest.warns(UserWarning, match="Duplicate name"):
        path = edited(archive, more=[("metadata.json", "{}")])
    with pytest.raises(UnsafeModelError, match=r"contains 'metadata\.json' where .* or twice"):
        load_saved(path)


def test_assets_may_lie_in_folders(archive):
    load_saved(edited(archive, more=[("assets/layers/words/vocabulary.txt", "cat")]))


def test_packing(archive):
    load_saved(edited(archive, compression=zipfile.ZIP_DEFLATED))
    with pytest.raises(UnsafeModelError, match="encrypted or packed in an unusual way"):
        load_saved(edited(archive, compression=zipfile.ZIP_LZMA))


def test_encryption_is_refused(archive):
    content = bytearray(archive.read_bytes())
    position = content.index(b"PK\x01\x02")  # the list of members, with flags at byte 8
    content[position + 8] |= 1
    archive.write_bytes(content)
    with pytest.raises(UnsafeModelError, match=r"'metadata\.json' is encrypted"):
        load_saved(archive)


def soft_link(file):
    file["layers/x"] = h5py.SoftLink("/layers")


def external_link(file):
    file["layers/x"] = h5py.ExternalLink("other.h5", "/layers")


def external_array(file):
    file.create_dataset("layers/x", (2,), "f4", external=[("other.bin", 0, 8)])


def virtual_array(file):
    layout = h5py.VirtualLayout((2,), "f4")
    layout[:] = h5py.VirtualSource("other.h5", "x", (2,))
    file.create_virtual_dataset("layers/x", layout)


def objects(file):
    file.create_dataset("layers/x", data=["a"], dtype=h5py.string_dtype())


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (soft_link, "'/layers/x' in its weights is a link to somewhere else"),
        (external_link, "'/layers/x' in its weights is a link to somewhere else"),
        (external_array, "the array '/layers/x' lies in another file"),
        (virtual_array, "the array '/layers/x' lies in another file"),
        (objects, "the array '/layers/x' holds object instead of numbers"),
    ],
)
@pytest.mark.parametrize("ending", FORMATS)
def test_weights_that_point_elsewhere_are_refused(archive, hdf5, ending, change, reason):
    path = with_weights(archive, hdf5, ending, change)
    with pytest.raises(UnsafeModelError, match=reason):
        load_saved(path)


def test_a_circle_of_groups_ends(archive):
    def change(file):
        file["layers/again"] = file["/"]

    assert load_saved(edited(archive, weights=change)).count_params() == 23


# Sizes


def assert_limit(path, size, what):
    """Refused one byte below the size, not at it (though the weights may then not fit)."""
    with pytest.raises(UnsafeModelError, match=f"{what} {size:,} bytes, more than the limit of"):
        load_saved(path, max_bytes=size - 1)
    try:
        load_saved(path, max_bytes=size)
    except UnsafeModelError as error:
        pytest.fail(str(error))
    except ValueError:
        pass


@pytest.mark.parametrize("ending", FORMATS)
def test_limit_for_the_file(archive, hdf5, ending):
    path = archive if ending == ".keras" else hdf5
    assert_limit(path, path.stat().st_size, "the file has")


def test_limit_for_the_unpacked_archive(archive):
    parts = sum(map(len, parts_of(archive).values()))
    path = edited(archive, more=[("assets/x", b"\n" * 10**6)], compression=zipfile.ZIP_DEFLATED)
    assert_limit(path, parts + 10**6, "unpacked it has")


@pytest.mark.parametrize("ending", FORMATS)
def test_limit_for_declared_arrays(archive, hdf5, ending):
    def declare(file):  # nothing of it is stored
        file.create_dataset("extra/a", (10**6,), "f8")
        file.create_dataset("extra/b", (10**6, 2), "f4")
        file.create_dataset("extra/c", (), "f4")

    weights = 4 * small_dense().count_params()
    path = with_weights(archive, hdf5, ending, declare)
    assert_limit(path, 16_000_004 + weights, "its arrays, up to '.*', declare")


def test_limit_for_a_chunk_of_an_array(archive):
    def declare(file):
        file.create_dataset("extra", (1,), "f4", maxshape=(None,), chunks=(10**6,))

    path = edited(archive, weights=declare)
    assert_limit(
        path, 4_000_000 + 4 * small_dense().count_params(), "its arrays, up to '.*', declare"
    )


def test_limit_for_texts_that_may_share_a_place(hdf5):
    with h5py.File(hdf5, "a") as file:
        file.attrs.create("names", [""] * 100, dtype=h5py.string_dtype())
    content = hdf5.read_bytes()
    heap = content[content.index(b"GCOL") + 8 :][:8]
    assert_limit(
        hdf5, 100 * int.from_bytes(heap, "little"), "the attribute 'names' of '/' may have"
    )


@pytest.mark.parametrize("ending", FORMATS)
def test_limit_for_the_description(archive, hdf5, ending, monkeypatch):
    if ending == ".keras":
        path, size = archive, len(parts_of(archive)["config.json"])
    else:
        with h5py.File(hdf5) as file:
            path, size = hdf5, len(file.attrs["model_config"])
    monkeypatch.setattr(saved_storage, "MAX_CONFIG_BYTES", size)
    load_saved(path)
    monkeypatch.setattr(saved_storage, "MAX_CONFIG_BYTES", size - 1)
    with pytest.raises(UnsafeModelError, match=f"description of the layers has {size:,} bytes"):
        load_saved(path)


def test_a_description_is_never_longer_than_32_mib(archive):
    path = edited(archive, lambda config: config.update(note="x" * 2**25))
    with pytest.raises(UnsafeModelError, match="more than the limit of 33,554,432. No real model"):
        load_saved(path)


@pytest.mark.parametrize(
    ("new", "size"),
    [
        ([keras.Input((4,)), layers.Dense(10**5)], 4 * 5 * 10**5),
        ([keras.Input((4,)), layers.Dense(10**5, dtype="float16")], 2 * 5 * 10**5),
        ([keras.Input((4,)), layers.Embedding(10**5, 3)], 4 * 3 * 10**5),
        ([keras.Input((10**6,)), layers.Dense(1, use_bias=False)], 4 * 10**6),
    ],
    ids=["dense", "float16", "embedding", "wide input"],
)
def test_limit_for_what_the_layers_would_take(archive, new, size):
    inputs = layers.InputLayer(batch_shape=new[0].shape, name="in")
    path = edited(archive, put_layers(inputs, new[1]))
    assert_limit(path, size, "in memory its layers would take")


def test_limit_for_what_the_layers_would_take_in_the_old_format(hdf5):
    def change(config):
        config["config"]["layers"][2]["config"]["units"] = 10**5

    assert_limit(edited_hdf5(hdf5, change), 4 * (15 + 4 * 10**5), "in memory its layers would take")


def test_limit_counts_the_optimizer_of_a_model_inside(archive):
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(10**5)])
    inner.compile("adam", "mse")
    path = edited(archive, put_layers(layers.InputLayer(batch_shape=(None, 4)), inner))
    assert_limit(path, 4 * 4 * 5 * 10**5, "in memory its layers would take")


@pytest.mark.parametrize("adapted", [True, False])
def test_limit_counts_constants(archive, adapted):
    spread = layers.Normalization() if adapted else layers.Normalization(mean=0.0, variance=1.0)
    path = edited(archive, put_layers(layers.InputLayer(batch_shape=(None, 10**6)), spread))
    with pytest.raises(UnsafeModelError, match="in memory its layers would take"):
        load_saved(path, max_bytes=8 * 10**6 - 1)


@pytest.mark.parametrize(
    ("new", "size"),
    [
        ({"num_oov_indices": 10**5}, (10**5 + 2) * (8 + 4 * 5)),
        ({"max_tokens": 10**5}, (10**5 + 3) * (8 + 4 * 5)),
        ({"max_tokens": -(10**5)}, (10**5 + 3) * (8 + 4 * 5)),
        ({"vocabulary": ["x" * 10**4] + ["y"] * 99}, 101 * (8 + 4 * 10**4)),
        ({"oov_token": "x" * 10**5}, 3 * (8 + 4 * 10**5)),
        ({"mask_token": "x" * 10**5}, 3 * (8 + 4 * 10**5)),
    ],
)
def test_limit_counts_tables(archive, new, size):
    lookup = layers.StringLookup(vocabulary=["cat", "dog"], oov_token="[UNK]")
    words = keras.saving.serialize_keras_object(lookup)
    words["config"] |= new
    assert_limit(edited(archive, put_layer(words)), size, "its tables would take")


def test_limit_counts_vocabularies_in_files(archive):
    words = "x" * 10**4 + 99 * "\ny"
    path = edited(archive, more=[("assets/a.txt", "y"), ("assets/b.txt", words)])
    assert_limit(path, 4 * 100 * 10**4, "the words in 'assets/b.txt' would take")


@pytest.mark.parametrize(
    ("dtype", "good"), [("complex128", True), ("bfloat16", True), ("U5", False), ("S17", False)]
)
def test_arrays_in_the_description_hold_numbers(archive, dtype, good):
    def change(config):
        settings(config)["noted"] = node(None, "__numpy__", value=[1], dtype=dtype)

    path = edited(archive, change)
    if good:
        with pytest.raises(ValueError, match="could not be deserialized"):
            load_saved(path)
    else:
        with pytest.raises(UnsafeModelError, match=f"an array of '{dtype}' instead of numbers"):
            load_saved(path)


def test_a_default_limit_of_two_gib(archive):
    inputs = layers.InputLayer(batch_shape=(None, 1))
    path = edited(archive, put_layers(inputs, layers.Dense(2**29 + 1, use_bias=False)))
    with pytest.raises(
        UnsafeModelError, match="take 2,147,483,652 bytes, .*limit of 2,147,483,648"
    ):
        load_saved(path)


def test_refusing_takes_no_memory(archive):
    resource = pytest.importorskip("resource")  # not on Windows
    kilobyte = 1024 if sys.platform == "darwin" else 1

    def peak():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / kilobyte

    inputs = layers.InputLayer(batch_shape=(None, 10**4))
    path, before = edited(archive, put_layers(inputs, layers.Dense(50_000))), peak()
    with pytest.raises(UnsafeModelError, match="would take 2,000,200,000 bytes"):
        load_saved(path, max_bytes=10**9)
    assert peak() - before < 200_000
