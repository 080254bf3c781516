"""Check the description of a saved model: what it would call.

`safe_loading` is what to call; Keras has not seen the description before.
"""

import inspect
import sys
from collections.abc import Callable, Iterable, Iterator
from types import ModuleType
from typing import Any

import keras
import numpy as np
from keras.src import models as keras_models

from helpers.saved_arrays import UnsafeModelError

RUNS_CODE = (
    "Lambda",
    "__lambda__",
    "TFSMLayer",
    "TorchModuleWrapper",
    "JaxLayer",
    "FlaxLayer",
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


def check_config(config: dict[str, Any], *, names_modules: bool) -> None:
    """Make sure that the description of a model names nothing but Keras and registered code.

    Args:
        config: the description.
        names_modules: whether it says which module each class is from (`.keras` does, `.h5` not).

    Raises:
        UnsafeModelError: it names something else, a layer that runs code, or a file to read.

    Lesson: 01
    """
    for node in dicts_in(config):
        if isinstance(node.get("vocabulary"), str):
            raise UnsafeModelError(
                f"a layer would read its vocabulary from the file {node['vocabulary']!r}. Give "
                "that layer its vocabulary as a list, or adapt it, and save the model again"
            )
        if "class_name" in node:
            _check_object(node, names_modules)


def dicts_in(config: Any) -> Iterator[dict]:
    """Yield every dictionary in a description, at any depth.

    Args:
        config: parsed JSON.

    Yields:
        Dictionaries, an outer one before those inside it.

    Lesson: 01
    """
    waiting = [config]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            yield node
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)


def _check_object(node: dict, names_modules: bool) -> None:
    name, module = node["class_name"], node.get("module")
    if name in PLAIN_VALUES:
        _check_value(node)
        return
    if name == "function":
        name = node.get("config")
        found = _registered(name) or _function(module, name)
    elif module is None and not names_modules:  # Keras then goes by this name alone
        found = _registered(name) or _first(CLASS_MODULES, name, _is_buildable)
    else:
        found = _registered(node.get("registered_name", name)) or _class(module, name)
    if name in RUNS_CODE or getattr(found, "__name__", None) in RUNS_CODE:
        raise UnsafeModelError(
            f"it contains {name!r}, which can run any program on your computer. Ask its author for "
            "the model without that layer: Rescaling or another layer of Keras often does the "
            "same, else a registered layer class"
        )
    if found is None:
        raise UnsafeModelError(_unknown(module, name, names_modules))


def _check_value(node: dict) -> None:
    if node["class_name"] == "__numpy__" and np.dtype(node["config"]["dtype"]).itemsize > 16:
        raise UnsafeModelError(
            f"it contains an array of {node['config']['dtype']!r} instead of numbers. Ask its "
            "author for a model of Keras' own layers"
        )


def _function(module: Any, name: Any) -> Callable | None:
    known = module in ("builtins", *(allowed.__name__ for allowed in FUNCTION_MODULES))
    if not known or name in ("deserialize", "get"):  # these make objects, on request
        return None
    return _first(FUNCTION_MODULES, name, inspect.isfunction)


def _class(module: Any, name: Any) -> type | None:
    """Find a class of Keras, in a module that is there already: never import for a file."""
    return _first([sys.modules.get(module)], name, _is_buildable) if _is_keras(module) else None


def _registered(name: Any) -> Any | None:
    return keras.saving.get_registered_object(name) if isinstance(name, str) else None


def _is_buildable(found: Any) -> bool:
    return hasattr(found, "from_config")


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
