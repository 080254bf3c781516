"""Write the tables of measurements into README.md and TEACHING.md, from data/results.

    python data/make_tables.py

`make evidence` and `make bench` end with it. Accuracies are means with half the 95 % interval
(Student's t).
"""

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from results_files import RESULTS, read
from scipy import stats

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
TEACHING = ROOT / "notebooks" / "TEACHING.md"
BEGIN, END = "<!-- tables: data/make_tables.py -->\n", "<!-- end of tables -->\n"

MEASURES = ["test_accuracy", "letters_accuracy"]


class Experiment(NamedTuple):
    """How a results file is shown.

    Attributes:
        title: of its table.
        row: the columns of the file that make a row.
        column: that which makes a column, if any.
    """

    title: str
    row: list[str]
    column: str | None = None


EXPERIMENTS = {
    "examples": Experiment(
        "Letters to digits, by examples a class", ["method"], "examples_per_class"
    ),
    "photo_examples": Experiment(
        "ImageNet to clothes, by photos a class", ["method"], "photos_per_class"
    ),
    "names": Experiment(
        "143 languages to ten others, by names a language", ["method"], "names_per_language"
    ),
    "depth": Experiment("How deep to unfreeze", ["unfreeze_from"]),
    "rates": Experiment("One rate for the whole base", ["learning_rate"]),
    "batchnorm": Experiment("BatchNormalization, by batch size", ["batchnorm"], "batch_size"),
    "schedules": Experiment("In which order to unfreeze", ["schedule"]),
    "layerwise": Experiment("Rates by layer, by the rate of the head", ["rates"], "learning_rate"),
    "blocks": Experiment("One block learns alone", ["block"]),
    "architectures": Experiment("New parts on the base, tuned at a rate of 0.003", ["method"]),
    "channels": Experiment("A new first layer", ["pictures", "first_layer"], "base"),
    "photo_bases": Experiment("A head on frozen features of 80 photos a class, by base", ["base"]),
    "photos": Experiment("Ways to fine-tune on 3,068 photos", ["method"]),
}


def rows_of(table: pd.DataFrame) -> Iterator[str]:
    """The lines of a table in Markdown; its index makes the first columns."""
    table = table.reset_index().rename(columns=lambda name: str(name).replace("_", " "))
    words = [any(column.map(is_word)) for _, column in table.items()]
    yield "| " + " | ".join(table.columns) + " |"
    yield "|" + "|".join("---" if word else "---:" for word in words) + "|"
    for values in table.itertuples(index=False):
        yield "| " + " | ".join(map(str, values)) + " |"
    yield ""


