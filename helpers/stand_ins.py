"""Stand in for ImageNet weights that are not on this machine, so that the recipes run offline.

The recipes call `keras.applications` with `weights="imagenet"`, as code that is copied from them
must. Where a weights file is missing, Keras would download it, up to 500 MB each. In a kernel that
calls `random_weights_where_missing` such a network keeps its random weights instead.
"""

import sys
from typing import Any

import keras

from helpers.downloads import keras_home

GET_FILE, LOAD_WEIGHTS = keras.utils.get_file, keras.Model.load_weights
"""What Keras does by itself."""

FILES = sys.modules[GET_FILE.__module__]
"""The module in which `keras.applications` looks up `get_file`."""


class _Missing(str):
    """The name of a weights file that is not on this machine."""


_used: dict[str, str] = {}


def random_weights_where_missing() -> dict[str, str]:
    """Make `keras.applications` use the weights files of this machine, and download none.

    This holds for the whole process. Files are looked for where Keras keeps them, in `models` in
    `~/.keras` or `KERAS_HOME`. Everything else about a network is as Keras builds it.

    Returns:
        For each weights file that is asked for from now on `"ImageNet"` where it was found and
        loaded, `"random"` where not. Empty at first; it fills as networks are built.

    Lesson: recipes
    """
    _used.clear()
    FILES.get_file, keras.Model.load_weights = _find, _load
    return _used


def _find(fname: str, *args: Any, **options: Any) -> str:
    if options.get("cache_subdir") != "models" or not fname.endswith(".h5"):
        return GET_FILE(fname, *args, **options)
    path = keras_home() / "models" / fname
    _used[fname] = "ImageNet" if path.is_file() else "random"
    return str(path) if path.is_file() else _Missing(fname)


def _load(model: keras.Model, filepath: Any, *args: Any, **options: Any) -> None:
    if not isinstance(filepath, _Missing):
        LOAD_WEIGHTS(model, filepath, *args, **options)
