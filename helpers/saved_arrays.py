"""Check the weights of a saved model, an HDF5 file, without reading an array.

HDF5 can point to other files, and declare arrays far larger than what it holds. `safe_loading` is
what to call.
"""

import math
import mmap
import re
from collections.abc import Iterator

import h5py

HEAP = re.compile(rb"GCOL\x01\0\0\0(.{8})", re.DOTALL)
"""Where a part of an HDF5 file begins that texts are kept in, and its size."""


class UnsafeModelError(ValueError):
    """A saved model was refused, because loading it could run code, read files or fill memory.

    Lesson: 01
    """


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


def check_hdf5(file: h5py.File, content: bytes | mmap.mmap, max_bytes: int) -> None:
    """Check every group, array and attribute of an HDF5 file without reading them.

    Args:
        file: open for reading.
        content: the same file as bytes.
        max_bytes: limit for the sum of all declared arrays, and for each attribute.

    Raises:
        UnsafeModelError: links, arrays outside the file, arrays of objects, or too large.

    Lesson: 01
    """
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
