"""Read what a saved model says about itself, without reading its weights or taking its word.

A `.keras` file is a zip archive with a description of the layers (JSON) and weights (HDF5); a
`.h5` file is HDF5 with both inside. Both can point outside themselves, and declare sizes far above
what they hold. Everything here is checked from declarations; `safe_loading` is what to call.
"""

import io
import json
import math
import mmap
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py

MAX_CONFIG_BYTES = 32 * 1024**2
"""Largest description of layers that is read, in bytes (that of EfficientNetV2L has a million)."""

HEAP = re.compile(rb"GCOL\x01\0\0\0(.{8})", re.DOTALL)
CONFIG, WEIGHTS = "config.json", "model.weights.h5"


class UnsafeModelError(ValueError):
    """A saved model was refused, because loading it could run code, read files or fill memory.

    Lesson: 01
    """


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
        content = archive.read(WEIGHTS)
    with h5py.File(io.BytesIO(content), "r") as file:
        _check_hdf5(file, content, max_bytes)
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
            _check_hdf5(file, content, max_bytes)
        config = file.attrs.get("model_config")
        if config is None:
            raise ValueError(
                "it holds weights without the model that they belong to. Build that model in "
                "Python, then call model.load_weights(path)"
            )
        _check_config_size(len(config))
        return _parse(config)


def check_total(size: int, max_bytes: int, what: str) -> None:
    """Refuse a model that is larger than the limit.

    Args:
        size: bytes found.
        max_bytes: the limit, which is still allowed.
        what: how the message begins.

    Raises:
        UnsafeModelError: `size` is larger.

    Lesson: 01
    """
    if size > max_bytes:
        raise UnsafeModelError(
            f"{what} {size:,} bytes, more than the limit of {max_bytes:,}. "
            "If you expect a model of this size, pass a larger max_bytes"
        )


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


def _check_config_size(size: int) -> None:
    if size > MAX_CONFIG_BYTES:
        raise UnsafeModelError(
            f"its description of the layers has {size:,} bytes, more than the limit of "
            f"{MAX_CONFIG_BYTES:,}. No real model needs so much; ask where the file comes from"
        )


def _check_hdf5(file: h5py.File, content: bytes | mmap.mmap, max_bytes: int) -> None:
    """Check every group, array and attribute of an open HDF5 file without reading them."""
    total, heap = 0, _largest_heap(content)
    for item in _hdf5_items(file):
        _check_attributes(item, heap, max_bytes)
        if isinstance(item, h5py.Dataset):
            total += _declared_bytes(item)
            check_total(total, max_bytes, f"its arrays, up to {item.name!r}, declare")


def _hdf5_items(file: h5py.File) -> Iterator[h5py.Group | h5py.Dataset]:
    """Yield each group once and the arrays in it; nothing outside the file is touched."""
    waiting, seen = [file], set()
    while waiting:
        group = waiting.pop()
        address = h5py.h5o.get_info(group.id).addr
        if address in seen:
            continue
        seen.add(address)
        yield group
        for name in group:
            item = _linked(group, name)
            if isinstance(item, h5py.Group):
                waiting.append(item)
            else:
                yield item


def _linked(group: h5py.Group, name: str) -> h5py.Group | h5py.Dataset:
    path = f"{group.name.rstrip('/')}/{name}"
    if not isinstance(group.get(name, getlink=True), h5py.HardLink):
        raise UnsafeModelError(
            f"{path!r} in its weights is a link to somewhere else. Save the model again with Keras"
        )
    item = group[name]
    if isinstance(item, h5py.Dataset) and (item.external or item.is_virtual):
        raise UnsafeModelError(
            f"the array {path!r} lies in another file. Save the model again with Keras"
        )
    return item


def _declared_bytes(dataset: h5py.Dataset) -> int:
    if dataset.dtype.hasobject:
        raise UnsafeModelError(
            f"the array {dataset.name!r} holds {dataset.dtype} instead of numbers. "
            "Save the model again with Keras"
        )
    shapes = (dataset.shape or (), dataset.chunks or ())  # a chunk is unpacked as a whole
    return max(math.prod(shape) for shape in shapes) * dataset.dtype.itemsize


def _check_attributes(item: h5py.Group | h5py.Dataset, heap: int, max_bytes: int) -> None:
    for name in item.attrs:
        attribute = item.attrs.get_id(name)
        if attribute.dtype.hasobject:  # texts; many may share one place in the file
            size = math.prod(attribute.shape) * heap
            check_total(size, max_bytes, f"the attribute {name!r} of {item.name!r} may have")


def _largest_heap(content: bytes | mmap.mmap) -> int:
    """Find the size of the largest part of an HDF5 file that texts are kept in, in bytes."""
    sizes = (match[1] for match in HEAP.finditer(content))
    return max((int.from_bytes(size, "little") for size in sizes), default=0)
