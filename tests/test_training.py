import keras
import numpy as np
import pytest

from helpers.freezing import freeze
from helpers.resuming import restore, store
from helpers.surgery import attach_head
from helpers.training import Phase, PhasedHistory, fit_in_phases, gradual_phases
from tests.tiny import changed, tiny_base, tiny_task, values

HEAD = Phase(2, 0.01)
PHASES = [HEAD, Phase(1, 0.001, "block_2_conv"), Phase(1, 0.0005, "block_1_conv")]
LOSS = "sparse_categorical_crossentropy"


def new_model() -> tuple[keras.Model, keras.Model]:
    keras.utils.set_random_seed(0)
    base = tiny_base()
    return attach_head(base, classes=3), base


def run(model, base, phases=PHASES, optimizer=None, **options) -> PhasedHistory:
    x, y = tiny_task()
    optimizer = optimizer or keras.optimizers.Adam()
    options = {"batch_size": 8, "shuffle": False, "verbose": 0} | options
    return fit_in_phases(model, base, phases, x, y, optimizer=optimizer, loss=LOSS, **options)


def test_joins_the_histories_and_says_where_phases_begin():
    model, base = new_model()
    result = run(model, base, validation_data=tiny_task(9))
    assert set(result.history) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    assert all(len(series) == 4 for series in result.history.values())
    assert result.phase_starts == [0, 2, 3]
    assert result.trainable_parameters == [21, 243, 283]
    assert result.epochs == 4
    assert all(type(value) is float for value in result.history["loss"])


def test_each_phase_moves_exactly_its_part():
    for number, expected in (
        (1, set()),
        (2, {"block_2_conv"}),
        (3, {"block_1_conv", "block_2_conv"}),
    ):
        model, base = new_model()
        before = values(model)
        run(model, base, PHASES[:number])
        moved = {path.split("/")[-2] for path in changed(model, before)}
        assert moved == {*expected, "head_predictions"}


def test_each_phase_has_its_rate():
    model, base = new_model()
    optimizer = keras.optimizers.Adam()
    rates = []
    note = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: rates.append(round(float(optimizer.learning_rate), 6))
    )
    run(model, base, optimizer=optimizer, callbacks=[note])
    assert rates == [0.01, 0.01, 0.001, 0.0005]


def test_the_optimizer_keeps_its_state_through_the_phases():
    model, base = new_model()
    optimizer = keras.optimizers.Adam()
    run(model, base, optimizer=optimizer)
    assert int(optimizer.iterations) == 4 * 3, "3 batches in each of 4 epochs, never set back"
    assert model.optimizer is optimizer


def test_phases_that_only_divide_the_epochs_equal_one_long_phase():
    model, base = new_model()
    split = run(model, base, [Phase(1, 0.01), Phase(2, 0.01)])
    other, other_base = new_model()
    whole = run(other, other_base, [Phase(3, 0.01)])
    np.testing.assert_allclose(split.history["loss"], whole.history["loss"], rtol=1e-5)
    for one, two in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(one, two, atol=1e-6)


def test_weight_decay_leaves_frozen_variables_alone():
    model, base = new_model()
    before = values(model)
    run(model, base, PHASES[:2], optimizer=keras.optimizers.AdamW(weight_decay=0.1))
    assert not any("block_1" in path for path in changed(model, before))


class Stop(keras.callbacks.Callback):
    """Break off in the given fit, as a closed laptop would."""

    def __init__(self, fits: int):
        super().__init__()
        self.fits = fits

    def on_train_begin(self, logs=None):
        self.fits -= 1
        if self.fits == 0:
            raise KeyboardInterrupt


@pytest.mark.parametrize("broken_off_in", [1, 2, 3])
def test_an_interrupted_run_goes_on_with_its_unfinished_phase(tmp_path, broken_off_in):
    model, base = new_model()
    uninterrupted = run(model, base)
    folder = tmp_path / "new" / "folder"
    first, first_base = new_model()
    with pytest.raises(KeyboardInterrupt):
        run(first, first_base, resume_dir=folder, callbacks=[Stop(broken_off_in)])
    again, again_base = new_model()
    fits = Stop(99)
    result = run(again, again_base, resume_dir=folder, callbacks=[fits])
    assert 99 - fits.fits == 3 - (broken_off_in - 1), "finished phases are not trained again"
    assert result.phase_starts == uninterrupted.phase_starts
    np.testing.assert_allclose(result.history["loss"], uninterrupted.history["loss"], rtol=1e-5)
    for one, two in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_allclose(one, two, atol=1e-6)


