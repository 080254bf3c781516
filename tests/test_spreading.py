"""Training by hand equals `fit`, on one device and on two workers, and is taken up again."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from helpers.spreading import seconds_to_add_up, train_epochs
from helpers.workers import start_workers

X = np.random.default_rng(0).normal(size=(48, 5)).astype("float32")
Y = np.arange(48) % 3
BATCHES = tf.data.Dataset.from_tensor_slices((X, Y)).batch(16)
HERE = tf.distribute.get_strategy()


def build():
    keras.utils.set_random_seed(0)
    layers = [keras.Input((5,)), keras.layers.Dense(3, activation="softmax")]
    model = keras.Sequential(layers)
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9), "sparse_categorical_crossentropy")
    return model


def loss(y, predictions):
    return tf.reduce_sum(keras.losses.sparse_categorical_crossentropy(y, predictions)) / 16


@pytest.fixture(scope="module")
def fitted():
    model = build()
    model.fit(X, Y, batch_size=16, epochs=4, shuffle=False, verbose=0)
    return model.get_weights()


def near(weights, others):
    return all(np.allclose(a, b, atol=1e-6) for a, b in zip(weights, others, strict=True))


def test_it_equals_fit(fitted, tmp_path):
    model = build()
    epochs = list(train_epochs(HERE, model, BATCHES, loss, epochs=4, backup=tmp_path / "run"))
    assert epochs == [1, 2, 3, 4]
    assert near(model.get_weights(), fitted)
    again = build()
    assert list(train_epochs(HERE, again, BATCHES, loss, epochs=4, backup=tmp_path / "run")) == []
    assert near(again.get_weights(), fitted)


def test_an_interrupted_run_goes_on_with_its_momentum(fitted, tmp_path):
    for epoch in train_epochs(HERE, build(), BATCHES, loss, epochs=4, backup=tmp_path / "run"):
        if epoch == 2:
            break
    model = build()
    rest = train_epochs(HERE, model, BATCHES, loss, epochs=4, backup=tmp_path / "run")
    assert list(rest) == [3, 4]
    assert near(model.get_weights(), fitted)


def test_adding_up_takes_time():
    assert seconds_to_add_up(HERE, 1) > 0


SCRIPT = """
import sys
import tensorflow as tf
strategy = tf.distribute.MultiWorkerMirroredStrategy()
import keras, numpy as np
from helpers.spreading import train_epochs
from tests.test_spreading import BATCHES, build, loss
with strategy.scope():
    model = build()
folder, number = sys.argv[1], strategy.cluster_resolver.task_id
print(list(train_epochs(strategy, model, BATCHES, loss, epochs=4, backup=folder + "/run")))
np.savez(f"{folder}/{number}.npz", *model.get_weights())
"""


def test_two_workers_equal_one_device(fitted, tmp_path, monkeypatch, request):
    monkeypatch.setenv("PYTHONPATH", str(request.config.rootpath))
    script = tmp_path / "work.py"
    script.write_text(SCRIPT, encoding="utf-8")
    with start_workers(script, tmp_path) as team:
        said = [list(team.lines(worker)) for worker in (0, 1)]
        team.finish()
    assert said == [["[1, 2, 3, 4]"]] * 2
    for worker in (0, 1):
        with np.load(tmp_path / f"{worker}.npz") as found:
            assert near(list(found.values()), fitted)
    assert [path.name for path in (tmp_path / "run").glob("*.h5")] == ["latest.weights.h5"]


TRY = """
import tensorflow as tf
strategy = tf.distribute.MultiWorkerMirroredStrategy()
import keras
from tests.test_spreading import X, Y, build
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


def test_what_lesson_11_says_of_keras_on_two_workers(tmp_path, monkeypatch, request):
    monkeypatch.setenv("PYTHONPATH", str(request.config.rootpath))
    script = tmp_path / "work.py"
    script.write_text(TRY, encoding="utf-8")
    with start_workers(script) as team:
        said = list(team.lines())
        team.finish()
    assert said == [
        "fit Attempt to convert",
        "evaluate Attempt to convert",
        "train_on_batch Invalid reduction dimension",
        "predict works",
    ]
