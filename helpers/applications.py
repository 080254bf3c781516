"""The networks of `keras.applications`: their names, their sizes, and their weights."""

import inspect
import warnings

import keras

from helpers.downloads import keras_home
from helpers.pixels import PIXEL_INPUT, scale_like

SIZES_WITH_TOP = {
    "EfficientNetB1": 240,
    "EfficientNetB2": 260,
    "EfficientNetB3": 300,
    "EfficientNetB4": 380,
    "EfficientNetB5": 456,
    "EfficientNetB6": 528,
    "EfficientNetB7": 600,
    "EfficientNetV2B1": 240,
    "EfficientNetV2B2": 260,
    "EfficientNetV2B3": 300,
    "EfficientNetV2S": 384,
    "EfficientNetV2M": 480,
    "EfficientNetV2L": 480,
    "InceptionResNetV2": 299,
    "InceptionV3": 299,
    "NASNetLarge": 331,
    "Xception": 299,
}
"""Height and width, in pixels, that an application takes with its top, where not 224."""


def application_names() -> tuple[str, ...]:
    """Name every network in `keras.applications`.

    Returns:
        The names, sorted, as `load_base` takes them.

    Lesson: 01
    Source: https://keras.io/api/applications/
    """
    members = vars(keras.applications).items()
    return tuple(sorted(name for name, member in members if inspect.isfunction(member)))


def load_application(
    name: str, include_top: bool, weights: str | None, input_shape: tuple | None, options: dict
) -> keras.Model:
    """Build a Keras application behind an input of raw pixels.

    Args:
        name: one of `application_names()`.
        include_top: as for `load_base`.
        weights: as for `load_base`.
        input_shape: as for `load_base`; None for the default.
        options: passed on to the application.

    Returns:
        A flat, uncompiled model.

    Raises:
        ValueError: a shape or an option that no base takes.
        FileNotFoundError: weights neither on this machine nor to be had.

    Lesson: 01
    """
    _check_options(name, input_shape, options)
    build = getattr(keras.applications, name)
    module = getattr(keras.applications, build.__module__.rsplit(".", 1)[-1])
    shape = input_shape or _default_shape(name, include_top)
    pixels = keras.Input(shape, name=PIXEL_INPUT)
    options = options | {"include_top": include_top, "weights": weights, "input_shape": shape}
    try:
        with warnings.catch_warnings():
            if input_shape is None:  # which weights that gets is documented above
                warnings.filterwarnings("ignore", "`input_shape` is undefined", UserWarning)
            model = build(input_tensor=scale_like(pixels, module.preprocess_input), **options)
    except Exception as error:
        if isinstance(error, OSError) or type(error) is Exception:  # what Keras' get_file raises
            raise FileNotFoundError(_no_weights(name, error)) from error
        raise
    return keras.Model(pixels, model.output, name=model.name)


def _check_options(name: str, input_shape: tuple | None, options: dict) -> None:
    if input_shape is not None and (len(input_shape) != 3 or input_shape[-1] != 3):
        raise ValueError(
            f"input_shape must be (height, width, 3), not {input_shape}: {name} takes colour "
            "images. Make three channels of a grey image with np.repeat(images, 3, axis=-1)."
        )
    if "include_preprocessing" in options or "input_tensor" in options:
        raise ValueError(
            f"include_preprocessing and input_tensor cannot be used with {name}: every base takes "
            "raw pixels, 0 to 255. Leave them out, or call keras.applications yourself."
        )


def _default_shape(name: str, include_top: bool) -> tuple[int | None, int | None, int]:
    any_size = not include_top and not name.startswith("NASNet")
    size = None if any_size else SIZES_WITH_TOP.get(name, 224)
    return size, size, 3


def _no_weights(name: str, error: Exception) -> str:
    return (
        f"The ImageNet weights of {name} are not in {keras_home() / 'models'} and could not be "
        f"downloaded ({error}). Connect to the network once; or put that file into the folder "
        "'models' of a writable folder and name it in the environment variable KERAS_HOME before "
        "Python starts; or pass weights=None for random weights; or use load_base('glyphnet'), "
        "which is bundled."
    )
