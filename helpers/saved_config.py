"""Check the description of a saved model: what it would call, and how much memory it would take.

`safe_loading` is what to call; Keras has not seen the description before.
"""

import inspect
import json
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType
from typing import Any

import keras
import tensorflow as tf
from keras.src import models as keras_models
from keras.src.legacy.saving import json_utils, saving_options, saving_utils

from helpers.saved_storage import UnsafeModelError, check_total

RUNS_CODE = (
    keras.layers.Lambda,
    keras.layers.TFSMLayer,
    keras.layers.TorchModuleWrapper,
    keras.layers.JaxLayer,
    keras.layers.FlaxLayer,
)
"""Layers of Keras that are filled with a program instead of numbers."""

PLAIN_VALUES = (
    "__keras_tensor__",
    "__tensor__",
    "__numpy__",
    "__bytes__",
    "__slice__",
    "__ellipsis__",
    "__tuple__",
    "TensorShape",
)
"""Kinds of data that Keras writes as it writes objects."""

FUNCTION_MODULES = (
    keras.activations,
    keras.constraints,
    keras.initializers,
    keras.losses,
    keras.metrics,
    keras.regularizers,
)
"""Modules of Keras whose functions a saved model may name."""

CLASS_MODULES = (
    keras.layers,
    keras_models,
    keras.initializers,
    keras.regularizers,
    keras.constraints,
    keras.dtype_policies,
    keras.mixed_precision,
)
"""Modules of Keras whose classes a `.h5` file may name; it does not say which module it means."""

TABLE_LENGTHS = ("max_tokens", "num_oov_indices")
"""Settings of layers that fill memory at once, 8 bytes for each entry, without being a weight."""

OPTIMIZER_SLOTS = 3
"""Numbers that an optimizer keeps for each weight, at most; one comes with each compiled model
inside another."""


def check_config(config: dict[str, Any], *, names_modules: bool) -> None:
    """Make sure that the description of a model names nothing but Keras and registered code.

    Args:
        config: the description.
        names_modules: whether it says which module each class is from (`.keras` does, `.h5` not).

    Raises:
        UnsafeModelError: it names something else, a layer that runs code, or a file to read.

    Lesson: 01
    """
    for node in _dicts(config):
        if isinstance(node.get("vocabulary"), str):
            raise UnsafeModelError(
                f"a layer would read its vocabulary from the file {node['vocabulary']!r}. Give "
                "that layer its vocabulary as a list, or adapt it, and save the model again"
            )
        if "class_name" in node and not _is_registered(node):
            _check_object(node, names_modules)


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
    optimizers = sum(bool(node.pop("compile_config", None)) for node in _dicts(config))
    _drop_vocabularies(config)
    lengths = [node.get(key) for node in _dicts(config) for key in TABLE_LENGTHS]
    tables = 8 * sum(abs(length) for length in lengths if isinstance(length, int))
    check_total(tables, max_bytes, "its tables would take")
    with warnings.catch_warnings(action="ignore"), ThreadPoolExecutor(1) as thread:
        # in a thread, for Keras keeps a count of names, and seeds, for each
        weights = thread.submit(_symbolic_bytes, build, config).result()
    total = tables + weights * (1 + OPTIMIZER_SLOTS * optimizers)
    check_total(total, max_bytes, "in memory its layers would take")


def _drop_vocabularies(config: dict) -> None:
    """Leave the length of each vocabulary only, which Keras cannot count in a graph."""
    for node in _dicts(config):
        if isinstance(node.get("vocabulary"), list) and "vocabulary_size" in node:
            node.update(vocabulary=None, idf_weights=None)


def _dicts(config: Any) -> Iterator[dict]:
    waiting = [config]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            yield node
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)


def _is_registered(node: dict) -> bool:
    """Look up the name that Keras would look up."""
    name = node.get("registered_name", node["class_name"])
    if node["class_name"] == "function":
        name = node.get("config")
    return isinstance(name, str) and keras.saving.get_registered_object(name) is not None


def _check_object(node: dict, names_modules: bool) -> None:
    name, module = node["class_name"], node.get("module")
    if name in PLAIN_VALUES:
        return
    if name == "function":
        name = node.get("config")
        found = _function(module, name)
    else:
        found = _class(module, name, names_modules)
    if found is None:
        raise UnsafeModelError(_unknown(module, name, names_modules))
    if inspect.isclass(found) and issubclass(found, RUNS_CODE):
        raise UnsafeModelError(
            f"it contains a {found.__name__} layer, which can run any program on your computer. "
            "Ask its author for the model without that layer: Rescaling or another layer of "
            "Keras often does the same, else a registered layer class"
        )


def _function(module: Any, name: Any) -> Callable | None:
    known = module in ("builtins", *(allowed.__name__ for allowed in FUNCTION_MODULES))
    if not known or name in ("deserialize", "get"):  # these make objects, on request
        return None
    return _first(FUNCTION_MODULES, name, inspect.isfunction)


def _class(module: Any, name: Any, names_modules: bool) -> type | None:
    if name == "__lambda__":
        return keras.layers.Lambda
    if module is None and not names_modules:
        modules = CLASS_MODULES
    else:  # never import on behalf of a file
        modules = [sys.modules.get(module)] if _is_keras(module) else []
    return _first(modules, name, lambda found: hasattr(found, "from_config"))


def _first(
    modules: Iterable[ModuleType | None], name: Any, is_right: Callable[[Any], bool]
) -> Any | None:
    found = (vars(module).get(name) for module in modules if module and isinstance(name, str))
    return next(filter(is_right, found), None)


def _is_keras(module: Any) -> bool:
    return isinstance(module, str) and (module == "keras" or module.startswith("keras."))


def _unknown(module: Any, name: Any, names_modules: bool) -> str:
    origin = f" from {module!r}" if module else ""
    advice = (
        "If you have its code and trust it, put @keras.saving.register_keras_serializable() above "
        "it and import it before loading; if not, ask for a model of Keras' own layers"
    )
    if str(module).startswith(("keras", "tf_keras", "tensorflow")):
        advice = "Load the model with the version of Keras that saved it, and save it as .h5 there"
    elif not names_modules:
        advice += ". Operations on tensors, such as flip or +, can be saved as .keras only"
    return (
        f"it needs {name!r}{origin}, which is neither in Keras {keras.__version__} nor "
        f"registered. {advice}"
    )


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
