"""What holds for every test, and what only `make thorough` runs."""

import matplotlib.pyplot as plt
import pytest
from tensorflow.python.framework import config as tf_config


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--thorough`, which `make thorough` gives."""
    parser.addoption("--thorough", action="store_true", help="run every test, for an hour")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip what takes long, and say so."""
    if config.getoption("--thorough"):
        return
    for item in items:
        if item.get_closest_marker("thorough"):
            item.add_marker(pytest.mark.skip(reason="takes long: `make thorough` runs it"))


@pytest.fixture(autouse=True)
def _own_determinism():
    """A test that calls `repeatable` leaves the others as they were: it rules out jit_compile."""
    enabled = tf_config.is_op_determinism_enabled()
    yield
    if not enabled:
        tf_config.disable_op_determinism()


@pytest.fixture(autouse=True)
def _no_figure_left():
    """A test that draws leaves no figure behind."""
    yield
    plt.close("all")
