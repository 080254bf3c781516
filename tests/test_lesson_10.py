"""Lesson 10 ends well on folders of different character; it needs the ImageNet weights."""

import os
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from tests.mutation import mutate
from tests.part_two import missing
from tests.photo_samples import clean_folder, contents, dirty_folder
from tests.test_notebooks import FOLDER

LESSON = FOLDER / "10_your_own_photos.ipynb"
DEFAULT = "PHOTO_FOLDER = None"
SETS = {
    "two classes, 40 photos": lambda root: clean_folder(root, {"a": 20, "b": 20}),
    "twelve classes": lambda root: clean_folder(root, {f"class {n}": 8 + n for n in range(12)}),
    "every defect": dirty_folder,
}


def run(folder: Path, workplace: Path) -> None:
    """Run the lesson on a folder; its model lands in the workplace."""
    nb = nbformat.read(LESSON, as_version=4)
    nb = mutate(nb, old=DEFAULT, new=f"PHOTO_FOLDER = {os.fspath(folder)!r}")
    NotebookClient(nb, timeout=300, resources={"metadata": {"path": str(workplace)}}).execute()


@pytest.mark.thorough
@pytest.mark.timeout(600)
@pytest.mark.skipif(missing() is not None, reason=missing() or "")
@pytest.mark.parametrize("name", SETS)
def test_it_ends_well_and_leaves_the_folder_as_it_was(name, tmp_path):
    folder, workplace = tmp_path / "my photos", tmp_path / "workplace"
    folder.mkdir()
    workplace.mkdir()
    SETS[name](folder)
    before = contents(folder)
    run(folder, workplace)
    assert [path.name for path in workplace.iterdir()] == ["my photos.keras"]
    assert contents(folder) == before


@pytest.mark.thorough
@pytest.mark.skipif(missing() is not None, reason=missing() or "")
@pytest.mark.parametrize(
    "counts,sentence",
    [
        ({"a": 8}, "only one class, 'a'"),
        ({"a": 8, "b": 2}, "Too few different photos of 'b' \\(2\\)"),
    ],
)
def test_it_stops_with_a_sentence_that_helps(counts, sentence, tmp_path):
    clean_folder(tmp_path / "photos", counts)
    with pytest.raises(CellExecutionError, match=sentence):
        run(tmp_path / "photos", tmp_path)
