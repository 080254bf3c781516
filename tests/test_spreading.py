"""Training by hand equals `fit`, on one device and on two workers, and is taken up again."""

import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from helpers.spreading import train_epochs
from helpers.workers import start_workers, write_script

X = np.random.default_rng(0).normal(size=(49, 5)).astype("float32")
Y = np.arange(49) % 3
BATCH = 16
HERE = tf.distribute.get_strategy()


def build(penalty=0.0, policy="float32"):
    keras.utils.set_random_seed(0)
    keras.config.set_dtype_policy(policy)
    layers = [
        keras.layers.Dense(4, kernel_regularizer=keras.regularizers.L2(penalty)),
        keras.layers.Dense(3, activation="softmax", dtype="float32"),
    ]
    model = keras.Sequential([keras.Input((5,)), *layers])
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9), "sparse_categorical_crossentropy")
    keras.config.set_dtype_policy("float32")
    return model


def order(epoch):
    """Another one in each epoch, the same in every process."""
    return np.random.default_rng(epoch).permutation(len(X))


def batches(context, epoch, read=lambda x: x):
    mixed = order(epoch)
    names = tf.data.Dataset.from_tensor_slices((X[mixed], Y[mixed]))
    mine = names.shard(context.num_input_pipelines, context.input_pipeline_id)
    return mine.map(lambda x, y: (read(x), y)).batch(context.get_per_replica_batch_size(BATCH))


def loss(y, predictions):
    return tf.reduce_sum(keras.losses.sparse_categorical_crossentropy(y, predictions)) / BATCH


def fit(model, epochs=4):
    """Plain Keras; the last batch has one example, which counts as one in 16 here."""
    for epoch in range(epochs):
        for k in range(0, len(X), BATCH):
            rows = order(epoch)[k : k + BATCH]
            weights = np.full(len(rows), len(rows) / BATCH)
            model.train_on_batch(X[rows], Y[rows], sample_weight=weights)
    return model.get_weights()


@pytest.fixture(scope="module")
def fitted():
    return fit(build())


def near(weights, others, bound=1e-6):
    return all(np.allclose(a, b, atol=bound) for a, b in zip(weights, others, strict=True))


def test_it_equals_fit(fitted, tmp_path):
    model = build()
    epochs = list(train_epochs(HERE, model, batches, loss, epochs=4, backup=tmp_path / "run"))
    assert epochs == [1, 2, 3, 4]
    assert near(model.get_weights(), fitted)
    again = build()
    assert list(train_epochs(HERE, again, batches, loss, epochs=4, backup=tmp_path / "run")) == []
    assert near(again.get_weights(), fitted)


def test_an_interrupted_run_goes_on_with_its_momentum_and_its_order(fitted, tmp_path):
    for epoch in train_epochs(HERE, build(), batches, loss, epochs=4, backup=tmp_path / "run"):
        if epoch == 2:
            break
    model = build()
    rest = train_epochs(HERE, model, batches, loss, epochs=4, backup=tmp_path / "run")
    assert list(rest) == [3, 4]
    assert near(model.get_weights(), fitted)


def test_a_backup_whose_note_is_behind_its_weights_is_not_trained_twice(fitted, tmp_path):
    for epoch in train_epochs(HERE, build(), batches, loss, epochs=4, backup=tmp_path):
        if epoch == 2:
            (tmp_path / "training_metadata.json").write_text('{"epoch": 1, "batch": 0}')
            break
    model = build()
    assert list(train_epochs(HERE, model, batches, loss, epochs=4, backup=tmp_path)) == [3, 4]
    assert near(model.get_weights(), fitted)


def test_a_run_that_goes_on_with_larger_batches_keeps_its_epochs(tmp_path):
    def whole(context, epoch):
        return tf.data.Dataset.from_tensors((X, Y))

    assert next(train_epochs(HERE, build(), batches, loss, epochs=4, backup=tmp_path)) == 1
    rest = train_epochs(HERE, build(), whole, loss, epochs=4, backup=tmp_path)
    assert list(rest) == [2, 3, 4], "four steps of a small batch are not four epochs of a large one"


def test_penalties_of_the_layers_count(fitted, tmp_path):
    model = build(penalty=0.1)
    list(train_epochs(HERE, model, batches, loss, epochs=4, backup=tmp_path))
    assert near(model.get_weights(), fit(build(penalty=0.1)))
    assert not near(model.get_weights(), fitted, 1e-2)


