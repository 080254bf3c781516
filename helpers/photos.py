"""Photographs to learn from: fetched once, and checked file by file."""

import gzip
import hashlib
import tarfile
import zlib
from pathlib import Path

import keras
import numpy as np

from helpers.data import PhotoSplit, Task
from helpers.downloads import ARCHIVE, COMMIT, NAME, keras_home
from helpers.progress import progress

URL = f"https://github.com/alexeygrigorev/clothing-dataset-small/archive/{COMMIT}.tar.gz"

LISTING = Path(__file__).resolve().parent.parent / "data" / "clothing_photos.txt.gz"
LISTING_SHA256 = "b90966c33d6cae6061ecf507c6b7450ca182e1d7b2dba32a4d8041261714de5b"
"""Digest of the listing, unpacked: it stands for every byte of every photo."""

SPLITS = ("train", "validation", "test")

Listing = dict[str, tuple[int, str]]
"""Size in bytes and SHA-256 of photos, by their path."""


def fetch_clothing() -> Path:
    """Fetch a set of photos of clothes, once, and make sure that every file is the right one.

    3,781 photos in ten classes, already split, from a fixed commit of a public repository (CC0),
    100 MB. They go into `datasets` in the folder of Keras, `~/.keras` or `KERAS_HOME`. Every call
    compares size and digest of every file with the course's listing. An interrupted download or
    unpacking is taken up again.

    Returns:
        The folder that holds `train`, `validation` and `test`, with one folder for each class.

    Raises:
        FileNotFoundError: the photos are neither on this machine nor to be had.
        ValueError: a file is damaged, or not in the archive; the message names it.

    Lesson: 09
    Source: https://github.com/alexeygrigorev/clothing-dataset-small
    """
    return _fetch(_read_listing())


def load_clothing() -> Task:
    """List the photos of clothes.

    Returns:
        A Task of PhotoSplits: 3,068 photos to train on, 341 for validation, 372 to test on.

    Raises:
        FileNotFoundError, ValueError: as for `fetch_clothing`.

    Lesson: 09
    """
    listing = _read_listing()
    folder = _fetch(listing)
    names = tuple(sorted({path.split("/")[1] for path in listing}))
    return Task(**{split: _split(folder / split, names) for split in SPLITS}, class_names=names)


def _fetch(listing: Listing) -> Path:
    folder = keras_home() / "datasets" / NAME
    missing = _check(folder, listing)
    if missing:
        _unpack(_archive(folder.parent), folder, missing)
        _check(folder, listing)
    return folder


def _split(folder: Path, names: tuple[str, ...]) -> PhotoSplit:
    by_class = [sorted(map(str, (folder / name).glob("*.jpg"))) for name in names]
    labels = np.repeat(np.arange(len(names)), [len(paths) for paths in by_class])
    return PhotoSplit([path for paths in by_class for path in paths], labels)


def _read_listing() -> Listing:
    text = gzip.decompress(LISTING.read_bytes())
    if hashlib.sha256(text).hexdigest() != LISTING_SHA256:
        raise ValueError(f"{LISTING} is not the course's listing of the photos: restore it (git).")
    rows = (line.rsplit(" ", 2) for line in text.decode().splitlines())
    return {path: (int(size), digest) for path, size, digest in rows}


def _check(folder: Path, listing: Listing) -> Listing:
    """The files that are missing; raise where one is damaged."""
    missing = {}
    for path, (size, digest) in listing.items():
        file = folder / path
        if not file.is_file():
            missing[path] = size, digest
        elif fault := _fault(file.read_bytes(), size, digest):
            raise ValueError(f"{file} {fault} Delete it and run this again: it is unpacked anew.")
    return missing


def _fault(content: bytes, size: int, digest: str) -> str | None:
    if len(content) != size:
        return f"has {len(content):,} bytes, not {size:,}: it is not the photo that was published."
    if hashlib.sha256(content).hexdigest()[:32] != digest:
        return "has other content than the photo that was published."
    return None


def _archive(folder: Path) -> Path:
    """The archive, downloaded if it is not there."""
    archive, partial = folder / ARCHIVE, folder / f"partial-{ARCHIVE}"
    if not archive.is_file():
        partial.unlink(missing_ok=True)  # Keras would take half a file for the whole
        try:
            Path(keras.utils.get_file(partial.name, URL, cache_dir=folder.parent)).replace(archive)
        except Exception as error:  # get_file raises nothing more specific
            raise FileNotFoundError(
                f"The photos are not in {folder} and could not be downloaded ({error}). Connect "
                f"to the network once; or download {URL} elsewhere, put it there as {ARCHIVE}, "
                "and run this again."
            ) from error
    return archive


def _unpack(archive: Path, folder: Path, listing: Listing) -> None:
    """Unpack the listed photos; each gets its name only when it is complete."""
    wanted = {f"{NAME}/{path}": path for path in listing}
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for member in progress(tar, "unpacking photos", unit="files"):
                path = wanted.pop(member.name, None)
                if path is None or not member.isfile():
                    continue
                content = tar.extractfile(member).read()
                if fault := _fault(content, *listing[path]):
                    raise ValueError(f"{path} in {archive} {fault} {_ANEW}")
                _write(folder / path, content)
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise ValueError(f"{archive} is damaged ({error}). {_ANEW}") from error
    if wanted:
        raise ValueError(f"{next(iter(wanted.values()))} is not in {archive}. {_ANEW}")


_ANEW = "Delete the archive and run this again: it is downloaded anew."


def _write(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(".part")
    partial.write_bytes(content)
    partial.replace(file)
