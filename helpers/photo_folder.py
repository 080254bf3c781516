"""A folder of your own photos, one sub-folder for each class: what is in it, and what is usable."""

import os
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from helpers.photo_copies import near_identical, same_picture
from helpers.photo_files import SMALLEST_SIDE, examine_photo, files_below, is_hidden, subfolders
from helpers.progress import progress

SPLIT_NAMES = {"train", "training", "val", "valid", "validation", "test", "testing"}
"""Names of folders that hold parts of a set, each with a folder for each class."""

FINDINGS = {
    "unreadable": ("left out", "damaged, cut short, or of another kind (HEIC: save it as JPEG)"),
    "animated": ("left out", "several pictures in one file"),
    "tiny": ("left out", f"the shorter side has fewer than {SMALLEST_SIDE} pixels"),
    "duplicate in a class": ("left out", "the first copy stays"),
    "duplicate across splits": ("left out", "the first copy stays"),
    "duplicate across classes": ("left out", "no copy stays: which class is right?"),
    "grey": ("used", "made RGB"),
    "CMYK": ("used", "made RGB"),
    "16-bit": ("used", "scaled to 8 bits"),
    "transparent": ("used", "put on white"),
    "EXIF-rotated": ("used", "turned upright"),
    "wrongly named": ("used", "read by what it holds, not by its ending"),
    "near-identical": ("used", "kept on one side of every split"),
    "stray file": ("ignored", "not a photo, or not in the folder of a class"),
    "hidden file": ("ignored", "made by a system, not by a person"),
    "folder without a usable photo": ("ignored", "not a class"),
}
"""What the table of a folder can report: what happens to such a file, and a word on it."""


@dataclass(frozen=True)
class PhotoFolder:
    """The usable photos of a folder, and a report on all of its files.

    Attributes:
        class_names: name of every class, sorted; the order of the labels.
        paths: str array `(n,)`, the usable photos, sorted by class and name.
        labels: int64 `(n,)`, the index of each photo's class.
        groups: int64 `(n,)`; near-identical photos share a number.
        report: a table indexed by `kind` (class, left out, used, ignored) and `found`, with the
            columns `files` (how many), `what happens` and `for example` (up to three files).

    Lesson: 10
    """

    class_names: tuple[str, ...]
    paths: np.ndarray
    labels: np.ndarray
    groups: np.ndarray
    report: pd.DataFrame


def check_photo_folder(folder: str | os.PathLike) -> PhotoFolder:
    """Examine every file of a folder with one sub-folder for each class; nothing is written.

    Photos may lie at any depth below their class. Where the sub-folders are parts of a set
    (`train`, `test`, ...), the folders in them are the classes, and the parts are put together.

    Args:
        folder: its path; `~` is your home.

    Returns:
        The usable photos and a report, the same in every run.

    Raises:
        FileNotFoundError: there is no such folder.
        ValueError: no sub-folder holds a usable photo.

    Lesson: 10
    """
    root = Path(folder).expanduser()
    if not root.is_dir():
        raise FileNotFoundError(f"There is no folder {root.absolute()}: correct PHOTO_FOLDER.")
    files = _examined(list(_listed(root)))
    usable = _without_copies(files)
    if usable.empty:
        raise ValueError(_no_photo(root, files))
    names = tuple(sorted(set(usable["class"])))
    return PhotoFolder(
        class_names=names,
        paths=usable["path"].astype(str).to_numpy(dtype=str),
        labels=usable["class"].map(names.index).to_numpy("int64"),
        groups=usable["group"].to_numpy("int64"),
        report=_report(root, files, names),
    )


def _listed(root: Path) -> Iterator[tuple[str, str, Path]]:
    """Part of the set, class and path of every file; a file outside all classes has neither."""
    yield from (("", "", path) for path in sorted(root.iterdir()) if path.is_file())
    for split, folder in _class_folders(root):
        yield from ((split, folder.name, path) for path in files_below(folder))


def _class_folders(root: Path) -> list[tuple[str, Path]]:
    folders = subfolders(root)
    if all(folder.name.lower() in SPLIT_NAMES and subfolders(folder) for folder in folders):
        return [(split.name, folder) for split in folders for folder in subfolders(split)]
    return [("", folder) for folder in folders]


def _examined(listed: list[tuple[str, str, Path]]) -> pd.DataFrame:
    """Look into every file, on all processors."""
    files = pd.DataFrame(listed, columns=["split", "class", "path"])
    with warnings.catch_warnings(), ThreadPoolExecutor() as readers:
        warnings.simplefilter("ignore")  # odd notes in a file; the pixels are what counts
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        looks = [readers.submit(_look, class_name, path) for _, class_name, path in listed]
        found = [look.result() for look in progress(looks, "examining files", unit="files")]
    columns = ["fault", "notes", "miniature"]
    return files.join(pd.DataFrame(found, columns=columns, index=files.index, dtype=object))


def _look(class_name: str, path: Path) -> tuple:
    if is_hidden(path.name):
        return "hidden file", (), None
    return examine_photo(path) if class_name else ("stray file", (), None)


def _without_copies(files: pd.DataFrame) -> pd.DataFrame:
    """Mark exact copies as faults in the table; give the usable rest, near-identical ones grouped.

    Of copies in one class the first stays. Copies in several classes contradict each other.
    """
    good = files[files["fault"] == ""].sort_values(["class", "path"])
    if good.empty:
        return good
    good["group"] = near_identical(np.stack(good["miniature"]))
    good["picture"] = same_picture(good["path"], good["group"])
    for _, copies in good[good.duplicated("picture", keep=False)].groupby("picture"):
        if copies["class"].nunique() > 1:
            files.loc[copies.index, "fault"] = "duplicate across classes"
            continue
        first, later = copies.iloc[0], copies.iloc[1:]
        same = later["split"] == first["split"]
        files.loc[later.index, "fault"] = np.where(
            same, "duplicate in a class", "duplicate across splits"
        )
    usable = good[files.loc[good.index, "fault"] == ""]
    for index in usable.index[usable.duplicated("group", keep=False)]:
        files.at[index, "notes"] += ("near-identical",)
    return usable


def _report(root: Path, files: pd.DataFrame, names: tuple[str, ...]) -> pd.DataFrame:
    """The one table: the classes, then what was found, in the order of FINDINGS."""
    usable = files[files["fault"] == ""]
    counts = usable["class"].value_counts()
    rows = [("class", name, counts[name], "", "") for name in names]
    for name, (kind, happens) in FINDINGS.items():
        noted = usable["path"][usable["notes"].map(lambda notes, name=name: name in notes)]
        paths = [*files["path"][files["fault"] == name], *noted]
        if name == "folder without a usable photo":
            paths = [path for _, path in _class_folders(root) if path.name not in names]
        examples = [path.relative_to(root).as_posix() for path in paths[:3]]
        rows.append((kind, name, len(paths), happens, ", ".join(examples)))
    columns = ["kind", "found", "files", "what happens", "for example"]
    return pd.DataFrame(rows, columns=columns).set_index(["kind", "found"])


def _no_photo(root: Path, files: pd.DataFrame) -> str:
    found = ", ".join(f"{n} {fault}" for fault, n in files["fault"].value_counts().items())
    return (
        f"No sub-folder of {root.absolute()} holds a usable photo (found: {found or 'nothing'}). "
        "Make a folder for each class in it, named as the class, and put its photos there."
    )
