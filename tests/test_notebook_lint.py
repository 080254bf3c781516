"""Each rule passes the sample lesson, and fails it once the thing that it guards is broken."""

import pytest
from nbformat.v4 import new_markdown_cell, new_output

from tests import lesson_lint, notebook_lint
from tests.sample_lesson import KEY_POINTS, OPENING, PICTURE, printed, sample_lesson, shown

RULES = {rule.__name__: rule for rule in (*notebook_lint.RULES, *lesson_lint.RULES)}
IMPORTS, CHECKED, PLOT, LAST, CHECK = 1, 3, 5, 9, 15


def show(cell, *outputs):
    return lambda nb: nb.cells[cell].update(outputs=list(outputs))


def write(cell, source):
    return lambda nb: nb.cells[cell].update(source=source)


def swap(cell, old, new):
    def change(nb):
        assert old in nb.cells[cell].source
        nb.cells[cell].source = nb.cells[cell].source.replace(old, new)

    return change


def tag(cell, *names):
    return lambda nb: nb.cells[cell].metadata.update(tags=list(names))


def insert(cell, *sources):
    def change(nb):
        new = [new_markdown_cell(source) for source in sources]
        for added in new:
            added.metadata["slideshow"] = {"slide_type": "slide"}
        nb.cells[cell:cell] = new

    return change


def slide(cell, kind):
    return lambda nb: nb.cells[cell].metadata.update(slideshow={"slide_type": kind})


def drop(*cells):
    return lambda nb: nb.update(cells=[c for i, c in enumerate(nb.cells) if i not in cells])


