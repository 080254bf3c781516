"""The photos of clothes arrive whole, once, or not at all: every fault is named. No network."""

import gzip
import hashlib
import io
import os
import tarfile
from pathlib import Path

import keras
import pytest
from PIL import Image

from helpers import downloads, photos

PATHS = [f"{split}/{name}/{n}.jpg" for split in photos.SPLITS for name in "ab" for n in (1, 2)]


def jpeg(number):
    picture = io.BytesIO()
    Image.new("RGB", (40, 30), (20 * number, 100, 50)).save(picture, "JPEG")
    return picture.getvalue()


CONTENT = {path: jpeg(number) for number, path in enumerate(PATHS)}


def pack(content, file):
    with tarfile.open(file, "w:gz") as tar:
        for path, data in content.items():
            member = tarfile.TarInfo(f"{photos.NAME}/{path}")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A folder of Keras with the archive of a small set in it."""
    rows = [
        f"{path} {len(data)} {hashlib.sha256(data).hexdigest()[:32]}\n"
        for path, data in CONTENT.items()
    ]
    listing = "".join(rows).encode()
    (tmp_path / "listing.gz").write_bytes(gzip.compress(listing))
    monkeypatch.setattr(photos, "LISTING", tmp_path / "listing.gz")
    monkeypatch.setattr(photos, "LISTING_SHA256", hashlib.sha256(listing).hexdigest())
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr(keras.utils, "get_file", no_network)
    (tmp_path / "keras" / "datasets").mkdir(parents=True)
    pack(CONTENT, tmp_path / "keras" / "datasets" / photos.ARCHIVE)
    return tmp_path / "keras" / "datasets"


def no_network(*_, **__):
    raise Exception("URL fetch failure")  # what Keras raises, no more specific


def test_the_photos_are_unpacked_once(home, monkeypatch):
    folder = photos.fetch_clothing()
    assert folder == home / photos.NAME
    assert {p: (folder / p).read_bytes() for p in PATHS} == CONTENT
    assert sum(file.is_file() for file in folder.rglob("*")) == len(PATHS), "something is left over"
    (home / photos.ARCHIVE).unlink()
    assert photos.fetch_clothing() == folder, "the archive is needed once only"


def test_an_interrupted_unpacking_is_taken_up_again(home):
    folder = photos.fetch_clothing()
    kept, lost = PATHS[0], PATHS[-1]
    before = (folder / kept).stat().st_mtime_ns
    (folder / lost).unlink()
    (folder / lost).with_suffix(".part").write_bytes(b"half")
    photos.fetch_clothing()
    assert (folder / lost).read_bytes() == CONTENT[lost]
    assert (folder / kept).stat().st_mtime_ns == before


@pytest.mark.parametrize("damage,words", [(b"", "has 0 bytes, not"), (None, "has other content")])
def test_a_damaged_photo_is_refused_by_name_and_left_alone(home, damage, words):
    folder = photos.fetch_clothing()
    file = folder / PATHS[3]
    bad = bytes(reversed(CONTENT[PATHS[3]])) if damage is None else damage
    file.write_bytes(bad)
    with pytest.raises(ValueError, match=f"{PATHS[3]} {words}.*Delete it"):
        photos.fetch_clothing()
    assert file.read_bytes() == bad


def test_an_archive_with_another_photo_is_refused_by_name(home):
    pack(CONTENT | {PATHS[2]: jpeg(9)}, home / photos.ARCHIVE)
    with pytest.raises(ValueError, match=f"{PATHS[2]} in .*Delete the archive"):
        photos.fetch_clothing()


def test_an_archive_that_lacks_a_photo_is_refused_by_name(home):
    pack({path: CONTENT[path] for path in PATHS[:-1]}, home / photos.ARCHIVE)
    with pytest.raises(ValueError, match=f"{PATHS[-1]} is not in .*Delete the archive"):
        photos.fetch_clothing()


@pytest.mark.parametrize("share", [0.0, 0.5, 0.95])
def test_a_truncated_archive_is_refused(home, share):
    whole = (home / photos.ARCHIVE).read_bytes()
    (home / photos.ARCHIVE).write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(ValueError, match=f"{photos.ARCHIVE} is damaged .*Delete the archive"):
        photos.fetch_clothing()


def test_nothing_outside_the_folder_is_written(home, tmp_path):
    pack({**CONTENT, "../../../evil.jpg": b"x", "train/a/extra.jpg": b"x"}, home / photos.ARCHIVE)
    folder = photos.fetch_clothing()
    assert not list(tmp_path.rglob("evil.jpg")) + list(folder.rglob("extra.jpg"))


def test_without_network_one_line_says_what_to_do(home):
    (home / photos.ARCHIVE).unlink()
    with pytest.raises(FileNotFoundError) as caught:
        photos.fetch_clothing()
    for part in (str(home), "URL fetch failure", photos.URL, photos.ARCHIVE, "Connect"):
        assert part in str(caught.value)


def test_a_download_gets_its_name_when_it_is_complete(home, monkeypatch):
    archive = home / photos.ARCHIVE
    whole = archive.read_bytes()
    archive.unlink()
    partial = home / f"partial-{photos.ARCHIVE}"
    partial.write_bytes(whole[:100])  # a killed run left this

    def get_file(name, url, cache_dir):
        assert not partial.exists(), "Keras would take half a file for the whole"
        assert url == photos.URL
        file = Path(cache_dir) / "datasets" / name
        file.write_bytes(whole)
        return str(file)

    monkeypatch.setattr(keras.utils, "get_file", get_file)
    photos.fetch_clothing()
    assert archive.read_bytes() == whole
    assert not partial.exists()


def test_a_changed_listing_is_noticed(home, monkeypatch):
    monkeypatch.setattr(photos, "LISTING_SHA256", "0" * 64)
    with pytest.raises(ValueError, match="not the course's listing"):
        photos.fetch_clothing()


def test_the_usual_folder_is_that_of_keras(home, monkeypatch):
    monkeypatch.delenv("KERAS_HOME")
    monkeypatch.setattr(Path, "expanduser", lambda path: Path(str(path).replace("~", "/someone")))
    with pytest.raises(FileNotFoundError, match="/someone/.keras/datasets"):
        photos.fetch_clothing()


def test_photos_are_listed_with_their_classes(home):
    task = photos.load_clothing()
    assert task.class_names == ("a", "b")
    for name, split in zip(photos.SPLITS, (task.train, task.validation, task.test), strict=True):
        found = [Path(path).relative_to(home / photos.NAME).as_posix() for path in split.paths]
        assert found == [path for path in PATHS if path.startswith(f"{name}/")]
        assert split.labels.tolist() == [0, 0, 1, 1]
        assert split.labels.dtype == "int64"


def test_the_committed_listing_is_the_one_that_the_code_expects():
    listing = photos._read_listing()
    assert len(listing) == downloads.PHOTOS == 3781
    assert {path.split("/")[0] for path in listing} == set(photos.SPLITS)
    assert len({path.split("/")[1] for path in listing}) == 10


@pytest.mark.skipif("KERAS_HOME" not in os.environ, reason="KERAS_HOME names no folder of photos")
def test_the_real_photos_pass():
    if not (Path(os.environ["KERAS_HOME"]) / "datasets" / photos.ARCHIVE).exists():
        pytest.skip(f"{photos.ARCHIVE} is not in {os.environ['KERAS_HOME']}")
    folder = photos.fetch_clothing()
    assert len(list((folder / "test").rglob("*.jpg"))) == 372
