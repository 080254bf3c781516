"""Rules for every notebook, each a function from a notebook to the problems it finds.

nbval passes a cell that has no stored output, whatever it prints: the first rules close such gaps.
The others keep the code plain and the file free of what belongs to one machine or one run.
"""

import ast
import re
from collections.abc import Callable, Iterator

from nbformat import NotebookNode

CHECKED = "nbval-check-output"
Problems = Iterator[str]


def code_cells(nb: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in nb.cells if cell.cell_type == "code"]


def tags(cell: NotebookNode) -> list[str]:
    return cell.metadata.get("tags", [])


def texts(cell: NotebookNode) -> list[str]:
    """What a code cell printed or showed, without pictures."""
    found = [output.text for output in cell.outputs if output.output_type == "stream"]
    for output in cell.outputs:
        data = output.get("data", {})
        found += [str(value) for kind, value in data.items() if not kind.startswith("image/")]
    return found


def parsed(cell: NotebookNode) -> ast.Module:
    """The code of a cell; an empty module where it is not plain Python, which has its own rule."""
    try:
        return ast.parse(cell.source)
    except SyntaxError:
        return ast.Module([], [])


def holds(cell: NotebookNode, kind: type[ast.AST]) -> bool:
    return any(isinstance(node, kind) for node in ast.walk(parsed(cell)))


# Honest outputs


def execution_counts(nb: NotebookNode) -> Problems:
    counts = [cell.execution_count for cell in code_cells(nb)]
    if counts != list(range(1, len(counts) + 1)):
        yield f"execution counts {counts} are not 1 to {len(counts)}: run `make notebooks`"


def clean_outputs(nb: NotebookNode) -> Problems:
    for cell in code_cells(nb):
        for output in cell.outputs:
            if output.output_type == "error":
                yield f"cell {cell.execution_count} ends in {output.ename}"
            elif output.get("name") == "stderr":
                yield f"cell {cell.execution_count} writes to stderr: {output.text[:80]!r}"


VOLATILE = re.compile(r" at 0x[0-9a-f]+|\r|\x08|\dm?s/step|<ipython-input|ipykernel_\d|id=\"T_\w+")


def repeatable_outputs(nb: NotebookNode) -> Problems:
    for cell in code_cells(nb):
        for match in VOLATILE.finditer("\n".join(texts(cell))):
            yield f"cell {cell.execution_count} shows {match[0]!r}, which differs in every run"


def known_tags(nb: NotebookNode) -> Problems:
    for cell in nb.cells:
        for tag in tags(cell):
            if tag != CHECKED or cell.cell_type != "code":
                yield f"tag {tag!r} on a {cell.cell_type} cell: only {CHECKED!r}, on code, is used"
    for cell in code_cells(nb):
        if re.search(r"#\s*(NBVAL|PYTEST_VALIDATE)_", cell.source):
            yield f"cell {cell.execution_count} has an nbval comment: use the tag {CHECKED!r}"


def checked_outputs(nb: NotebookNode) -> Problems:
    for cell in code_cells(nb):
        if CHECKED not in tags(cell):
            continue
        text = "\n".join(texts(cell))
        if not text.strip():
            yield f"cell {cell.execution_count} is checked but shows nothing to check"
        for number in re.findall(r"\d*\.\d+|\d+e[-+]\d+|\bnan\b|\binf\b", text):
            yield f"cell {cell.execution_count} is checked but shows the float {number}"


def proves_something(nb: NotebookNode) -> Problems:
    if not any(holds(cell, ast.Assert) for cell in code_cells(nb)):
        yield "no assertion in the whole notebook"
    if not any(CHECKED in tags(cell) for cell in code_cells(nb)):
        yield f"no cell is tagged {CHECKED!r}"


# Plain code, clean file


def plain_python(nb: NotebookNode) -> Problems:
    for cell in code_cells(nb):
        try:
            ast.parse(cell.source)
        except SyntaxError as error:
            yield f"cell {cell.execution_count} is not plain Python: {error.text!r}"
        if any(line.rstrip().endswith(";") for line in cell.source.splitlines()):
            yield f"cell {cell.execution_count} has a trailing semicolon"
        for node in ast.walk(parsed(cell)):
            if isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
                yield f"cell {cell.execution_count} imports * from {node.module}"


LOCAL = re.compile(r"(?<![\w.])/(?:home|root|tmp|Users|usr|work|var|mnt|opt)/\S*|\b[A-Z]:\\\S*")


def no_local_paths(nb: NotebookNode) -> Problems:
    for cell in nb.cells:
        shown = texts(cell) if cell.cell_type == "code" else []
        for match in LOCAL.finditer("\n".join([cell.source, *shown])):
            yield f"path of one machine: {match[0]}"


KEPT = {"tags", "slideshow"}


def clean_metadata(nb: NotebookNode) -> Problems:
    keys = set(nb.metadata) - {"results"}  # made by notebooks/stamp_results.py
    if keys != {"kernelspec"} or nb.metadata.kernelspec.get("name") != "python3":
        yield f"notebook metadata holds {sorted(nb.metadata)}: only the kernelspec python3 is kept"
    for cell in nb.cells:
        yield from (f"cell metadata {key!r}" for key in sorted(set(cell.metadata) - KEPT))
        yield from ("attachment" for _ in cell.get("attachments", {}))


RULES: tuple[Callable[[NotebookNode], Problems], ...] = (
    execution_counts,
    clean_outputs,
    repeatable_outputs,
    known_tags,
    checked_outputs,
    proves_something,
    plain_python,
    no_local_paths,
    clean_metadata,
)
