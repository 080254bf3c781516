"""The doctor's checks of pixels: what reaches the first layer of the base, and what it takes."""

from collections.abc import Iterator

import keras
import numpy as np

from helpers.doctor_arriving import arriving_at_base
from helpers.doctor_case import Case
from helpers.doctor_data import is_image
from helpers.doctor_findings import Finding
from helpers.pixels import check_pixels, takes_raw_pixels

ROWS = 32
RAW, UNIT, SIGNED, CENTRED, STANDARD = (
    "0 to 255",
    "0 to 1",
    "-1 to 1",
    "the mean taken off",
    "mean 0, deviation 1",
)
WANTED = {"raw": RAW, "signed": SIGNED, "bgr": CENTRED, "standard": STANDARD}
SPREADS = {"signed": 0.1, "bgr": 5, "standard": 0.2}
"""Less than this between the darkest and the brightest pixel of a batch: scaled twice."""

CONTRAST = 25
"""Where the data themselves, as raw pixels, have less than this between dark and bright, they are
too dull to tell."""

RED_MEAN, BLUE_MEAN = 123.68, 103.939


def check_pixel_contract(case: Case) -> Iterator[Finding]:
    """Find images that reach the base in another range, or another channel order, than it takes.

    Args:
        case: the model, with images.

    Yields:
        `pixels-out-of-range`, `pixels-scaled-twice` or `channels-not-reversed`.

    Lesson: 12
    """
    x = case.batch.x
    if not is_image(x):
        return
    x = x[:ROWS]
    if takes_raw_pixels(case.model):
        yield from _raw_contract(case.model, x)
        return
    arriving = arriving_at_base(case, x) if case.family else None
    if arriving is None:
        return
    wanted = case.family.pixels
    twice = _is_twice(wanted, x, arriving)
    if twice or look(arriving) != WANTED[wanted]:
        yield _finding(case, x, arriving, twice=twice)
    elif wanted == "bgr" and not _is_reversed(case, x, arriving):
        yield _order(case, arriving)


def look(pixels: np.ndarray) -> str:
    """Say in which range images seem to be.

    Args:
        pixels: a batch of images.

    Returns:
        One of `RAW`, `UNIT`, `SIGNED`, `CENTRED`, `STANDARD`. Whole numbers that are not negative
        are raw, however small.

    Lesson: 12
    """
    low, high = float(pixels.min()), float(pixels.max())
    whole = low >= 0 and bool((pixels == np.round(pixels)).all())
    if low >= 0:
        return RAW if whole or high > 1.5 else UNIT
    if max(-low, high) <= 1.2:
        return SIGNED
    return CENTRED if low < -10 else STANDARD


def _raw_contract(model: keras.Model, x: np.ndarray) -> Iterator[Finding]:
    try:
        check_pixels(model, x)
    except ValueError as error:
        yield Finding(
            code="pixels-scaled-twice" if look(x) != RAW else "pixels-out-of-range",
            severity="error",
            title=f"{model.name!r} takes raw pixels, 0 to 255; these are {look(x)}",
            evidence=str(error),
            why="The base scales the pixels itself. Scaled twice, all pictures look the same to "
            "it.",
            fix="leave preprocess_input and Rescaling out: model.predict(images_0_to_255)",
        )


def _is_twice(wanted: str, x: np.ndarray, arriving: np.ndarray) -> bool:
    if wanted == "raw":
        return look(arriving) in (UNIT, SIGNED, CENTRED, STANDARD)
    contrast = np.ptp(x) > (CONTRAST if look(x) == RAW else CONTRAST / 255)
    squeezed = contrast and np.ptp(arriving) < SPREADS[wanted] and arriving.min() < 0
    return bool(squeezed or (wanted == "bgr" and arriving.min() < -RED_MEAN - 1))


def _finding(case: Case, x: np.ndarray, arriving: np.ndarray, *, twice: bool) -> Finding:
    family = case.family
    return Finding(
        code="pixels-scaled-twice" if twice else "pixels-out-of-range",
        severity="error",
        title=f"{case.base_name!r} takes pixels as {WANTED[family.pixels]}, "
        + ("but they are scaled twice" if twice else f"but gets {look(arriving)}"),
        evidence=f"The data run from {x.min():.4g} to {x.max():.4g}; what reaches the base, from "
        f"{arriving.min():.4g} to {arriving.max():.4g}.",
        why="The base never saw such pictures: its features mean little, and no message says so.",
        fix="leave your own scaling out: this base scales pixels from 0 to 255 itself"
        if family.pixels == "raw"
        else f"x = keras.applications.{family.module}.preprocess_input(x), once, on 0 to 255",
    )


def _is_reversed(case: Case, x: np.ndarray, arriving: np.ndarray) -> bool:
    """Blue first: a red picture changes the last channel; no first channel is below blue's mean."""
    if look(x) != RAW:
        return float(arriving[..., 0].min()) >= -BLUE_MEAN - 1
    colours = np.zeros((2, *x.shape[1:]), "float32")
    colours[1, ..., 0] = 255
    response = np.ptp(arriving_at_base(case, colours), axis=0).mean(axis=(0, 1))
    return int(response.argmax()) == 2


def _order(case: Case, arriving: np.ndarray) -> Finding:
    lows = ", ".join(f"{low:.1f}" for low in arriving.min(axis=(0, 1, 2)))
    return Finding(
        code="channels-not-reversed",
        severity="error",
        title=f"{case.base_name!r} takes blue first, but gets red first",
        evidence=f"Lowest value of each channel that reaches the base: {lows}; expected down to "
        f"{-BLUE_MEAN:.1f}, -116.8, {-RED_MEAN:.1f}.",
        why="Red and blue are swapped in every picture: the base sees colours that do not occur.",
        fix=f"x = keras.applications.{case.family.module}.preprocess_input(x), which reverses them",
    )
