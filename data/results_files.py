"""Read and write the files in data/results: the command that made one, then its table."""

from pathlib import Path

import pandas as pd

RESULTS = Path(__file__).resolve().parent / "results"


def read(path: Path) -> pd.DataFrame:
    """The table of a results file."""
    return pd.read_csv(path, comment="#")


def write(path: Path, table: pd.DataFrame, command: str) -> None:
    """Replace a results file, whole or not at all; its first line names what measured it."""
    unfinished = path.with_suffix(".part")
    with unfinished.open("w", encoding="utf-8", newline="\n") as file:
        file.write(f"# {command}\n")
        table.to_csv(file, index=False, lineterminator="\n")
    unfinished.replace(path)
