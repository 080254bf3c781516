"""Check the description of a saved model: how much memory it would take.

`safe_loading` is what to call. Only private parts of Keras can build what a `.h5` file describes
without reading its weights, so they are used here, and Keras is pinned.
"""

import json
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import keras
import tensorflow as tf
from keras.src.legacy.saving import json_utils, saving_options, saving_utils

from helpers.saved_arrays import check_total
from helpers.saved_config import dicts_in

TABLE_LENGTHS = ("max_tokens", "num_oov_indices")
"""Settings of layers that fill memory at once, without being a weight."""

OPTIMIZER_SLOTS = 3
"""Numbers that an optimizer keeps for each weight, at most; one comes with each compiled model
inside another."""


def check_memory(config: dict[str, Any], max_bytes: int, *, names_modules: bool) -> None:
    """Make sure that a model is not too large, by building it from symbols that take no memory.

    Args:
        config: a description that `check_config` has passed; it is used up.
        max_bytes: limit for all weights and constants together.
        names_modules: as for `check_config`.

    Raises:
        UnsafeModelError: they would take more.
        ValueError: it does not describe a model.

    Lesson: 01
    """
    build = keras.saving.deserialize_keras_object if names_modules else _build_legacy
    optimizers = sum(bool(node.pop("compile_config", None)) for node in dicts_in(config))
    tables = sum(map(_table_bytes, dicts_in(config)))
    check_total(tables, max_bytes, "its tables would take")
    _drop_vocabularies(config)
    with warnings.catch_warnings(action="ignore"), ThreadPoolExecutor(1) as thread:
        # in a thread, for Keras keeps a count of names, and seeds, for each
        weights = thread.submit(_symbolic_bytes, build, config).result()
    total = tables + weights * (1 + OPTIMIZER_SLOTS * optimizers)
    check_total(total, max_bytes, "in memory its layers would take")


def _table_bytes(node: dict) -> int:
    """Count what a layer takes to look up words: NumPy makes all as long as the longest."""
    words = node["vocabulary"] if isinstance(node.get("vocabulary"), list) else []
    declared = [node[key] for key in TABLE_LENGTHS if isinstance(node.get(key), int)]
    texts = [*words, node.get("oov_token"), node.get("mask_token")]
    longest = max((len(text) for text in texts if isinstance(text, str)), default=0)
    return (len(words) + sum(map(abs, declared))) * (8 + 4 * longest)


def _drop_vocabularies(config: dict) -> None:
    """Leave the length of each vocabulary only, which Keras cannot count in a graph."""
    for node in dicts_in(config):
        if isinstance(node.get("vocabulary"), list) and "vocabulary_size" in node:
            node.update(vocabulary=None, idf_weights=None)


def _build_legacy(config: dict) -> Any:
    decoded = json_utils.decode(json.dumps(config))
    with saving_options.keras_option_scope(use_legacy_config=True):
        return saving_utils.model_from_config(decoded)


def _symbolic_bytes(build: Callable[[dict], Any], config: dict) -> int:
    graph = tf.Graph()  # constants stay symbols in a graph, variables in a stateless scope
    with graph.as_default(), keras.StatelessScope(initialize_variables=False):
        model = build(config)
    if not isinstance(model, keras.Model):
        raise ValueError(f"it describes a {type(model).__name__} instead of a model")
    constants = [output for operation in graph.get_operations() for output in operation.outputs]
    return sum(map(_bytes, constants + model.variables))


def _bytes(tensor: tf.Tensor | keras.Variable) -> int:
    shape = tf.TensorShape(tensor.shape)
    return (shape.num_elements() or 0) * tf.as_dtype(tensor.dtype).size
