"""Build a loaded model anew so that it computes with other bits."""

import keras

from helpers.graph import cloned


def with_policy(model: keras.Model, policy: str) -> keras.Model:
    """Copy a model, with the same weights and state, under another dtype policy.

    `keras.config.set_dtype_policy` reaches layers that are made afterwards. A model from a file
    brings its own policy along, so it stays as it was saved.

    Args:
        model: flat, Functional or Sequential, built.
        policy: such as `"mixed_bfloat16"`, `"mixed_float16"` or `"float32"`.

    Returns:
        A copy that shares nothing with the model; compile it before you train it.

    Raises:
        ValueError: a model inside the model, whose layers would keep their policy; or no such
            policy.

    Lesson: 11
    Source: https://keras.io/api/mixed_precision/policy/
    """
    nested = [layer.name for layer in model.layers if isinstance(layer, keras.Model)]
    if nested:
        raise ValueError(f"{nested[0]!r} is a model inside the model: give each on its own.")

    def made_anew(layer: keras.Layer) -> keras.Layer:
        """Build one layer again under the policy, with its own settings."""
        anew = type(layer).from_config(layer.get_config() | {"dtype": policy})
        anew.trainable = layer.trainable
        return anew

    return cloned(model, clone_function=made_anew)
