"""Run the frozen part of a network once, and keep what comes out."""

import keras
import numpy as np

from helpers.graph import carries_mask, submodel, tensor_into
from helpers.pixels import check_pixels

ANOTHER_PATH = (
    "another path, such as a residual connection, leads around that layer. Choose the first layer "
    "of a whole block."
)
MASK = (
    "a mask leads around that layer. It tells the layers above which steps are padding, and an "
    "array of features does not hold it: they would read padding as text. The mask is used up by "
    "the last recurrent layer, as a rule: choose a layer above that one."
)


def extract_features(base: keras.Model, inputs: np.ndarray, *, batch_size: int = 64) -> np.ndarray:
    """Run a base over all inputs once, in inference mode.

    A frozen base gives the same features in every epoch, so a head can train on these instead of
    on the inputs: the costly part is paid once. Do not augment what goes in here: the cache would
    hold one random variant for ever. An array keeps no mask: where a base for text gives a feature
    for each step, nothing in the result says which steps are padding.

    Args:
        base: a model with one output, such as `load_base` or `remove_top` gives.
        inputs: for a base for images that `load_base` gave, `(n, height, width, channels)`, raw
            pixels, 0 to 255, of any number type; other inputs, such as ids of characters
            `(n, length)`, are passed on as they are.
        batch_size: inputs at a time; more is faster up to a point and takes more memory.

    Returns:
        float32 array `(n, *base.output_shape[1:])`, in the order of `inputs`.

    Raises:
        ValueError: no inputs, not a batch, or pixels outside the range that the base was made for.

    Lesson: 03
    """
    if len(inputs) == 0:
        raise ValueError("inputs is empty: there is nothing to extract features from.")
    _check_shape(base, np.shape(inputs))
    check_pixels(base, inputs)
    features = base.predict(inputs, batch_size=batch_size, verbose=0)
    return np.asarray(features, dtype="float32")


def _check_shape(base: keras.Model, found: tuple[int, ...]) -> None:
    for tensor in (getattr(base, "inputs", None) or [])[:1]:  # a subclassed model may have none
        wanted = tuple(tensor.shape)
        sizes = zip(wanted, found, strict=False)
        if len(wanted) != len(found) or any(a not in (None, b) for a, b in sizes):
            raise ValueError(
                f"inputs has the shape {found}, but {base.name!r} takes {wanted}, where None may "
                "be any number. A single picture needs an axis in front: inputs[None]."
            )


def split_at(model: keras.Model, layer_name: str) -> tuple[keras.Model, keras.Model]:
    """Split a model in two just before a layer.

    With everything below the split frozen, run the lower part once (`extract_features`) and
    fine-tune the upper part on its output. Both parts share their layers with the model: what the
    upper part learns is in the model at once.

    Args:
        model: a flat, built Sequential or Functional model.
        layer_name: the first layer of the upper part.

    Returns:
        `(lower, upper)` with `upper(lower(x))` equal to `model(x)`.

    Raises:
        ValueError: no such layer, or something else leads around it, so that the upper part would
            need more than one input: a residual connection, say, or a mask that tells it which
            steps of a text are padding.

    Lesson: 04
    """
    boundary = tensor_into(model, layer_name)
    try:
        upper = keras.Model(boundary, model.outputs[0], name=f"{model.name}_upper")
    except ValueError as error:
        around = MASK if carries_mask(boundary) else ANOTHER_PATH
        raise ValueError(f"Cannot split {model.name!r} before {layer_name!r}: {around}") from error
    return submodel(model, boundary, "lower"), upper
