"""The files that lessons 09 and 10 need and the course does not ship: are they here, fetch them."""

import os
from pathlib import Path

from helpers.quiet import start_tensorflow

ARCHIVE = "clothing-dataset-small.tar.gz"
COMMIT = "11961516512414bf9f6c150a832cfd21b54a6b54"
NAME = f"clothing-dataset-small-{COMMIT}"
PHOTOS = 3781
"""Photos in the archive, and in the folder `NAME` beside it once it is unpacked."""

FILES = (
    "models/mobilenet_v2_weights_tf_dim_ordering_tf_kernels_0.35_224_no_top.h5",
    "models/mobilenet_2_5_224_tf_no_top.h5",
    f"datasets/{ARCHIVE}",
)


def keras_home() -> Path:
    """Find the folder of Keras, without Keras.

    Returns:
        `~/.keras`, or what the environment variable `KERAS_HOME` names.

    Lesson: 09
    """
    return Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser()


def missing_downloads() -> list[Path]:
    """Name the files of lessons 09 and 10 that are not in the folder of Keras.

    Returns:
        Their paths; nothing where both lessons can run without a network.

    Lesson: 09
    """
    return [file for file in map(keras_home().joinpath, FILES) if not _is_here(file)]


def download() -> None:
    """Fetch the weights (2 MB) and the photos (100 MB) that are not here yet, and check them.

    Raises:
        FileNotFoundError: there is no network; the message says what to do.
        ValueError: a file is damaged; the message names it.

    Lesson: 09
    """
    from helpers.bases import load_base
    from helpers.photos import load_clothing

    load_base("MobileNetV2", alpha=0.35, input_shape=(224, 224, 3))
    load_base("MobileNet", alpha=0.25, input_shape=(224, 224, 3))
    load_clothing()


def _is_here(file: Path) -> bool:
    """Whether a file is there; for the archive, all its photos will do."""
    unpacked = (file.parent / NAME).glob("*/*/*.jpg")
    return file.is_file() or (file.name == ARCHIVE and len(list(unpacked)) == PHOTOS)


if __name__ == "__main__":
    start_tensorflow()
    try:
        download()
    except (FileNotFoundError, ValueError) as error:
        raise SystemExit(error) from None
    print("Lessons 09 and 10 have all they need.")  # noqa: T201
