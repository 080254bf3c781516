"""Features that memory cannot hold: in files, some photos in each, written and read one by one."""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import keras
import numpy as np
import tensorflow as tf

Group = Sequence[str | os.PathLike]


def write_shards(
    base: keras.Model,
    groups: Sequence[Group],
    read: Callable[[tf.Tensor], tf.Tensor],
    folder: str | os.PathLike,
    *,
    batch_size: int = 32,
    worker: int = 0,
    workers: int = 1,
    dtype: str = "float32",
    settings: str = "",
) -> list[Path]:
    """Run a frozen base over groups of photos, and write the features of each into a file.

    A file gets its name when it is whole, and what is there is neither read nor computed again:
    an interrupted run can be taken up, and several machines can write into one folder, each its
    own files. The folder notes what its files were made with.

    Args:
        base: a model with one output.
        groups: the paths of each file's photos, the same in each run and on each machine; well
            mixed, so that no file holds one class only.
        read: takes a path and gives its photo, `(height, width, channels)`, as the base wants it.
        folder: made if it is missing.
        batch_size: photos that the base sees at once.
        worker: the number of this machine, from 0.
        workers: how many machines there are; this one writes files `worker`, `worker + workers`, …
        dtype: `"float32"`, or `"float16"` for half of the bytes.
        settings: what else the features depend on and the base does not know, such as what `read`
            does.

    Returns:
        All files, those of other machines included, in the order of the groups; each
        `(n, *base.output_shape[1:])`.

    Raises:
        ValueError: the folder holds features of another base, of other groups or settings.

    Lesson: 11
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    made_with = _fingerprint(base, groups, dtype, settings)
    note = folder / "made_with.txt"
    if not note.exists():
        with _named_when_whole(note, worker) as file:
            file.write(made_with.encode())
    if note.read_text() != made_with:
        raise ValueError(
            f"{str(folder)!r} holds features of another base, of other groups or settings: "
            "delete it, or take a folder of its own."
        )
    shards = [folder / f"{number:06}.npy" for number in range(len(groups))]
    for number in range(worker, len(groups), workers):
        if not shards[number].exists():
            with _named_when_whole(shards[number], worker) as file:
                paths = tf.data.Dataset.from_tensor_slices([*map(str, groups[number])])
                photos = paths.map(read, tf.data.AUTOTUNE).batch(batch_size)
                np.save(file, base.predict(photos, verbose=0).astype(dtype))
    return shards


def read_shards(
    shards: Sequence[Path], labels: np.ndarray, batch_size: int, *, seed: int | None = None
) -> tf.data.Dataset:
    """Make batches from files of features for `fit`; few files are in memory at a time.

    Args:
        shards: what `write_shards` gave, all of them written.
        labels: int64, `(n,)`, in the order of the photos.
        batch_size: examples in a batch, whatever the size of a file.
        seed: none: the order of the photos. A number: files in another order in each epoch, two of
            them mixed at a time, and shuffled within as many rows as the largest file has.

    Returns:
        Batches of features, `(batch_size, ...)`, with their labels, in a dataset of known length.

    Raises:
        ValueError: not as many labels as features.

    Lesson: 11
    Source: https://www.tensorflow.org/guide/data_performance
    """
    sizes = [len(np.load(shard, mmap_mode="r")) for shard in shards]  # reads the headers only
    sample = np.load(shards[0], mmap_mode="r")
    if sum(sizes) != len(labels):
        raise ValueError(f"{len(labels)} labels for {sum(sizes)} features in the shards.")
    parts = np.split(labels, np.cumsum(sizes)[:-1])

    def load(number: np.int64) -> tuple[np.ndarray, np.ndarray]:
        """One file, whole, with its labels."""
        return np.load(shards[number]), parts[number]

    def rows(number: tf.Tensor) -> tf.data.Dataset:
        """The examples of one file."""
        x, y = tf.numpy_function(load, [number], (sample.dtype, labels.dtype))
        x.set_shape((None, *sample.shape[1:]))
        y.set_shape((None,))
        return tf.data.Dataset.from_tensor_slices((x, y))

    files = tf.data.Dataset.range(len(shards))
    if seed is None:
        examples = files.flat_map(rows)
    else:
        mixed = files.shuffle(len(shards), seed=seed).interleave(rows, cycle_length=2)
        examples = mixed.shuffle(max(sizes), seed=seed)
    known = tf.data.experimental.assert_cardinality(len(labels))
    return examples.apply(known).batch(batch_size).prefetch(tf.data.AUTOTUNE)


def _fingerprint(base: keras.Model, groups: Sequence[Group], dtype: str, settings: str) -> str:
    """A number that changes with the base, the photos of each file, and the settings."""
    digest = hashlib.sha256()

    def parts() -> Iterator[bytes]:
        """Everything that the features depend on."""
        yield repr((base.input_shape, base.output_shape, dtype, settings)).encode()
        yield repr([[*map(str, group)] for group in groups]).encode()
        for weight in base.get_weights():
            yield repr(weight.shape).encode() + weight.tobytes()

    for part in parts():
        digest.update(part)
    return digest.hexdigest()


@contextmanager
def _named_when_whole(path: Path, worker: int) -> Iterator[BinaryIO]:
    unfinished = path.with_suffix(f".part{worker}")
    with unfinished.open("wb") as file:
        yield file
    os.replace(unfinished, path)
