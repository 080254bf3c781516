"""Draw the map of the course, data/course_map.svg, from the lessons' own titles and minutes.

python data/make_map.py
"""

import re
import textwrap
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch

ROOT = Path(__file__).resolve().parent.parent
MAP = ROOT / "data" / "course_map.svg"
AFTERNOON = ("00", "01", "02", "03", "04", "10")
BLUE, ORANGE, GREEN, GREY = "#56B4E9", "#E69F00", "#009E73", "#555555"
ROWS = (
    (3, BLUE, "Part I\noffline", ("00", "01", "02", "03", "04")),
    (2, BLUE, "", ("05", "06", "07", "08")),
    (1, ORANGE, "Part II\nreal photos,\nmore machines", ("09", "10", "11")),
    (0, GREEN, "At any time", ("12", "recipes")),
)


def lessons() -> dict[str, tuple[str, str]]:
    """Title and time of each lesson, by its number; of the recipes too."""
    found = {"recipes": ("for each question", "Recipes")}
    for path in sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb")):
        first = nbformat.read(path, as_version=4).cells[0].source
        title = re.search(r"^# \d\d · (.+)$", first, flags=re.MULTILINE)[1]
        minutes = re.search(r"(\d+) minutes", first)[1]
        found[path.name[:2]] = (title, f"{minutes} min")
    return found


def draw_lesson(ax: Axes, place: tuple[float, float], colour: str, name: str, text: str) -> None:
    """One box; a bold edge for a lesson of the afternoon."""
    wide = 2.5 if name in AFTERNOON else 0.5
    box = FancyBboxPatch(
        place, 1.56, 0.76, boxstyle="round,pad=0,rounding_size=0.08", fc=colour, ec="black", lw=wide
    )
    ax.add_patch(box)
    ax.text(place[0] + 0.78, place[1] + 0.38, text, ha="center", va="center", fontsize=9.5)


def draw_map() -> Axes:
    """The whole map: three parts below each other, arrows along the way."""
    ax = plt.subplots(figsize=(9.6, 4), layout="constrained")[1]
    known = lessons()
    for row, colour, part, names in ROWS:
        ax.text(-0.15, row + 0.38, part, ha="right", va="center", fontsize=9.5, color=GREY)
        for column, name in enumerate(names):
            title, time = known[name]
            head = f"{name} · {time}" if name.isdigit() else time
            text = f"{head}\n{textwrap.fill(title, 18)}"
            draw_lesson(ax, (1.8 * column, row), colour, name, text)
            if column and colour != GREEN:
                start = (1.8 * column - 0.24, row + 0.38)
                arrow = {"arrowstyle": "->", "color": GREY}
                ax.annotate("", (1.8 * column, row + 0.38), start, arrowprops=arrow)
    ax.set_title("Bold edge: an afternoon. Everything: follow the numbers.", fontsize=10.5)
    ax.set(xlim=(-1.25, 8.9), ylim=(-0.1, 3.85))
    ax.set_axis_off()
    return ax


def main() -> None:
    """Draw, and write the file; the same drawing gives the same bytes."""
    settings = {"svg.hashsalt": "map", "svg.fonttype": "path", "font.family": "DejaVu Sans"}
    with plt.rc_context({**plt.rcParamsDefault, **settings}):
        figure = draw_map().figure
        figure.savefig(MAP, metadata={"Date": None, "Creator": None}, facecolor="white")
        plt.close(figure)


if __name__ == "__main__":
    main()
