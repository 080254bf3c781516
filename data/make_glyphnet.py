"""Make the course's offline base: render printed letters, train glyphnet, write its card.

Every letter is drawn with the typefaces inside matplotlib, bent, made thicker or thinner, and
mostly shrunk to a few pixels and enlarged again, as the pictures of its target task were made.
No digit is ever drawn.

Usage, from the folder that holds data/: python data/make_glyphnet.py [--quick] [--out FOLDER]
"""

import argparse
import hashlib
import platform
import string
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import keras
import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage
from tqdm import tqdm

from helpers.data import Split, repeatable

LETTERS = string.ascii_uppercase + string.ascii_lowercase
FAMILIES = {
    "DejaVuSans": "DejaVu, from Bitstream Vera: free licence, `LICENSE_DEJAVU`",
    "DejaVuSerif": "DejaVu, from Bitstream Vera: free licence, `LICENSE_DEJAVU`",
    "STIXGeneral": "STIX: SIL Open Font License 1.1, `LICENSE_STIX`",
    "cm": "Computer Modern (BaKoMa): free licence, in matplotlib's own `LICENSE`",
}
WITHOUT_LETTERS = ("Display", "cmex", "cmsy")  # a few ornaments; large delimiters; symbols

SOURCE = 64  # side of the square that holds a clean letter
LETTER = 44  # longer side of the letter in it
CANVAS = 32  # side of the square in which a letter is bent
PICTURE = 28  # side of a finished picture
BLOCKS = ((24, 1), (32, 2), (48, 1), (64, 2), (96, 1), (128, 2))  # filters, stride


@dataclass(frozen=True)
class Recipe:
    """How much to render and how long to train."""

    per_letter: int
    held_out: int
    epochs: int
    batch_size: int = 128
    learning_rate: float = 2e-3
    weight_decay: float = 1e-4


FULL = Recipe(per_letter=1800, held_out=12, epochs=6)
QUICK = Recipe(per_letter=8, held_out=1, epochs=4, batch_size=32)


class Files(NamedTuple):
    """Where the three products of a run are written."""

    model: Path
    sample: Path
    card: Path


def main(argv: Sequence[str] | None = None) -> int:
    """Read the command line, make everything, and return 0."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a few glyphs, to try the script")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, metavar="FOLDER")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args(argv)
    if asked.quick and asked.out == parser.get_default("out"):
        parser.error("--quick would overwrite the shipped base; name another folder with --out")
    make(QUICK if asked.quick else FULL, out=asked.out, seed=asked.seed)
    return 0


def make(recipe: Recipe, *, out: Path, seed: int) -> keras.callbacks.History:
    """Render, train, and write glyphnet.keras, letters_sample.npz and README.md into out."""
    files = Files(out / "glyphnet.keras", out / "letters_sample.npz", out / "README.md")
    training_rng, held_out_rng = np.random.default_rng(seed).spawn(2)
    held_out = render(recipe.held_out, held_out_rng)
    training = render(recipe.per_letter, training_rng)
    repeatable(seed)
    net = build_glyphnet()
    history = train(net, training, held_out, recipe)
    out.mkdir(parents=True, exist_ok=True)
    keras.Model(net.input, net.output, name=net.name).save(files.model)  # no optimizer inside
    np.savez_compressed(files.sample, images=held_out.images, labels=held_out.labels)
    files.card.write_text(card(files, net, held_out, recipe, seed), encoding="utf-8")
    return history


# Rendering


def typefaces() -> list[Path]:
    """Files of the typefaces inside matplotlib that hold all 52 letters, in a fixed order."""
    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    return [
        file
        for file in sorted(folder.glob("*.ttf"))
        if file.name.startswith(tuple(FAMILIES))
        and not any(part in file.name for part in WITHOUT_LETTERS)
    ]


def render(per_letter: int, rng: np.random.Generator) -> Split:
    """Draw every letter per_letter times, in random order: uint8 pictures, uint8 labels."""
    clean = [[distance_field(letter, file) for file in typefaces()] for letter in LETTERS]
    labels = rng.permutation(np.repeat(np.arange(len(LETTERS), dtype="uint8"), per_letter))
    shown = tqdm(labels, desc="rendering", unit=" glyphs", mininterval=2)
    images = [draw(clean[label][rng.integers(len(clean[label]))], rng) for label in shown]
    return Split(np.stack(images)[..., None], labels)


def distance_field(letter: str, typeface: Path) -> np.ndarray:
    """Distance in pixels from each point to the edge of a letter, positive inside the ink."""
    font = ImageFont.truetype(str(typeface), 200)
    left, top, right, bottom = font.getbbox(letter)
    large = Image.new("L", (round(right - left), round(bottom - top)))
    ImageDraw.Draw(large).text((-left, -top), letter, fill=255, font=font)
    size = [max(1, round(side * LETTER / max(large.size))) for side in large.size]
    square = Image.new("L", (SOURCE, SOURCE))
    square.paste(large.resize(size, Image.Resampling.BOX), [(SOURCE - side) // 2 for side in size])
    ink = np.asarray(square) > 127
    inside, outside = (ndimage.distance_transform_edt(part) for part in (ink, ~ink))
    return (inside - outside).astype("float32")


def draw(field: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One picture of a letter, uint8 (28, 28): bent, inked, made coarse, with noise."""
    distance = ndimage.map_coordinates(field, bent_grid(rng), order=1, mode="nearest")
    thickness = rng.uniform(-0.5, 3.0)
    ink = np.clip((distance + thickness) / 1.4 + 0.5, 0, 1).astype("float32")
    return with_noise(coarse(Image.fromarray(ink), rng), rng)


