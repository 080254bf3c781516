"""Shards hold what memory would hold, and an interrupted run is taken up again."""

import keras
import numpy as np
import pytest

from helpers.shards import Shards, write_shards

PIXELS = np.random.default_rng(0).normal(size=(10, 6)).astype("float32")
BATCHES = [PIXELS[:4], PIXELS[4:8], PIXELS[8:]]


@pytest.fixture
def base():
    return keras.Sequential([keras.Input((6,)), keras.layers.Dense(3)])


def test_they_hold_the_features_in_order(base, tmp_path):
    shards = write_shards(base, BATCHES, tmp_path / "new" / "folder")
    assert [np.load(shard).shape for shard in shards] == [(4, 3), (4, 3), (2, 3)]
    joined = np.concatenate([np.load(shard) for shard in shards])
    assert joined.dtype == "float32"
    assert np.allclose(joined, base.predict(PIXELS, verbose=0), atol=1e-6)
    assert sorted((tmp_path / "new" / "folder").iterdir()) == shards


def test_an_interrupted_run_computes_only_what_is_missing(base, tmp_path):
    def failing():
        yield BATCHES[0]
        raise OSError("no more photos")

    with pytest.raises(OSError, match="no more"):
        write_shards(base, failing(), tmp_path)
    (first,) = tmp_path.iterdir()
    written = first.stat().st_mtime_ns
    (tmp_path / "000001.part.npy").write_bytes(b"half")
    assert len(write_shards(base, BATCHES, tmp_path)) == 3
    assert first.stat().st_mtime_ns == written
    assert len(list(tmp_path.iterdir())) == 3


def test_fit_takes_them_like_arrays(base, tmp_path):
    labels = np.arange(10) % 2
    shards = write_shards(base, BATCHES, tmp_path)
    data = Shards(shards, labels)
    assert len(data) == 3
    assert [part.tolist() for part in (data[0][1], data[2][1])] == [[0, 1, 0, 1], [0, 1]]
    weights = []
    whole = np.concatenate([np.load(shard) for shard in shards])
    for given, options in [([data], {}), ([whole, labels], {"batch_size": 4})]:
        keras.utils.set_random_seed(0)
        head = keras.Sequential([keras.layers.Dense(2, activation="softmax")])
        head.compile("adam", "sparse_categorical_crossentropy")
        head.fit(*given, epochs=2, shuffle=False, verbose=0, **options)
        weights.append(head.get_weights())
    assert all(map(np.allclose, *weights))
