"""Single files of a folder of photos: find them, and say what is unusual about each."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from helpers.photo_pixels import FORMATS, read_photo

SMALLEST_SIDE = 32
"""Pixels; a photo whose shorter side has fewer holds too little to learn from."""

GRID = 16
"""Height and width of the miniature that tells photos apart."""

SYSTEM_FILES = ("thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx")
"""What Windows and macOS leave in folders, beside files whose name begins with a dot."""

OTHER_PHOTOS = {".heic", ".heif", ".dng", ".cr2", ".nef", ".arw", ".jp2", ".psd", ".svg"}
"""Endings of pictures that Pillow cannot read without help."""

ORIENTATION = 0x0112
"""The number of the EXIF note that says how to turn a photo; 1 is upright."""


class Examined(NamedTuple):
    """What is unusual about one file.

    Attributes:
        fault: why it cannot be used: `unreadable`, `animated`, `tiny` or, for what does not even
            claim to be a photo, `stray file`; empty if it can.
        notes: what is done to use it all the same: `grey`, `CMYK`, `16-bit`, `transparent`,
            `EXIF-rotated`, `wrongly named`.
        miniature: float32 `(GRID * GRID * 3,)`, mean colours 0 to 255; None where there is a fault.
    """

    fault: str
    notes: tuple[str, ...]
    miniature: np.ndarray | None


def examine_photo(path: Path) -> Examined:
    """Decode one file and say what is unusual about it.

    Args:
        path: any file; it is only read.

    Returns:
        What was found. A file that cannot be decoded is no error, but a finding.

    Lesson: 10
    """
    try:
        with Image.open(path, formats=FORMATS) as image:
            fault, notes = _fault(image), _notes(image, path)
        pixels = read_photo(path, size=4 * GRID)
    except Exception:  # damaged files make Pillow fail in ways that no list foresees
        suffix = path.suffix.lower()
        claims = suffix in OTHER_PHOTOS or Image.registered_extensions().get(suffix) in FORMATS
        return Examined("unreadable" if claims else "stray file", (), None)
    if fault:
        return Examined(fault, (), None)
    cells = pixels.reshape(GRID, 4, GRID, 4, 3).astype("float32")
    return Examined("", notes, cells.mean(axis=(1, 3)).reshape(-1))


def subfolders(folder: Path) -> list[Path]:
    """List the folders in a folder, by name; hidden ones and those of the system are left out.

    Args:
        folder: an existing folder.

    Returns:
        Their paths; a link to a folder counts as one.

    Lesson: 10
    """
    return sorted(path for path in folder.iterdir() if path.is_dir() and not is_hidden(path.name))


def files_below(folder: Path) -> Iterator[Path]:
    """Go through all files below a folder, by name; links are followed, but never in a circle.

    Args:
        folder: an existing folder.

    Yields:
        Paths of files, hidden ones included; those in hidden folders are left out.

    Lesson: 10
    """
    seen = set()
    for place, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        folders[:] = [] if real in seen else sorted(f for f in folders if not is_hidden(f))
        files = [] if real in seen else [Path(place, name) for name in sorted(names)]
        seen.add(real)
        yield from (file for file in files if file.is_file() or file.is_symlink())


def is_hidden(name: str) -> bool:
    """Tell whether a system, not a person, made a file or a folder.

    Args:
        name: without the path.

    Returns:
        Whether it begins with a dot or is one of the `SYSTEM_FILES`.

    Lesson: 10
    """
    return name.startswith(".") or name.lower() in SYSTEM_FILES


def _fault(image: Image.Image) -> str:
    if getattr(image, "is_animated", False) and image.format != "MPO":
        return "animated"
    return "tiny" if min(image.size) < SMALLEST_SIDE else ""


def _notes(image: Image.Image, path: Path) -> tuple[str, ...]:
    wide = image.mode.startswith("I") or re.search(";16[BLN]", str(image.tile))
    named = Image.registered_extensions().get(path.suffix.lower())
    found = {
        "grey": image.mode[0] in "1IL" and image.mode != "LAB",
        "CMYK": image.mode == "CMYK",
        "16-bit": wide,
        "transparent": image.has_transparency_data,
        "EXIF-rotated": image.getexif().get(ORIENTATION, 1) in range(2, 9),
        "wrongly named": named != image.format and (named, image.format) != ("JPEG", "MPO"),
    }
    return tuple(note for note, holds in found.items() if holds)
