"""pytest plugin: the notebooks of Part II run where their weights and photos are at hand.

Nothing is downloaded for a test. Where a file is missing, exactly these notebooks are skipped, and
the reason names it. The exercise of lesson 10 needs none of them.
"""

import os
from pathlib import Path

import pytest

PART_TWO = ("09_", "10_")
EXERCISES = ("09_",)
NEEDED = (
    "models/mobilenet_v2_weights_tf_dim_ordering_tf_kernels_0.35_224_no_top.h5",
    "models/mobilenet_2_5_224_tf_no_top.h5",
    "datasets/clothing-dataset-small.tar.gz",
)


def missing() -> str | None:
    """Why Part II cannot run here; None where it can."""
    home = Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser()
    absent = [name for name in NEEDED if not (home / name).is_file()]
    return f"Part II needs {absent[0]}, which is not in {home}" if absent else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip every cell of Part II, with the reason."""
    reason = missing()
    for item in items:
        needing = EXERCISES if item.path.parent.name == "solutions" else PART_TWO
        if reason and item.path.suffix == ".ipynb" and item.path.name.startswith(needing):
            item.add_marker(pytest.mark.skip(reason=reason))
