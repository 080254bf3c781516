"""Figures in the prose are shown by a cell beside it; cells were run on today's results files."""

import re

import nbformat
import pytest
from scipy import stats

from data.results_files import RESULTS, read
from helpers.photo_split import accuracy_interval
from notebooks import stamp_results
from tests.notebook_lint import texts
from tests.test_notebooks import FOLDER, LESSONS, name_of

NOTEBOOKS = [*LESSONS, FOLDER / "recipes.ipynb", *sorted((FOLDER / "solutions").glob("*.ipynb"))]
FIGURE = re.compile(r"(?<![\w.,])(?:\d+(?:\.\d+)? points|\d+\.\d+(?![\w.]*\d))")
NUMBER = re.compile(r"\d+(?:\.\d+)?(?:e-?\d+)?")
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
    "07_new_architectures": {"0.5": "the sigmoid of zero"},
    "09_photographs": {
        **dict.fromkeys(["0.65", "0.95"], "choices of the prediction; a momentum"),
        **dict.fromkeys(["0.87", "0.93"], "accuracy_interval(335, 372), see the test below"),
        "0.1": "label smoothing of fine_tune",
        "0.90": "the quiz",
        "3.15": "version of Keras",
        "0.894": "in the name of the published checkpoint",
    },
    "10_your_own_photos": {
        **dict.fromkeys(["0.90", "0.89", "0.87", "0.93", "0.95"], "a prediction"),
        **dict.fromkeys(["0.97", "0.70"], "a case made up for the quiz"),
    },
    "recipes": {
        "3.15": "version of Keras",
        "7.0": "compute capability of a graphics card",
        "0.95": "a momentum of fine_tune",
    },
    "solutions/03_feature_extraction": {"2.262": "Student's t for ten values"},
    "solutions/04_fine_tuning": {"0.05": "a limit asked for", "3 points": "a limit asked for"},
    "solutions/06_layerwise_learning_rates": {
        "0.00075": "a rate asked for",
        "1.3 points": "from layerwise.csv, see the test below",
    },
    "solutions/10_your_own_photos": {"0.95": "a choice"},
    "12_clinic": {"0.69": "ln 2", **dict.fromkeys(["0.97", "0.30"], "made up: the quiz")},
}
"""Figures that no cell shows, and what they are."""

TIMES = {3: "three", 5: "five", 10: "ten"}


def figures_of(cell):
    """Decimals, and whole numbers of points, in a cell's prose."""
    return set(FIGURE.findall(NOT_PROSE.sub(" ", cell.source)))


def numbers(text):
    return [float(figure) for figure in NUMBER.findall(text)]


def shown_beside(nb, place):
    """Numbers in the three code cells before and after a place, and in what they show."""
    code = [(k, cell) for k, cell in enumerate(nb.cells) if cell.cell_type == "code"]
    before = [cell for k, cell in code if k < place][-3:]
    after = [cell for k, cell in code if k > place][:3]
    parts = [part for cell in before + after for part in (cell.source, *texts(cell))]
    return numbers("\n".join(parts))


def agrees(figure, value):
    """Whether a value, rounded as the figure is, gives the figure; a half may go either way.

    Points are hundredths of the share that a cell shows.
    """
    digits = len(figure.partition(".")[2].removesuffix(" points"))
    scale = 100 if figure.endswith("points") else 1
    wanted = float(figure.removesuffix(" points"))
    return abs(abs(scale * value) - wanted) <= 0.5 * 10**-digits * 1.0001


def unshown(nb):
    """Figures that no cell near them shows, and that are no setting in any cell."""
    settings = set(numbers("\n".join(c.source for c in nb.cells if c.cell_type == "code")))
    return {
        figure
        for place, cell in enumerate(nb.cells)
        if cell.cell_type == "markdown"
        for figure in figures_of(cell)
        if not any(agrees(figure, value) for value in shown_beside(nb, place))
        if figure.endswith("points") or float(figure) not in settings
    }


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name_of)
def test_every_figure_in_the_prose_is_shown_by_a_cell_beside_it(path):
    said = set(SAID.get(path.relative_to(FOLDER).with_suffix("").as_posix(), {}))
    found = unshown(nbformat.read(path, as_version=4))
    assert found == said, "figures that no cell near them shows, or no longer said"


def test_figures_that_no_cell_shows_are_right_all_the_same():
    low, high = accuracy_interval(335, 372)
    assert (f"{335 / 372:.1f}", f"{low:.2f}", f"{high:.2f}") == ("0.9", "0.87", "0.93")
    assert f"{stats.t.ppf(0.975, 9):.3f}" == "2.262"
    runs = read(RESULTS / "layerwise.csv").query("learning_rate == 0.003")
    means = runs.groupby("rates").test_accuracy.mean()
    assert f"{100 * (means['decay 0.5'] - means['one rate']):.1f}" == "1.3"


def lesson(prose, output, between=0):
    nb = nbformat.v4.new_notebook()
    shows = nbformat.v4.new_output("stream", text=output)
    nb.cells = [nbformat.v4.new_markdown_cell(prose)]
    nb.cells += [nbformat.v4.new_code_cell("a = 1e-4") for _ in range(between)]
    nb.cells.append(nbformat.v4.new_code_cell("b = 2", outputs=[shows]))
    return nb


@pytest.mark.parametrize(
    "prose,output,missing",
    [
        ("It reaches 0.92, at a rate of `0.5`.", "0.923", set()),
        ("It reaches 0.91.", "0.923", {"0.91"}),
        ("It gains 1.3 points.", "0.0129", set()),
        ("It loses 1.3 points.", "-0.0129", set()),
        ("It gains 2 points.", "0.0129", {"2 points"}),
        ("It gains 0.013.", "1.3", {"0.013"}),
    ],
)
def test_a_figure_that_has_changed_is_found(prose, output, missing):
    assert unshown(lesson(prose, output)) == missing


def test_a_figure_that_only_a_distant_cell_shows_is_found_but_a_setting_is_not():
    far = lesson("At a rate of 0.0001 it reaches 0.92.", "0.923", between=3)
    assert unshown(far) == {"0.92"}


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
        times = TIMES[read(RESULTS / name)["seed"].nunique()]
        assert re.search(rf"\b{times}\s*(draws|seeds|runs)", prose), f"{name}: {times}"
