"""TensorFlow starts without its own lines; errors are still seen."""

import subprocess
import sys

START = "import sys; from helpers.quiet import start_tensorflow; start_tensorflow(); "


def stderr_of(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    return done.stderr


def test_nothing_is_written_at_the_start_and_errors_are_still_seen():
    assert stderr_of(START + "sys.exit('an error')") == "an error\n"


def test_stderr_comes_back_where_tensorflow_is_broken():
    broken = "import sys; sys.modules['tensorflow'] = None; from helpers.quiet import *; "
    assert "ModuleNotFoundError" in stderr_of(broken + "start_tensorflow()")
