"""`make slides`: every lesson as slides that need no network and whose links lead somewhere."""

import re
from pathlib import Path

import nbformat
import pytest

from notebooks import make_slides
from tests.lesson_lint import slide_type
from tests.test_notebooks import LESSONS, name_of

KEPT_BY_A_PAGE = "slide", "subslide"


def leaves(page):
    """The slides, those that hold sub-slides apart."""
    return page.count("<section>") - page.count("<section><section>")


@pytest.mark.parametrize("path", LESSONS, ids=name_of)
def test_slides_of_a_lesson(path):
    nb, page = nbformat.read(path, as_version=4), make_slides.slides_of(path)
    assert leaves(page) == sum(slide_type(cell) in KEPT_BY_A_PAGE for cell in nb.cells)
    assert page.count('<aside class="notes">') == sum(
        slide_type(cell) == "notes" for cell in nb.cells
    )
    shown = sum(cell.cell_type == "code" and slide_type(cell) != "skip" for cell in nb.cells)
    assert page.count('<div class="jp-Cell jp-CodeCell') == shown
    assert page.count("<details>") == page.count("<summary>") > 0
    assert not re.search(r"<summary>[^<]*</summary>\s*</details>", page), "an answer fell out"


@pytest.mark.parametrize("path", LESSONS, ids=name_of)
def test_they_load_nothing_from_the_network_and_links_lead_somewhere(path):
    page = make_slides.slides_of(path)
    loaded = re.findall(r'<(?:script|link|img)[^>]* (?:src|href)="([^"]+)"', page)
    assert [file for file in loaded if not file.startswith(("reveal.js/", "data:"))] == []
    links = set(re.findall(r'<a href="(?!https?:|#)([^"#]+)', page))
    made = {f"{lesson.stem}.html" for lesson in LESSONS}
    assert links, "the last slide leads on"
    missing = {link for link in links - made if not (make_slides.SLIDES / link).resolve().exists()}
    assert missing == set()


def test_main_writes_all_lessons_and_reveal(tmp_path, monkeypatch, capsys):
    reveal = tmp_path / "reveal"
    (reveal / "dist").mkdir(parents=True)
    (reveal / "dist" / "reveal.js").write_text("// reveal", encoding="utf-8")
    monkeypatch.setattr(make_slides, "NOTEBOOKS", tmp_path / "notebooks")
    monkeypatch.setattr(make_slides, "SLIDES", tmp_path / "notebooks" / "slides")
    monkeypatch.setattr(make_slides, "lessons", lambda: [Path("00_a.ipynb")])
    monkeypatch.setattr(make_slides, "slides_of", lambda lesson: lesson.stem)
    make_slides.main(reveal)
    make_slides.main(reveal)  # again, over the first
    assert (make_slides.SLIDES / "00_a.html").read_text(encoding="utf-8") == "00_a"
    assert (make_slides.SLIDES / "reveal.js" / "dist" / "reveal.js").exists()
    assert capsys.readouterr().out.count("00_a.html") == 2
