"""A made-up lesson that keeps every rule, for the tests of the rules themselves."""

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

OPENING = """# 00 · A sample

One promise.

1. Load a base.
2. Freeze a base.
3. Prove a claim.

12 minutes. Before: nothing.
"""
PREDICTION = "What do you expect?\n<details><summary>Answer</summary>This.</details>"
KEY_POINTS = """## Key points

- A base loads.
- A base freezes.
- A claim is proven.

<details><summary>Quiz</summary>Yes.</details>

Next: [01](01_next.ipynb)
"""
CAPTION = "**Figure.** Two curves that meet at epoch ten."
PICTURE = {"image/png": "iVBORw0KGgo="}


def code(source: str, *outputs: NotebookNode, checked: bool = False) -> NotebookNode:
    metadata = {"tags": ["nbval-check-output"]} if checked else {}
    return new_code_cell(source, outputs=list(outputs), metadata=metadata)


def printed(text: str, name: str = "stdout") -> NotebookNode:
    return new_output("stream", text=text, name=name)


def shown(data: dict[str, str]) -> NotebookNode:
    return new_output("display_data", data=data)


def numbered(cells: list[NotebookNode]) -> NotebookNode:
    """A notebook as `make notebooks` leaves it."""
    codes = [cell for cell in cells if cell.cell_type == "code"]
    for count, cell in enumerate(codes, start=1):
        cell.execution_count = count
    nb = new_notebook(cells=cells)
    nb.metadata["kernelspec"] = {
        "display_name": "Python 3",
        "language": "python",
        "name": "python3",
    }
    return nb


def sample_lesson() -> NotebookNode:
    """Twenty cells, 1,000 words, four sections, and the closing three."""
    cells = [
        new_markdown_cell(OPENING),
        code("import keras\n\nkeras.utils.set_random_seed(0)\nkeras.config.backend()"),
        new_markdown_cell("## One\n\n" + "word " * 960),
        code("total = 1 + 1\ntotal += 1\nprint(total)", printed("3\n"), checked=True),
        new_markdown_cell("## Two"),
        code("a = 1\nb = 2\ncurves()", shown(PICTURE)),
        new_markdown_cell(CAPTION),
        new_markdown_cell("## Three"),
        new_markdown_cell(PREDICTION),
        code("x = 1\ny = 2\nprint(0.5)", printed("0.5\n")),
        new_markdown_cell("## Four"),
        new_markdown_cell("Text."),
        new_markdown_cell("Text."),
        new_markdown_cell("Text."),
        new_markdown_cell("## Check"),
        code("claim = total\nassert claim == 3\nassert claim"),
        new_markdown_cell("## Traps"),
        new_markdown_cell("Text."),
        new_markdown_cell(KEY_POINTS),
        new_markdown_cell("Text."),
    ]
    for cell in cells:
        cell.metadata["slideshow"] = {"slide_type": "slide"}
    return numbered(cells)
