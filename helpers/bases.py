"""Load a base: a network trained on one task, the raw material for another."""

import difflib
import os
from pathlib import Path
from typing import Any

import keras

from helpers.applications import application_names, load_application
from helpers.pixels import with_pixel_input
from helpers.safe_loading import MODEL_SUFFIXES, load_saved

DATA = Path(__file__).parent.parent / "data"

BUNDLED = {"glyphnet": "pool", "langnet": "final_output"}
"""Name of each bundled base, a file in data/, and the first layer of its top."""


def load_base(
    source: str | os.PathLike,
    *,
    include_top: bool = False,
    weights: str | None = "imagenet",
    input_shape: tuple[int | None, int | None, int] | None = None,
    input_range: tuple[float, float] | None = None,
    **options: Any,
) -> keras.Model:
    """Load a base: a bundled one, a Keras application, or a saved file.

    All those for images take raw pixels. langnet takes ids of characters (`load_vocabulary`).

    Args:
        source: `"glyphnet"` or `"langnet"`; a name from `application_names()`; or the path of a
            `.keras`, `.h5` or `.hdf5` file, which is loaded with `load_saved`, whole, as saved.
        include_top: keep the classifier of a bundled base or of an application.
        weights: `"imagenet"` for the trained weights (bundled bases have their own), None for
            random ones.
        input_shape: `(height, width, 3)` in pixels, for an application. Default: with the top, its
            own size; without, any size, `(None, None, 3)` (NASNet: its own size). MobileNet and
            MobileNetV2 have separate weights for 128, 160, 192 and 224 pixels (V2 for 96, too);
            for any other size, or any size, they get those for 224.
        input_range: `(low, high)`, the pixels that a saved file for images was trained on, such as
            `(0, 1)`; needed where its input is not named `pixels_0_255`.
        **options: passed on to the application: `alpha`, `pooling`, `classes`, ...

    Returns:
        An uncompiled model. For images its input is named `pixels_0_255` and takes 0 to 255, of
        any number type; an application, glyphnet, or a file given an `input_range` comes flat
        (but ConvNeXt has small Sequential models inside, as Keras builds it).

    Raises:
        ValueError: unknown name, an argument that this source cannot use, or a file for images
            of unknown range.
        UnsafeModelError: the file could do harm (see `load_saved`).
        FileNotFoundError: no such file, or weights neither on this machine nor to be had.

    Lesson: 01
    Source: https://keras.io/api/applications/
    """
    _check_weights(weights)
    if source in application_names():
        _refuse(source, input_range=input_range)
        return load_application(source, include_top, weights, input_shape, options)
    _refuse(source, input_shape=input_shape, **options)
    if source in BUNDLED:
        _refuse(source, input_range=input_range)
        return _bundled(source, include_top, weights)
    return _saved(source, weights, input_range)


def _check_weights(weights: Any) -> None:
    if weights not in ("imagenet", None):
        raise ValueError(
            f"weights must be 'imagenet' or None, not {weights!r}. For weights from a file, "
            "use weights=None and then base.load_weights(path)."
        )


def _bundled(name: str, include_top: bool, weights: str | None) -> keras.Model:
    file = DATA / f"{name}.keras"
    if not file.exists():
        raise FileNotFoundError(f"The bundled base {file} is missing. Make it with: make data")
    model = load_saved(file)
    if weights is None:
        model = keras.models.clone_model(model)
    if include_top:
        return model
    return keras.Model(model.input, model.get_layer(BUNDLED[name]).input, name=model.name)


def _saved(
    source: str | os.PathLike, weights: str | None, input_range: tuple[float, float] | None
) -> keras.Model:
    if not _is_path(source):
        raise ValueError(_unknown_name(source))
    if weights is None:
        raise ValueError(f"weights=None cannot be used with {str(source)!r}: leave it out.")
    return with_pixel_input(load_saved(source), source, input_range)


def _is_path(source: str | os.PathLike) -> bool:
    path = Path(source)
    return (
        isinstance(source, os.PathLike)
        or path.suffix.lower() in MODEL_SUFFIXES
        or len(path.parts) > 1
        or (source != "" and path.is_dir())
    )


def _unknown_name(name: str) -> str:
    known = {each.lower(): each for each in (*BUNDLED, *application_names())}
    close = [known[match] for match in difflib.get_close_matches(name.lower(), known)]
    hint = f"Did you mean {' or '.join(close)}?" if close else "See application_names()."
    return (
        f"No base is called {name!r}. {hint} Known are {', '.join(map(repr, BUNDLED))}, the "
        f"names in keras.applications, and files that end in {', '.join(MODEL_SUFFIXES)}."
    )


def _refuse(source: str | os.PathLike, **arguments: Any) -> None:
    given = [name for name, value in arguments.items() if value is not None]
    if given:
        raise ValueError(
            f"{', '.join(given)} cannot be used with {str(source)!r}: leave it out. input_range "
            "is for saved files, every other option for the names in keras.applications."
        )
