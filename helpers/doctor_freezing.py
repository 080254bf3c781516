"""The doctor's checks of what trains."""

from collections.abc import Iterator

from helpers.doctor_anatomy import batch_norms, some
from helpers.doctor_case import Case, is_used
from helpers.doctor_findings import Finding
from helpers.freezing import learners
from helpers.graph import sized


def check_head(case: Case) -> Iterator[Finding]:
    """Find a head that does not train, alone or with everything else.

    Args:
        case: the model; for the base alone nothing is found.

    Yields:
        `everything-frozen` or `head-frozen`.

    Lesson: 12
    """
    head = [leaf for leaf in learners(case.head) if leaf[1].variables]
    if not head or any(case.trains(layer) for _, layer in head):
        return
    if not (case.base or case.model.compiled):
        return
    everything = not case.model.trainable_weights
    names = some([path for path, _ in head])
    yield Finding(
        code="everything-frozen" if everything else "head-frozen",
        severity="error",
        title="Everything is frozen, the head too" if everything else "The head is frozen",
        evidence=f"{sized(case.model.trainable_weights):,} of {case.model.count_params():,} "
        f"parameters train. Layers outside the base with trainable=False: {names}.",
        why="The head starts from random weights and never leaves them: its guesses stay guesses.",
        fix=f"model.get_layer({head[-1][0].split('/')[0]!r}).trainable = True, then compile again",
    )


def check_nothing_frozen(case: Case) -> Iterator[Finding]:
    """Find a base of which nothing was ever frozen.

    A base without BatchNormalization that trains whole at a low rate is fine-tuning, and no fault.
    Where code of one's own calls the base, nothing is said.

    Args:
        case: the model.

    Yields:
        `nothing-frozen`.

    Lesson: 12
    """
    learning = learners(case.base)
    live = [leaf for leaf in batch_norms(case.base) if leaf[1].trainable]
    all_train = is_used(case) and learning and all(case.trains(layer) for _, layer in learning)
    if not case.reachable or not all_train or len(live) < max(1, len(batch_norms(case.base))):
        return
    weights = [weight for _, layer in case.base for weight in layer.trainable_weights]
    yield Finding(
        code="nothing-frozen",
        severity="warning",
        title=f"Nothing in the base {case.base_name!r} is frozen",
        evidence=f"All {len(learning)} layers that can learn train, and all {len(live)} "
        f"BatchNormalization layers: {sized(weights):,} parameters, "
        f"from {learning[0][0]!r} to {learning[-1][0]!r}.",
        why="A new head sends random gradients down: they may overwrite what the base knows. "
        "layer.trainable = True on some layers freezes none of the others.",
        fix=f"{_reach(case)}.trainable = False, then compile again",
    )


def check_unfrozen(case: Case) -> Iterator[Finding]:
    """Find an unfreeze by position that hit layers without weights, or only BatchNormalization.

    Args:
        case: the model.

    Yields:
        `unfroze-nothing`.

    Lesson: 12
    """
    flags = [layer.trainable for _, layer in case.base]
    first = flags.index(True) if True in flags else len(flags)
    chosen = case.base[first:]
    if not first or not chosen or not all(flags[first:]) or not learners(case.base):
        return
    if any(layer.trainable_weights for _, layer in learners(chosen)):
        return
    weights = [weight for _, layer in chosen for weight in layer.trainable_weights]
    kinds = sorted({type(layer).__name__ for _, layer in chosen})
    last = [path for path, _ in learners(case.base)][-3:]
    yield Finding(
        code="unfroze-nothing",
        severity="error",
        title=f"The unfreeze of {len(chosen)} layers of {case.base_name!r} freed nothing that can "
        "learn",
        evidence=f"The last {len(chosen)} layers, {some([path for path, _ in chosen])}, are "
        f"{', '.join(kinds)}; {sized(weights):,} of their parameters train"
        f"{', all in BatchNormalization' if weights else ''}. The last layers that can learn: "
        f"{', '.join(last)}.",
        why="The base is as good as frozen: what looks like fine-tuning trains the head alone.",
        fix="count layers with weights: helpers.freezing.unfreeze_last(base, 3), or "
        f"{_reach(case, last[-1])}.trainable = True, then compile again",
    )


def _reach(case: Case, path: str | None = None) -> str:
    """The code that names the base, or a layer of it, beginning at the model."""
    start = f"model.get_layer({case.nested.name!r})" if case.nested in case.model.layers else "base"
    return start if path is None else f"{start}.get_layer({path.split('/')[-1]!r})"
