"""The check of the installation: right where all is right, and in words where it is not."""

import hashlib
import os
import sys
import tomllib
import types
from importlib import metadata
from pathlib import Path

import keras
import pytest

from helpers import installation
from helpers.installation import check_installation

CHECKS = [
    "Python version",
    "environment of the course",
    "Keras version",
    "TensorFlow version",
    "Keras runs on TensorFlow",
    "bundled base",
    "measured results",
]
REAL_ROOT = Path(__file__).resolve().parent.parent
WRITTEN_FOR = {"keras": "3.15.1", "tensorflow": "2.21.0", "transfer-learning-course": "0.1.0"}


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A small, sound copy of the course, as if installed."""
    (tmp_path / "helpers").mkdir()
    (tmp_path / "helpers" / "installation.py").touch()
    (tmp_path / "notebooks").mkdir()
    results = tmp_path / "data" / "results"
    results.mkdir(parents=True)
    (results / "examples.csv").write_text("seed\n0\n")
    base = tmp_path / "data" / "glyphnet.keras"
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save(base)
    write_card(tmp_path)
    (tmp_path / "requirements.txt").write_text(
        "keras==3.15.1\n    # via tensorflow\nkeras-hub==9.9\ntensorflow==2.21.0 ; python_version\n"
    )
    monkeypatch.setattr(installation, "ROOT", tmp_path)
    monkeypatch.chdir(tmp_path / "notebooks")
    installed(monkeypatch)
    return tmp_path


def write_card(root):
    digest = hashlib.sha256((root / "data" / "glyphnet.keras").read_bytes()).hexdigest()
    (root / "data" / "README.md").write_text(f"SHA-256: `{digest}`\n")


def installed(monkeypatch, **changes):
    """Make these versions seem installed; None for a package that is not."""
    versions = WRITTEN_FOR | {name.replace("_", "-"): value for name, value in changes.items()}

    def version(name):
        if versions.get(name) is None:
            raise metadata.PackageNotFoundError(name)
        return versions[name]

    monkeypatch.setattr(metadata, "version", version)


def only_fault() -> tuple[str, str]:
    """The one check that fails, and what it says."""
    table = check_installation()
    failed = table[~table["ok"]]
    assert len(failed) == 1, table.to_string()
    assert (table.loc[table["ok"], "what to do"] == "nothing").all()
    return tuple(failed[["check", "what to do"]].iloc[0])


def test_all_well_in_a_sound_copy(course):
    table = check_installation()
    assert list(table.columns) == ["check", "ok", "what to do"]
    assert table["check"].tolist() == CHECKS
    assert table["ok"].dtype == bool
    assert table["ok"].all(), table.to_string()
    assert set(table["what to do"]) == {"nothing"}


def test_all_well_in_this_installation():
    table = check_installation()
    assert table["ok"].all(), table.to_string()


def test_pythons_are_those_of_the_package():
    project = tomllib.loads((REAL_ROOT / "pyproject.toml").read_text())["project"]
    (low, high), version = installation.PYTHONS, project["requires-python"]
    assert version == f">={low[0]}.{low[1]},<{high[0]}.{high[1] + 1}"
    assert project["name"] == "transfer-learning-course"


@pytest.mark.parametrize("version", [(3, 11, 0), (3, 13, 9)])
def test_first_and_last_python_are_good(course, monkeypatch, version):
    monkeypatch.setattr(sys, "version_info", version)
    assert check_installation()["ok"].all()


@pytest.mark.parametrize("version, name", [((3, 10, 14), "3.10.14"), ((3, 14, 0), "3.14.0")])
def test_python_too_old_or_too_new(course, monkeypatch, version, name):
    monkeypatch.setattr(sys, "version_info", version)
    assert only_fault() == (
        "Python version",
        f"This is Python {name}; the course needs 3.11 to 3.13. Install one of these. "
        f"{installation.REPAIR}.",
    )


def test_another_environment(course, monkeypatch):
    installed(monkeypatch, transfer_learning_course=None)
    check, advice = only_fault()
    assert check == "environment of the course"
    assert f"not installed in the environment that runs this ({sys.prefix})" in advice
    assert "'make course'" in advice and "kernel" in advice


def test_another_copy_of_the_course(course, tmp_path_factory, monkeypatch):
    other = tmp_path_factory.mktemp("other")
    (other / "helpers").mkdir()
    (other / "helpers" / "installation.py").touch()
    (other / "notebooks").mkdir()
    monkeypatch.chdir(other / "notebooks")
    check, advice = only_fault()
    assert check == "environment of the course"
    assert advice.startswith(f"You work in the folder {other}, but")
    assert f"comes from {course}. " in advice


def test_a_folder_outside_any_copy_is_no_fault(course, tmp_path_factory, monkeypatch):
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert check_installation()["ok"].all()


def test_the_same_copy_by_another_path_is_no_fault(course, tmp_path_factory, monkeypatch):
    link = tmp_path_factory.mktemp("links") / "course"
    link.symlink_to(course, target_is_directory=True)
    monkeypatch.setattr(Path, "cwd", classmethod(lambda cls: link / "notebooks"))
    assert check_installation()["ok"].all()


def test_keras_of_another_version(course, monkeypatch):
    installed(monkeypatch, keras="3.10.0")
    assert only_fault() == (
        "Keras version",
        f"Found 3.10.0; the course is written for 3.15.1. {installation.REPAIR}.",
    )


def test_tensorflow_missing(course, monkeypatch):
    installed(monkeypatch, tensorflow=None)
    assert only_fault() == (
        "TensorFlow version",
        f"It is not installed; the course needs 2.21.0. {installation.REPAIR}.",
    )


def test_any_version_of_the_lock_is_good(course, monkeypatch):
    lock = course / "requirements.txt"
    lock.write_text(lock.read_text() + "tensorflow==2.20.0 ; sys_platform == 'darwin'\n")
    installed(monkeypatch, tensorflow="2.20.0")
    assert check_installation()["ok"].all()
    installed(monkeypatch, tensorflow="2.19.0")
    assert "written for 2.21.0 or 2.20.0. " in only_fault()[1]


def test_keras_on_another_backend(course, monkeypatch):
    monkeypatch.setattr(keras.config, "backend", lambda: "jax")
    monkeypatch.setenv("KERAS_HOME", os.path.join("some", "where"))
    check, advice = only_fault()
    assert check == "Keras runs on TensorFlow"
    assert advice.startswith("Keras runs on 'jax'. Remove the environment variable KERAS_BACKEND")
    assert os.path.join("some", "where", "keras.json") in advice
    monkeypatch.delenv("KERAS_HOME")
    assert str(Path.home() / ".keras" / "keras.json") in only_fault()[1]


def test_keras_that_cannot_be_imported(course, monkeypatch):
    monkeypatch.setitem(sys.modules, "keras", None)
    monkeypatch.setitem(
        sys.modules, "helpers.safe_loading", types.SimpleNamespace(load_saved=lambda path: None)
    )
    check, advice = only_fault()
    assert check == "Keras runs on TensorFlow"
    assert advice.startswith("The check stopped with ModuleNotFoundError: ")
    assert advice.endswith(f". {installation.REPAIR}.")


@pytest.mark.parametrize("name", ["glyphnet.keras", "README.md"])
def test_base_or_card_missing(course, name):
    (course / "data" / name).unlink()
    folder = course / "data"
    assert only_fault() == (
        "bundled base",
        f"{name} missing in {folder}. {installation.RESTORE}.",
    )


def test_base_and_card_missing(course):
    for name in ("glyphnet.keras", "README.md"):
        (course / "data" / name).unlink()
    assert only_fault()[1].startswith("glyphnet.keras and README.md missing in ")


def test_base_damaged(course):
    base = course / "data" / "glyphnet.keras"
    base.write_bytes(base.read_bytes()[:-1])
    check, advice = only_fault()
    assert check == "bundled base"
    assert advice.startswith(f"{base} is damaged: its SHA-256 is not the one in README.md")


def test_base_as_described_but_not_loadable(course):
    (course / "data" / "glyphnet.keras").write_bytes(b"no model")
    write_card(course)
    check, advice = only_fault()
    assert check == "bundled base"
    assert advice.startswith("The check stopped with ")
    assert "glyphnet.keras" in advice


def test_results_missing(course):
    results = course / "data" / "results"
    (results / "examples.csv").rename(results / "examples.txt")
    assert only_fault() == (
        "measured results",
        f"{results} holds no results (.csv), which some lessons read. {installation.RESTORE}.",
    )


def test_an_empty_folder_gives_advice_and_no_error(course, tmp_path_factory, monkeypatch):
    monkeypatch.setattr(installation, "ROOT", tmp_path_factory.mktemp("empty"))
    table = check_installation()
    assert table["check"].tolist() == CHECKS
    failed = table.loc[~table["ok"], "check"].tolist()
    assert failed == [CHECKS[1], CHECKS[2], CHECKS[3], CHECKS[5], CHECKS[6]]
    keras_row = table.set_index("check").loc["Keras version", "what to do"]
    assert keras_row.startswith("The check stopped with FileNotFoundError: ")
