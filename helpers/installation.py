"""Check that the course is installed as it should be, and say in words what is not."""

import hashlib
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from importlib import metadata
from pathlib import Path

import pandas as pd

from helpers.downloads import keras_home, missing_downloads
from helpers.quiet import start_tensorflow

ROOT = Path(__file__).resolve().parent.parent
PYTHONS = ((3, 11), (3, 13))
REPAIR = "Run 'make clean' and then 'make course' (without make: install again as README.md says)"
RESTORE = "Get it back with git, or download the course again"


def check_installation() -> pd.DataFrame:
    """Examine the installation of the course, from Python to the bundled base.

    Never raises: a check that cannot be made counts as failed, with the reason in words.

    Returns:
        A table with one row for each check and the columns `check` (what was examined), `ok`
        (bool) and `what to do` (`nothing`, or what is wrong and how to mend it).

    Lesson: 00
    """
    checks: dict[str, Callable[[], str]] = {
        "Python version": _python,
        "environment of the course": _environment,
        "Keras version": lambda: _version("keras"),
        "TensorFlow version": lambda: _version("tensorflow"),
        "Keras runs on TensorFlow": _backend,
        "bundled base": _base,
        "measured results": _results,
    }
    faults = {name: _fault(check) for name, check in checks.items()}
    rows = [(name, not fault, fault or "nothing") for name, fault in faults.items()]
    return pd.DataFrame(rows, columns=["check", "ok", "what to do"])


def _fault(check: Callable[[], str]) -> str:
    """What a check found wrong, in words; empty if nothing."""
    try:
        return check()
    except Exception as error:  # a broken installation fails in ways that no list foresees
        return f"The check stopped with {type(error).__name__}: {error}. {REPAIR}."


def _python() -> str:
    low, high = PYTHONS
    if low <= sys.version_info[:2] <= high:
        return ""
    return (
        f"This is Python {_dotted(sys.version_info[:3])}; the course needs {_dotted(low)} to "
        f"{_dotted(high)}. Install one of these. {REPAIR}."
    )


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def _environment() -> str:
    """Is the course installed for this Python, and from the folder that is open?"""
    try:
        metadata.version("transfer-learning-course")
    except metadata.PackageNotFoundError:
        return (
            f"The course is not installed in the environment that runs this ({sys.prefix}). Open "
            "the notebook with 'make course', or choose the kernel of the course's environment."
        )
    here = Path.cwd()
    copies = (f for f in (here, *here.parents) if (f / "helpers" / "installation.py").is_file())
    opened = next(copies, ROOT)
    if opened.samefile(ROOT):
        return ""
    return (
        f"You work in the folder {opened}, but the code of the course comes from {ROOT}. Open the "
        "notebook there, or install the folder that you work in, as its README.md says."
    )


def _version(package: str) -> str:
    """Is the version of a package the one in requirements.txt?"""
    lock = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    wanted = re.findall(rf"^{package}==([^\s;]+)", lock, flags=re.MULTILINE)
    try:
        found = metadata.version(package)
    except metadata.PackageNotFoundError:
        return f"It is not installed; the course needs {' or '.join(wanted)}. {REPAIR}."
    if found in wanted:
        return ""
    return f"Found {found}; the course is written for {' or '.join(wanted)}. {REPAIR}."


def _backend() -> str:
    import keras

    backend = keras.config.backend()
    if backend == "tensorflow":
        return ""
    return (
        f"Keras runs on {backend!r}. Remove the environment variable KERAS_BACKEND, or set "
        f"'backend' to 'tensorflow' in {keras_home() / 'keras.json'}; then restart the kernel."
    )


def _base() -> str:
    """Is the bundled base there, the one that its card describes, and can it be loaded?"""
    from helpers.safe_loading import load_saved

    base, card = ROOT / "data" / "glyphnet.keras", ROOT / "data" / "README.md"
    missing = [path.name for path in (base, card) if not path.is_file()]
    if missing:
        return f"{' and '.join(missing)} missing in {base.parent}. {RESTORE}."
    digest = hashlib.sha256(base.read_bytes()).hexdigest()
    if digest not in card.read_text(encoding="utf-8"):
        return f"{base} is damaged: its SHA-256 is not the one in README.md beside it. {RESTORE}."
    load_saved(base)
    return ""


def _results() -> str:
    folder = ROOT / "data" / "results"
    if any(folder.glob("*.csv")):
        return ""
    return f"{folder} holds no results (.csv), which some lessons read. {RESTORE}."


def main() -> int:
    """Print what `check_installation` finds, for `make check`; 0 if all is as it should be."""
    with suppress(ImportError):  # the table says what is wrong with it
        start_tensorflow()
    table = check_installation()
    for check, ok, advice in table.itertuples(index=False):
        print(f"{check}: {'ok' if ok else advice}")  # noqa: T201
    missing = missing_downloads()
    files = "there" if not missing else f"not there ({missing[0].name}); make photos fetches them"
    print(f"files for lessons 09 and 10: {files}")  # noqa: T201
    return int(not table["ok"].all())


if __name__ == "__main__":
    sys.exit(main())
