"""Draw the small set of "photographs" that lesson 10 works on until the reader names a folder.

    python data/make_photos.py FOLDER

Four kinds of things on a table, each picture with its own light, place, turn, background, blur and
noise, saved as a telephone would: JPEG, some lying on their side with a note to turn them. Beside
them lies what is found in many folders of photos and should not be: one file for each defect that
`helpers.photo_folder` knows. The same seed draws the same pictures.
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

PHOTOS = {"apples": 90, "leaves": 50, "lemons": 70, "pears": 80}
NAMES = {"apples": "apple", "leaves": "leaf", "lemons": "lemon", "pears": "pear"}
WIDTH, HEIGHT = 256, 192
TURNED = 6  # the EXIF note "turn by 90 degrees clockwise to see it upright"
COLOURS = {  # hue, in degrees, from which to which
    "apples": (-20, 95),
    "leaves": (25, 130),
    "lemons": (42, 80),
    "pears": (35, 95),
}


def outline(kind: str, angle: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Distance of the edge from the middle in each direction; angle 0 points to the stem."""
    side, stem = np.abs(np.sin(angle)), np.cos(angle)
    plump = rng.uniform(0.85, 1.1)
    if kind == "apples":
        dent = 0.22 * np.exp(-((angle / 0.35) ** 2))
        return 0.92 + 0.08 * side * plump - dent + 0.03 * np.cos(2 * angle)
    if kind == "pears":
        return (
            0.72 + 0.34 * np.clip(stem, 0, 1) ** 3 - 0.12 * side * stem + 0.1 * (stem < 0) * -stem
        )
    if kind == "lemons":
        tips = 0.2 * (
            np.exp(-((angle / 0.2) ** 2)) + np.exp(-(((np.pi - np.abs(angle)) / 0.2) ** 2))
        )
        return 0.74 / np.sqrt((0.78 * stem) ** 2 + (1.02 * side / plump) ** 2) + tips
    width = rng.uniform(0.45, 0.75)
    return width / np.sqrt((width * stem) ** 2 + side**2) * (1 - 0.25 * side**2)


def colour_of(hue: float, rng: np.random.Generator) -> np.ndarray:
    """Red, green and blue, 0 to 1, of a hue in degrees."""
    pure = 0.5 + 0.5 * np.cos(np.deg2rad(hue - np.array([0.0, 110.0, 240.0])))
    strength = rng.uniform(0.6, 0.95)
    return (1 - strength) * 0.6 + strength * pure


def rough(rng: np.random.Generator, cells: tuple[int, int]) -> np.ndarray:
    """Smooth random values around 0 over the whole picture, with so many hills and valleys."""
    noise = Image.fromarray(rng.normal(0, 1, cells[::-1]).astype("float32"))
    return np.asarray(noise.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC))


def background(rng: np.random.Generator) -> np.ndarray:
    """A table: boards, cloth or stone, `(height, width, 3)`, 0 to 1."""
    cells = [(4, 60), (40, 40), (90, 70)][rng.integers(3)]
    pattern = 0.6 * rough(rng, cells) + 0.4 * rough(rng, (5, 4))
    tint = rng.uniform(0.25, 0.75) + rng.normal(0, 0.08, 3)
    return tint + pattern[..., None] * rng.uniform(0.02, 0.12)


def draw(kind: str, rng: np.random.Generator) -> Image.Image:
    """One picture of a thing of some kind."""
    size = rng.uniform(32, 75)
    across, down = rng.uniform(0.3, 0.7, 2) * (WIDTH, HEIGHT)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    x, y = (x - across) / size, (y - down) / size
    turn = rng.normal(0, 0.7) if kind != "leaves" else rng.uniform(-np.pi, np.pi)
    angle = (np.arctan2(x, -y) - turn + np.pi) % (2 * np.pi) - np.pi
    share = np.hypot(x, y) / outline(kind, angle, rng)
    light = rng.uniform(-np.pi, np.pi)
    towards = np.cos(light) * x + np.sin(light) * y
    bulge = np.sqrt(np.clip(1 - share**2, 0, 1))
    skin = surface(kind, share, angle, rng)
    shade = 0.45 + 0.4 * bulge + 0.25 * towards
    thing = skin * shade[..., None] + shine(towards, bulge, kind, rng)[..., None]
    shadow = np.exp(-3 * np.clip(share - 1, 0, None)) * np.clip(-towards, 0, 1) * 0.5
    edge = np.clip((1 - share) * size / 2, 0, 1)[..., None]
    scene = background(rng) * (1 - shadow[..., None]) * (1 - edge) + thing * edge
    return develop(scene, rng)