def three_digits(value: float) -> str:
    """Such as `0.0154`, `1.46`, `249` or `1,606`."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def is_word(value: object) -> bool:
    """Whether a cell holds anything but a number, alone or with its unit."""
    return isinstance(value, str) and not value[:1].isdigit()


def mean_and_half(accuracies: pd.Series) -> str:
    """Such as `0.935 ± 0.012`: mean and half the 95 % interval; one figure has none."""
    if len(accuracies) == 1:
        return f"{accuracies.iloc[0]:.3f}"
    half = stats.t.ppf(0.975, len(accuracies) - 1) * accuracies.sem()
    return f"{accuracies.mean():.3f} ± {half:.3f}"


def experiment(name: str, about: Experiment) -> Iterator[str]:
    """The tables of one experiment: test accuracy, and what was remembered where that was asked."""
    runs = read(RESULTS / f"{name}.csv")
    yield f"**{about.title}** ({runs['seed'].nunique()} runs each, `{name}.csv`)\n"
    measures = [measure for measure in MEASURES if measure in runs]
    if not about.column:
        yield from rows_of(runs.groupby(about.row, sort=False)[measures].agg(mean_and_half))
        return
    for measure in measures:
        cells = runs.groupby([*about.row, about.column])[measure].agg(mean_and_half)
        if len(measures) > 1:
            yield f"{measure.replace('_', ' ').capitalize()}:\n"
        yield from rows_of(cells.unstack().rename_axis(None, axis=1))


def photo_race() -> Iterator[str]:
    """What each recipe for photos reaches at its end, and after how many seconds."""
    yield "**3,068 photos, ten classes, from JPEG files to test accuracy** (`photo_bench.csv`)\n"
    points = read(RESULTS / "photo_bench.csv")
    points["recipe"] += ", " + points["stage"].where(
        points["recipe"] == "this course", points["stage"].str.split(",").str[0]
    )
    ends = points.drop_duplicates(["recipe", "seed"], keep="last").groupby("recipe", sort=False)
    columns = {
        "seconds": ends["seconds"].mean().map("{:,.0f}".format),
        "test accuracy": ends["test_accuracy"].agg(mean_and_half),
        "runs": ends.size(),
    }
    yield from rows_of(pd.DataFrame(columns))
    yield (
        "Means with half the 95 % interval, at the end of each stage. In our fine-tuned rows a "
        "test photo's\nanswer is the mean for it and its mirror image. With 372 test photos each "
        "figure may lie some three\npoints off.\n"
    )


def timings() -> Iterator[str]:
    """Ratios of the course to plain Keras, and what its notebooks take."""
    yield "**This course beside others** (medians with quartiles, not intervals; `bench.csv`)\n"
    bench = read(RESULTS / "bench.csv")
    quartiles = zip(bench["quartile_1"], bench["quartile_3"], strict=True)
    shown = {
        "what is compared, and with what": bench["comparison"],
        "beside": bench["plain"].map(three_digits) + " " + bench["unit"],
        "ratio": bench["ratio"].map("{:.2f}".format),
        "quartiles": [f"{low:.2f} to {high:.2f}" if low < high else "" for low, high in quartiles],
        "turns": bench["turns"],
    }
    lessons = bench["comparison"].str.contains(".ipynb", regex=False)
    table = pd.DataFrame(shown)[~lessons]
    yield from rows_of(table.set_index(table.columns[0]))
    times = bench["ratio"][lessons]
    memory = read(RESULTS / "memory.csv").groupby(["way", "photos"])["beyond_mb"].median()
    few, some, many = memory["files"]
    yield (
        "Photos: seconds until our test accuracy is the best that the other recipe has after any "
        "of its\nepochs, ten frozen ones and two that tune the base, seed by seed "
        "(`photo_bench.csv`). Its settings are\nthose of its page; ours were chosen on the "
        "validation photos. Memory for the features of 1,000, 10,000\nand 50,000 photos, beyond "
        "the features themselves: "
        f"{few:.0f}, {some:.0f} and {many:.0f} MB (`memory.csv`). A notebook\ntakes between "
        f"{times.min():.1f} and {times.max():.0f} times as long as a kernel that imports Keras; "
        "[lesson by lesson](notebooks/TEACHING.md)\nin seconds (`run_times.csv`).\n"
    )


def tables() -> str:
    """All of them, as they stand in the README."""
    parts = [*photo_race(), *timings()]
    for name, about in EXPERIMENTS.items():
        parts += experiment(name, about)
    return "\n".join(parts)


def with_run_times(text: str) -> str:
    """The table of lessons in TEACHING.md, with the seconds and the memory of each."""
    for row in read(RESULTS / "run_times.csv").itertuples():
        size = math.ceil(row.megabytes / 100) / 10
        cells = rf"(\({re.escape(row.notebook)}\) \| \d+ \|) \d+ s \| [\d.]+ GB \|"
        text = re.sub(cells, rf"\1 {row.seconds:.0f} s | {size} GB |", text)
    return text


def main() -> None:
    """Replace what stands between the two marks in the README, and the times in TEACHING.md."""
    text = README.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    README.write_text(f"{before}{BEGIN}\n{tables()}\n{END}{after}", encoding="utf-8")
    TEACHING.write_text(with_run_times(TEACHING.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
