"""Bases: every one takes raw pixels, and says so wherever it goes."""

import inspect
import json
import subprocess
import sys
import warnings
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from helpers import bases
from helpers.applications import SIZES_WITH_TOP, application_names
from helpers.bases import load_base
from helpers.pixels import PIXEL_INPUT, check_pixels, scale_like, takes_raw_pixels

PIXELS = np.random.default_rng(0).integers(0, 256, (2, 80, 80, 3), dtype="uint8")
FULLY_TESTED = {  # smallest height and width that each takes
    "VGG16": 32,
    "ResNet50": 32,
    "InceptionV3": 75,
    "MobileNetV2": 32,
    "EfficientNetB0": 32,
}


def symbolic(make):
    """Build a model without its weights: a sixth of the time and none of the memory."""

    def run():
        with tf.Graph().as_default(), keras.StatelessScope(initialize_variables=False):
            return make()

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(run).result()


def module_of(name):
    short = getattr(keras.applications, name).__module__.rsplit(".", 1)[-1]
    return getattr(keras.applications, short)


def failing_application(error):
    def build(**options):
        raise error

    build.__module__ = keras.applications.VGG16.__module__
    return build


# Names


def builders_in(module):
    """Functions that build an application: those that can leave its top out."""
    functions = inspect.getmembers(module, inspect.isfunction)
    return {n for n, f in functions if "include_top" in inspect.signature(f).parameters}


def test_names_are_complete():
    everywhere = [keras.applications, *vars(keras.applications).values()]
    builders = set().union(*(builders_in(m) for m in everywhere if inspect.ismodule(m)))
    assert set(application_names()) == builders
    assert list(application_names()) == sorted(builders)
    assert set(FULLY_TESTED) < builders


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("vgg16", "Did you mean VGG16 or VGG19?"),
        ("GlyphNet", "Did you mean glyphnet?"),
        ("MobilNetV2", "Did you mean MobileNetV2 or MobileNet or "),
        ("qqq", "See application_names()."),
    ],
)
def test_unknown_names_get_close_matches(name, hint):
    with pytest.raises(ValueError) as caught:
        load_base(name)
    assert str(caught.value).startswith(f"No base is called {name!r}. {hint}")
    assert str(caught.value).endswith("and files that end in .keras, .h5, .hdf5.")


# Every application


