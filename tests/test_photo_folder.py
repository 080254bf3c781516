"""A folder of photos is examined, reported in one table, and left as it is."""

import os

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from helpers.photo_files import files_below
from helpers.photo_folder import FINDINGS, check_photo_folder
from tests.photo_samples import clean_folder, contents, dirty_folder, picture


def names(photos):
    return [os.path.basename(path) for path in photos.paths]


def found(photos, name):
    return photos.report.xs(name, level="found").iloc[0]


def test_a_clean_folder_gives_its_photos_in_order_and_finds_nothing(tmp_path):
    photos = check_photo_folder(clean_folder(tmp_path / "x", {"b": 3, "a": 2}))
    assert photos.class_names == ("a", "b")
    assert names(photos) == ["000.jpg", "001.jpg", "000.jpg", "001.jpg", "002.jpg"]
    assert photos.labels.tolist() == [0, 0, 1, 1, 1]
    assert photos.labels.dtype == photos.groups.dtype == np.int64
    assert len(set(photos.groups)) == 5
    assert photos.report.loc["class", "files"].to_dict() == {"a": 2, "b": 3}
    assert photos.report["files"].iloc[len(photos.class_names) :].sum() == 0
    assert [name for _, name in photos.report.index] == ["a", "b", *FINDINGS]


def test_every_defect_of_a_dirty_folder_is_found_by_name(tmp_path):
    expected = dirty_folder(tmp_path)
    photos = check_photo_folder(tmp_path)
    assert set(expected) == set(FINDINGS)
    counts = {name: found(photos, name)["files"] for name in expected}
    assert counts == {name: len(files) for name, files in expected.items()}
    for name, files in expected.items():
        shown = found(photos, name)["for example"]
        assert set(shown.split(", ") if shown else []) == files
        assert (photos.report.xs(name, level="found").index == FINDINGS[name][0]).all()


def test_a_dirty_folder_keeps_what_is_usable(tmp_path):
    expected = dirty_folder(tmp_path)
    photos = check_photo_folder(tmp_path)
    assert photos.class_names == ("a", "b b ü")
    kept = {os.path.relpath(path, tmp_path).replace(os.sep, "/") for path in photos.paths}
    assert len(kept) == len(photos.paths) == len(photos.labels)
    for name, (kind, _) in FINDINGS.items():
        assert (expected[name] <= kept) if kind == "used" else not (expected[name] & kept)
    assert found(photos, "a")["files"] == 12
    assert found(photos, "b b ü")["files"] == 20
    assert photos.report.loc["class", "files"].sum() == len(kept)


def test_near_identical_photos_share_a_group_and_others_do_not(tmp_path):
    dirty_folder(tmp_path)
    photos = check_photo_folder(tmp_path)
    in_a = photos.labels == 0
    group = dict(zip(names(photos), photos.groups[in_a], strict=False))
    assert group["anew.jpg"] == group["003.jpg"]
    assert len(set(photos.groups)) == len(photos.groups) - 1


def test_nothing_is_written_and_a_second_look_finds_the_same(tmp_path):
    dirty_folder(tmp_path)
    before = contents(tmp_path)
    first, second = check_photo_folder(tmp_path), check_photo_folder(str(tmp_path))
    assert contents(tmp_path) == before
    pd.testing.assert_frame_equal(first.report, second.report)
    assert first.paths.tolist() == second.paths.tolist()
    assert first.groups.tolist() == second.groups.tolist()


def test_the_table_shows_three_files_and_counts_all(tmp_path):
    clean_folder(tmp_path, {"a": 2})
    for number in range(5):
        (tmp_path / "a" / f"{number}.txt").write_text("x", encoding="utf-8")
    row = found(check_photo_folder(tmp_path), "stray file")
    assert (row["files"], row["for example"]) == (5, "a/0.txt, a/1.txt, a/2.txt")


def test_photos_count_at_any_depth_and_through_links_but_not_in_a_circle(tmp_path):
    clean_folder(tmp_path / "x", {"a": 1})
    (tmp_path / "x" / "a" / "deep" / "er").mkdir(parents=True)
    picture(5).save(tmp_path / "x" / "a" / "deep" / "er" / "1.jpg")
    clean_folder(tmp_path / "elsewhere", {"other": 1, "b": 3})
    picture(2).save(tmp_path / "one.jpg")
    (tmp_path / "x" / "b").symlink_to(tmp_path / "elsewhere" / "b")
    (tmp_path / "x" / "a" / "linked.jpg").symlink_to(tmp_path / "one.jpg")
    (tmp_path / "x" / "a" / "broken.jpg").symlink_to(tmp_path / "gone.jpg")
    (tmp_path / "x" / "a" / "circle").symlink_to(tmp_path / "x" / "a")
    photos = check_photo_folder(tmp_path / "x")
    assert photos.report.loc["class", "files"].to_dict() == {"a": 3, "b": 3}
    assert found(photos, "unreadable")["for example"] == "a/broken.jpg"


