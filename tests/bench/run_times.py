"""Run every notebook as a reader would; write how long it took and how much memory it asked for.

    make bench

data/results/run_times.csv: `notebook`; `seconds` from the start of its kernel to its last cell;
`megabytes`, the most memory that the kernel held; and as yardsticks `keras_before` and
`keras_after`, the seconds from the start of a kernel until it has imported Keras, just before the
notebook and just after it. Where a notebook's weights or photos are missing, its row is kept from
the last run, and the script says so.
"""

import time
from pathlib import Path

import nbformat
import pandas as pd
from nbclient import NotebookClient
from tqdm import tqdm

from data.results_files import RESULTS, read, write
from helpers.downloads import missing_downloads
from tests.part_two import EXERCISES, PART_TWO

ROOT = Path(__file__).resolve().parents[2]
PATH = RESULTS / "run_times.csv"
MEASURED = ["seconds", "megabytes", "keras_before", "keras_after"]
LONGER = {"09": 300, "10": 300, "11": 180}
"""Seconds that a notebook of Part II may take on two cores, by the number in its name."""

PEAK = r"""
import re
print(int(re.search(r"VmHWM:\s+(\d+) kB", open("/proc/self/status").read())[1]) // 1024)
"""


def notebooks() -> list[Path]:
    """Lessons, clinic and recipes, then the solutions of the exercises."""
    folder = ROOT / "notebooks"
    return [*sorted(folder.glob("*.ipynb")), *sorted(folder.glob("solutions/*.ipynb"))]


def limit(name: str) -> int:
    """Seconds that a notebook may take: two minutes, but more in Part II."""
    return LONGER.get(Path(name).name[:2], 120)


def measure(notebook: nbformat.NotebookNode, folder: Path) -> tuple[float, int]:
    """Seconds, and the kernel's peak memory in MB, as Linux tells it."""
    notebook.cells.append(nbformat.v4.new_code_cell(PEAK))
    begun = time.perf_counter()
    resources = {"metadata": {"path": str(folder)}}
    NotebookClient(notebook, timeout=300, kernel_name="python3", resources=resources).execute()
    return time.perf_counter() - begun, int(notebook.cells[-1].outputs[0].text)


def keras_seconds() -> float:
    """Seconds until a new kernel has imported Keras."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("import keras")])
    return measure(notebook, ROOT / "notebooks")[0]


def main() -> None:
    """Measure all, each between two imports of Keras, and write the table."""
    missing = missing_downloads()
    needing = {"notebooks": PART_TWO, "solutions": EXERCISES} if missing else {}
    rows, before = [], keras_seconds()
    for path in tqdm(notebooks(), unit="notebook"):
        name = path.relative_to(ROOT / "notebooks").as_posix()
        if path.name.startswith(needing.get(path.parent.name, "no name begins so")):
            print(f"{name} needs {missing[0]}: its last row is kept")
            rows.append((name, *read(PATH).set_index("notebook").loc[name, MEASURED]))
            continue
        seconds, megabytes = measure(nbformat.read(path, as_version=4), path.parent)
        after = keras_seconds()
        rows.append((name, round(seconds, 1), megabytes, round(before, 1), round(after, 1)))
        before = after
    write(PATH, pd.DataFrame(rows, columns=["notebook", *MEASURED]), "make bench")


if __name__ == "__main__":
    main()
