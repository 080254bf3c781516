"""The doctor's checks of `compile`: what changed since, what a stage changed, what went where."""

from collections.abc import Iterable, Iterator

import keras

from helpers.doctor_anatomy import some
from helpers.doctor_case import Case
from helpers.doctor_findings import Finding


def check_since_compile(case: Case) -> Iterator[Finding]:
    """Find flags that were changed after training, without a new compile.

    Public attributes show this by the optimizer's own variables, of which there is at least one for
    each weight that it trains. So it cannot be seen for an optimizer without any (SGD without
    momentum). A weight frozen since has left moments that are not zero; so has one that an earlier
    phase trained with the same optimizer, which is no fault, so this comes as a note.

    Args:
        case: a model whose optimizer is built.

    Yields:
        `trainable-changed`.

    Lesson: 12
    """
    optimizer = case.optimizer
    if optimizer is None or not optimizer.built or not case.model.compiled:
        return
    slots = [v for v in optimizer.variables if v.path.split("/")[-1] not in _OWN]
    known = [weight for weight in case.model.weights if _slots_of(weight, slots)]
    unknown = case.training_ids - {id(weight) for weight in known}
    if known and unknown:
        yield _unknown(case, [w for w in case.model.trainable_weights if id(w) in unknown])
        return
    frozen = [weight for weight in known if id(weight) not in case.training_ids]
    if case.model.train_function is not None and _has_moved(frozen, slots):
        yield _frozen_since(frozen)


def check_stage(case: Case) -> Iterator[Finding]:
    """Find a stage that changed nothing: the same weights train as in the stage before.

    Args:
        case: the model in the new stage, with what was found in the stage before.

    Yields:
        `stage-changed-nothing`.

    Lesson: 12
    """
    now = training_paths(case.model)
    if case.before is None or set(case.before.trains) != set(now):
        return
    yield Finding(
        code="stage-changed-nothing",
        severity="error",
        title="This stage trains exactly what the stage before it trained",
        evidence=f"{len(now)} weight arrays train, before and now: {_named(now)}.",
        why="The flags that were set were set already. A new compile would only throw away what "
        "the optimizer has gathered.",
        fix="name an earlier layer: helpers.freezing.unfreeze_from(base, layer_name)",
    )


def check_loss_weights(case: Case) -> Iterator[Finding]:
    """Find metrics that were handed to `compile` in the place of loss weights.

    Args:
        case: a compiled model.

    Yields:
        `metrics-as-loss-weights`.

    Lesson: 12
    """
    given = case.settings.get("loss_weights")
    words = [each for each in keras.tree.flatten(given) if isinstance(each, str)]
    if words:
        yield Finding(
            code="metrics-as-loss-weights",
            severity="error",
            title="Metrics stand where compile takes loss weights",
            evidence=f"loss_weights={given!r}.",
            why="The third place of compile is loss_weights: fit stops with a message about types, "
            "or no metric is counted.",
            fix=f"model.compile(optimizer, loss, metrics={words!r})",
        )


def training_paths(model: keras.Model) -> tuple[str, ...]:
    """Name the weights that train.

    Args:
        model: any Keras model.

    Returns:
        Their paths, in order.

    Lesson: 12
    """
    return tuple(weight.path for weight in model.trainable_weights)


_OWN = ("iteration", "learning_rate")


def _named(paths: Iterable[str]) -> str:
    return some(list(paths), of="arrays")


def _slots_of(weight: keras.Variable, slots: list[keras.Variable]) -> list[keras.Variable]:
    """The variables that an optimizer keeps for a weight; their names begin with its path."""
    start = weight.path.replace("/", "_") + "_"
    return [slot for slot in slots if slot.path.split("/")[-1].startswith(start)]


def _has_moved(weights: list[keras.Variable], slots: list[keras.Variable]) -> bool:
    own = (slot for weight in weights for slot in _slots_of(weight, slots))
    return any(bool(keras.ops.any(slot != 0)) for slot in own)


def _counted(weights: list[keras.Variable]) -> str:
    return f"{len(weights)} weight{'s' * (len(weights) != 1)}"


def _unknown(case: Case, weights: list[keras.Variable]) -> Finding:
    fitted = case.model.train_function is not None
    since = "since the last fit" if fitted else "since the optimizer was first used"
    return Finding(
        code="trainable-changed",
        severity="error",
        title=f"Unfrozen {since}, and unknown to the optimizer: {_counted(weights)}",
        evidence=f"{type(case.optimizer).__name__} holds nothing for "
        f"{_named(weight.path for weight in weights)}.",
        why="Keras decides at compile time what trains: they stay as they are, or fit stops with "
        "'Unknown variable'.",
        fix="model.compile(...) again, with a new optimizer",
    )


def _frozen_since(weights: list[keras.Variable]) -> Finding:
    return Finding(
        code="trainable-changed",
        severity="note",
        title=f"Trained before, and frozen now: {_counted(weights)}",
        evidence=f"The optimizer holds moments for {_named(weight.path for weight in weights)}.",
        why="If they were frozen after the last fit, without a new compile, they go on training.",
        fix="model.compile(...) again after every change of trainable",
    )
