"""Make slides of the lessons: `make slides`.

What a cell becomes is its slide type: a slide, a sub-slide below it, more of the slide above
(`-`), words for the speaker (`notes`), or nothing (`skip`). JupyterLab shows it in the *Property
Inspector* on the right. The slides need no network: reveal.js lies beside them.
"""

import re
import shutil
import sys
from pathlib import Path

import nbformat
from nbconvert import SlidesExporter

NOTEBOOKS = Path(__file__).parent
SLIDES = NOTEBOOKS / "slides"
WIDTH, HEIGHT = 1280, 720


def lessons() -> list[Path]:
    """Return the numbered lessons, in order."""
    return sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))


def slides_of(lesson: Path) -> str:
    """Return a lesson as one page of slides; links to lessons lead to their slides."""
    exporter = SlidesExporter(
        extra_template_basedirs=[str(NOTEBOOKS)],
        template_name=".slides",
        reveal_theme="white",
        reveal_url_prefix="reveal.js",
        reveal_width=str(WIDTH),
        reveal_height=str(HEIGHT),
    )
    page, _ = exporter.from_notebook_node(
        nbformat.read(lesson, as_version=4), {"metadata": {"name": lesson.stem}}
    )
    page = re.sub(r'href="(\d\d_\w+)\.ipynb', r'href="\1.html', page)
    return re.sub(r'href="(?!https?:|#|\d\d_\w+\.html|reveal\.js)', 'href="../', page)


def main(reveal: Path) -> None:
    """Write all slides to notebooks/slides, with a copy of reveal.js.

    Args:
        reveal: the folder of reveal.js.
    """
    shutil.copytree(reveal, SLIDES / "reveal.js", dirs_exist_ok=True)
    for lesson in lessons():
        page = SLIDES / f"{lesson.stem}.html"
        page.write_text(slides_of(lesson), encoding="utf-8")
        print(page.relative_to(NOTEBOOKS.parent))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
