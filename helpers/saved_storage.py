"""Read what a saved model says about itself, without reading its weights or taking its word.

A `.keras` file is a zip archive with a description of the layers (JSON) and weights (HDF5); a
`.h5` file is HDF5 with both inside. `safe_loading` is what to call.
"""

import io
import json
import mmap
import zipfile
from pathlib import Path
from typing import Any

import h5py

from helpers.saved_arrays import UnsafeModelError, check_hdf5, check_total

MAX_CONFIG_BYTES = 32 * 1024**2
"""Largest description of layers that is read, in bytes (that of EfficientNetV2L has a million)."""

CONFIG, WEIGHTS = "config.json", "model.weights.h5"


def read_keras(path: Path, max_bytes: int) -> dict[str, Any]:
    """Check a `.keras` archive and read its description of the layers.

    Args:
        path: an existing zip archive.
        max_bytes: limit for the unpacked archive, and for the arrays that its weights declare.

    Returns:
        The description, as parsed from JSON.

    Raises:
        UnsafeModelError: odd or oversized members, or unsafe weights (see `read_hdf5`).
        ValueError: a part is missing or is not what it should be.
        zipfile.BadZipFile, OSError: damaged.

    Lesson: 01
    """
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        _check_members(members, max_bytes)
        missing = {CONFIG, WEIGHTS} - {member.filename for member in members}
        if missing:
            raise ValueError(f"the archive lacks {' and '.join(sorted(missing))}")
        _check_config_size(archive.getinfo(CONFIG).file_size)
        config = _parse(archive.read(CONFIG))
        _check_assets(archive, max_bytes)
        content = archive.read(WEIGHTS)
    with h5py.File(io.BytesIO(content), "r") as file:
        check_hdf5(file, content, max_bytes)
    return config


def read_hdf5(path: Path, max_bytes: int) -> dict[str, Any]:
    """Check a `.h5` file and read its description of the layers.

    Args:
        path: an existing HDF5 file.
        max_bytes: limit for the arrays that it declares.

    Returns:
        The description, as parsed from JSON.

    Raises:
        UnsafeModelError: links, arrays outside the file, arrays of objects, or too large.
        ValueError: it holds weights only, or the description is not JSON.
        OSError: damaged.

    Lesson: 01
    """
    with h5py.File(path, "r") as file:
        with path.open("rb") as raw, mmap.mmap(raw.fileno(), 0, access=mmap.ACCESS_READ) as content:
            check_hdf5(file, content, max_bytes)
        config = file.attrs.get("model_config")
        if config is None:
            raise ValueError(
                "it holds weights without the model that they belong to. Build that model in "
                "Python, then call model.load_weights(path)"
            )
        _check_config_size(len(config))
        return _parse(config)


def _parse(text: bytes | str) -> dict[str, Any]:
    try:
        config = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"its description of the layers is not readable JSON ({error})") from error
    if not isinstance(config, dict) or not {"class_name", "config"} <= config.keys():
        raise ValueError("its description of the layers does not describe a model")
    return config


def _check_members(members: list[zipfile.ZipInfo], max_bytes: int) -> None:
    seen = set()
    for member in members:
        if member.filename in seen or not _is_expected(member.filename):
            raise UnsafeModelError(
                f"the archive contains {member.filename!r} where Keras would not put it, or "
                "twice. Find out how it came there, and save the model again with Keras"
            )
        usual = member.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
        if member.flag_bits & 1 or not usual:
            raise UnsafeModelError(
                f"its part {member.filename!r} is encrypted or packed in an unusual way. "
                "Save the model again with Keras"
            )
        seen.add(member.filename)
    check_total(sum(member.file_size for member in members), max_bytes, "unpacked it has")


def _is_expected(name: str) -> bool:
    folder, *rest = name.split("/")
    if rest:
        return folder == "assets" and not {"", ".", ".."} & set(rest) and not set("\\:") & set(name)
    return name in (CONFIG, WEIGHTS, "metadata.json")


def _check_assets(archive: zipfile.ZipFile, max_bytes: int) -> None:
    """Check vocabularies, a word a line: NumPy makes all words as long as the longest."""
    for name in archive.namelist():
        if name.startswith("assets/"):
            words = archive.read(name).split(b"\n")
            size = 4 * len(words) * max(map(len, words))
            check_total(size, max_bytes, f"the words in {name!r} would take")


def _check_config_size(size: int) -> None:
    if size > MAX_CONFIG_BYTES:
        raise UnsafeModelError(
            f"its description of the layers has {size:,} bytes, more than the limit of "
            f"{MAX_CONFIG_BYTES:,}. No real model needs so much; ask where the file comes from"
        )