def test_a_finished_run_is_not_trained_again(tmp_path):
    model, base = new_model()
    first = run(model, base, resume_dir=str(tmp_path))
    before = values(model)
    again, again_base = new_model()
    assert run(again, again_base, resume_dir=tmp_path).history == first.history
    assert not changed(model, before)
    assert again.compiled
    assert float(again.optimizer.learning_rate) == pytest.approx(PHASES[-1].learning_rate)
    assert [path.name for path in tmp_path.iterdir()] == ["last_phase.npz"]


def test_a_folder_of_another_run_is_refused_and_nothing_is_changed(tmp_path):
    run(*new_model(), resume_dir=tmp_path)
    model, base = new_model()
    before = values(model)
    with pytest.raises(ValueError, match=r"last_phase.npz belongs to another run"):
        run(model, base, PHASES[:2], resume_dir=tmp_path)
    assert not changed(model, before)


OTHER_RUNS = {
    "labels": lambda x, y: {"y": y[::-1]},
    "inputs": lambda x, y: {"x": x + 1},
    "optimizer": lambda x, y: {"optimizer": keras.optimizers.AdamW()},
    "momentum": lambda x, y: {"optimizer": keras.optimizers.Adam(beta_1=0.8)},
    "loss": lambda x, y: {"loss": keras.losses.SparseCategoricalCrossentropy()},
    "batch_size": lambda x, y: {"batch_size": 4},
}


@pytest.mark.parametrize("other", OTHER_RUNS)
def test_a_run_on_other_data_or_with_other_settings_is_refused(tmp_path, other):
    x, y = tiny_task()
    settings = {"x": x, "y": y, "loss": LOSS, "batch_size": 8, "verbose": 0}

    def again(**changes):
        optimizer = keras.optimizers.Adam()
        given = settings | {"optimizer": optimizer, "resume_dir": tmp_path} | changes
        return fit_in_phases(*new_model(), [HEAD], **given)

    first = again()
    assert again().history == first.history
    with pytest.raises(ValueError, match="another run"):
        again(**OTHER_RUNS[other](x, y))


def test_a_base_that_is_not_in_the_model_is_refused():
    model, _ = new_model()
    other = tiny_base(name="other")
    before = values(model)
    with pytest.raises(ValueError, match="base 'other' is not a part of"):
        run(model, other)
    assert not changed(model, before)


def test_validation_pixels_are_checked_too():
    pixels = keras.Input((8, 8, 1), name="pixels_0_255")
    base = keras.Model(pixels, keras.layers.Conv2D(2, 3)(pixels))
    x, y = tiny_task()
    with pytest.raises(ValueError, match="scaled to 0..1"):
        run(attach_head(base, classes=3), base, [HEAD], validation_data=(x / 255, y))


@pytest.mark.parametrize(
    "options,error,message",
    [
        ({"epochs": 3}, ValueError, "epochs is a part of each phase"),
        ({"metrics": "accuracy"}, TypeError, "metrics='accuracy': both must be lists"),
        ({"phases": HEAD}, TypeError, r"phases=Phase\(.*: both must be lists"),
    ],
)
def test_slips_in_the_call_are_named(options, error, message):
    with pytest.raises(error, match=message):
        run(*new_model(), **options)


def test_store_replaces_and_restore_gives_back(tmp_path):
    path = tmp_path / "a" / "state.npz"
    variables = [keras.Variable([1.0, 2.0]), keras.Variable(3)]
    store(path, {"plan": 1}, {"loss": [0.5]}, variables)
    variables[0].assign([7.0, 7.0])
    variables[1].assign(9)
    assert restore(path, {"plan": 1}, variables) == {"loss": [0.5]}
    np.testing.assert_array_equal(variables[0], [1.0, 2.0])
    assert int(variables[1]) == 3
    with pytest.raises(ValueError, match="another run"):
        restore(path, {"plan": 1}, [keras.Variable([1.0]), keras.Variable(3)])


