"""Small folders of photos for the tests: clean ones, and one with every defect."""

import struct
import zlib
from pathlib import Path

import keras
import numpy as np
from keras import layers
from PIL import Image

TINTS = [(200, 60, 60), (60, 200, 60), (60, 60, 200), (200, 200, 60)]
TURNED = 6  # the EXIF note of a telephone held upright


def picture(seed, *, tint=(128, 128, 128), size=(64, 48)):
    """Soft coloured patches; every seed gives another picture of the same tint."""
    patches = np.random.default_rng(seed).integers(0, 256, (4, 5, 3))
    mixed = (0.6 * patches + 0.4 * np.array(tint)).astype("uint8")
    return Image.fromarray(mixed).resize(size, Image.Resampling.BICUBIC)


def clean_folder(root, counts):
    """A folder of JPEG photos, so many for each class, told apart by their tint."""
    for label, (name, count) in enumerate(counts.items()):
        (root / name).mkdir(parents=True)
        tint = tuple(np.roll(TINTS[label % 4], label // 4))
        for number in range(count):
            photo = picture(1000 * label + number, tint=tint)
            photo.save(root / name / f"{number:03}.jpg", quality=90)
    return root


def sixteen_bit_png(colours):
    """A PNG of uint16 `(height, width, 3)`, which Pillow can read but not write."""

    def chunk(kind, content):
        checked = kind + content
        return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))

    height, width, _ = colours.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in colours)
    header = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    parts = [chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def turned(photo):
    """A photo stored on its side, and the EXIF note that says so."""
    exif = Image.Exif()
    exif[0x0112] = TURNED
    return photo.transpose(Image.Transpose.ROTATE_90), exif


def dirty_folder(root):
    """Two classes of twelve photos each, and every defect; gives which files show which."""
    clean_folder(root, {"a": 12, "b b ü": 12})
    a, b = root / "a", root / "b b ü"
    first = (a / "000.jpg").read_bytes()
    (a / "cut_off.jpg").write_bytes(first[: len(first) * 9 // 10])
    (a / "nothing.jpg").write_bytes(b"")
    (a / "telephone.heic").write_bytes(b"\0\0\0\x18ftypheic")
    (a / "copy.jpg").write_bytes(first)
    Image.open(a / "001.jpg").save(a / "copy.png")
    (b / "same_in_b.jpg").write_bytes((a / "002.jpg").read_bytes())
    Image.open(a / "003.jpg").save(a / "anew.jpg", quality=75)
    frames = [picture(seed) for seed in (901, 902)]
    for name in ("moving.gif", "moving.webp", "moving.png"):
        frames[0].save(b / name, save_all=True, append_images=frames[1:])
    picture(903, size=(31, 200)).save(b / "tiny.png")
    picture(904).convert("L").save(b / "grey.jpg")
    picture(905).convert("CMYK").save(b / "cmyk.jpg")
    levels = np.asarray(picture(906).convert("L")).astype("uint16") * 257
    Image.fromarray(levels).save(b / "16_grey.png")
    (b / "16_colour.png").write_bytes(sixteen_bit_png(np.asarray(picture(907)).astype("u2") * 257))
    clear = picture(908).convert("RGBA")
    clear.putalpha(Image.linear_gradient("L").resize(clear.size))
    clear.save(b / "clear.png")
    on_side, exif = turned(picture(909))
    on_side.save(b / "turned.jpg", exif=exif)
    picture(910).save(b / "really_png.jpg", format="PNG")
    picture(911).save(b / "no_ending", format="JPEG")
    leftovers(root)
    return {
        "unreadable": {"a/cut_off.jpg", "a/nothing.jpg", "a/telephone.heic"},
        "animated": {"b b ü/moving.gif", "b b ü/moving.png", "b b ü/moving.webp"},
        "tiny": {"b b ü/tiny.png"},
        "duplicate in a class": {"a/copy.jpg", "a/copy.png"},
        "duplicate across splits": set(),
        "duplicate across classes": {"a/002.jpg", "b b ü/same_in_b.jpg"},
        "grey": {"b b ü/16_grey.png", "b b ü/grey.jpg"},
        "CMYK": {"b b ü/cmyk.jpg"},
        "16-bit": {"b b ü/16_colour.png", "b b ü/16_grey.png"},
        "transparent": {"b b ü/clear.png"},
        "EXIF-rotated": {"b b ü/turned.jpg"},
        "wrongly named": {"b b ü/no_ending", "b b ü/really_png.jpg"},
        "near-identical": {"a/003.jpg", "a/anew.jpg"},
        "stray file": {"readme.jpg", "a/notes.txt", "only_text/notes.txt"},
        "hidden file": {".DS_Store", "a/._000.jpg", "a/Thumbs.db"},
        "folder without a usable photo": {"empty", "only_text"},
    }


def leftovers(root):
    """What systems and people leave lying about."""
    (root / "readme.jpg").write_text("outside all classes", encoding="utf-8")
    (root / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")
    (root / "a" / "Thumbs.db").write_bytes(b"x")
    (root / "a" / "._000.jpg").write_bytes(b"x")
    (root / "a" / "notes.txt").write_text("x", encoding="utf-8")
    (root / "empty").mkdir()
    (root / "only_text").mkdir()
    (root / "only_text" / "notes.txt").write_text("x", encoding="utf-8")
    (root / ".ipynb_checkpoints").mkdir()
    picture(1).save(root / ".ipynb_checkpoints" / "x.jpg")


def tiny_photo_base():
    """A random base for photos with a block below and a block above a possible cut."""
    keras.utils.set_random_seed(0)
    pixels = keras.Input((32, 32, 3), name="pixels_0_255")
    x = layers.Rescaling(1 / 127.5, -1)(pixels)
    x = layers.Conv2D(8, 3, strides=4, activation="relu", name="block_1_conv")(x)
    x = layers.Conv2D(12, 3, padding="same", use_bias=False, name="block_2_conv")(x)
    x = layers.BatchNormalization(name="block_2_bn")(x)
    x = layers.ReLU(name="block_2_relu")(x)
    return keras.Model(pixels, x, name="tiny_photo_base")


def contents(root):
    """Every file below a folder with its bytes and times: to see that nothing was touched."""
    return {
        path: (path.read_bytes(), path.stat().st_mtime_ns)
        for path in sorted(Path(root).rglob("*"))
        if path.is_file()
    }
