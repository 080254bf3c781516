"""Progress counts, in a terminal and in a notebook, and leaves the items alone."""

import nbformat
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

import helpers.progress as module
from helpers.progress import progress


def test_items_pass_unchanged(capsys):
    assert list(progress("abc", "reading", unit="letters")) == ["a", "b", "c"]
    assert list(progress(iter([]), "nothing")) == []
    shown = capsys.readouterr().err
    assert "reading" in shown
    assert "letters" in shown


def run(source):
    nb = new_notebook(cells=[new_code_cell(source)])
    NotebookClient(nb, timeout=60).execute()
    (cell,) = nb.cells
    nbformat.validate(nb)
    return [output.get("data", output.get("text")) for output in cell.outputs]


def test_a_notebook_keeps_one_line_that_is_the_same_in_every_run():
    source = """
import time
import helpers.progress as module
from helpers.progress import progress
for k in progress([1, 2, 3], "working"):
    time.sleep(0.25)
for k in progress(iter([1, 2]), "reading", unit="photos"):
    pass"""
    assert run(source) == [
        {"text/plain": "working: 3 of 3 steps"},
        {"text/plain": "reading: 2 photos"},
    ]


def test_a_stop_shows_how_far_it_came():
    source = """
import time
import helpers.progress as module
from helpers.progress import progress
for k in progress([1, 2, 3], "working"):
    time.sleep(0.25)
    if k == 2:
        break"""
    assert run(source) == [{"text/plain": "working: 1 of 3 steps"}]


def test_the_line_in_a_notebook_is_not_updated_for_every_item(monkeypatch):
    shown = []

    class Line:
        def update(self, text):
            shown.append(repr(text))

    monkeypatch.setattr(module, "get_ipython", object)
    monkeypatch.setattr(
        module, "display", lambda text, display_id: shown.append(repr(text)) or Line()
    )
    assert list(progress(range(1000), "counting")) == list(range(1000))
    assert shown[0] == "counting: 0 of 1000 steps"
    assert shown[-1] == "counting: 1000 of 1000 steps"
    assert len(shown) < 10
    monkeypatch.setattr(module, "INTERVAL", 0)
    shown.clear()
    list(progress(iter("ab"), "counting"))
    assert shown == [
        "counting: 0 steps",
        "counting: 1 steps",
        "counting: 2 steps",
        "counting: 2 steps",
    ]
