"""Features that memory cannot hold: in files, some photos in each, one in memory at a time."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np


def write_shards(
    base: keras.Model, batches: Iterable[np.ndarray], folder: str | os.PathLike
) -> list[Path]:
    """Run a frozen base over batches, and write the features of each into a file of its own.

    A file gets its name when it is whole, so an interrupted run can be taken up again: what is
    there is not computed a second time.

    Args:
        base: a model with one output.
        batches: `(n, height, width, channels)`, as many photos as a file shall hold, in the same
            order in each run.
        folder: made if it is missing.

    Returns:
        The files, in the order of the batches, each float32 `(n, *base.output_shape[1:])`.

    Lesson: 11
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    shards = []
    for number, pixels in enumerate(batches):
        shard = folder / f"{number:06}.npy"
        if not shard.exists():
            unfinished = shard.with_suffix(".part.npy")
            np.save(unfinished, base.predict_on_batch(pixels))
            os.replace(unfinished, shard)
        shards.append(shard)
    return shards


class Shards(keras.utils.PyDataset):
    """Files of features as data for `fit`: one file is one batch.

    Args:
        shards: what `write_shards` gave.
        labels: int64, `(n,)`, in the order of the photos.
        **options: of `keras.utils.PyDataset`, such as `workers`.

    Lesson: 11
    Source: https://keras.io/api/utils/python_utils/#pydataset-class
    """

    def __init__(self, shards: Sequence[Path], labels: np.ndarray, **options: Any) -> None:
        """See the class."""
        super().__init__(**options)
        self.shards = shards
        sizes = [len(np.load(shard, mmap_mode="r")) for shard in shards]  # reads the header only
        self.labels = np.split(labels, np.cumsum(sizes)[:-1])

    def __len__(self) -> int:
        """Give the number of files."""
        return len(self.shards)

    def __getitem__(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Read one file, and give it with its labels."""
        return np.load(self.shards[number]), self.labels[number]
