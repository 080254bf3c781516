"""Figures in the prose are shown by a cell, and cells were run on the results files as they are."""

import re

import nbformat
import pandas as pd
import pytest

from notebooks import stamp_results
from tests.notebook_lint import texts
from tests.test_notebooks import FOLDER, LESSONS, name_of

NOTEBOOKS = [*LESSONS, FOLDER / "recipes.ipynb", *sorted((FOLDER / "solutions").glob("*.ipynb"))]
DECIMAL = re.compile(r"(?<![\w.])\d+\.\d+(?![\w.]*\d)")
NOT_PROSE = re.compile(r"```.*?```|`[^`]*`|\]\([^)]*\)", re.DOTALL)

SAID = {
    "04_fine_tuning": {
        "21.8": "millions of weights, a fact about InceptionV3",
        "3.15": "version of Keras",
        "0.00001": "a rate in the quiz",
    },
    "05_gradual_unfreezing": {
        "0.0003": "a rate of data/make_evidence.py",
        "0.00001": "a rate in the quiz",
    },
    "06_layerwise_learning_rates": {"2.6": "a divisor of Howard and Ruder", "3.15": "Keras"},
    "09_photographs": {
        "0.65": "a choice of the prediction",
        "3.15": "version of Keras",
        "0.894": "in the name of the published checkpoint",
    },
    "10_your_own_photos": {
        **dict.fromkeys(["0.90", "0.89", "0.87", "0.93", "0.95"], "a prediction"),
        **dict.fromkeys(["0.97", "0.70"], "a case made up for the quiz"),
    },
    "12_clinic": {"0.69": "ln 2", **dict.fromkeys(["0.97", "0.30"], "made up: the quiz")},
}
"""Decimals that no cell shows, and what they are."""

TIMES = {1: "", 3: "three", 5: "five", 10: "ten"}


def decimals_of(nb):
    prose = (cell.source for cell in nb.cells if cell.cell_type == "markdown")
    return {figure for text in prose for figure in DECIMAL.findall(NOT_PROSE.sub(" ", text))}


def shown_by(nb):
    cells = [cell for cell in nb.cells if cell.cell_type == "code"]
    everything = "\n".join(part for cell in cells for part in (cell.source, *texts(cell)))
    return [float(figure) for figure in re.findall(r"\d+\.\d+", everything)]


def agrees(figure, value):
    """Whether a value, rounded as the figure is, gives the figure; a half may go either way."""
    half = 0.5 * 10 ** -len(figure.split(".")[1])
    return abs(value - float(figure)) <= half * 1.0001


@pytest.mark.parametrize("path", LESSONS, ids=name_of)
def test_every_decimal_in_the_prose_is_shown_by_a_cell(path):
    nb = nbformat.read(path, as_version=4)
    shown = shown_by(nb)
    missing = {
        figure for figure in decimals_of(nb) if not any(agrees(figure, value) for value in shown)
    }
    assert missing == set(SAID.get(path.stem, {})), "figures that no cell shows, or no longer said"


def test_a_figure_that_has_changed_is_found():
    nb = nbformat.v4.new_notebook()
    nb.cells = [
        nbformat.v4.new_markdown_cell("It reaches 0.92, at a rate of `0.5`."),
        nbformat.v4.new_code_cell(
            "a = 1", outputs=[nbformat.v4.new_output("stream", text="0.923")]
        ),
    ]
    assert decimals_of(nb) == {"0.92"}
    assert any(agrees("0.92", value) for value in shown_by(nb))
    assert not any(agrees("0.91", value) for value in shown_by(nb))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name_of)
def test_tables_and_figures_were_made_from_the_results_files_as_they_are(path):
    nb = nbformat.read(path, as_version=4)
    command = f"NB={path.relative_to(FOLDER.parent)} make notebooks"
    assert nb.metadata.get("results", {}) == stamp_results.results_of(nb), f"older: {command}"


def test_a_results_file_that_was_measured_anew_is_found(monkeypatch, tmp_path):
    (tmp_path / "depth.csv").write_text("seed\n0\n")
    monkeypatch.setattr(stamp_results, "RESULTS", tmp_path)
    path = tmp_path / "lesson.ipynb"
    cell = nbformat.v4.new_code_cell("pd.read_csv('../data/results/depth.csv')")
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
    stamp_results.main([str(path)])
    nb = nbformat.read(path, as_version=4)
    assert nb.metadata["results"] == stamp_results.results_of(nb)
    (tmp_path / "depth.csv").write_text("seed\n1\n")
    assert nb.metadata["results"] != stamp_results.results_of(nb)


@pytest.mark.parametrize("path", LESSONS, ids=name_of)
def test_a_lesson_says_over_how_many_draws_its_files_go(path):
    nb = nbformat.read(path, as_version=4)
    prose = " ".join(cell.source for cell in nb.cells if cell.cell_type == "markdown").lower()
    for name in stamp_results.results_of(nb):
        table = pd.read_csv(stamp_results.RESULTS / name, comment="#")
        times = TIMES[table["seed"].nunique()]
        assert re.search(rf"\b{times}\s*(draws|seeds|runs)", prose), f"{name}: {times}"