BROKEN = [
    ("execution_counts", drop(IMPORTS), "[2, 3, 4, 5] are not 1 to 4"),
    ("execution_counts", lambda nb: nb.cells[1].update(execution_count=None), "None, 2, 3, 4, 5"),
    ("clean_outputs", show(LAST, new_output("error", ename="KeyError")), "cell 4 ends in KeyError"),
    ("clean_outputs", show(LAST, printed("Careful!", "stderr")), "cell 4 writes to stderr: 'Car"),
    ("repeatable_outputs", show(LAST, shown({"text/plain": "<X at 0x7f12>"})), "' at 0x7f12'"),
    ("repeatable_outputs", show(LAST, printed("5/5 12ms/step")), "'2ms/step'"),
    ("repeatable_outputs", show(LAST, printed("5/5 1s/step")), "'1s/step'"),
    ("repeatable_outputs", show(LAST, printed("10%\r20%")), r"'\r'"),
    ("repeatable_outputs", show(LAST, printed("5/5\x08")), r"'\x08'"),
    ("repeatable_outputs", show(LAST, shown({"text/html": '<p id="T_3f_x">'})), "T_3f_x"),
    ("known_tags", tag(LAST, "nbval-skip"), "tag 'nbval-skip' on a code cell"),
    ("known_tags", tag(2, "nbval-check-output"), "tag 'nbval-check-output' on a markdown cell"),
    ("known_tags", write(LAST, "print(1)  # NBVAL_SKIP"), "cell 4 has an nbval comment"),
    ("known_tags", write(LAST, "#PYTEST_VALIDATE_IGNORE_OUTPUT"), "cell 4 has an nbval comment"),
    ("checked_outputs", show(CHECKED), "cell 2 is checked but shows nothing to check"),
    ("checked_outputs", show(CHECKED, printed(" \n")), "cell 2 is checked but shows nothing"),
    ("checked_outputs", show(CHECKED, shown(PICTURE)), "cell 2 is checked but shows nothing"),
    ("checked_outputs", show(CHECKED, printed("n .5")), "shows the float .5"),
    ("checked_outputs", show(CHECKED, printed("n 1e-05")), "shows the float 1e-05"),
    ("checked_outputs", show(CHECKED, printed("loss nan")), "shows the float nan"),
    ("checked_outputs", show(CHECKED, shown({"text/html": "<td>0.25</td>"})), "the float 0.25"),
    ("proves_something", write(CHECK, "print('assert')"), "no assertion in the whole notebook"),
    ("proves_something", tag(CHECKED), "no cell is tagged 'nbval-check-output'"),
    ("plain_python", write(LAST, "!pip install x"), "cell 4 is not plain Python: '!pip install x"),
    ("plain_python", write(LAST, "x = 1\n%timeit x"), "cell 4 is not plain Python: '%timeit x"),
    ("plain_python", write(LAST, "plot(x); \nprint()"), "cell 4 has a trailing semicolon"),
    ("plain_python", write(LAST, "from keras import *"), "cell 4 imports * from keras"),
    ("no_local_paths", write(LAST, "open('/home/me/x.h5')"), "/home/me/x.h5"),
    ("no_local_paths", write(0, "in C:\\Users\\me"), "C:\\Users\\me"),
    ("no_local_paths", show(LAST, printed("saved /tmp/x.h5")), "/tmp/x.h5"),
    ("clean_metadata", lambda nb: nb.metadata.update(language_info={}), "'language_info'"),
    ("clean_metadata", lambda nb: nb.metadata.kernelspec.update(name="mine"), "kernelspec python3"),
    ("clean_metadata", lambda nb: nb.metadata.clear(), "notebook metadata holds []"),
    ("clean_metadata", lambda nb: nb.cells[2].metadata.update(k=1), "cell metadata 'k'"),
    ("clean_metadata", lambda nb: nb.cells[2].update(attachments={"a.png": {}}), "attachment"),
    ("size", drop(12), "19 cells, not 20 to 45"),
    ("size", insert(3, *[""] * 26), "46 cells, not 20 to 45"),
    ("size", write(2, "## One <b class='x'>"), "words of text, not 1000 to 2000"),
    ("size", write(2, "## One " + "word-word's " * 1960), "words of text, not 1000 to 2000"),
    ("cell_lengths", write(LAST, "x\n" * 15 + "x"), "cell 4 has 16 lines, not 1 to 15"),
    ("cell_lengths", write(LAST, " "), "cell 4 has 1 lines, not 1 to 15"),
    ("opening", write(0, OPENING[2:]), "the first cell does not begin with the title"),
    ("opening", insert(0, "## Hello"), "the first cell does not begin with the title"),
    ("opening", lambda nb: nb.cells[0].update(cell_type="raw"), "does not begin with the title"),
    ("opening", swap(0, "12 minutes", "soon"), "how many minutes"),
    ("opening", swap(0, "Before", "Needed"), "what to have done before"),
    ("opening", swap(0, "3. ", ""), "lists 2 objectives, not 3"),
    ("opening", swap(0, "3. ", "- Four\n* "), "lists 4 objectives, not 3"),
    ("imports_and_seed", drop(IMPORTS), "the first code cell imports nothing"),
    ("imports_and_seed", write(IMPORTS, "from x import y"), "the first code cell sets no seed"),
    ("section_order", swap(16, "Traps", "Mistakes"), "['Check', 'Key points'], not ['Check', 'T"),
    ("section_order", insert(3, "## Traps"), "['Traps', 'Check', 'Traps', 'Key points']"),
    ("section_order", insert(20, "## Next", "## Quiz"), "'Next', 'Quiz'], not ['Check'"),
    ("section_order", insert(3, "## Quiz"), "the closing sections are ['Quiz', 'Check', 'Traps'"),
    ("section_order", drop(10), "3 sections before them, not 4 to 7"),
    ("section_order", insert(3, *["## More"] * 4), "8 sections before them, not 4 to 7"),
    ("check_asserts", write(CHECK, "print(1)"), "the section Check asserts nothing"),
    ("check_asserts", swap(14, "## Check", "## Thing"), "the section Check asserts nothing"),
    ("collapsed_answers", swap(8, "</details>", ""), "do not pair"),
    ("collapsed_answers", swap(8, "<summary>", ""), "each <details> needs a <summary>"),
    ("collapsed_answers", write(18, "## Key points"), "no quiz"),
    ("collapsed_answers", write(8, "Guess."), "no prediction"),
    ("key_points", swap(18, "- A base loads.", ""), "2 key points"),
    ("key_points", write(18, KEY_POINTS.replace("Key", "Main")), "0 key points"),
    ("figures_explained", drop(6), "cell 3: its picture needs a line"),
    ("figures_explained", write(6, "**Figure.** Accuracy of both runs."), "cell 3: its picture"),
    ("figures_explained", show(CHECK, shown(PICTURE)), "cell 5: its picture needs a line"),
    ("figures_explained", drop(*range(6, 20)), "cell 3: its picture needs a line"),
    ("slides", lambda nb: nb.cells[3].metadata.clear(), "cell 'total = 1 + 1"),
    ("slides", slide(2, "page"), "has the slide type 'page'"),
    ("slides", slide(2, "subslide"), "begins no slide"),
    ("slides", slide(9, "-"), "stands on the slide that asks for a prediction"),
]


