"""Start TensorFlow in a terminal without the lines that its C++ part writes about itself."""

import os
import sys


def start_tensorflow() -> None:
    """Import TensorFlow and hold back what it writes straight to stderr; Python errors still show.

    `TF_CPP_MIN_LOG_LEVEL` does not silence these lines: they are written before it is read.

    Lesson: 00
    """
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        import tensorflow  # noqa: F401
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
