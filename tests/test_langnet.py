"""The bundled base for text: file against card, layout, what it knows, and the script behind it."""

import hashlib
import importlib.util
import json
import re
from pathlib import Path

import keras
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from helpers.bases import load_base
from helpers.features import extract_features
from helpers.names import TARGETS, load_names_task
from helpers.vocabulary import UNKNOWN, Vocabulary, load_vocabulary

DATA = Path(__file__).resolve().parent.parent / "data"


@pytest.fixture(scope="module")
def langnet():
    return keras.saving.load_model(DATA / "langnet.keras")


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("make_langnet", DATA / "make_langnet.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def shipped_splits(script):
    return script.splits(script.FULL, np.random.default_rng(0))


def card(folder):
    return (folder / "LANGNET.md").read_text(encoding="utf-8")


def table(folder):
    """The card's tables: first cell of every row -> its other cells."""
    rows = re.findall(r"^\| (.+) \|$", card(folder), flags=re.MULTILINE)
    return {cells[0]: cells[1:] for cells in (row.split(" | ") for row in rows)}


def check_files(folder):
    for name in ("langnet.keras", "langnet.json"):
        content = (folder / name).read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        assert table(folder)[name] == [str(len(content)), f"`{digest}`"]


def test_the_card_describes_the_shipped_files():
    check_files(DATA)


def test_the_file_is_small():
    assert (DATA / "langnet.keras").stat().st_size <= 3_000_000


def test_the_card_tells_seed_command_versions_and_licence():
    rows = table(DATA)
    assert rows["seed"] == ["0"]
    assert rows["command"] == ["`python data/make_langnet.py --seed 0`"]
    assert re.search(r"Python 3\.\d+\.\d+, tensorflow [\d.]+, keras [\d.]+", rows["versions"][0])
    assert re.search(r"babel [\d.]+$", rows["versions"][0])
    assert "Unicode License v3" in card(DATA)


def test_the_card_counts_what_was_trained_on(shipped_splits):
    training, held_out, languages = shipped_splits
    assert f"{len(training.labels):,} names" in card(DATA)
    assert f"{len(held_out.labels):,} pairs" in card(DATA)
    assert f"in {len(languages)} languages" in card(DATA)
    assert all(name in card(DATA) for name in TARGETS.values())


def test_the_layers_are_the_ones_the_lesson_names(langnet):
    names = [layer.name for layer in langnet.layers]
    assert names == ["character_ids", "embedding", "lstm_1", "lstm_2", "final_output"]
    assert langnet.name == "langnet"
    assert langnet.input_shape == (None, 24)
    assert langnet.get_layer("embedding").mask_zero
    assert [str(langnet.count_params())] == table(DATA)["parameters"]


def test_the_file_holds_no_optimizer(langnet):
    assert not langnet.compiled


def test_the_vocabulary_fits_the_base(langnet):
    vocabulary = load_vocabulary()
    assert langnet.get_layer("embedding").input_dim == len(vocabulary.characters) + 2
    assert langnet.output_shape == (None, len(vocabulary.languages))
    assert langnet.input_shape[1] == vocabulary.length


def test_the_script_builds_what_was_shipped(script, langnet, shipped_splits):
    vocabulary = load_vocabulary()
    training, _, languages = shipped_splits
    assert vocabulary == Vocabulary(script.frequent_characters(training), languages)
    built, shipped = (
        [(type(layer), layer.get_config()) for layer in net.layers]
        for net in (script.build_langnet(vocabulary), langnet)
    )
    assert built == shipped


def test_no_name_of_the_task_was_trained_on(shipped_splits):
    training, _, languages = shipped_splits
    task = load_names_task(133)
    spelled = set(training.texts)
    assert not set(languages) & set(TARGETS)
    for split in (task.train, task.validation, task.test):
        assert not spelled & set(split.texts)


def test_no_held_out_spelling_was_trained_on(shipped_splits):
    training, held_out, _ = shipped_splits
    assert len(set(held_out.texts)) == 1500
    assert not set(training.texts) & set(held_out.texts)


def test_it_reads_held_out_names_as_well_as_the_card_says(langnet, shipped_splits):
    _, held_out, _ = shipped_splits
    ids = load_vocabulary().encode(held_out.texts)
    accuracy = np.mean(langnet.predict(ids, verbose=0).argmax(axis=1) == held_out.labels)
    assert accuracy == pytest.approx(float(table(DATA)["held-out accuracy"][0]), abs=0.004)


def test_padding_changes_nothing(langnet):
    short = load_vocabulary().encode(["suomi"])
    long = np.pad(short, ((0, 0), (0, 6)))
    x = langnet.get_layer("embedding")(long)
    for name in ("lstm_1", "lstm_2", "final_output"):
        x = langnet.get_layer(name)(x)
    np.testing.assert_allclose(x, langnet(short), atol=1e-6)


def test_frozen_features_carry_over_to_languages_never_seen():
    task, vocabulary = load_names_task(20), load_vocabulary()
    base = load_base("langnet")
    train, test = (
        extract_features(base, vocabulary.encode(s.texts)) for s in (task.train, task.test)
    )
    linear = LogisticRegression(C=0.1, max_iter=500).fit(train, task.train.labels)
    assert linear.score(test, task.test.labels) > 0.7


def test_a_quick_run_learns_and_writes_all_three_files(script, tmp_path):
    history = script.make(script.QUICK, out=tmp_path / "new", seed=3)
    losses = history.history["loss"]
    assert losses[-1] < 0.9 * losses[0]
    check_files(tmp_path / "new")
    rows = table(tmp_path / "new")
    assert rows["command"] == ["`python data/make_langnet.py --quick --seed 3`"]
    made = keras.saving.load_model(tmp_path / "new" / "langnet.keras")
    assert not made.compiled
    stored = json.loads((tmp_path / "new" / "langnet.json").read_text(encoding="utf-8"))
    assert made.output_shape == (None, len(stored["languages"])) == (None, 3)
    assert made.get_layer("embedding").input_dim == len(stored["characters"]) + 2


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


def test_training_hides_a_few_characters_anew_in_each_epoch(script):
    ids = np.tile(np.array([[5] * 20 + [0] * 4], dtype="int32"), (500, 1))
    batches = script.PartlyHidden(ids, np.arange(500), batch_size=64)
    assert len(batches) == 8
    first = [batches[number] for number in range(8)]
    shown, labels = (np.concatenate(part) for part in zip(*first, strict=True))
    assert sorted(labels) == list(range(500)) != labels.tolist()
    assert (shown[:, 20:] == 0).all()
    assert 0.02 < (shown[:, :20] == UNKNOWN).mean() < 0.04
    batches.on_epoch_end()
    assert (batches[0][1] != first[0][1]).any()
    assert (batches[0][0] != first[0][0]).any()
