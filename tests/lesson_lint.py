"""Rules for lessons: one size and one shape, so that a reader always knows where to look."""

import ast
import re
import statistics
from collections.abc import Callable

from nbformat import NotebookNode

from tests.notebook_lint import Problems, code_cells, holds


def markdown(cells: list[NotebookNode]) -> str:
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def shows_picture(cell: NotebookNode) -> bool:
    kinds = [kind for output in cell.get("outputs", []) for kind in output.get("data", {})]
    return any(kind.startswith("image/") for kind in kinds)


def sections(nb: NotebookNode) -> list[tuple[str, list[NotebookNode]]]:
    """The cells below each `##` heading; a heading begins its cell."""
    found: list[tuple[str, list[NotebookNode]]] = []
    for cell in nb.cells:
        if cell.cell_type == "markdown" and cell.source.startswith("## "):
            found.append((cell.source.splitlines()[0][3:].strip(), []))
        if found:
            found[-1][1].append(cell)
    return found


def section(nb: NotebookNode, title: str) -> list[NotebookNode]:
    return [cell for name, cells in sections(nb) if name.startswith(title) for cell in cells]


def items(text: str) -> list[str]:
    return re.findall(r"^(?:\d+\.|[-*]) +(.+)$", text, flags=re.MULTILINE)


def between(what: str, value: float, low: int, high: int) -> Problems:
    if not low <= value <= high:
        yield f"{value:g} {what}, not {low} to {high}"


def size(nb: NotebookNode) -> Problems:
    yield from between("cells", len(nb.cells), 20, 45)
    prose = re.sub(r"<[^>]*>|\]\([^)]*\)", " ", markdown(nb.cells))
    yield from between("words of text", len(re.findall(r"[\w'\u2019-]*\w", prose)), 1000, 2000)


def cell_lengths(nb: NotebookNode) -> Problems:
    filled = []
    for cell in code_cells(nb):
        lines = cell.source.splitlines()
        filled.append(sum(bool(line.strip()) for line in lines))
        if len(lines) > 15 or not filled[-1]:
            yield f"cell {cell.execution_count} has {len(lines)} lines, not 1 to 15"
    if filled:
        median = statistics.median(filled)
        yield from between("lines in the median code cell, blank ones apart", median, 3, 6)


def opening(nb: NotebookNode) -> Problems:
    first = nb.cells[0].source if nb.cells and nb.cells[0].cell_type == "markdown" else ""
    if not first.startswith("# "):
        yield "the first cell does not begin with the title (`# `)"
    if not re.search(r"\b\d+ minutes\b", first):
        yield "the first cell does not say how many minutes the lesson takes"
    if not re.search(r"\b[Bb]efore\b", first):
        yield "the first cell does not say what to have done before"
    if len(items(first)) != 3:
        yield f"the first cell lists {len(items(first))} objectives, not 3"


def imports_and_seed(nb: NotebookNode) -> Problems:
    first = next(iter(code_cells(nb)), None)
    if not first or not (holds(first, ast.Import) or holds(first, ast.ImportFrom)):
        yield "the first code cell imports nothing"
    elif not re.search(r"\b(repeatable|set_random_seed)\(", first.source):
        yield "the first code cell sets no seed: call repeatable()"


CLOSING = ("Check", "Traps", "Key points")
AFTER = ("Quiz", "Next")  # headings of their own, or parts of the key points


def section_order(nb: NotebookNode) -> Problems:
    titles = [name for name, _ in sections(nb)]
    closing = [end for name in titles for end in CLOSING + AFTER if name.startswith(end)]
    expected = [*CLOSING, *(end for end in AFTER if end in closing)]
    if closing != expected:
        yield f"the closing sections are {closing}, not {expected}"
    yield from between("sections before them", len(titles) - len(closing), 4, 7)


def ending(nb: NotebookNode) -> str:
    """The text from the key points on."""
    return markdown([cell for title in CLOSING[2:] + AFTER for cell in section(nb, title)])


def check_asserts(nb: NotebookNode) -> Problems:
    if not any(holds(cell, ast.Assert) for cell in code_cells(nb) if cell in section(nb, "Check")):
        yield "the section Check asserts nothing"


def collapsed_answers(nb: NotebookNode) -> Problems:
    text, last = markdown(nb.cells), ending(nb)
    if text.count("<details>") != text.count("</details>"):
        yield "<details> and </details> do not pair"
    if text.count("<details>") != text.count("<summary>"):
        yield "each <details> needs a <summary>"
    if "<details>" not in last:
        yield "no quiz with a collapsed answer after the key points"
    if text.count("<details>") == last.count("<details>"):
        yield "no prediction with a collapsed answer in the lesson"


def key_points(nb: NotebookNode) -> Problems:
    listed = len(items("\n".join(cell.source for cell in section(nb, "Key points")[:1])))
    if listed < 3:
        yield f"{listed} key points: one for each objective is needed"


def figures_explained(nb: NotebookNode) -> Problems:
    for cell, following in zip(nb.cells, [*nb.cells[1:], NotebookNode(source="")], strict=True):
        if not shows_picture(cell):
            continue
        caption = re.search(r"^\*\*Figure\.(.*)$", following.source, flags=re.MULTILINE)
        if not caption or len(re.findall(r"\w+", caption[1])) < 5:
            yield f"cell {cell.execution_count}: its picture needs a line '**Figure.** …' next"


SLIDE_TYPES = ("slide", "subslide", "fragment", "-", "notes", "skip")


def slide_type(cell: NotebookNode) -> str | None:
    return cell.metadata.get("slideshow", {}).get("slide_type")


def slides(nb: NotebookNode) -> Problems:
    """Each cell says what it becomes in `make slides`; a prediction does not show its result."""
    for number, cell in enumerate(nb.cells):
        if slide_type(cell) not in SLIDE_TYPES:
            yield f"cell {cell.source[:30]!r} has the slide type {slide_type(cell)!r}"
        elif re.match("##? ", cell.source) and slide_type(cell) != "slide":
            yield f"heading {cell.source[:30]!r} begins no slide"
        before = nb.cells[number - 1].source if number else ""
        if "<details>" in before and slide_type(cell) in ("-", "fragment"):
            yield f"cell {cell.source[:30]!r} stands on the slide that asks for a prediction"


RULES: tuple[Callable[[NotebookNode], Problems], ...] = (
    size,
    cell_lengths,
    opening,
    imports_and_seed,
    section_order,
    check_asserts,
    collapsed_answers,
    key_points,
    figures_explained,
    slides,
)