def bent_grid(rng: np.random.Generator) -> np.ndarray:
    """Where in the clean square each canvas pixel looks: affine plus a smooth random bend."""
    turn, slant = rng.normal(0, 0.15), rng.normal(0, 0.25)
    high, wide = rng.uniform(0.9, 1.3), rng.uniform(0.8, 2.1)  # above 1: smaller
    affine = np.array(
        [
            [np.cos(turn) * high, -np.sin(turn)],
            [np.sin(turn) + slant, np.cos(turn) * wide],
        ]
    )
    centred = np.indices((CANVAS, CANVAS)).reshape(2, -1) - (CANVAS - 1) / 2
    shift = (SOURCE - 1) / 2 + rng.normal(0, 1.5, (2, 1))
    grid = affine @ (centred * LETTER / CANVAS) + shift
    return grid.reshape(2, CANVAS, CANVAS) + bend(rng)


def bend(rng: np.random.Generator) -> np.ndarray:
    """A smooth random displacement, in pixels of the clean square, of random strength."""
    knots = rng.normal(0, rng.uniform(0, 3.5), (2, 5, 5)).astype("float32")
    smooth = [Image.fromarray(k).resize((CANVAS, CANVAS), Image.Resampling.BICUBIC) for k in knots]
    return np.stack([np.asarray(s) for s in smooth])


def coarse(picture: Image.Image, rng: np.random.Generator) -> np.ndarray:
    """Bring a canvas to 28x28, four times in five by way of 8 or 9 pixels a side."""
    if rng.random() < 0.8:
        side = int(rng.integers(8, 10))
        picture = picture.resize((side, side), Image.Resampling.BOX)
    return np.asarray(picture.resize((PICTURE, PICTURE), Image.Resampling.BILINEAR))


