"""What a base that learns digits still knows of its letters."""

from functools import cache

import keras

from helpers.bases import load_base
from helpers.data import load_letters_sample
from helpers.exercises.tools import accuracy


def letters_read(model: keras.Model) -> float:
    """Measure how much glyphnet's old top reads in the features of a model built on glyphnet.

    Args:
        model: one whose layers of the base have the names that they have in glyphnet.

    Returns:
        The accuracy on the sample of printed letters, 0 to 1.

    Lesson: 04
    """
    whole = load_base("glyphnet", include_top=True)
    base = {weight.path: weight for weight in whole.weights if weight.path.startswith("block_")}
    for weight in model.weights:
        if weight.path in base:
            base[weight.path].assign(weight.numpy())
    return accuracy(whole, load_letters_sample())


@cache
def letters_read_before() -> float:
    """Measure how much glyphnet itself reads, as `letters_read` does.

    Lesson: 04
    """
    return letters_read(load_base("glyphnet"))