def surface(
    kind: str, share: np.ndarray, angle: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """The colour of the skin, `(height, width, 3)`, with blush, spots, stem or veins."""
    first, second = (colour_of(rng.uniform(*COLOURS[kind]), rng) for _ in range(2))
    blend = np.clip(0.5 + 0.5 * rough(rng, (6, 4)), 0, 1)[..., None]
    skin = first * blend + second * (1 - blend) + 0.04 * rough(rng, (120, 90))[..., None]
    if kind == "leaves":
        along, side = share * np.cos(angle), share * np.sin(angle)
        veins = np.minimum(np.abs(side) * 8, np.abs(np.sin(14 * along - 9 * np.abs(side))) * 2)
        return skin * (0.6 + 0.4 * np.clip(veins, 0, 1))[..., None]
    if kind != "lemons":
        stem = (np.abs(angle) < 0.12) & (share > 0.75)
        return np.where(stem[..., None], [0.3, 0.2, 0.1], skin)
    return skin


def shine(
    towards: np.ndarray, bulge: np.ndarray, kind: str, rng: np.random.Generator
) -> np.ndarray:
    """The reflection of the lamp."""
    if kind == "leaves":
        return np.zeros_like(towards)
    return (
        rng.uniform(0, 0.6) * np.exp(-(((towards - 0.45) / 0.15) ** 2)) * (bulge > 0.5) * bulge**4
    )


def develop(scene: np.ndarray, rng: np.random.Generator) -> Image.Image:
    """What a camera makes of a scene: colour of the light, exposure, blur and noise."""
    tinted = scene * rng.uniform(0.85, 1.15, 3) * rng.uniform(0.55, 1.3)
    noisy = tinted + rng.normal(0, rng.uniform(0.01, 0.08), scene.shape)
    picture = Image.fromarray((np.clip(noisy, 0, 1) * 255).astype("uint8"))
    return picture.filter(ImageFilter.GaussianBlur(rng.uniform(0, 1.6)))


def save(picture: Image.Image, path: Path, rng: np.random.Generator) -> None:
    """As a telephone does: JPEG, one in eight lying on its side with a note to turn it."""
    exif = Image.Exif()
    if rng.random() < 0.125:
        picture = picture.transpose(Image.Transpose.ROTATE_90)
        exif[0x0112] = TURNED
    picture.save(path, quality=int(rng.integers(70, 95)), exif=exif)


def spoil(folder: Path, rng: np.random.Generator) -> None:
    """Add one file for each defect, and what systems and people leave lying about."""
    apples, lemons, pears = (folder / kind for kind in ("apples", "lemons", "pears"))
    fresh = [draw(kind, rng) for kind in ("apples", "apples", "lemons", "pears", "pears")]
    whole = (apples / "apple_000.jpg").read_bytes()
    (apples / "cut_short.jpg").write_bytes(whole[: len(whole) // 2])
    (apples / "copy of apple_000.jpg").write_bytes(whole)
    (lemons / "really_an_apple.jpg").write_bytes((apples / "apple_001.jpg").read_bytes())
    fresh[0].convert("L").save(apples / "grey.jpg")
    fresh[1].convert("CMYK").save(apples / "for_print.jpg")
    fresh[2].save(lemons / "a_png.jpg", format="PNG")
    levels = np.asarray(fresh[3].convert("L")).astype("uint16") * 257
    Image.fromarray(levels).save(pears / "16_bit.png")
    fresh[3].save(pears / "turning.gif", save_all=True, append_images=[fresh[4]])
    fresh[4].resize((24, 18)).save(pears / "icon.png")
    (pears / "shopping list.txt").write_text("pears\n", encoding="utf-8")
    (folder / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")
    (folder / "to be sorted").mkdir()


def make_photos(folder: Path, *, seed: int = 0) -> None:
    """Draw the set into a folder that does not exist yet, or is empty.

    Args:
        folder: where to; made where it is missing.
        seed: every seed draws another set.

    Raises:
        FileExistsError: the folder holds something.

    Lesson: 10
    """
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise FileExistsError(f"{folder} is not empty: name a new folder for the photos.")
    rng = np.random.default_rng(seed)
    for kind, count in PHOTOS.items():
        (folder / kind).mkdir()
        for number in range(count):
            name = f"{NAMES[kind]}_{number:03}.jpg"
            save(draw(kind, rng), folder / kind / name, rng)
    spoil(folder, rng)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Draw the small set of photos for lesson 10.")
    parser.add_argument("folder", type=Path)
    make_photos(parser.parse_args().folder)
