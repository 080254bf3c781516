"""Note in each notebook which results files it was run on: a step of `make notebooks`.

A notebook that draws from `data/results` keeps a digest of each file in its metadata. When a file
is measured anew, tests/test_prose.py finds the notebooks whose tables and figures are older.
"""

import hashlib
import re
import sys
from pathlib import Path

import nbformat

RESULTS = Path(__file__).parents[1] / "data" / "results"
FILE = re.compile(r"data/results/(\w+\.csv)")


def results_of(nb: nbformat.NotebookNode) -> dict[str, str]:
    """Return the digest of every results file that the code of a notebook names."""
    code = "\n".join(cell.source for cell in nb.cells if cell.cell_type == "code")
    return {
        name: hashlib.sha256((RESULTS / name).read_bytes()).hexdigest()[:16]
        for name in sorted(set(FILE.findall(code)))
    }


def main(paths: list[str]) -> None:
    """Write the digests into the named notebooks."""
    for path in paths:
        nb = nbformat.read(path, as_version=4)
        if found := results_of(nb):
            nb.metadata["results"] = found
            nbformat.write(nb, path)


if __name__ == "__main__":
    main(sys.argv[1:])
