"""Make notebooks/exercises from notebooks/solutions: `make exercises`.

In a solution, what stands between `# BEGIN SOLUTION` and `# END SOLUTION` is the answer. In the
exercise its place is taken by the lines that begin with `# BEFORE: `, without these words, or by
`...` where there are none. Text that begins with `**Solution.**` is left out. Each question gets a
link to its solution, and each check a cell for hints.
"""

import re
from pathlib import Path

import nbformat
from nbconvert.preprocessors import ClearOutputPreprocessor, Preprocessor, RegexRemovePreprocessor

SOLUTIONS = Path(__file__).parent / "solutions"
EXERCISES = Path(__file__).parent / "exercises"

ANSWER = re.compile(r"^( *)# BEGIN SOLUTION\n(.*?)^ *# END SOLUTION$", re.DOTALL | re.MULTILINE)
BEFORE = re.compile(r"^ *# BEFORE: ?(.*)$", re.MULTILINE)
LINK = "\n\n[Solution](../solutions/{0}#Question-{1}), for when three hints are not enough."
HINT = "# exercise.hint({0})  # take the first # away; each run gives one more hint"


class Exercise(Preprocessor):
    """Turn the cells of a solution into those of an exercise."""

    def preprocess(self, nb, resources):
        cells, nb.cells = nb.cells, []
        nb.metadata.pop("results", None)
        for cell in cells:
            cell.source = ANSWER.sub(_before, cell.source)
            cell.metadata.pop("tags", None)
            nb.cells.append(cell)
            if question := re.match(r"## Question (\d+)", cell.source):
                cell.source += LINK.format(resources["file"], question[1])
            if check := re.match(r"exercise\.check\((\d+)", cell.source):
                hint = nbformat.v4.new_code_cell(HINT.format(check[1]), id=f"{cell.id}-hint")
                nb.cells.append(hint)
        return nb, resources


def _before(answer: re.Match) -> str:
    lines = BEFORE.findall(answer[2]) or ["..."]
    return "\n".join(f"{answer[1]}{line}".rstrip() for line in lines)


def exercise_of(solution: Path) -> str:
    """The exercise that belongs to a solution, as the text of a notebook."""
    nb, only_here = nbformat.read(solution, as_version=4), [r"\*\*Solution\.\*\*"]
    for step in (
        RegexRemovePreprocessor(patterns=only_here),
        ClearOutputPreprocessor(),
        Exercise(),
    ):
        nb, _ = step.preprocess(nb, {"file": solution.name})
    return nbformat.writes(nb) + "\n"


def is_worked_on(exercise: Path) -> bool:
    """Whether somebody has run cells of an exercise: it may hold answers."""
    cells = nbformat.read(exercise, as_version=4).cells if exercise.exists() else []
    return any(cell.get("execution_count") for cell in cells)


def main() -> None:
    """Write every exercise, but none over somebody's answers."""
    for solution in sorted(SOLUTIONS.glob("*.ipynb")):
        exercise = EXERCISES / solution.name
        if is_worked_on(exercise):
            print(f"{exercise} holds answers and is kept: rename it to get a new one.")
        else:
            exercise.write_text(exercise_of(solution), encoding="utf-8")


if __name__ == "__main__":
    main()
