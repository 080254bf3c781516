"""The doctor's checks of groups of layers with a learning rate of their own."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator

import keras

from helpers.doctor_anatomy import some
from helpers.doctor_case import Case
from helpers.doctor_findings import Finding
from helpers.doctor_rates import patterns, peak, takes
from helpers.layerwise import LayerwiseAdam

BY_GROUP = (LayerwiseAdam, keras.optimizers.MultiOptimizer)


def check_groups(
    case: Case, noted: Iterable[tuple[Iterable[keras.Variable], float]] = ()
) -> Iterator[Finding]:
    """Find groups of layers with a rate of their own that take no layer, or too many.

    Args:
        case: a model with a `MultiOptimizer` on an `OptimizerMap`, or a `layerwise_optimizer`.
        noted: groups that were only noted, as `(variables, rate)`.

    Yields:
        `group-empty`, `group-too-wide`, `group-default` or `rates-unused`.

    Lesson: 12
    """
    by_rate = _by_rate(noted)
    paths = [path for path, _ in [*case.base, *case.head]]
    groups = _groups(case)
    yield from (_empty(pattern) for pattern, members in groups.items() if not members)
    for group, members in (groups | {f"rate {rate:g}": by_rate[rate] for rate in by_rate}).items():
        wide = _too_wide(members, paths)
        if wide:
            yield _wide(group, *wide)
    if len(by_rate) > 1 and not isinstance(case.optimizer, BY_GROUP):
        yield _unused(case, list(by_rate))
        yield from _left_at(case, by_rate)
    yield from _left_to_default(case)


def _groups(case: Case) -> dict[str, list[str]]:
    """The names of the layers that each pattern takes."""
    optimizer, groups = case.optimizer, defaultdict(list)
    if isinstance(optimizer, LayerwiseAdam):
        for layer, pattern in optimizer.groups.items():
            groups[pattern].append(layer)
        return dict(groups)
    for pattern in (patterns(optimizer) if optimizer else None) or {}:
        taken = [weight for weight in case.model.weights if takes(pattern, weight.path)]
        groups[pattern] = _layers(taken)
    return dict(groups)


def _layers(variables: Iterable[keras.Variable]) -> list[str]:
    return list(dict.fromkeys(variable.path.split("/")[-2] for variable in variables))


def _too_wide(members: list[str], paths: list[str]) -> tuple[list[str], list[str]] | None:
    """Where 1 was meant and 10, 11, ... came along: the names with one digit and with two."""
    every = _numbered(path.split("/")[-1] for path in paths)
    for stem, numbers in _numbered(members).items():
        others = set(every[stem]) - set(numbers)
        for number in (n for n in numbers if n < 10):
            longer = [n for n in numbers if n >= 10 and str(n).startswith(str(number))]
            if longer and any(number < other < min(longer) for other in others):
                return numbers[number], [name for n in longer for name in numbers[n]]
    return None


def _numbered(names: Iterable[str]) -> dict[str, dict[int, list[str]]]:
    """For each beginning of a name that a number follows: the names by that number."""
    found: dict[str, dict[int, list[str]]] = defaultdict(lambda: defaultdict(list))
    for name in names:
        for match in re.finditer(r"\d+", name):
            found[name[: match.start()]][int(match[0])].append(name)
    return found


def _empty(pattern: str) -> Finding:
    return Finding(
        code="group-empty",
        severity="error",
        title=f"The group {pattern!r} takes no layer",
        evidence=f"No path of a weight fits {pattern!r} from end to end.",
        why="Keras says nothing: the layers that were meant get the default rate, as a rule the "
        "highest. Paths change when a Sequential model is loaded again.",
        fix="helpers.training.layerwise_optimizer(model, rate, groups={...}), which refuses a "
        "pattern without layers; or look at [v.path for v in model.variables]",
    )


def _wide(pattern: str, meant: list[str], extra: list[str]) -> Finding:
    return Finding(
        code="group-too-wide",
        severity="error",
        title=f"{pattern!r} also takes layers whose number begins with the same digit",
        evidence=f"With {some(meant)} it takes {some(extra)}.",
        why="Text that begins with 'block_1' also begins 'block_10': late layers get the rate of "
        "the first one.",
        fix="end the number in the pattern: 'block_1_.*', not 'block_1.*'; "
        "name.startswith('block_1_')",
    )


def _unused(case: Case, rates: list[float]) -> Finding:
    return Finding(
        code="rates-unused",
        severity="error",
        title=f"{len(rates)} rates are noted, but the optimizer has one for all layers",
        evidence=f"Noted: {', '.join(f'{rate:g}' for rate in sorted(rates))}. Optimizer: "
        f"{type(case.optimizer).__name__}, which knows no groups.",
        why="A list of rates beside the optimizer reaches nobody. Scaling the gradients does "
        "not help: in Adam the factor cancels.",
        fix="helpers.training.layerwise_optimizer(model, rate, groups={...})",
    )


def _by_rate(noted: Iterable[tuple[Iterable[keras.Variable], float]]) -> dict[float, list[str]]:
    members: dict[float, list[str]] = defaultdict(list)
    for variables, rate in noted:
        members[rate].extend(_layers(variables))
    return dict(members)


def _left_at(case: Case, by_rate: dict[float, list[str]]) -> Iterator[Finding]:
    """Layers of the base at the highest of the noted rates, beside others at lower ones."""
    highest = max(by_rate)
    base = [path for path, layer in case.base if layer.name in by_rate[highest]]
    if base:
        below = max(rate for rate in by_rate if rate < highest)
        yield _default(base, highest, below)


def _left_to_default(case: Case) -> Iterator[Finding]:
    given = patterns(case.optimizer) if case.optimizer else None
    if not given:
        return
    taken = {name for members in _groups(case).values() for name in members}
    left = [path for path, layer in case.training_base if layer.name not in taken]
    config = case.optimizer.get_config()["optimizer_map"]["config"]["default_optimizer"]
    default, _ = peak(config["config"].get("learning_rate", 0.0))
    highest = max(peak(each["config"].get("learning_rate", 0.0))[0] for each in given.values())
    if left and default > highest:
        yield _default(left, default, highest)


def _default(left: list[str], rate: float, below: float) -> Finding:
    return Finding(
        code="group-default",
        severity="warning",
        title=f"{len(left)} layers of the base are in no group and get the highest rate",
        evidence=f"{some(left)} learn at the default, {rate:.6g}; the groups at up to {below:.6g}.",
        why="What no pattern takes falls to the default rate, without a word.",
        fix="make the lowest rate the default, and give the head a pattern of its own",
    )