def test_what_is_no_file_is_never_opened(tmp_path):
    os.mkfifo(tmp_path / "a pipe")  # opening it would wait for ever
    picture(1).save(tmp_path / "1.jpg")
    assert list(files_below(tmp_path)) == [tmp_path / "1.jpg"]


def test_parts_of_a_set_are_put_together_and_copies_across_them_found(tmp_path):
    clean_folder(tmp_path / "train", {"a": 3, "b": 3})
    clean_folder(tmp_path / "Test", {"a": 2})  # the same pictures again
    photos = check_photo_folder(tmp_path)
    assert photos.class_names == ("a", "b")
    assert found(photos, "duplicate across splits")["files"] == 2
    assert found(photos, "duplicate in a class")["files"] == 0
    assert photos.report.loc["class", "files"].to_dict() == {"a": 3, "b": 3}


def test_trains_and_tests_may_be_classes(tmp_path):
    photos = check_photo_folder(clean_folder(tmp_path, {"train": 2, "test": 2}))
    assert photos.class_names == ("test", "train")
    clean_folder(tmp_path / "train", {"deeper": 1})
    assert check_photo_folder(tmp_path).class_names == ("test", "train")


def test_copies_in_two_classes_are_left_out_of_both_however_many(tmp_path):
    clean_folder(tmp_path, {"a": 3, "b": 3})
    photo = (tmp_path / "a" / "000.jpg").read_bytes()
    for path in ("a/x.jpg", "b/y.jpg"):
        (tmp_path / path).write_bytes(photo)
    photos = check_photo_folder(tmp_path)
    assert found(photos, "duplicate across classes")["files"] == 3
    assert photos.report.loc["class", "files"].to_dict() == {"a": 2, "b": 3}


def test_even_black_photos_are_told_apart_by_their_pixels(tmp_path):
    (tmp_path / "a").mkdir()
    black = Image.new("RGB", (64, 64))
    black.save(tmp_path / "a" / "1.png")
    black.save(tmp_path / "a" / "2.png")
    black.resize((64, 65)).save(tmp_path / "a" / "3.png")
    black.putpixel((9, 9), (1, 0, 0))
    black.save(tmp_path / "a" / "4.png")
    photos = check_photo_folder(tmp_path)
    assert names(photos) == ["1.png", "3.png", "4.png"]
    assert found(photos, "duplicate in a class")["files"] == 1
    assert found(photos, "near-identical")["files"] == 3


def test_a_photo_too_large_to_be_one_is_unreadable(tmp_path, monkeypatch):
    clean_folder(tmp_path, {"a": 1})
    picture(1, size=(200, 200)).save(tmp_path / "a" / "huge.jpg")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 30_000)  # more makes Pillow warn
    photos = check_photo_folder(tmp_path)
    assert found(photos, "unreadable")["for example"] == "a/huge.jpg"


def test_fractions_of_unknown_range_are_unreadable(tmp_path):
    clean_folder(tmp_path, {"a": 1})
    Image.fromarray(np.ones((40, 40), "float32")).save(tmp_path / "a" / "measured.tif")
    photos = check_photo_folder(tmp_path)
    assert found(photos, "unreadable")["for example"] == "a/measured.tif"


def test_a_telephones_double_picture_is_an_ordinary_photo(tmp_path):
    clean_folder(tmp_path, {"a": 1})
    double = [picture(1), picture(2)]
    double[0].save(tmp_path / "a" / "x.jpg", "MPO", save_all=True, append_images=double[1:])
    assert Image.open(tmp_path / "a" / "x.jpg").is_animated
    photos = check_photo_folder(tmp_path)
    assert found(photos, "a")["files"] == 2
    assert photos.report["files"].iloc[len(photos.class_names) :].sum() == 0


def test_more_photos_than_are_compared_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr("helpers.photo_copies.ROWS", 4)
    clean_folder(tmp_path, {"a": 11})
    for number, copied in enumerate((0, 5, 10)):
        photo = (tmp_path / "a" / f"{copied:03}.jpg").read_bytes()
        (tmp_path / "a" / f"x{number}.jpg").write_bytes(photo)
    photos = check_photo_folder(tmp_path)
    assert found(photos, "duplicate in a class")["files"] == 3
    assert found(photos, "a")["files"] == 11


def test_refusals_say_what_to_do(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no folder .*gone: correct PHOTO_FOLDER"):
        check_photo_folder(tmp_path / "gone")
    with pytest.raises(ValueError, match=r"\(found: nothing\)\. Make a folder for each class"):
        check_photo_folder(tmp_path)
    picture(1).save(tmp_path / "1.jpg")
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "2.jpg").write_bytes(b"no photo")
    with pytest.raises(ValueError, match=r"No sub-folder of .* \(found: 1 stray file, 1 unread"):
        check_photo_folder(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"1\.jpg"):
        check_photo_folder(tmp_path / "1.jpg")


def test_the_home_folder_may_be_written_as_usual(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    clean_folder(tmp_path / "photos", {"a": 1})
    assert check_photo_folder("~/photos").class_names == ("a",)