def with_noise(ink: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Vary the contrast of ink in 0..1, add noise, and return uint8 pixels 0..255."""
    contrast = rng.uniform(0.7, 1) / max(float(ink.max()), 1e-3)
    noise = rng.normal(0, rng.uniform(0, 0.06), ink.shape)
    return (np.clip(ink * contrast + noise, 0, 1) * 255).astype("uint8")


# Training


def build_glyphnet() -> keras.Model:
    """Six blocks of convolution, BatchNormalization and ReLU, then a classifier of letters.

    BatchNormalization uses momentum 0.9 instead of 0.99: short trainings, of this network and
    of copies that learn from scratch, would otherwise end before its statistics settle.
    """
    pixels = keras.Input((PICTURE, PICTURE, 1), name="pixels_0_255")
    x = keras.layers.Rescaling(1 / 255, name="rescaling")(pixels)
    for number, (filters, stride) in enumerate(BLOCKS, start=1):
        x = block(x, f"block_{number}", filters, stride)
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    letters = keras.layers.Dense(len(LETTERS), activation="softmax", name="predictions")(x)
    return keras.Model(pixels, letters, name="glyphnet")


def block(x: keras.KerasTensor, name: str, filters: int, stride: int) -> keras.KerasTensor:
    """Convolution, BatchNormalization and ReLU, their layers named after the block."""
    x = keras.layers.Conv2D(
        filters, 3, strides=stride, padding="same", use_bias=False, name=f"{name}_conv"
    )(x)
    x = keras.layers.BatchNormalization(momentum=0.9, name=f"{name}_bn")(x)
    return keras.layers.ReLU(name=f"{name}_relu")(x)


def train(
    net: keras.Model, training: Split, held_out: Split, recipe: Recipe
) -> keras.callbacks.History:
    """Train with AdamW and a cosine-shaped rate; held-out letters are watched, never chosen by."""
    steps = recipe.epochs * -(-len(training.labels) // recipe.batch_size)
    rate = keras.optimizers.schedules.CosineDecay(recipe.learning_rate, steps)
    net.compile(
        optimizer=keras.optimizers.AdamW(rate, weight_decay=recipe.weight_decay),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return net.fit(
        *training,
        batch_size=recipe.batch_size,
        epochs=recipe.epochs,
        validation_data=tuple(held_out),
        verbose=2,
    )


# The card


CARD = """\
# glyphnet: where the offline base comes from

Written by `data/make_glyphnet.py`, with the figures of its last run. Do not edit by hand.

`glyphnet.keras` is a small convolutional network that tells apart the printed letters A-Z and
a-z. It is the course's pre-trained base when no network is at hand.
The base for text, langnet, has a card of its own: [LANGNET.md](LANGNET.md).

| fact | value |
|---|---|
{facts}

## Files

| file | bytes | SHA-256 |
|---|---|---|
{files}

A second run on the same machine gives the same weights and the same sample; other processors
round differently, and a `.keras` file holds the hour at which it was saved, so its SHA-256
differs from run to run.

## What it was trained on

{glyphs} pictures, 28x28, grey, ink bright on black, of the 52 letters in {faces} typefaces that
come with matplotlib. Each was turned, slanted, stretched and bent at random, its strokes made
thicker or thinner; four in five were shrunk to 8 or 9 pixels a side and enlarged again, because
the handwritten digits of scikit-learn, the course's target, were made that way; contrast and
noise vary. The ranges were chosen by how well the frozen network served the training and
validation parts of those digits; the test part had no say. **No digit was drawn, and no picture
of the target task was trained on.** Holes, joins and curves are what both tasks share, and some
letters (O, l, S, Z, B, g, q) look like digits: part of what transfers is just this.

`letters_sample.npz` holds {sample} more letters from the same typefaces, bent anew and never
trained on: `images` uint8 (n, 28, 28, 1), `labels` uint8 (n,), 0..51 for A..Z, a..z.

## Typefaces and their licences

The licence files lie beside the typefaces in matplotlib (`mpl-data/fonts/ttf`), matplotlib's own
`LICENSE` among the metadata of the installed package. No typeface is shipped here, only a
network and small pictures made with them, which these licences leave free.

{licences}

## Use and limits

- Made for teaching transfer learning. Input: raw pixels 0..255 in float32 or uint8, shape
  (n, 28, 28, 1); scaling is inside the network.
- Upper and lower case of C, O, S, V, W, X, Z and others look the same once size is taken away,
  and I, l and i once they are coarse: much of the missing accuracy lies there.
- The held-out letters share their typefaces with the training letters: the figure says nothing
  about typefaces that were not seen, scanned text, other scripts or dark ink on white.
- Not a reader of text; not to be used for any decision about people.
"""


def card(files: Files, net: keras.Model, held_out: Split, recipe: Recipe, seed: int) -> str:
    """The provenance card, filled with what this run measured."""
    loss, accuracy = net.evaluate(*held_out, verbose=0)
    facts = {
        "parameters": f"{net.count_params()}",
        "held-out accuracy": f"{accuracy:.4f}",
        "held-out loss": f"{loss:.4f}",
        "training": f"{recipe.epochs} epochs, AdamW, rate {recipe.learning_rate} with cosine "
        f"decay, weight decay {recipe.weight_decay}, batches of {recipe.batch_size}",
        "seed": f"{seed}",
        "command": f"`python data/make_glyphnet.py{' --quick' * (recipe is QUICK)} --seed {seed}`",
        "versions": versions(),
    }
    return CARD.format(
        facts="\n".join(f"| {name} | {value} |" for name, value in facts.items()),
        files="\n".join(file_row(path) for path in (files.model, files.sample)),
        glyphs=f"{recipe.per_letter * len(LETTERS):,}",
        faces=len(typefaces()),
        sample=len(held_out.labels),
        licences="\n".join(licence_rows()),
    )


def versions() -> str:
    """Python and every package that takes part, with their versions."""
    packages = ("tensorflow", "keras", "numpy", "scipy", "pillow", "matplotlib")
    return ", ".join(
        [f"Python {platform.python_version()}", *(f"{p} {version(p)}" for p in packages)]
    )


def file_row(path: Path) -> str:
    """A table row with the name, size in bytes and SHA-256 of a file."""
    content = path.read_bytes()
    return f"| {path.name} | {len(content)} | `{hashlib.sha256(content).hexdigest()}` |"


def licence_rows() -> list[str]:
    """One list item per family of typefaces: its members and its licence."""
    names = [file.stem for file in typefaces()]
    return [
        f"- {', '.join(n for n in names if n.startswith(family))}. {licence}."
        for family, licence in FAMILIES.items()
    ]


if __name__ == "__main__":
    sys.exit(main())