@pytest.mark.parametrize("name", application_names())
def test_every_application_takes_raw_pixels(name):
    base = symbolic(lambda: load_base(name, weights=None))
    size = {"NASNetLarge": 331, "NASNetMobile": 224}.get(name)
    assert base.input.name == PIXEL_INPUT
    assert base.input_shape == (None, size, size, 3)
    assert len(base.output_shape) == 4
    nested = [type(layer) for layer in base.layers if isinstance(layer, keras.Model)]
    assert set(nested) == ({keras.Sequential} if name.startswith("ConvNeXt") else set())
    scaling = [layer for layer in base.layers if layer.name == "pixel_scaling"]
    prepared = keras.Model(base.input, scaling[0].output if scaling else base.input)
    pixels = np.random.default_rng(0).uniform(0, 255, (1, size or 40, size or 40, 3))
    expected = module_of(name).preprocess_input(pixels.copy())
    np.testing.assert_allclose(prepared(pixels), expected, rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize("name", [n for n in application_names() if "NetV3" not in n])
def test_size_with_top_is_the_application_s_own(name):
    size = SIZES_WITH_TOP.get(name, 224)
    with pytest.raises(ValueError, match=rf"should be \({size}, {size}, 3\)"):
        load_base(name, include_top=True, input_shape=(50, 50, 3))


def test_size_with_top_where_keras_would_take_any():
    base = symbolic(lambda: load_base("MobileNetV3Small", include_top=True, weights=None))
    assert base.input_shape == (None, 224, 224, 3)


@pytest.fixture(scope="module", params=FULLY_TESTED)
def pair(request):
    """A base and the plain application with the same weights."""
    name, size = request.param, FULLY_TESTED[request.param]
    plain = getattr(keras.applications, name)(
        include_top=False, weights=None, input_shape=(size, size, 3), name="plain"
    )
    base = load_base(name, weights=None, input_shape=(size, size, 3))
    base.set_weights(plain.get_weights())
    pixels = PIXELS[:, :size, :size]
    return base, pixels, plain(module_of(name).preprocess_input(pixels.astype("float32")))


def test_base_equals_plain_application(pair):
    base, pixels, expected = pair
    np.testing.assert_allclose(base(pixels), expected, rtol=1e-3, atol=2e-5)
    assert np.std(expected) > 0


@pytest.mark.parametrize("dtype", ["float32", "int64", "float64"])
def test_any_number_type_will_do(dtype):
    base, pixels = load_base("glyphnet"), PIXELS[:, :28, :28, :1]
    np.testing.assert_array_equal(base(pixels.astype(dtype)), base(pixels))


def test_base_is_saved_with_its_contract(pair, tmp_path):
    base, pixels, _ = pair
    path = tmp_path / "base.keras"
    base.save(path)
    assert set(modules_in(path)) <= {None, "builtins"} | {
        m for m in modules_in(path) if is_keras(m)
    }
    loaded = keras.models.load_model(path)
    assert loaded.input.name == PIXEL_INPUT
    np.testing.assert_array_equal(loaded(pixels), base(pixels))


def modules_in(path):
    """The module of every object that a `.keras` file describes."""
    with zipfile.ZipFile(path) as archive:
        waiting = [json.loads(archive.read("config.json"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            if "module" in node:
                yield node["module"]
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)


def is_keras(module):
    return isinstance(module, str) and module.split(".")[0] == "keras"


def test_keras_alone_loads_a_base_with_reversed_channels(tmp_path):
    base = load_base("VGG16", weights=None, input_shape=(32, 32, 3))
    base = keras.Model(base.input, base.get_layer("block1_conv1").output)
    base.save(tmp_path / "base.keras")
    np.savez(tmp_path / "data.npz", x=PIXELS[:, :32, :32], y=base(PIXELS[:, :32, :32]))
    code = (
        "import keras, numpy as np, sys; data = np.load('data.npz');"
        "print(np.abs(keras.models.load_model('base.keras')(data['x']) - data['y']).max(),"
        "'helpers' in sys.modules)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert run.stdout.split() == ["0.0", "False"]


def test_a_whole_application_with_its_top():
    plain = keras.applications.MobileNetV2(weights=None, alpha=0.35)
    base = load_base("MobileNetV2", include_top=True, weights=None, alpha=0.35)
    base.set_weights(plain.get_weights())
    assert (base.input_shape, base.output_shape) == ((None, 224, 224, 3), (None, 1000))
    assert base.name == plain.name
    pixels = np.resize(PIXELS, (1, 224, 224, 3))
    expected = plain(keras.applications.mobilenet_v2.preprocess_input(pixels.astype("float32")))
    np.testing.assert_allclose(base(pixels), expected, rtol=1e-4)


def test_a_large_application_with_its_top():
    base = symbolic(lambda: load_base("InceptionV3", include_top=True, weights=None, classes=7))
    assert (base.input_shape, base.output_shape) == ((None, 299, 299, 3), (None, 7))


def test_options_reach_the_application():
    base = symbolic(
        lambda: load_base(
            "MobileNet", weights=None, alpha=0.25, pooling="max", input_shape=(64, 96, 3)
        )
    )
    assert (base.input_shape, base.output_shape) == ((None, 64, 96, 3), (None, 256))


@pytest.mark.parametrize(
    ("matrix", "offset", "kinds"),
    [
        (np.eye(3), [0, 0, 0], []),
        (2 * np.eye(3), [0, 0, 0], ["Rescaling"]),
        (np.eye(3), [1, 1, 1], ["Rescaling"]),
        (np.diag([1, 2, 3]), [4, 5, 6], ["Rescaling"]),
        (np.fliplr(np.eye(3)), [0, 0, 0], ["Flip"]),
        (np.fliplr(np.diag([1, 2, 3])), [4, 5, 6], ["Flip", "Rescaling"]),
    ],
)
def test_scaling_is_rebuilt_from_layers(matrix, offset, kinds):
    def preprocess_input(x):
        return x @ matrix + np.array(offset)

    pixels = keras.Input((4, 4, 3))
    front = keras.Model(pixels, scale_like(pixels, preprocess_input))
    assert [type(operation).__name__ for operation in front.operations][1:] == kinds
    values = np.arange(48.0).reshape(1, 4, 4, 3)
    np.testing.assert_allclose(front(values), preprocess_input(values), rtol=1e-6)


def test_settings_of_the_scaling_are_readable():
    mobile = symbolic(lambda: load_base("MobileNet", weights=None)).get_layer("pixel_scaling")
    assert (mobile.scale, mobile.offset) == (pytest.approx(1 / 127.5, rel=1e-9), -1)
    vgg = symbolic(lambda: load_base("VGG16", weights=None)).get_layer("pixel_scaling")
    assert (vgg.scale, vgg.offset) == (1, [-103.939, -116.779, -123.68])


# Weights


@pytest.mark.parametrize("error", [Exception("URL fetch failure on x"), TimeoutError("slow")])
def test_missing_weights_are_one_clear_error(monkeypatch, error):
    monkeypatch.setenv("KERAS_HOME", "/the/cache")
    monkeypatch.setattr(keras.applications, "VGG16", failing_application(error))
    with pytest.raises(FileNotFoundError) as caught:
        load_base("VGG16")
    message = str(caught.value)
    assert message.startswith(
        f"The ImageNet weights of VGG16 are not in {Path('/the/cache/models')} and could not be "
        f"downloaded ({error})."
    )
    assert "KERAS_HOME" in message
    assert "weights=None" in message
    assert "load_base('glyphnet')" in message
    assert caught.value.__cause__ is error


def test_the_usual_cache_is_named(monkeypatch):
    monkeypatch.delenv("KERAS_HOME", raising=False)
    monkeypatch.setattr(keras.applications, "VGG16", failing_application(Exception("no")))
    with pytest.raises(FileNotFoundError, match=str(Path.home() / ".keras" / "models")):
        load_base("VGG16")


@pytest.mark.parametrize("error", [ValueError("bad"), RuntimeError("odd"), KeyError("k")])
def test_other_errors_pass(monkeypatch, error):
    monkeypatch.setattr(keras.applications, "VGG16", failing_application(error))
    with pytest.raises(type(error)) as caught:
        load_base("VGG16")
    assert caught.value is error


def test_which_weights_an_odd_size_gets_is_said_only_when_asked_for(monkeypatch):
    def no_network(*arguments, **options):
        raise Exception("no network")

    monkeypatch.setattr("keras.src.utils.file_utils.get_file", no_network)
    with warnings.catch_warnings(action="error"), pytest.raises(FileNotFoundError):
        load_base("MobileNetV2")
    with (
        pytest.warns(UserWarning, match="`input_shape` is undefined"),
        pytest.raises(FileNotFoundError),
    ):
        load_base("MobileNetV2", input_shape=(50, 50, 3))


def test_weights_of_another_kind_are_refused():
    with pytest.raises(ValueError, match=r"must be 'imagenet' or None, not 'my\.h5'.*load_weights"):
        load_base("VGG16", weights="my.h5")


# Arguments that do not fit


@pytest.mark.parametrize("shape", [(32, 32), (32, 32, 1), (1, 32, 32, 3)])
def test_shapes_that_are_not_colour_images(shape):
    with pytest.raises(ValueError, match=r"must be \(height, width, 3\), not \(.*\): VGG16 takes"):
        load_base("VGG16", weights=None, input_shape=shape)


@pytest.mark.parametrize("options", [{"include_preprocessing": False}, {"input_tensor": None}])
def test_options_that_would_break_the_contract(options):
    with pytest.raises(ValueError, match="cannot be used with MobileNetV3Small: every base takes"):
        load_base("MobileNetV3Small", weights=None, **options)


@pytest.mark.parametrize(
    ("source", "options", "named"),
    [
        ("VGG16", {"input_range": (0, 1)}, "input_range"),
        ("glyphnet", {"input_range": (0, 1)}, "input_range"),
        ("glyphnet", {"input_shape": (28, 28, 1)}, "input_shape"),
        ("glyphnet", {"alpha": 0.5, "pooling": "avg"}, "alpha, pooling"),
        ("model.keras", {"input_shape": (28, 28, 1)}, "input_shape"),
        ("model.keras", {"weights": None}, "weights=None"),
    ],
)
def test_arguments_of_other_sources_are_refused(source, options, named):
    with pytest.raises(ValueError, match=f"^{named} cannot be used with '{source}': leave it out"):
        load_base(source, **options)


# The bundled bases


def test_glyphnet_is_cut_behind_its_last_block():
    base, whole = load_base("glyphnet"), load_base("glyphnet", include_top=True)
    assert base.name == whole.name
    assert base.input.name == whole.input.name == PIXEL_INPUT
    assert base.input_shape == (None, 28, 28, 1)
    assert base.layers[-1].name == "block_6_relu"
    assert whole.output_shape == (None, 52)
    pixels = PIXELS[:, :28, :28, :1]
    features = base(pixels)
    for name in ("pool", "predictions"):
        features = whole.get_layer(name)(features)
    np.testing.assert_allclose(features, whole(pixels), rtol=1e-4, atol=1e-6)


def test_glyphnet_with_random_weights():
    trained, fresh = load_base("glyphnet"), load_base("glyphnet", weights=None)
    kernel, other = (each.get_layer("block_1_conv").kernel.numpy() for each in (trained, fresh))
    assert kernel.shape == other.shape
    assert not np.allclose(kernel, other)
    np.testing.assert_array_equal(
        kernel,
        keras.models.load_model(bases.DATA / "glyphnet.keras").get_layer("block_1_conv").kernel,
    )


def test_langnet_is_cut_before_its_final_output():
    base, whole = load_base("langnet"), load_base("langnet", include_top=True)
    assert base.name == whole.name
    assert base.input_shape == (None, 24)
    assert base.layers[-1].name == "lstm_2"
    ids = np.arange(48).reshape(2, 24) % 30
    np.testing.assert_allclose(
        whole.get_layer("final_output")(base(ids)), whole(ids), rtol=1e-4, atol=1e-6
    )


def test_langnet_from_its_file_is_langnet():
    path = bases.DATA / "langnet.keras"
    ids = np.arange(24)[None]
    np.testing.assert_array_equal(load_base(path)(ids), load_base("langnet", include_top=True)(ids))


@pytest.mark.parametrize("name", ["glyphnet", "langnet"])
def test_a_missing_bundled_base_says_how_to_make_it(name, monkeypatch, tmp_path):
    monkeypatch.setattr(bases, "DATA", tmp_path)
    with pytest.raises(FileNotFoundError, match=rf"{name}\.keras is missing\. .*make data"):
        load_base(name)


# Saved files


def picture_model(kind: str) -> keras.Model:
    """A model of pictures in 0..1 with state that is easily lost: nested, normalized."""
    normalize = layers.Normalization(name="normalize")
    normalize.adapt(np.linspace(0, 1, 3 * 48).reshape(3, 4, 4, 3))
    inner = keras.Sequential(
        [keras.Input((4, 4, 3)), layers.Conv2D(4, 3, name="conv"), layers.BatchNormalization()],
        name="inner",
    )
    inner.layers[1].set_weights([np.array([0.5, 1, 2, 3]) for _ in range(4)])
    inner.trainable = False
    stack = [layers.RandomFlip(), normalize, inner, layers.Flatten(), layers.Dense(2, name="top")]
    if kind == "sequential":
        return keras.Sequential([keras.Input((4, 4, 3), name="picture"), *stack], name="mine")
    inputs = x = keras.Input((4, 4, 3), name="picture")
    for layer in stack:
        x = layer(x)
    outputs = {"score": x, "picture": layers.Identity()(inputs)} if kind == "two outputs" else x
    return keras.Model(inputs, outputs, name="mine")


@pytest.mark.parametrize(
    ("kind", "ending", "low", "high", "scaled"),
    [
        ("sequential", ".keras", 0, 1, True),
        ("sequential", ".h5", -1, 1, True),
        ("functional", ".keras", -3, 255, True),
        ("functional", ".keras", 0, 200, True),
        ("functional", ".h5", 0, 1, True),
        ("functional", ".keras", 0, 255, False),
    ],
)
def test_a_saved_file_gets_an_input_of_raw_pixels(tmp_path, kind, ending, low, high, scaled):
    model, path = picture_model(kind), tmp_path / f"model{ending}"
    model.save(path)
    base = load_base(path, input_range=(low, high))
    names = ["random_flip", "normalize", "inner", "flatten", "top"]
    assert [layer.name.rstrip("_0123456789") for layer in base.layers] == [
        "pixels",
        *["pixel_scaling"] * scaled,
        *names,
    ]
    assert (base.name, base.input.name) == ("mine", PIXEL_INPUT)
    assert base.input.dtype == "float32"
    assert len(base.trainable_weights) == 2
    pixels = PIXELS[:, :4, :4]
    expected = model(low + pixels.astype("float32") * ((high - low) / 255), training=False)
    np.testing.assert_allclose(base(pixels, training=False), expected, rtol=1e-4, atol=1e-4)
    assert base.get_layer("top").output.shape == (None, 2)  # one node: can be cut


def test_several_outputs_keep_their_names(tmp_path):
    picture_model("two outputs").save(tmp_path / "model.keras")
    base = load_base(tmp_path / "model.keras", input_range=(0, 1))
    outputs = base(PIXELS[:, :4, :4], training=False)
    np.testing.assert_allclose(outputs["picture"], PIXELS[:, :4, :4] / 255, rtol=1e-6)
    assert outputs["score"].shape == (2, 2)


def test_a_base_saved_and_loaded_is_the_same(tmp_path):
    base = load_base("glyphnet")
    base.save(tmp_path / "mine.keras")
    loaded = load_base(str(tmp_path / "mine.keras"))
    assert [layer.name for layer in loaded.layers] == [layer.name for layer in base.layers]
    with pytest.raises(
        ValueError, match=f"^input_range cannot be .* input is {PIXEL_INPUT}: leave"
    ):
        load_base(tmp_path / "mine.keras", input_range=(0, 1))


def test_a_base_put_first_in_a_sequential_keeps_its_contract(tmp_path):
    base = load_base("glyphnet")
    model = keras.Sequential([keras.Input((28, 28, 1)), base, layers.Flatten()])
    model.save(tmp_path / "model.keras")
    loaded = load_base(tmp_path / "model.keras")
    assert isinstance(loaded, keras.Sequential)
    assert takes_raw_pixels(loaded)


@pytest.mark.parametrize("given", [None, (1, 0), (0, 0), (0, 1, 2)])
def test_a_range_must_be_known(tmp_path, given):
    picture_model("functional").save(tmp_path / "model.keras")
    with pytest.raises(ValueError) as caught:
        load_base(tmp_path / "model.keras", input_range=given)
    assert "model.keras' takes images, (4, 4, 3), but does not say" in str(caught.value)
    assert str(caught.value).endswith(f"input_range=(0, 255), (0, 1) or (-1, 1), not {given}.")


@pytest.mark.parametrize(
    ("shape", "is_image"),
    [
        ((8, 8, 1), True),
        ((8, 8, 3), True),
        ((8, 8, 4), True),
        ((None, None, 3), True),
        ((8, 8, 2), False),
        ((8, 8, 512), False),
        ((8, 3), False),
        ((4, 8, 8, 3), False),
    ],
)
def test_what_counts_as_an_image(tmp_path, shape, is_image):
    inputs = keras.Input(shape)
    keras.Model(inputs, layers.Activation("relu")(inputs)).save(tmp_path / "model.keras")
    if is_image:
        with pytest.raises(ValueError, match="takes images"):
            load_base(tmp_path / "model.keras")
    else:
        assert load_base(tmp_path / "model.keras").input_shape == (None, *shape)
        with pytest.raises(ValueError, match=r"whose input is \w+: leave it out"):
            load_base(tmp_path / "model.keras", input_range=(0, 1))


def test_several_inputs_with_an_image_are_left_to_the_user(tmp_path):
    picture, number = keras.Input((4, 4, 3)), keras.Input((2,))
    joined = layers.Concatenate()([layers.Flatten()(picture), number])
    keras.Model([picture, number], joined).save(tmp_path / "model.keras")
    with pytest.raises(ValueError, match="takes 2 inputs, one of them an image.*Use load_saved"):
        load_base(tmp_path / "model.keras", input_range=(0, 1))


@keras.saving.register_keras_serializable(package="course_tests")
class Subclassed(keras.Model):
    def __init__(self, **options):
        super().__init__(**options)
        self.dense = layers.Dense(2)

    def call(self, x):
        return self.dense(x)


def test_a_subclassed_model_is_returned_as_it_is(tmp_path):
    model = Subclassed()
    model(np.zeros((1, 3)))
    model.save(tmp_path / "model.keras")
    assert isinstance(load_base(tmp_path / "model.keras"), Subclassed)
    with pytest.raises(ValueError, match="whose input is unknown"):
        load_base(tmp_path / "model.keras", input_range=(0, 1))


@pytest.mark.parametrize("source", ["no.keras", "no.h5", "no.hdf5", "NO.KERAS", Path("no"), "a/no"])
def test_paths_are_told_from_names(source):
    with pytest.raises(FileNotFoundError, match="No file '"):
        load_base(source)


def test_a_folder_is_explained(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_model").mkdir()
    with pytest.raises(ValueError, match="'my_model' is a folder"):
        load_base("my_model")


# check_pixels


@pytest.fixture(scope="module")
def contract():
    inputs = keras.Input((None, None, 1), name=PIXEL_INPUT)
    return keras.Model(inputs, layers.Activation("linear")(inputs), name="small")


@pytest.mark.parametrize(
    "values",
    [
        [0, 255],
        [0.0, 255.0],
        [0.0, 0.5, 1.5],
        [0.0, 0.25, np.nextafter(np.float32(1), np.float32(2))],
        [0, 1],
        [0.0, 1.0],
        [0.0, 0.0],
        [1.0, 1.0],
        [254.9],
        [],
        [True, False],
        tf.constant([3.0, 100.0]),
        np.array([1, 2], "uint8"),
        np.array([255], "int16"),
        np.array([0.5, 200], "float16"),
    ],
)
def test_pixels_that_pass(contract, values):
    assert check_pixels(contract, values) is None


@pytest.mark.parametrize(
    ("values", "found", "fix"),
    [
        ([0.0, 0.5], "run from 0 to 0.5", "multiply by 255"),
        ([0.0, 0.5, 1.0], "run from 0 to 1", "multiply by 255"),
        (tf.constant([0.25, 1.0]), "run from 0.25 to 1", "multiply by 255"),
        ([-1.0, 1.0], "run from -1 to 1", "Do not call preprocess_input"),
        ([-0.001, 255.0], "run from -0.001 to 255", "np.clip"),
        ([-123.68, 151.061], "run from -123.68 to 151.061", "Do not call preprocess_input"),
        (np.array([-1, 5], "int8"), "run from -1 to 5", "Do not call preprocess_input"),
        ([0.0, 255.5], "run from 0 to 255.5", "np.clip"),
        (np.array([0, 65535], "uint16"), "run from 0 to 65535", "by 257"),
        ([0.0, np.inf], "run from 0 to inf", "by 257"),
        ([1.0, np.nan], "run from nan to nan", "NaN"),
    ],
)
def test_pixels_that_do_not(contract, values, found, fix):
    with pytest.raises(ValueError) as caught:
        check_pixels(contract, values)
    message = str(caught.value)
    assert message.startswith(f"'small' takes raw pixels, 0 to 255, but these images {found}. ")
    assert fix in message


@pytest.mark.parametrize("images", [["a"], tf.data.Dataset.range(3), np.array([1j])])
def test_what_is_not_numbers_at_all(contract, images):
    with pytest.raises(TypeError, match=f"got {type(images).__name__} of .*next"):
        check_pixels(contract, images)


def test_only_models_with_the_contract_are_checked(contract):
    plain = keras.Sequential([keras.Input((2,)), layers.Dense(1)])
    after = keras.Sequential([keras.Input((4, 4, 1)), layers.Rescaling(255), contract])
    first = keras.Sequential([keras.Input((4, 4, 1)), contract, layers.Flatten()])
    outer = keras.Sequential([keras.Input((4, 4, 1)), first])
    models = [contract, first, outer, plain, after, Subclassed()]
    assert [takes_raw_pixels(model) for model in models] == [True] * 3 + [False] * 3
    check_pixels(plain, [0.5])
    with pytest.raises(ValueError):
        check_pixels(outer, [0.5])
