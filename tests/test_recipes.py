"""Each recipe is one cell that runs alone, keeps the rules, and can be found from its question."""

import ast
import builtins
import re
import shutil

import keras
import make_photos
import nbformat
import numpy as np
import pytest

from helpers import stand_ins
from helpers.bases import DATA
from helpers.freezing import trainable_report
from tests import lesson_lint, notebook_lint
from tests.seed_examples import AS_WRITTEN
from tests.test_notebooks import FOLDER, name_of, read

PATH = FOLDER / "recipes.ipynb"
NB = read(PATH)
TEXT = lesson_lint.markdown(NB.cells)
FEW = (
    "Only the output layer for two classes",
    "The top off any saved model",
    "The top off an LSTM",
    "Your own folder",
    "Class weights",
)
ANSWERS = {
    "output": "Modify only the output layer",
    "dense": "Replace only the final dense layer",
    "last": "Fine-tune the last layers",
    "custom": "Customise a pre-trained model",
    "top": "Remove the top of a loaded model",
}


def sections():
    """For each heading of a recipe its text and the code cells below it."""
    found = {}
    for cell in NB.cells:
        if cell.cell_type == "markdown":
            title = re.match(r"### (.+)", cell.source)
            parts = [cell.source] if title else None
            if title:
                found[title[1]] = parts
        elif parts:
            parts.append(cell.source)
    return {title: (text, code) for title, (text, *code) in found.items()}


RECIPES = sections()
each_recipe = pytest.mark.parametrize("title", RECIPES)


def recipe_of(title):
    return RECIPES[title][1][0]


def check_of(title):
    return "\n".join(RECIPES[title][1][1:])


def calls(code):
    """Name and call of everything that is called: `keras.applications.VGG16`, say."""
    nodes = (node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call))
    return [(ast.unparse(node.func), node) for node in nodes]


# The notebook


@pytest.mark.parametrize("rule", notebook_lint.RULES, ids=name_of)
def test_outputs_and_code(rule):
    assert list(rule(NB)) == []


def test_file():
    nbformat.validate(NB)
    assert PATH.stat().st_size < 300_000


def test_the_first_cell_of_code_sees_to_the_weights():
    first = notebook_lint.code_cells(NB)[0].source
    assert "random_weights_where_missing()" in first
    assert all(line in TEXT for line in ("downloads nothing", "does download them"))


def test_links_lead_somewhere():
    links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", TEXT)
    assert [link for link in links if not (FOLDER / link).exists()] == []
    headings = re.findall(r"^#+ (.+)$", TEXT, flags=re.MULTILINE)
    anchors = {heading.replace(" ", "-") for heading in headings}
    assert len(anchors) == len(headings)
    assert set(re.findall(r"\]\(#([^)]+)\)", TEXT)) <= anchors


def test_the_contents_lead_from_a_question_to_every_recipe():
    rows = re.findall(r"^\| (.+\?) \| \[(.+)\]\(#(.+)\) \|$", NB.cells[0].source, re.MULTILINE)
    assert [title for _, title, _ in rows] == list(RECIPES)
    assert all(anchor == title.replace(" ", "-") for _, title, anchor in rows)


# The table of the answers that people copy


def table():
    """For each example the codes, the titles of the recipes, and what was changed."""
    rows = re.findall(r"^\| (.+?, \d.*?) \|(.*?)\|(.*?)\|(.*)\|$", TEXT, re.MULTILINE)
    return {
        example: (set(re.findall(r"`([\w-]+)`", codes)), re.findall(r"\[(.+?)\]", links), changed)
        for example, codes, links, changed in rows
    }


def row_of(example):
    kind, number = example.__name__.split("_")
    return f"{ANSWERS[kind]}, {number}" + (" and 3" if example.__name__ == "dense_2" else "")


def test_the_table_has_a_row_for_each_example_and_no_other():
    assert list(table()) == [row_of(example) for example in AS_WRITTEN]
    assert len(table()) == 14


@pytest.mark.parametrize("example", AS_WRITTEN, ids=name_of)
def test_a_row_tells_what_the_doctor_finds_which_recipe_and_why(example):
    codes, titles, changed = table()[row_of(example)]
    assert codes == AS_WRITTEN[example]
    assert len(titles) == 1 and titles[0] in RECIPES
    assert len(changed.split()) >= 6


# Each recipe


@each_recipe
def test_a_recipe_says_what_it_is_for_and_what_it_assumes(title):
    text, code = RECIPES[title]
    heading, purpose, assumes = text.split("\n\n")[:3]
    assert heading == f"### {title}"
    assert purpose.endswith(".") and len(purpose.split()) >= 8
    assert assumes.startswith("**Assumes:** ")
    assert len(code) >= 2


@each_recipe
def test_a_recipe_is_short_plain_and_ends_in_a_compiled_model(title):
    code = recipe_of(title)
    lines = code.splitlines()
    assert len(lines) <= 15
    assert max(map(len, lines)) <= 100
    assert "assert" not in code and "helpers" not in code
    assert any(name in ("model.compile", "keras.models.load_model") for name, _ in calls(code))
    assert "model.fit(" in code or "head.fit(" in code


