"""The photos that lesson 10 draws: the same every time, and with every kind of trouble."""

import make_photos as script
import numpy as np
import pytest

from helpers.photo_folder import check_photo_folder
from helpers.photo_pixels import read_photo
from tests.photo_samples import contents


@pytest.fixture(autouse=True)
def _few(monkeypatch):
    monkeypatch.setattr(script, "PHOTOS", {"apples": 5, "leaves": 4, "lemons": 4, "pears": 4})


def test_the_same_seed_draws_the_same_files(tmp_path):
    for name, seed in (("one", 0), ("again", 0), ("other", 1)):
        script.make_photos(tmp_path / name, seed=seed)
    files = {
        name: [content for content, _ in contents(tmp_path / name).values()]
        for name in ("one", "again", "other")
    }
    assert files["one"] == files["again"]
    assert files["one"] != files["other"]


def test_the_folder_holds_four_classes_and_every_defect(tmp_path):
    script.make_photos(tmp_path)
    photos = check_photo_folder(tmp_path)
    assert photos.class_names == ("apples", "leaves", "lemons", "pears")
    counts = photos.report.droplevel("kind")["files"]
    assert counts[["apples", "leaves", "lemons", "pears"]].tolist() == [6, 4, 5, 5]
    absent = counts[counts == 0].index.tolist()
    assert absent == ["duplicate across splits", "transparent", "near-identical"]


def test_the_pictures_differ_and_are_neither_black_nor_white(tmp_path):
    script.make_photos(tmp_path)
    photos = check_photo_folder(tmp_path)
    pixels = np.stack([read_photo(path, size=32) for path in photos.paths]).astype("float32")
    assert len(set(photos.groups)) == len(photos.groups)
    assert (pixels.std(axis=(1, 2, 3)) > 5).all()
    assert 60 < pixels.mean() < 190


def test_a_folder_with_something_in_it_is_refused(tmp_path):
    (tmp_path / "mine.jpg").write_bytes(b"x")
    with pytest.raises(FileExistsError, match="not empty: name a new folder"):
        script.make_photos(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.jpg"]
