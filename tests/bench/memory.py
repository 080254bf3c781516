"""Measure the memory that features of many photos take, beyond the features themselves.

    make bench

In each of three turns, a new process for each number of photos runs MobileNetV2 (a third of its
width, 96 pixels, no download) over photos that it draws itself. data/results/memory.csv: `turn`;
`photos`; `features_mb`, what is kept; `peak_mb`, the most memory of the process; and `beyond_mb`,
the peak less the features and less what the process held before it began.
"""

import resource
import subprocess
import sys
import tempfile
from itertools import product

import pandas as pd
from tqdm import tqdm

from data.results_files import RESULTS, write

TURNS, NUMBERS, FILES, SIZE = 3, (1_000, 10_000, 50_000), 200, 96


def peak_megabytes() -> float:
    """The most memory that this process ever held (the unit of Linux)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(many: int) -> None:
    """Print the megabytes of the features, those before, and the peak."""
    import keras

    from helpers.bases import load_base
    from helpers.data import load_digits_task
    from helpers.photo_pixels import run_on_photos
    from helpers.speed import save_photos

    with tempfile.TemporaryDirectory() as folder:
        paths = save_photos(load_digits_task(20).train.images[:FILES], folder, enlarge=8)
        base = load_base("MobileNetV2", weights=None, alpha=0.35, input_shape=(SIZE, SIZE, 3))
        model = keras.Model(base.input, keras.layers.GlobalAveragePooling2D()(base.output))
        run_on_photos(model, paths)  # builds what has to be built
        before = peak_megabytes()
        (features,) = run_on_photos(model, (paths * (many // FILES + 1))[:many])
    print(features.nbytes / 1024**2, before, peak_megabytes())


def main() -> None:
    """Measure each number in a process of its own, and write the table."""
    rows = []
    for turn, many in tqdm([*product(range(TURNS), NUMBERS)], unit="process"):
        line = [sys.executable, "-m", "tests.bench.memory", str(many)]
        said = subprocess.run(line, check=True, stdout=subprocess.PIPE, text=True).stdout
        kept, before, peak = map(float, said.splitlines()[-1].split())
        rows.append((turn, many, round(kept), round(peak), round(peak - before - kept)))
    table = pd.DataFrame(rows, columns=["turn", "photos", "features_mb", "peak_mb", "beyond_mb"])
    print(table.to_string(index=False))
    write(RESULTS / "memory.csv", table, "python -m tests.bench.memory")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        measure(int(sys.argv[1]))
    else:
        main()
