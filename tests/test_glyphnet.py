"""The bundled base: file against card, layout, what it knows, and the script that makes it."""

import hashlib
import importlib.util
import re
from pathlib import Path

import keras
import numpy as np
import pytest

from helpers.data import load_digits_task, load_letters_sample

DATA = Path(__file__).resolve().parent.parent / "data"


@pytest.fixture(scope="module")
def glyphnet():
    return keras.saving.load_model(DATA / "glyphnet.keras")


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("make_glyphnet", DATA / "make_glyphnet.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def table(folder):
    """The card's tables: first cell of every row -> its other cells."""
    card = (folder / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (.+) \|$", card, flags=re.MULTILINE)
    return {cells[0]: cells[1:] for cells in (row.split(" | ") for row in rows)}


def check_files(folder):
    for name in ("glyphnet.keras", "letters_sample.npz"):
        content = (folder / name).read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        assert table(folder)[name] == [str(len(content)), f"`{digest}`"]


def test_the_card_describes_the_shipped_files():
    check_files(DATA)


def test_the_files_are_small():
    assert (DATA / "glyphnet.keras").stat().st_size <= 3_000_000
    assert (DATA / "letters_sample.npz").stat().st_size <= 600_000


def test_the_card_tells_seed_command_versions_and_every_typeface(script):
    rows = table(DATA)
    assert rows["seed"] == ["0"]
    assert rows["command"] == ["`python data/make_glyphnet.py --seed 0`"]
    assert re.search(r"Python 3\.\d+\.\d+, tensorflow [\d.]+, keras [\d.]+", rows["versions"][0])
    card = (DATA / "README.md").read_text(encoding="utf-8")
    for typeface in script.typefaces():
        assert re.search(rf"\b{typeface.stem}\b", card)
    assert f"{script.FULL.per_letter * 52:,} pictures" in card


def test_the_layers_are_the_ones_the_lessons_name(glyphnet):
    blocks = [f"block_{n}_{part}" for n in range(1, 7) for part in ("conv", "bn", "relu")]
    names = [layer.name for layer in glyphnet.layers]
    assert names == ["pixels_0_255", "rescaling", *blocks, "pool", "predictions"]
    assert glyphnet.name == "glyphnet"
    assert glyphnet.input_shape == (None, 28, 28, 1)
    assert glyphnet.get_layer("block_5_relu").output.shape == (None, 7, 7, 96)
    assert glyphnet.output_shape == (None, 52)
    assert [str(glyphnet.count_params())] == table(DATA)["parameters"]


def test_the_file_holds_no_optimizer(glyphnet):
    assert not glyphnet.compiled


def test_it_reads_held_out_letters_as_well_as_the_card_says(glyphnet):
    images, labels = load_letters_sample()
    accuracy = np.mean(glyphnet.predict(images, verbose=0).argmax(axis=1) == labels)
    assert accuracy == pytest.approx(float(table(DATA)["held-out accuracy"][0]), abs=0.004)


def test_the_script_builds_what_was_shipped(script, glyphnet):
    assert script.build_glyphnet().to_json() == glyphnet.to_json()


def test_frozen_features_carry_over_to_handwriting(glyphnet):
    base = keras.Model(glyphnet.input, glyphnet.get_layer("block_5_relu").output)
    task = load_digits_task(5)
    keras.utils.set_random_seed(0)
    head = keras.Sequential(
        [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(10, activation="softmax")]
    )
    head.compile(keras.optimizers.Adam(0.1), "sparse_categorical_crossentropy")
    features = base.predict(task.train.images, verbose=0)
    head.fit(features, task.train.labels, batch_size=50, epochs=50, verbose=0)
    guesses = head.predict(base.predict(task.test.images, verbose=0), verbose=0).argmax(axis=1)
    assert np.mean(guesses == task.test.labels) > 0.88


def test_a_quick_run_learns_and_writes_all_three_files(script, tmp_path):
    history = script.make(script.QUICK, out=tmp_path / "new", seed=3)
    losses = history.history["loss"]
    assert losses[-1] < 0.9 * losses[0]
    check_files(tmp_path / "new")
    rows = table(tmp_path / "new")
    assert rows["command"] == ["`python data/make_glyphnet.py --quick --seed 3`"]
    made = keras.saving.load_model(tmp_path / "new" / "glyphnet.keras")
    assert not made.compiled
    with np.load(tmp_path / "new" / "letters_sample.npz") as sample:
        assert sample["images"].shape == (52, 28, 28, 1)
        assert sample["images"].dtype == sample["labels"].dtype == np.uint8
        assert sorted(sample["labels"]) == list(range(52))


def test_a_quick_run_never_replaces_the_shipped_base(script, capsys):
    with pytest.raises(SystemExit):
        script.main(["--quick"])
    assert "name another folder with --out" in capsys.readouterr().err
    check_files(DATA)


def test_the_command_line_hands_on_recipe_folder_and_seed(script, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(script, "make", lambda *args, **options: asked.append((args, options)))
    assert script.main(["--quick", "--out", str(tmp_path), "--seed", "5"]) == 0
    assert script.main([]) == 0
    assert asked == [
        ((script.QUICK,), {"out": tmp_path, "seed": 5}),
        ((script.FULL,), {"out": DATA, "seed": 0}),
    ]


def test_the_same_seed_renders_the_same_letters(script):
    first, again, other = (script.render(1, np.random.default_rng(s)) for s in (0, 0, 1))
    np.testing.assert_array_equal(first.images, again.images)
    np.testing.assert_array_equal(first.labels, again.labels)
    assert (first.images != other.images).any()


def test_letters_are_drawn_with_every_typeface_that_holds_them_all(script):
    assert len(script.typefaces()) == 22
    assert script.LETTERS == "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    for typeface in script.typefaces():
        shapes = {script.distance_field(letter, typeface).tobytes() for letter in script.LETTERS}
        assert len(shapes) >= 50


def test_drawn_letters_look_like_letters(script):
    images, labels = script.render(6, np.random.default_rng(0))
    assert np.bincount(labels).tolist() == [6] * 52
    middle, corners = (
        images[:, 10:18, 10:18].mean(),
        images[:, [0, 0, -1, -1], [0, -1, 0, -1]].mean(),
    )
    assert middle > 3 * corners
