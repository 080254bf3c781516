"""The files that lessons 09 and 10 need and the course does not ship: are they here, fetch them."""

import os
from pathlib import Path

from helpers.quiet import start_tensorflow

FILES = (
    "models/mobilenet_v2_weights_tf_dim_ordering_tf_kernels_0.35_224_no_top.h5",
    "models/mobilenet_2_5_224_tf_no_top.h5",
    "datasets/clothing-dataset-small.tar.gz",
)


def missing_downloads() -> list[Path]:
    """Name the files of lessons 09 and 10 that are not in the folder of Keras.

    Returns:
        Their paths; nothing where both lessons can run without a network. The folder is
        `~/.keras`, or what the environment variable `KERAS_HOME` names.

    Lesson: 09
    """
    home = Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser()
    return [home / name for name in FILES if not (home / name).is_file()]


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


if __name__ == "__main__":
    start_tensorflow()
    try:
        download()
    except (FileNotFoundError, ValueError) as error:
        raise SystemExit(error) from None
    print("Lessons 09 and 10 have all they need.")  # noqa: T201