@each_recipe
def test_a_recipe_asks_for_trained_weights(title):
    networks = [node for name, node in calls(recipe_of(title)) if is_network(name)]
    for network in networks:
        given = {option.arg: ast.unparse(option.value) for option in network.keywords}
        assert given["weights"] == "'imagenet'"
    assert 'weights="imagenet"' in recipe_of(title) or ".keras" in recipe_of(title)


def is_network(name):
    return re.fullmatch(r"keras\.applications\.[A-Z]\w+", name)


@each_recipe
def test_a_recipe_uses_no_name_from_another_cell(title):
    nodes = list(ast.walk(ast.parse(recipe_of(title))))
    names = [node for node in nodes if isinstance(node, ast.Name)]
    imported = {a.asname or a.name for node in nodes if isinstance(node, ast.Import)
                for a in node.names}  # fmt: skip
    stored = {name.id for name in names if isinstance(name.ctx, ast.Store)}
    known = stored | imported | set(dir(builtins)) | {"keras"}
    assert {name.id for name in names} - known == set()
    assert "model" in stored


@each_recipe
def test_a_check_counts_what_trains_and_asks_the_doctor(title):
    assert expected(title) > 0
    examined = [node for name, node in calls(check_of(title)) if name == "examine"]
    assert any("data" in {option.arg for option in node.keywords} for node in examined)


def expected(title):
    """The number of parameters that train, as the notebook asserts it."""
    pattern = r'trainable_report\(model\)\.trainable\["total"\] == ([\d_]+)'
    return int(re.search(pattern, check_of(title))[1])


# Alone


@pytest.fixture
def alone(tmp_path, monkeypatch):
    """A folder with the files that some recipes assume; random weights; all undone afterwards."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for kind in ("apples", "lemons", "pears"):
        (tmp_path / "photos" / kind).mkdir(parents=True)
        for number in range(4):
            make_photos.draw(kind, rng).save(tmp_path / "photos" / kind / f"{number}.png")
    for name in ("glyphnet.keras", "langnet.keras"):
        shutil.copy(DATA / name, tmp_path)
    monkeypatch.setattr(stand_ins.FILES, "get_file", stand_ins.GET_FILE)
    monkeypatch.setattr(keras.Model, "load_weights", stand_ins.LOAD_WEIGHTS)
    stand_ins.random_weights_where_missing()
    yield tmp_path
    keras.config.set_dtype_policy("float32")
    keras.utils.clear_session()


def run(title):
    if "vgg16.keras" in recipe_of(title):
        keras.applications.VGG16(weights=None).save("vgg16.keras")
    space = {"keras": keras}
    exec(recipe_of(title), space)
    return space


@pytest.mark.parametrize("title", FEW)
def test_a_recipe_runs_alone(title, alone):
    model = run(title)["model"]
    assert model.compiled
    assert trainable_report(model).trainable["total"] == expected(title)


def test_the_top_comes_off_a_saved_sequential_model_too(alone):
    names = ["maps", "flat", "predictions"]
    kinds = keras.layers.Conv2D(2, 3), keras.layers.Flatten(), keras.layers.Dense(7)
    for name, layer in zip(names, kinds, strict=True):
        layer.name = name
    old = keras.Sequential([keras.Input((8, 8, 1)), *kinds])
    old.save("glyphnet.keras")
    model = run("The top off any saved model")["model"]
    assert model.output_shape == (None, 10)
    assert [layer.name for layer in model.layers if layer.weights and not layer.trainable] == [
        "maps"
    ]


@pytest.mark.thorough
@pytest.mark.timeout(600)
@each_recipe
def test_a_recipe_runs_alone_trains_and_can_be_saved(title, alone):
    model = run(title)["model"]
    assert trainable_report(model).trainable["total"] == expected(title)
    x, y = two_examples(model)
    frozen = {weight.path: weight.numpy() for weight in model.non_trainable_weights}
    model.fit(x, y, batch_size=2, verbose=0)
    after = {weight.path: weight.numpy() for weight in model.non_trainable_weights}
    seeds = {path for path in frozen if "seed_generator" in path}
    assert all(np.array_equal(frozen[path], after[path]) for path in frozen.keys() - seeds)
    model.save("saved.keras")
    again = keras.models.load_model("saved.keras")
    assert np.allclose(again.predict(x, verbose=0), model.predict(x, verbose=0), atol=1e-5)
    assert trainable_report(again).trainable["total"] == expected(title)


def two_examples(model):
    shape = (2, *model.input_shape[1:])
    x = np.random.default_rng(0).integers(0, 99, shape)
    return x.astype(model.inputs[0].dtype), np.array([0, 1])


@pytest.mark.thorough
def test_layer_wise_rates_hold_after_saving_and_loading(alone):
    run("Layer-wise rates")["model"].save("saved.keras")
    model = keras.models.load_model("saved.keras")
    weights = model.trainable_weights
    before = {weight.path: weight.numpy() for weight in weights}
    model.optimizer.apply([keras.ops.ones_like(weight) for weight in weights], weights)
    steps = {w.path: float(np.median(before[w.path] - w.numpy())) for w in weights}
    assert steps["block_5_project/kernel"] == pytest.approx(1e-5, rel=0.05)
    assert steps["block_9_project/kernel"] == pytest.approx(3e-5, rel=0.05)
    assert steps["block_10_expand/kernel"] == pytest.approx(1e-4, rel=0.05)
    assert steps["head_hidden/kernel"] == pytest.approx(1e-3, rel=0.05)
