import importlib.util
import itertools
from pathlib import Path

import pandas as pd
import pytest

SCRIPT = Path(__file__).parent.parent / "data" / "make_evidence.py"


@pytest.fixture(scope="module")
def evidence():
    spec = importlib.util.spec_from_file_location("make_evidence", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


NAMES = ["examples", "depth", "rates", "schedules", "batchnorm", "blocks", "layerwise"]
NAMES += ["names", "architectures", "channels", "photos", "photo_examples", "photo_bases"]


@pytest.mark.parametrize("name", NAMES)
def test_a_results_file_holds_every_setting_once_and_names_its_command(evidence, name):
    _, grid = evidence.EXPERIMENTS[name]
    path = evidence.RESULTS / f"{name}.csv"
    assert path.read_text().startswith(f"# python data/make_evidence.py {name}\n")
    table = pd.read_csv(path, comment="#")
    wanted = itertools.product(range(evidence.SEEDS[name]), *grid.values())
    found = table[["seed", *grid]].itertuples(index=False, name=None)
    assert sorted(found, key=str) == sorted(wanted, key=str)
    measured = table.drop(columns=["seed", *grid])
    accuracies = measured.filter(like="accuracy")
    assert accuracies.shape[1] > 0
    assert accuracies.min().min() >= 0
    assert accuracies.max().max() <= 1
    sizes = measured.drop(columns=[*accuracies])
    assert (sizes >= 1).all(axis=None)


def test_lesson_04_names_the_epochs_that_were_trained(evidence):
    lesson = SCRIPT.parent.parent / "notebooks" / "04_fine_tuning.ipynb"
    assert f"{evidence.TUNE_EPOCHS} epochs, the whole base" in lesson.read_text(encoding="utf-8")


def test_every_experiment_is_tested(evidence):
    assert list(evidence.EXPERIMENTS) == NAMES
    few = {name: seeds for name, seeds in evidence.SEEDS.items() if seeds < 10}
    assert few == {"photos": 5, "photo_examples": 5, "photo_bases": 5}


def test_without_photos_their_experiments_are_left_out(evidence, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(evidence, "RESULTS", tmp_path)
    ran = []
    monkeypatch.setattr(evidence, "run", lambda name, folder: ran.append(name))
    evidence.main(["photos", "depth", "photo_bases"])
    assert ran == ["depth"]
    said = capsys.readouterr().out.splitlines()
    assert [line.split(" needs ")[0] for line in said] == ["photos", "photo_bases"]
    assert str(tmp_path) in said[0]


@pytest.mark.parametrize("examples,least", [(2, 0.85), (5, 0.925), (10, 0.955)])
def test_a_frozen_base_reaches_what_the_course_promises(evidence, examples, least):
    table = pd.read_csv(evidence.RESULTS / "examples.csv", comment="#")
    rows = table[(table.examples_per_class == examples) & table.method.str.startswith("frozen")]
    assert rows.groupby("method").test_accuracy.mean().max() >= least


def test_a_row_can_be_measured_again(evidence):
    table = pd.read_csv(evidence.RESULTS / "examples.csv", comment="#")
    row = table[(table.seed == 0) & (table.examples_per_class == 2) & (table.method == "frozen")]
    evidence.repeatable(0)
    again = evidence.by_examples(0, examples_per_class=2, method="frozen")["test_accuracy"]
    assert again == pytest.approx(row.test_accuracy.item(), abs=0.03)  # other machines round


@pytest.mark.parametrize("method", ["from scratch", "frozen, one block less", "fine-tuned"])
def test_each_method_learns(evidence, method, monkeypatch):
    monkeypatch.setattr(evidence, "SCRATCH_STEPS", 40)
    monkeypatch.setattr(evidence, "HEAD_EPOCHS", 20)
    monkeypatch.setattr(evidence, "TUNE_EPOCHS", 2)
    assert evidence.by_examples(0, examples_per_class=2, method=method)["test_accuracy"] > 0.2


def test_the_other_experiments_learn(evidence, monkeypatch):
    monkeypatch.setattr(evidence, "HEAD_EPOCHS", 2)
    monkeypatch.setattr(evidence, "TUNE_EPOCHS", 1)
    for result in (
        evidence.by_depth(0, unfreeze_from="none"),
        evidence.by_rate(0, learning_rate=1e-3),
        evidence.by_batchnorm(0, batch_size=100, batchnorm="live"),
        evidence.by_block(0, block="block_6_conv"),
        evidence.by_layer(0, rates="decay 0.5, upside down", learning_rate=0.001),
    ):
        assert min(result.values()) > 0.5, "of ten digits and of 52 letters"


@pytest.fixture
def short(evidence, monkeypatch):
    monkeypatch.setattr(evidence, "HEAD_EPOCHS", 5)
    monkeypatch.setattr(evidence, "TUNE_EPOCHS", 1)
    monkeypatch.setattr(evidence.architecture_runs, "TUNE_EPOCHS", 1)


def test_each_architecture_trains_what_it_says(evidence, short):
    by_method, grid = evidence.EXPERIMENTS["architectures"]
    measured = {method: by_method(seed=0, method=method) for method in grid["method"]}
    assert min(each["test_accuracy"] for each in measured.values()) > 0.3
    trainable = {method: each["trainable"] for method, each in measured.items()}
    stored = pd.read_csv(evidence.RESULTS / "architectures.csv", comment="#")
    assert trainable == stored.groupby("method")["trainable"].first().to_dict()


@pytest.mark.parametrize("first_layer", ["unchanged", "carried over", "new"])
def test_coloured_digits_are_read(evidence, short, first_layer):
    by_channels, _ = evidence.EXPERIMENTS["channels"]
    settings = {"pictures": "bright ink", "first_layer": first_layer, "base": "frozen"}
    read = by_channels(seed=0, **settings)["test_accuracy"]
    assert (read > 0.6) is (first_layer != "new")


def test_the_base_for_text_leads_by_what_the_course_promises(evidence):
    table = pd.read_csv(evidence.RESULTS / "names.csv", comment="#")
    means = table[table.names_per_language == 20].groupby("method").test_accuracy.mean()
    assert means["fine-tuned"] >= means["from scratch"] + 0.1


@pytest.mark.parametrize(
    "method,least",
    [("letter groups", 0.5), ("from scratch", 0.15), ("frozen", 0.5), ("gradual", 0.5)],
)
def test_each_way_to_learn_names_works(evidence, method, least, monkeypatch):
    monkeypatch.setattr(evidence.names_runs, "SCRATCH_STEPS", 60)
    by_names, _ = evidence.EXPERIMENTS["names"]
    evidence.repeatable(0)
    assert by_names(0, names_per_language=5, method=method)["test_accuracy"] > least


def test_a_high_rate_forgets_the_letters(evidence, monkeypatch):
    monkeypatch.setattr(evidence, "HEAD_EPOCHS", 2)
    monkeypatch.setattr(evidence, "TUNE_EPOCHS", 2)
    kept = evidence.by_rate(0, learning_rate=1e-6)["letters_accuracy"]
    assert evidence.by_rate(0, learning_rate=0.05)["letters_accuracy"] < kept / 2


@pytest.fixture
def counted(evidence, monkeypatch):
    calls = []

    def experiment(seed, size):
        calls.append((seed, size))
        return {"test_accuracy": 0.123456}

    monkeypatch.setitem(evidence.EXPERIMENTS, "counted", (experiment, {"size": [1, 2]}))
    monkeypatch.setitem(evidence.SEEDS, "counted", 2)
    return calls


def test_a_run_is_stored_row_by_row_and_resumed(evidence, counted, tmp_path):
    table = evidence.run("counted", tmp_path)
    assert len(counted) == len(table) == 4
    path = tmp_path / "counted.csv"
    lines = path.read_text().splitlines()
    assert lines[:3] == [
        "# python data/make_evidence.py counted", "seed,size,test_accuracy", "0,1,0.1235"
    ]  # fmt: skip
    path.write_text("\n".join(lines[:4]) + "\n")
    assert len(evidence.run("counted", tmp_path)) == 4
    assert len(counted) == 4 + 2, "two rows were there already"


def test_the_command_runs_what_is_named_and_refuses_the_unknown(
    evidence, counted, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(evidence, "RESULTS", tmp_path / "new")
    ran = []
    monkeypatch.setattr(evidence, "run", lambda *given: ran.append(given))
    evidence.main(["counted"])
    assert ran == [("counted", tmp_path / "new")]
    with pytest.raises(SystemExit):
        evidence.main(["conted"])
    assert "unknown experiment 'conted'; choose from examples" in capsys.readouterr().err
