"""Load a saved model without trusting the file.

Loading a model builds whatever its file describes. Since version 3.15.1 Keras refuses most files
made to run code or to read other files, but not those that only declare so much that the computer
runs out of memory. Here everything is checked first, from what the file declares. What is not
limited is time: a description of very many layers takes long to build.
"""

import difflib
import os
import textwrap
import zipfile
import zlib
from pathlib import Path

import keras

from helpers.saved_arrays import UnsafeModelError, check_total
from helpers.saved_config import check_config
from helpers.saved_memory import check_memory
from helpers.saved_storage import read_hdf5, read_keras

__all__ = ["MODEL_SUFFIXES", "UnsafeModelError", "load_saved"]

MODEL_SUFFIXES = (".keras", ".h5", ".hdf5")
"""How the names of files that `load_saved` reads may end."""

SIGNATURES = {b"PK\x03\x04": ".keras", b"\x89HDF": ".h5"}
DAMAGE = (OSError, EOFError, zipfile.BadZipFile, zlib.error)


def load_saved(path: str | os.PathLike, *, max_bytes: int = 2 * 1024**3) -> keras.Model:
    """Load a whole model from a `.keras` or `.h5` file, after checking that it can do no harm.

    Args:
        path: a file that `model.save` wrote. Classes of your own must be registered with
            `keras.saving.register_keras_serializable` before.
        max_bytes: limit, in bytes, for the file, for the arrays that it declares, and for the
            memory that its layers would take; each must stay below.

    Returns:
        The model with its weights, not compiled.

    Raises:
        UnsafeModelError: it contains code (a Lambda layer, say), names classes that are neither
            Keras' nor registered, points outside itself, or is larger than `max_bytes`.
        FileNotFoundError: no such file.
        ValueError: it is of another kind, damaged, or of another version of Keras.

    Lesson: 01
    Source: https://keras.io/api/models/model_saving_apis/model_saving_and_loading/
    """
    path = Path(path)
    _check_kind(path)
    try:
        _check_content(path, max_bytes)
        return keras.models.load_model(path, compile=False)
    except UnsafeModelError as error:
        raise UnsafeModelError(f"Refused to load {str(path)!r}: {error}.") from error
    except DAMAGE as error:
        raise ValueError(
            f"{str(path)!r} is damaged or cut short ({error}). Copy, download or save it again."
        ) from error
    except Exception as error:  # Keras raises many kinds where a description does not fit
        reason = textwrap.shorten(str(error), 500)
        raise ValueError(f"{str(path)!r} cannot be loaded: {reason}.") from error


def _check_content(path: Path, max_bytes: int) -> None:
    check_total(path.stat().st_size, max_bytes, "the file has")
    is_archive = path.suffix == ".keras"
    config = (read_keras if is_archive else read_hdf5)(path, max_bytes)
    config.pop("compile_config", None)  # how it was trained is not loaded
    check_config(config, names_modules=is_archive)
    check_memory(config, max_bytes, names_modules=is_archive)


def _check_kind(path: Path) -> None:
    if not path.exists():
        raise FileNotFoundError(_missing(path))
    if path.is_dir():
        raise ValueError(_folder(path))
    if path.suffix not in MODEL_SUFFIXES:
        raise ValueError(
            f"{str(path)!r} does not end in {', '.join(MODEL_SUFFIXES)}: Keras cannot tell what "
            "it is. Save models with model.save('name.keras')."
        )
    with path.open("rb") as file:
        start = file.read(4)
    found = SIGNATURES.get(start)
    if found is None:
        raise ValueError(
            f"{str(path)!r} is not a saved model: it begins with {start!r}. A web page or a "
            "pointer may have been saved in its place; download it again."
        )
    if (found == ".keras") != (path.suffix == ".keras"):
        raise ValueError(
            f"{str(path)!r} has the wrong ending: its content is that of a {found} file. "
            f"Rename it to {path.with_suffix(found).name!r}."
        )


def _missing(path: Path) -> str:
    folder = path.parent
    if not folder.is_dir():
        return f"No file {str(path)!r}: there is no folder {str(folder.resolve())!r}."
    names = [each.name for each in sorted(folder.iterdir()) if each.suffix in MODEL_SUFFIXES]
    close = difflib.get_close_matches(path.name, names) or names[:5]
    found = f"holds {', '.join(close)}" if close else "holds no saved model"
    return f"No file {path.name!r}. The folder {str(folder.resolve())!r} {found}."


def _folder(path: Path) -> str:
    if (path / "saved_model.pb").exists():
        return (
            f"{str(path)!r} is a SavedModel folder. Keras 3 can only run it (keras.layers."
            "TFSMLayer), not cut or train it. Load it with the version of TensorFlow that saved "
            "it, and save it there with model.save('name.keras') or, from Keras 2, 'name.h5'."
        )
    return f"{str(path)!r} is a folder. Pass a file that ends in {', '.join(MODEL_SUFFIXES)}."