@pytest.mark.parametrize("rule", RULES)
def test_the_sample_lesson_keeps_every_rule(rule):
    assert list(RULES[rule](sample_lesson())) == []


@pytest.mark.parametrize("rule,change,message", BROKEN)
def test_a_broken_lesson_is_found(rule, change, message):
    nb = sample_lesson()
    change(nb)
    assert message in "\n".join(RULES[rule](nb))


def test_every_rule_has_been_seen_to_fail():
    assert {rule for rule, _, _ in BROKEN} == set(RULES)


def test_the_bounds_themselves_are_allowed():
    nb = sample_lesson()
    insert(3, *[""] * 25)(nb)
    assert len(nb.cells) == 45
    write(LAST, "1" + "\n1" * 14)(nb)
    for rule in RULES.values():
        assert list(rule(nb)) == []


@pytest.mark.parametrize("lines,problem", [(2, "2 lines"), (3, None), (6, None), (7, "7 lines")])
def test_the_median_code_cell_has_three_to_six_lines(lines, problem):
    nb = sample_lesson()
    for cell in notebook_lint.code_cells(nb):
        cell.source = "\n \n".join(["x = 1"] * lines)
    problems = list(lesson_lint.cell_lengths(nb))
    assert problems == (
        [f"{problem} in the median code cell, blank ones apart, not 3 to 6"] if problem else []
    )


@pytest.mark.parametrize("words,allowed", [(999, False), (1000, True), (2000, True), (2001, False)])
def test_words_are_counted_without_markup(words, allowed):
    nb = sample_lesson()
    text = "<p class='a b'>[don't](x_y.html) " + "word " * (words - 1)
    nb.cells = [new_markdown_cell(source) for source in (text, *[""] * 19)]
    assert (list(lesson_lint.size(nb)) == []) is allowed


def test_quiz_and_next_lesson_may_have_headings_of_their_own():
    nb = sample_lesson()
    points, rest = KEY_POINTS.split("<details>")
    write(18, points)(nb)
    insert(20, "## Quiz\n\n<details>" + rest, "## Next")(nb)
    for rule in lesson_lint.RULES:
        assert list(rule(nb)) == []


def test_addresses_on_the_web_are_no_local_paths():
    nb = sample_lesson()
    write(2, "https://keras.io/home/x and image/tmp, 3/work")(nb)
    assert list(notebook_lint.no_local_paths(nb)) == []


def test_whole_numbers_and_shapes_may_be_checked():
    nb = sample_lesson()
    show(CHECKED, printed("(None, 28, 28, 1) 222,764 of 410 layers. End. information"))(nb)
    assert list(notebook_lint.checked_outputs(nb)) == []
