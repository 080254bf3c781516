"""Measure the memory that features of many photos take, beyond the features themselves.

    make bench

In each of three turns, a new process for each number of photos runs MobileNetV2 (a third of its
width, 96 pixels, no download) over photos that it draws itself: in files, by `run_on_photos`, or
all decoded into one array, by `predict`. data/results/memory.csv: `turn`; `photos`; `way`;
`features_mb`, what is kept; `peak_mb`, the most memory of the process meanwhile; and `beyond_mb`,
the peak less the features and less what the process held when it began. It runs on Linux only.
"""

import re
import subprocess
import sys
import tempfile
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from data.results_files import RESULTS, write

TURNS, FILES, SIZE = 3, 200, 96
CASES = [(1_000, "files"), (10_000, "files"), (50_000, "files"), (10_000, "array")]


def megabytes(what: str) -> float:
    """Memory of this process: `VmRSS` what it holds now, `VmHWM` the most since the last reset."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(rf"{what}:\s+(\d+) kB", status)[1]) / 1024


def measure(many: int, way: str) -> None:
    """Print the megabytes of the features, those when it began, and the peak."""
    import keras

    from helpers.bases import load_base
    from helpers.data import load_digits_task
    from helpers.photo_pixels import read_photo, run_on_photos
    from helpers.speed import save_photos

    def in_one_array(model: keras.Model, paths: list[str]) -> list[np.ndarray]:
        """All photos in memory, then one `predict`."""
        pixels = np.stack([read_photo(path, size=SIZE) for path in paths])
        return [model.predict(pixels, verbose=0)]

    run = {"files": run_on_photos, "array": in_one_array}[way]
    with tempfile.TemporaryDirectory() as folder:
        paths = save_photos(load_digits_task(20).train.images[:FILES], folder, enlarge=8)
        base = load_base("MobileNetV2", weights=None, alpha=0.35, input_shape=(SIZE, SIZE, 3))
        model = keras.Model(base.input, keras.layers.GlobalAveragePooling2D()(base.output))
        run(model, paths)  # builds what has to be built
        Path("/proc/self/clear_refs").write_text("5")  # resets the peak
        before = megabytes("VmRSS")
        (features,) = run(model, (paths * (many // FILES + 1))[:many])
    print(features.nbytes / 1024**2, before, megabytes("VmHWM"))


def main() -> None:
    """Measure each case in a process of its own, and write the table."""
    rows = []
    for turn, (many, way) in tqdm([*product(range(TURNS), CASES)], unit="process"):
        line = [sys.executable, "-m", "tests.bench.memory", str(many), way]
        said = subprocess.run(line, check=True, stdout=subprocess.PIPE, text=True).stdout
        kept, before, peak = map(float, said.splitlines()[-1].split())
        rows.append((turn, many, way, *np.round([kept, peak, peak - before - kept], 1)))
    columns = ["turn", "photos", "way", "features_mb", "peak_mb", "beyond_mb"]
    write(RESULTS / "memory.csv", pd.DataFrame(rows, columns=columns), "make bench")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        measure(int(sys.argv[1]), sys.argv[2])
    else:
        main()
