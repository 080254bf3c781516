"""Photos become raw pixels in one way, a few at a time."""

import os
import re

import keras
import numpy as np
import pytest
from PIL import Image

from helpers import photo_pixels
from helpers.photo_pixels import photo_batches, read_photo, run_on_photos
from tests.photo_samples import picture, sixteen_bit_png, tiny_photo_base, turned


def saved(folder, count, size=(40, 30)):
    paths = [folder / f"{number}.png" for number in range(count)]
    for number, path in enumerate(paths):
        picture(number, size=size).save(path)
    return [str(path) for path in paths]


def test_a_photo_comes_as_it_is_or_squeezed_into_the_square(tmp_path):
    photo = picture(1, size=(64, 48))
    photo.save(tmp_path / "1.png")
    whole = read_photo(tmp_path / "1.png")
    assert whole.dtype == np.uint8
    np.testing.assert_array_equal(whole, np.asarray(photo))
    small = read_photo(str(tmp_path / "1.png"), size=20)
    expected = photo.resize((20, 20), Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(small, np.asarray(expected))


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("quarter", [0, 1, 2, 3])
def test_a_photo_on_its_side_is_turned_upright(tmp_path, quarter, mirrored):
    upright = picture(1)
    stored = upright.rotate(-90 * quarter, expand=True)
    stored = stored.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if mirrored else stored
    notes = [[1, 8, 3, 6], [2, 5, 4, 7]]
    exif = Image.Exif()
    exif[0x0112] = notes[mirrored][quarter]
    stored.save(tmp_path / "1.png", exif=exif)
    np.testing.assert_array_equal(read_photo(tmp_path / "1.png"), np.asarray(upright))


def test_a_large_jpeg_on_its_side_is_turned_too(tmp_path):
    upright = picture(1, size=(600, 400))
    on_side, exif = turned(upright)
    on_side.save(tmp_path / "1.jpg", exif=exif, quality=95)
    expected = np.asarray(upright.resize((50, 50), Image.Resampling.BILINEAR), "int16")
    assert np.abs(read_photo(tmp_path / "1.jpg", size=50) - expected).max() <= 12


def test_grey_and_sixteen_bits_keep_their_brightness(tmp_path):
    ramp = np.linspace(0, 65535, 40 * 30).round().astype("uint16").reshape(30, 40)
    expected = np.rint(ramp / 257)
    for name in ("grey.png", "grey.tif"):
        Image.fromarray(ramp).save(tmp_path / name)
        for channel in range(3):
            np.testing.assert_array_equal(read_photo(tmp_path / name)[..., channel], expected)
    colours = np.stack([ramp, ramp[::-1], ramp[:, ::-1]], axis=-1)
    (tmp_path / "colour.png").write_bytes(sixteen_bit_png(colours))
    assert np.abs(read_photo(tmp_path / "colour.png") - colours / 257).max() <= 1
    Image.fromarray(ramp.astype("int32") * 2).save(tmp_path / "beyond.tif")
    np.testing.assert_array_equal(
        read_photo(tmp_path / "beyond.tif")[..., 0], np.minimum(np.rint(ramp / 257 * 2), 255)
    )


def test_cmyk_keeps_its_colours(tmp_path):
    photo = picture(1)
    photo.convert("CMYK").save(tmp_path / "1.tif")
    np.testing.assert_allclose(read_photo(tmp_path / "1.tif"), np.asarray(photo), atol=1)


def test_transparent_parts_are_white_whatever_colour_hides_there(tmp_path):
    photo = Image.new("RGBA", (40, 30), (255, 0, 0, 0))
    photo.paste((0, 0, 255, 255), (0, 0, 20, 30))
    photo.save(tmp_path / "1.png")
    photo.quantize(4).save(tmp_path / "2.png")
    for name in ("1.png", "2.png"):
        pixels = read_photo(tmp_path / name)
        assert (pixels[:, :20] == [0, 0, 255]).all()
        assert (pixels[:, 20:] == 255).all()


def test_what_cannot_be_read_is_an_os_error(tmp_path):
    (tmp_path / "1.jpg").write_bytes(b"no photo")
    Image.fromarray(np.ones((40, 40), "float32")).save(tmp_path / "2.tif")
    with pytest.raises(OSError, match=r"1\.jpg"):
        read_photo(tmp_path / "1.jpg")
    with pytest.raises(OSError, match="fractions of unknown range"):
        read_photo(tmp_path / "2.tif")


def test_batches_come_in_order_and_hold_what_read_photo_gives(tmp_path):
    paths = saved(tmp_path, 7)
    batches = list(photo_batches(paths, size=16, batch_size=3))
    assert [batch.shape for batch in batches] == [(3, 16, 16, 3), (3, 16, 16, 3), (1, 16, 16, 3)]
    assert batches[0].dtype == np.uint8
    expected = [read_photo(path, size=16) for path in paths]
    np.testing.assert_array_equal(np.concatenate(batches), expected)


def test_only_a_few_batches_are_decoded_ahead(tmp_path, monkeypatch):
    read = []
    monkeypatch.setattr(
        photo_pixels, "read_photo", lambda path, size: read.append(path) or np.zeros((2, 2, 3))
    )
    batches = photo_batches([str(n) for n in range(100)], size=2, batch_size=4)
    next(batches)
    assert len(read) <= 3 * 4
    next(batches)
    assert len(read) <= 4 * 4
    batches.close()


def test_what_a_model_gives_is_kept_in_half_precision_and_in_order(tmp_path, monkeypatch):
    monkeypatch.setattr(photo_pixels, "BATCH", 4)
    paths, base = saved(tmp_path, 10), tiny_photo_base()
    (kept,) = run_on_photos(base, paths, mirrored=True)
    assert kept.dtype == np.float16
    assert kept.shape == (2, 10, *base.output_shape[1:])
    pixels = np.stack([read_photo(path, size=32) for path in paths])
    np.testing.assert_allclose(kept[0], base(pixels), rtol=2e-3, atol=1e-3)
    np.testing.assert_allclose(kept[1], base(pixels[:, :, ::-1]), rtol=2e-3, atol=1e-3)


def test_every_output_of_a_model_is_kept_from_one_reading(tmp_path):
    paths, base = saved(tmp_path, 3), tiny_photo_base()
    middle = base.get_layer("block_1_conv").output
    first, second = run_on_photos(keras.Model(base.input, [middle, base.output]), paths)
    assert first.shape == (1, 3, *middle.shape[1:])
    np.testing.assert_array_equal(second, run_on_photos(base, paths)[0])


def test_what_is_kept_is_announced(tmp_path, capsys):
    base = tiny_photo_base()
    first = keras.Model(base.input, base.get_layer("block_1_conv").output)
    (kept,) = run_on_photos(first, 50 * saved(tmp_path, 2))
    announced = re.search(r"reading photos, keeping (\d+\.\d) MB", capsys.readouterr().err)
    assert announced
    assert kept.nbytes / 1e6 == pytest.approx(float(announced[1]), abs=0.05)
    assert kept.nbytes > 1e5, "or the test compares 0.0 with nothing"


def test_a_photo_that_has_gone_is_named(tmp_path):
    paths = saved(tmp_path, 2)
    os.remove(paths[1])
    with pytest.raises(FileNotFoundError, match=r"1\.png"):
        run_on_photos(tiny_photo_base(), paths)


def test_the_saved_models_resizing_is_that_of_read_photo(tmp_path):
    """A model that takes photos of any size sees what it was trained on."""
    photo = picture(3, size=(500, 333))
    photo.save(tmp_path / "1.jpg", quality=95)
    resizing = keras.layers.Resizing(50, 50, antialias=True)
    whole = read_photo(tmp_path / "1.jpg")[None].astype("float32")
    inside = keras.ops.convert_to_numpy(resizing(whole))[0]
    assert np.abs(inside - read_photo(tmp_path / "1.jpg", size=50)).mean() < 1