def test_a_stage_that_unfreezes_nothing_new_is_an_error():
    """The silent fault of much copied code: the second stage sets what was already set."""
    model, base = new_model()
    phases = [Phase(1, 0.01, "block_2_conv"), Phase(1, 0.001, "block_1_bn")]
    with pytest.raises(
        ValueError, match=r"Phase 2 \(unfreeze_from='block_1_bn'\).*phase 1 .*block_2"
    ):
        run(model, base, phases)
    assert not model.compiled


def test_the_same_layer_at_another_rate_is_a_phase_of_its_own():
    model, base = new_model()
    result = run(model, base, [Phase(1, 0.01, "block_2_conv"), Phase(1, 0.001, "block_2_conv")])
    assert result.phase_starts == [0, 1]


def built_optimizer() -> keras.Optimizer:
    optimizer = keras.optimizers.Adam(name="used")
    optimizer.build([keras.Variable([1.0])])
    return optimizer


BAD = {
    "name": (lambda: "adam", TypeError, "optimizer='adam'.*keras.optimizers.Adam"),
    "used": (built_optimizer, ValueError, "'used' has been used before"),
    "ema": (lambda: keras.optimizers.Adam(use_ema=True), ValueError, "use_ema=True"),
    "schedule": (
        lambda: keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.1, 5)),
        TypeError,
        "a schedule.*give a number",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_an_optimizer_that_cannot_serve_all_phases_is_refused(case):
    make, error, message = BAD[case]
    with pytest.raises(error, match=message):
        run(*new_model(), optimizer=make())


def test_no_phases_is_an_error():
    with pytest.raises(ValueError, match="phases is empty"):
        run(*new_model(), [])


@pytest.mark.parametrize(
    "arguments,message",
    [
        ((0, 0.1), "epochs=0"),
        ((1.5, 0.1), "epochs=1.5"),
        ((1, 0.0), "learning_rate=0.0"),
        ((1, -1.0), "learning_rate=-1.0"),
    ],
)
def test_a_phase_checks_its_numbers(arguments, message):
    with pytest.raises(ValueError, match=message):
        Phase(*arguments)


def test_gradual_phases_go_downwards_with_falling_rates():
    phases = gradual_phases(
        ["block_2_conv", "block_1_conv"],
        head_epochs=3, head_rate=0.01, epochs=2, rate=0.004, decay=0.5,
    )  # fmt: skip
    assert phases == [
        Phase(3, 0.01), Phase(2, 0.004, "block_2_conv"), Phase(2, 0.002, "block_1_conv")
    ]  # fmt: skip
    same = gradual_phases(["a", "b"], head_epochs=1, head_rate=1, epochs=1, rate=0.5)
    assert [phase.learning_rate for phase in same] == [1, 0.5, 0.5]


@pytest.mark.parametrize(
    "names,decay,message",
    [([], 1.0, "layer_names is empty"), (["a"], 0.0, "decay=0.0"), (["a"], 1.1, "decay=1.1")],
)
def test_gradual_phases_check_their_input(names, decay, message):
    with pytest.raises(ValueError, match=message):
        gradual_phases(names, head_epochs=1, head_rate=1, epochs=1, rate=1, decay=decay)


def test_a_single_name_is_no_list_of_blocks():
    with pytest.raises(TypeError, match="layer_names='block_6_conv' is a single name"):
        gradual_phases("block_6_conv", head_epochs=1, head_rate=1, epochs=1, rate=1)


def test_history_joins_a_metric_that_begins_later():
    joined = PhasedHistory()
    assert joined.epochs == 0
    joined.append({"loss": [1.0, 0.5]}, 10)
    joined.append({"loss": [0.25]}, 20)
    assert joined == PhasedHistory({"loss": [1.0, 0.5, 0.25]}, [0, 2], [10, 20])


def test_the_base_is_left_as_the_last_phase_set_it():
    model, base = new_model()
    run(model, base, [HEAD])
    assert not base.trainable_weights
    freeze(base)
    assert len(model.trainable_variables) == 2
