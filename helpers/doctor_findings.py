"""What the doctor says: one finding, and the list of them, shown as text or as a table."""

import html
import textwrap
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields

SEVERITIES = ("error", "warning", "note")
"""From what spoils the result to what is worth knowing."""

NOTHING = "No findings: nothing that can be seen from the outside is wrong."


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with a model, its data or its compile settings.

    Attributes:
        code: a fixed name, such as `"top-not-removed"`.
        severity: `"error"`, `"warning"` or `"note"`.
        title: one line.
        evidence: the numbers and the layer names that show it.
        why: why it matters.
        fix: the line of code that mends it.

    Lesson: 12
    """

    code: str
    severity: str
    title: str
    evidence: str
    why: str
    fix: str


class Findings(list):
    """A list of findings that shows itself: as text in a terminal, as a table in a notebook.

    Args:
        findings: in any order; kept with the most severe first.
        trains: the paths of the weights that train, for a comparison with a later stage.

    Lesson: 12
    """

    def __init__(self, findings: Iterable[Finding] = (), *, trains: Iterable[str] = ()) -> None:
        """Sort the findings by severity; equals stay in the order in which they came."""
        super().__init__(sorted(findings, key=lambda each: SEVERITIES.index(each.severity)))
        self.trains = tuple(trains)

    @property
    def codes(self) -> list[str]:
        """The code of each finding, in order."""
        return [finding.code for finding in self]

    def __str__(self) -> str:
        return "\n\n".join(map(_as_text, self)) or NOTHING

    __repr__ = __str__

    def _repr_html_(self) -> str:
        if not self:
            return f"<p>{html.escape(NOTHING)}</p>"
        head = "".join(f"<th>{field.name}</th>" for field in fields(Finding))
        return f"<table><tr>{head}</tr>{''.join(map(_as_row, self))}</table>"


def _as_text(finding: Finding) -> str:
    lines = [f"{finding.severity.upper()} {finding.code}: {finding.title}"]
    for name in ("evidence", "why", "fix"):
        text = f"{name}: {getattr(finding, name)}"
        wrapped = textwrap.wrap(text, 96, break_long_words=False, break_on_hyphens=False)
        lines.append(textwrap.indent("\n".join(wrapped), "    "))
    return "\n".join(lines)


def _as_row(finding: Finding) -> str:
    *cells, fix = (html.escape(text) for text in astuple(finding))
    row = "".join(f"<td style='text-align:left'>{cell}</td>" for cell in cells)
    fix = f"<td style='text-align:left'><code style='white-space:pre-wrap'>{fix}</code></td>"
    return f"<tr style='vertical-align:top'>{row}{fix}</tr>"