def test_16_bits_train_as_32_do(fitted, tmp_path):
    model = build(policy="mixed_float16")
    assert type(model.optimizer).__name__ == "LossScaleOptimizer"
    list(train_epochs(HERE, model, batches, loss, epochs=4, backup=tmp_path))
    assert near(model.get_weights(), fitted, 0.02)
    assert not near(build().get_weights(), fitted, 0.1)


def test_steps_that_loss_scaling_skips_are_no_lost_epochs(tmp_path):
    model = build()
    model.optimizer = keras.optimizers.LossScaleOptimizer(model.optimizer, initial_scale=2.0**127)

    def huge(y, predictions):
        return 100 * loss(y, predictions)

    assert next(train_epochs(HERE, model, batches, huge, epochs=4, backup=tmp_path)) == 1
    assert int(model.optimizer.iterations) < 4, "nothing was skipped"
    again = build()
    again.optimizer = keras.optimizers.LossScaleOptimizer(again.optimizer)
    assert list(train_epochs(HERE, again, batches, huge, epochs=4, backup=tmp_path)) == [2, 3, 4]


OVERFLOW = """
import tensorflow as tf
(cpu,) = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
import keras
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
for device in (0, 1):
    with strategy.scope():
        weight = keras.Variable([1.0])
        optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.1))
        optimizer.build([weight])
    def step():
        here = tf.distribute.get_replica_context().replica_id_in_sync_group
        gradient = tf.where(here == device, float("inf"), 1.0)
        optimizer.apply_gradients([(gradient[None], weight)])
    tf.function(lambda: strategy.run(step))()
    print(float(weight.numpy()[0]))
"""


def test_keras_looks_for_overflow_on_the_first_device_only():
    """If this fails, Keras has changed: lesson 11 warns of it."""
    done = subprocess.run([sys.executable, "-c", OVERFLOW], capture_output=True, text=True)
    assert done.stdout.split() == ["1.0", "-inf"], done.stderr[-2000:]


HEAD = """
import sys
import tensorflow as tf
strategy = tf.distribute.MultiWorkerMirroredStrategy()
import keras, numpy as np
from helpers.speed import files_read
from helpers.spreading import seconds_to_add_up, train_epochs
from tests.test_spreading import *
number = strategy.cluster_resolver.task_id
def train(folder, **options):
    with strategy.scope():
        model = build(**options)
    epochs = list(train_epochs(strategy, model, batches, loss, epochs=4, backup=folder + "/run"))
    np.savez(f"{folder}/{number}.npz", *model.get_weights())
    return epochs
"""


@pytest.fixture
def script(tmp_path, monkeypatch, request):
    monkeypatch.setenv("PYTHONPATH", str(request.config.rootpath))

    def write(code):
        return write_script(tmp_path / "work.py", HEAD, code)

    return write


def saved(folder):
    for worker in (0, 1):
        with np.load(folder / f"{worker}.npz") as found:
            yield list(found.values())


TRAIN = """
plain, penalty, half = sys.argv[1:]
print(train(plain), train(penalty, penalty=0.1), train(half, policy="mixed_float16"))
reads = []
def noted(x):
    return tf.numpy_function(lambda x: reads.append(1) or x, [x], tf.float32)
def count(data):
    reads.clear()
    return sum(1 for _ in data), len(reads)
own = strategy.distribute_datasets_from_function(lambda context: batches(context, 0, noted))
whole = batches(tf.distribute.InputContext(), 0, noted)
print(count(own), count(strategy.experimental_distribute_dataset(whole)))
print(seconds_to_add_up(strategy, 16) > seconds_to_add_up(strategy, 1))
"""


def test_two_workers_equal_one_device_and_read_only_their_share(fitted, tmp_path, script):
    folders = [tmp_path / name for name in ("plain", "penalty", "half")]
    for folder in folders:
        folder.mkdir()
    with start_workers(script(TRAIN), *folders) as team:
        said = [list(team.lines(worker)) for worker in (0, 1)]
        team.finish()
    shares = [lines[1] for lines in said]
    assert said[0][0] == said[1][0] == " ".join(["[1, 2, 3, 4]"] * 3)
    assert shares == ["(4, 25) (4, 49)", "(4, 24) (4, 49)"]  # sharded behind the reader: all of it
    assert said[0][2] == said[1][2] == "True"
    for folder, expected, bound in zip(
        folders, [fitted, fit(build(penalty=0.1)), fitted], [1e-6, 1e-6, 0.02], strict=True
    ):
        assert all(near(found, expected, bound) for found in saved(folder)), folder.name
    assert [path.name for path in (folders[0] / "run").glob("*.h5")] == ["latest.weights.h5"]


