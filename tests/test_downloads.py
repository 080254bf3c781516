"""What lessons 09 and 10 need is named where it is missing, fetched where it can be."""

import runpy
from pathlib import Path

import pytest

from helpers import downloads, installation
from helpers.downloads import FILES, missing_downloads


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    return tmp_path


def put(home, *names):
    for name in names:
        (home / name).parent.mkdir(exist_ok=True)
        (home / name).touch()


def test_what_is_missing_is_named(home):
    assert missing_downloads() == [home / name for name in FILES]
    put(home, *FILES[1:])
    assert missing_downloads() == [home / FILES[0]]
    put(home, *FILES)
    assert missing_downloads() == []


def test_unpacked_photos_need_no_archive(home, monkeypatch):
    monkeypatch.setattr(downloads, "PHOTOS", 2)
    put(home, *FILES[:2])
    folder = home / "datasets" / downloads.NAME / "train" / "hat"
    folder.mkdir(parents=True)
    (folder / "1.jpg").touch()
    assert missing_downloads() == [home / FILES[2]], "half of the photos"
    (folder / "2.jpg").touch()
    assert missing_downloads() == []


def test_without_keras_home_it_looks_where_keras_does(monkeypatch):
    monkeypatch.delenv("KERAS_HOME", raising=False)
    monkeypatch.setattr(downloads, "FILES", ("no such file",))
    assert missing_downloads() == [Path.home() / ".keras" / "no such file"]


def test_download_asks_for_every_file(monkeypatch):
    asked = []
    monkeypatch.setattr("helpers.bases.load_base", lambda *a, **k: asked.append((*a, k["alpha"])))
    monkeypatch.setattr("helpers.photos.load_clothing", lambda: asked.append("photos"))
    downloads.download()
    assert asked == [("MobileNetV2", 0.35), ("MobileNet", 0.25), "photos"]


def test_without_a_network_the_command_ends_in_one_line(monkeypatch):
    def refuse(*args, **options):
        raise FileNotFoundError("connect to the network once")

    monkeypatch.setattr("helpers.bases.load_base", refuse)
    with pytest.raises(SystemExit, match="connect to the network once"):
        runpy.run_path(downloads.__file__, run_name="__main__")


def test_the_command_says_when_all_is_there(monkeypatch, capsys):
    monkeypatch.setattr("helpers.bases.load_base", lambda *a, **k: None)
    monkeypatch.setattr("helpers.photos.load_clothing", lambda: None)
    runpy.run_path(downloads.__file__, run_name="__main__")
    assert "all they need" in capsys.readouterr().out


def test_make_check_prints_a_line_for_each_check_and_one_for_the_files(home, capsys):
    table = installation.check_installation()
    assert installation.main() == int(not table["ok"].all())
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines[:-1]] == list(table["check"])
    assert lines[-1].startswith("files for lessons 09 and 10: not there (mobilenet_v2")
    put(home, *FILES)
    installation.main()
    assert capsys.readouterr().out.endswith("files for lessons 09 and 10: there\n")


def test_make_check_fails_where_a_check_fails(home, monkeypatch, capsys):
    monkeypatch.setattr(installation, "_results", lambda: "Get them back.")
    assert installation.main() == 1
    assert "measured results: Get them back." in capsys.readouterr().out
