"""What holds for every test, and how many lessons are broken on purpose."""

import pytest
from tensorflow.python.framework import config as tf_config


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--all-mutations`, which `make mutations` gives."""
    parser.addoption(
        "--all-mutations",
        action="store_true",
        help="break every line of notebook_mutations.toml, not one for each lesson",
    )


@pytest.fixture(autouse=True)
def _own_determinism():
    """A test that calls `repeatable` leaves the others as they were: it rules out jit_compile."""
    enabled = tf_config.is_op_determinism_enabled()
    yield
    if not enabled:
        tf_config.disable_op_determinism()