APART = """
folder = f"{sys.argv[1]}/{number}"
if number == 0:
    print(list(train_epochs(tf.distribute.get_strategy(), build(), batches, loss, epochs=2,
                            backup=folder + "/run")))
try:
    train(folder)
except RuntimeError as error:
    print(str(error)[:41])
"""


def test_workers_that_do_not_share_the_backup_are_told(tmp_path, script):
    with start_workers(script(APART), tmp_path) as team:
        said = [list(team.lines(worker)) for worker in (0, 1)]
        team.finish()
    assert said == [
        ["[1, 2]", "Workers found backups of [0, 2] epochs in"],
        ["Workers found backups of [0, 2] epochs in"],
    ]


DYING = """
import time
with strategy.scope():
    model = build()
for epoch in train_epochs(strategy, model, batches, loss, epochs=4, backup=sys.argv[1]):
    print(epoch)
    time.sleep(float(sys.argv[2]))
np.savez(f"{sys.argv[3]}/{number}.npz", *model.get_weights())
"""


@pytest.mark.thorough
@pytest.mark.parametrize("victim", [0, 1])
def test_a_run_survives_the_death_of_either_worker(fitted, tmp_path, script, victim):
    path, other, codes = script(DYING), 1 - victim, []
    with start_workers(path, tmp_path / "run", 1, tmp_path) as team:
        for line in team.lines(other):
            if line == "2":
                team.kill(victim)
        codes += team.codes
    assert all(codes), "one went on alone"
    with start_workers(path, tmp_path / "run", 0, tmp_path) as team:
        resumed = list(team.lines(other))
        team.finish()
    assert resumed == ["1", "2", "3", "4"][-len(resumed) :] and 0 < len(resumed) < 4
    assert all(near(found, fitted) for found in saved(tmp_path))


TRY = """
keras.utils.disable_interactive_logging()
with strategy.scope():
    model = build()
for name in ("fit", "evaluate", "train_on_batch", "predict"):
    data = (X,) if name == "predict" else (X, Y)
    try:
        getattr(model, name)(*data)
        print(name, "works")
    except ValueError as error:
        print(name, *str(error).split()[:3])
"""


def test_what_lesson_11_says_of_keras_on_two_workers(script):
    with start_workers(script(TRY)) as team:
        said = list(team.lines())
        team.finish()
    assert said == [
        "fit Attempt to convert",
        "evaluate Attempt to convert",
        "train_on_batch Invalid reduction dimension",
        "predict works",
    ]


ONE_MACHINE = """
import tensorflow as tf
(cpu,) = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
import keras
from helpers.graph import cloned
from tests.test_spreading import *
def synchronized(layer):
    config = layer.get_config()
    more = {"synchronized": True} if "momentum" in config else {}
    return type(layer).from_config(config | more)
def weights_after_fit(strategy, change):
    with strategy.scope():
        keras.utils.set_random_seed(0)
        layers = [keras.Input((5,)), keras.layers.Dense(4), keras.layers.BatchNormalization()]
        base = cloned(keras.Sequential(layers), clone_function=change)
        model = keras.Sequential([base, keras.layers.Dense(3, activation="softmax")])
        model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(X[:48], Y[:48], batch_size=16, shuffle=False, verbose=0)
    return model.get_weights()
two = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
for change in (lambda layer: type(layer).from_config(layer.get_config()), synchronized):
    print(near(*(weights_after_fit(strategy, change) for strategy in (HERE, two))))
with keras.distribution.DataParallel(devices=["cpu:0", "cpu:1"]).scope():
    model = build()
    model.fit(X, Y, verbose=0)
print({weight.value.device[-5:] for weight in model.weights})
"""


def test_what_lesson_11_says_of_two_devices_in_one_machine(tmp_path, monkeypatch, request):
    monkeypatch.setenv("PYTHONPATH", str(request.config.rootpath))
    with start_workers(write_script(tmp_path / "work.py", ONE_MACHINE), count=1) as team:
        said = list(team.lines())
        team.finish()
    assert said == ["False", "True", "{'CPU:0'}"]
