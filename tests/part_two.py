"""pytest plugin: the notebooks of Part II run where their weights and photos are at hand.

Nothing is downloaded for a test. Where a file is missing, exactly these notebooks are skipped, and
the reason names it. The exercise of lesson 10 needs none of them.
"""

import pytest

from helpers.downloads import missing_downloads

PART_TWO = ("09_", "10_")
EXERCISES = ("09_",)


def missing() -> str | None:
    """Why Part II cannot run here; None where it can."""
    absent = missing_downloads()
    return f"Part II needs {absent[0].name}, which is not in {absent[0].parent}" if absent else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip every cell of Part II, with the reason."""
    reason = missing()
    for item in items:
        needing = EXERCISES if item.path.parent.name == "solutions" else PART_TWO
        if reason and item.path.suffix == ".ipynb" and item.path.name.startswith(needing):
            item.add_marker(pytest.mark.skip(reason=reason))
