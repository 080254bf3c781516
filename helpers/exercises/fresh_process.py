"""Try a saved model where it will have to work: in a process that knows nothing of the course."""

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from helpers.exercises.tools import need

SCRIPT = """
import json, sys, keras, numpy as np
model = keras.saving.load_model(sys.argv[1])
found = []
for height, width, colour in json.loads(sys.argv[2]):
    photo = np.zeros((1, height, width, 3), "float32") + np.float32(colour)
    values = keras.tree.flatten(model.predict(photo, verbose=0))
    texts = [value.ravel().tolist() for value in values if value.dtype.kind in "OSU"]
    calls = [[keras.ops.convert_to_numpy(value).tolist()
              if "string" not in str(value.dtype) else value.numpy().tolist()
              for value in keras.tree.flatten(model(photo))] for _ in range(12)]
    found.append({"texts": [str(each, "utf-8") for text in texts for each in text],
                  "answers": len({repr(call) for call in calls})})
print(json.dumps({"found": found, "helpers": "helpers" in sys.modules}))
"""


def answers_elsewhere(file: Path, photos: list[tuple]) -> list[dict[str, Any]]:
    """Load a file in a fresh Python process, and let it tell photos of one colour each.

    Args:
        file: a saved Keras model.
        photos: `(height, width, (red, green, blue))` of each.

    Returns:
        For each photo `texts`, what `predict` gives in words, and `answers`, how many different
        ones twelve direct calls give.

    Raises:
        Wrong: the file cannot be loaded or used there, or needs the course.

    Lesson: 10
    """
    command = [sys.executable, "-X", "utf8", "-c", SCRIPT, str(file), json.dumps(photos)]
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow"}
    with tempfile.TemporaryDirectory() as elsewhere:
        done = subprocess.run(
            command,
            cwd=elsewhere,
            env=os.environ | quiet,
            capture_output=True,
            encoding="utf-8",
            timeout=120,
        )
    need(done.returncode == 0, f"In a fresh Python process your file fails: {_last(done.stderr)}")
    said = json.loads(done.stdout.strip().splitlines()[-1])
    need(not said["helpers"], "Your file needs helpers, this course: nobody else has them.")
    return said["found"]


def _last(text: str) -> str:
    """The last error in what a process printed, without the lines that lead to it."""
    errors = re.findall(r"^(?:\w+\.)*(\w+(?:Error|Exception): .+)$", text, flags=re.MULTILINE)
    return errors[-1][:200] if errors else text[-200:]
