"""Photos in files as raw pixels: upright, in colour, eight bits, one size; a few at a time."""

import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import keras
import numpy as np
from PIL import Image, ImageOps

from helpers.progress import progress

FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF", "PPM")
"""What Pillow may read; JPEG includes those with a second picture behind, as telephones make."""

BATCH = 32
AHEAD = 2
"""Photos that go through a network at a time, and batches that are decoded meanwhile."""


def read_photo(path: str | os.PathLike, *, size: int | None = None) -> np.ndarray:
    """Read a photo as a viewer shows it: upright, in colour, eight bits a channel.

    The note "turn me" that telephones write (EXIF) is followed. Grey and CMYK become RGB, 16 bits
    are scaled to 8, transparent parts become white.

    Args:
        path: a file of one of the `FORMATS`, whatever its name ends in.
        size: height and width in pixels; the photo is squeezed into the square. None: as it is.

    Returns:
        uint8 array `(height, width, 3)`, raw pixels 0 to 255.

    Raises:
        OSError: the file is missing, damaged, cut short, or of another kind.

    Lesson: 09
    Source: https://pillow.readthedocs.io/en/stable/reference/ImageOps.html
    """
    with Image.open(path, formats=FORMATS) as image:
        if size is not None:  # a JPEG can be decoded at a half, a quarter or an eighth at once
            image.draft(None, (2 * size, 2 * size))
        ImageOps.exif_transpose(image, in_place=True)
        upright = _eight_bit_rgb(image)
        if size is not None:
            upright = upright.resize((size, size), Image.Resampling.BILINEAR)
        return np.asarray(upright)


def photo_batches(
    paths: Sequence[str], *, size: int, batch_size: int = BATCH
) -> Iterator[np.ndarray]:
    """Read photos batch by batch, in order, on all processors; a few batches are held at a time.

    Args:
        paths: files, as for `read_photo`.
        size: height and width in pixels.
        batch_size: photos in a batch; the last may hold fewer.

    Yields:
        uint8 arrays `(batch_size, size, size, 3)`, raw pixels 0 to 255.

    Raises:
        OSError: as for `read_photo`.

    Lesson: 09
    """
    waiting: deque[list[Future]] = deque()
    with ThreadPoolExecutor() as readers:
        for start in range(0, len(paths), batch_size):
            batch = paths[start : start + batch_size]
            waiting.append([readers.submit(read_photo, path, size=size) for path in batch])
            if len(waiting) > AHEAD:
                yield _stacked(waiting.popleft())
        while waiting:
            yield _stacked(waiting.popleft())


def run_on_photos(
    model: keras.Model, paths: Sequence[str], *, mirrored: bool = False
) -> list[np.ndarray]:
    """Run a model over photos in files and keep what comes out, in half precision.

    The photos themselves are not kept: memory holds some batches of pixels and the result, whose
    size is announced before the first batch.

    Args:
        model: one that takes raw pixels of a fixed, square size.
        paths: files, as for `read_photo`.
        mirrored: run each photo's mirror image, too.

    Returns:
        For each output of the model a float16 array `(variants, n, ...)` in the order of `paths`.
        The first variant is the photo, the second, where asked for, its mirror image.

    Raises:
        OSError: as for `read_photo`.

    Lesson: 09
    """
    shapes = [output.shape[1:] for output in model.outputs]
    kept = [np.empty((1 + mirrored, len(paths), *shape), "float16") for shape in shapes]
    label = f"reading photos, keeping {sum(array.nbytes for array in kept) / 1e6:.1f} MB"
    starts = progress(range(0, len(paths), BATCH), label, unit=f"batches of {BATCH}")
    batches = photo_batches(paths, size=model.input_shape[1], batch_size=BATCH)
    for start, pixels in zip(starts, batches, strict=True):
        variants = [pixels, pixels[:, :, ::-1]][: 1 + mirrored]
        for variant, images in enumerate(variants):
            found = keras.tree.flatten(model.predict_on_batch(images))
            for array, values in zip(kept, found, strict=True):
                array[variant, start : start + len(images)] = values
    return kept


def _stacked(photos: list[Future]) -> np.ndarray:
    return np.stack([photo.result() for photo in photos])


def _eight_bit_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "F":
        raise OSError("its pixels are fractions of unknown range")
    if image.mode.startswith("I"):  # 16 bits: 65535 is white
        levels = np.clip(np.asarray(image) / 257, 0, 255)
        image = Image.fromarray(np.rint(levels).astype("uint8"))
    if image.has_transparency_data:
        clear = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", clear.size, "white"), clear)
    return image if image.mode == "RGB" else image.convert("RGB")
