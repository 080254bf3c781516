"""The table of `make bench`: equal accuracy is found seed by seed, and rows follow their files."""

import keras
import numpy as np
import pandas as pd
import pytest

from data.results_files import RESULTS, read
from tests.bench import bench, beside_keras, photo_bench, run_times

STORED = read(RESULTS / "bench.csv").set_index("comparison")

POINTS = pd.DataFrame(
    [
        ("this course", 0, "head alone", 10, 0.80),
        ("this course", 0, "fine-tuned", 50, 0.90),
        ("page", 0, "epoch 1", 100, 0.70),
        ("page", 0, "epoch 2", 200, 0.85),
        ("page", 0, "epoch 3", 300, 0.85),
        ("this course", 1, "head alone", 12, 0.80),
        ("page", 1, "epoch 1", 120, 0.80),
        ("page", 1, "epoch 2", 240, 0.75),
        ("this course", 2, "head alone", 11, 0.60),
        ("page", 2, "epoch 1", 110, 0.70),
    ],
    columns=["recipe", "seed", "stage", "seconds", "test_accuracy"],
)


def test_equal_accuracy_is_the_rivals_best_and_its_clock_stops_there():
    ours, its = bench.seconds_to_equal(POINTS, "page")
    assert its == [200, 120, 110]
    assert ours[:2] == [50, 12]
    assert np.isnan(ours[2]), "never reached: no ratio, and no guess"


def test_a_row_is_the_middle_of_the_turns_ratios():
    row = bench.summary([1, 4, 9], [1, 2, 3], "s")
    assert row == {
        "turns": 3, "plain": 2, "unit": "s", "ratio": 2, "quartile_1": 1.5, "quartile_3": 2.5
    }  # fmt: skip


FROM_FILES = bench.races() | bench.memories() | bench.notebooks()


@pytest.mark.parametrize("name", FROM_FILES)
def test_the_stored_table_follows_the_other_files(name):
    row, stored = FROM_FILES[name], STORED.loc[name]
    assert {key: stored[key] for key in row} == pytest.approx(row, abs=1e-4), "run: make bench"


def test_the_stored_table_holds_every_comparison_and_no_other():
    assert [*STORED.index] == [*(each.name for each in beside_keras.COMPARISONS), *FROM_FILES]
    for each in beside_keras.COMPARISONS:
        assert STORED.turns[each.name] == each.turns, "run: make bench"


def test_both_ways_take_turns_and_swap_places():
    ran = []

    def way(name):
        return lambda: lambda: ran.append(name)

    times = beside_keras.compare(beside_keras.Comparison("fakes", way("a"), way("b"), turns=3))
    assert ran == [*"ab", *"ba", *"ab", *"ba"], "first once each, to build graphs"
    assert times.shape == (2, 3) and (times >= 0).all()


@pytest.mark.parametrize("boundary", [None, "block_6_conv"])
def test_the_cache_trains_what_the_whole_pass_trains(boundary, monkeypatch):
    monkeypatch.setattr(beside_keras, "EPOCHS", 1)
    losses = []
    for way in (beside_keras.end_to_end, beside_keras.on_a_cache):
        keras.utils.set_random_seed(0)
        losses.append(way(beside_keras.digits, boundary)().history["loss"])
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)


def test_every_notebook_stays_within_its_limit():
    folder = RESULTS.parents[1] / "notebooks"
    names = [path.relative_to(folder).as_posix() for path in run_times.notebooks()]
    measured = STORED[STORED.index.str.contains(".ipynb", regex=False)]
    assert [f"{name} beside `import keras`" for name in names] == [*measured.index]
    seconds = read(RESULTS / "run_times.csv").set_index("notebook").seconds
    for name in names:
        assert seconds[name] < run_times.limit(name), name


def test_every_row_has_a_spread():
    assert (STORED.turns > 1).all()
    rounded = STORED.index.str.contains("memory|.ipynb")  # may be the same in all turns
    assert (STORED.quartile_1 < STORED.quartile_3)[~rounded].all()


def test_without_photos_the_stored_file_stays(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(photo_bench, "RUNS", [(0, ("page", "epoch 1", pytest.fail))])
    photo_bench.main()
    assert str(tmp_path) in capsys.readouterr().out


def test_only_missing_runs_are_measured(monkeypatch, tmp_path):
    ran = []

    def run():
        ran.append("page")
        yield "epoch 1", 1.04, 0.5
        yield "epoch 2", 2.0, 0.123456

    path = tmp_path / "small.csv"
    monkeypatch.setattr(photo_bench, "missing_downloads", list)
    monkeypatch.setattr(photo_bench, "PATH", path)
    monkeypatch.setattr(photo_bench, "RUNS", [(seed, ("page", "epoch 2", run)) for seed in (0, 1)])
    photo_bench.main()
    lines = path.read_text().splitlines()
    assert lines[1:4] == [
        "recipe,seed,stage,seconds,test_accuracy", "page,0,epoch 1,1.0,0.5",
        "page,0,epoch 2,2.0,0.1235",
    ]  # fmt: skip
    path.write_text("\n".join(lines[:4]) + "\n")
    photo_bench.main()
    assert len(ran) == 3, "seed 0 was there already"


def test_the_stored_file_holds_every_run_to_its_end():
    stored = read(RESULTS / "photo_bench.csv")[["seed", "recipe", "stage"]]
    ends = {(seed, recipe, last) for seed, (recipe, last, _) in photo_bench.RUNS}
    assert ends <= set(stored.itertuples(index=False, name=None)), "run: make bench"
