"""Break one line of a lesson and run it: the lesson's own assertions must notice."""

import copy
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode

from tests.notebook_lint import code_cells


def mutate(nb: NotebookNode, *, old: str, new: str) -> NotebookNode:
    """A copy with `old`, which must stand in the code exactly once, replaced by `new`."""
    mutant = copy.deepcopy(nb)
    count = sum(cell.source.count(old) for cell in code_cells(mutant))
    if count != 1:
        raise ValueError(f"{old!r} stands {count} times in the code, not once")
    for cell in code_cells(mutant):
        cell.source = cell.source.replace(old, new)
    return mutant


def first_failure(nb: NotebookNode, folder: Path) -> CellExecutionError | None:
    """Run a notebook in `folder` up to its first error."""
    client = NotebookClient(nb, timeout=300, resources={"metadata": {"path": str(folder)}})
    try:
        client.execute()
    except CellExecutionError as error:
        return error
    return None


def outcome(path: Path, *, old: str, new: str) -> str:
    """How the mutant ended: "caught" by an assertion, "unnoticed", or with another error."""
    mutant = mutate(nbformat.read(path, as_version=4), old=old, new=new)
    error = first_failure(mutant, path.parent)
    if error is None:
        return "unnoticed"
    return "caught" if error.ename == "AssertionError" else f"{error.ename}: {error.evalue}"
