"""`make exercises` writes what is missing or unused, and keeps what holds answers."""

import shutil

import nbformat

from notebooks import make_exercises


def test_answers_are_kept_and_the_others_written(tmp_path, monkeypatch, capsys):
    name, other = "01_loading_a_base.ipynb", "02_removing_the_top.ipynb"
    for folder in ("solutions", "exercises"):
        (tmp_path / folder).mkdir()
    for file in (name, other):
        shutil.copy(make_exercises.SOLUTIONS / file, tmp_path / "solutions" / file)
    monkeypatch.setattr(make_exercises, "SOLUTIONS", tmp_path / "solutions")
    monkeypatch.setattr(make_exercises, "EXERCISES", tmp_path / "exercises")

    make_exercises.main()
    assert capsys.readouterr().out == ""
    answered = tmp_path / "exercises" / name
    nb = nbformat.read(answered, as_version=4)
    next(cell for cell in nb.cells if cell.cell_type == "code").execution_count = 1
    nb.cells[-1].source += "\n# my answer"
    nbformat.write(nb, answered)
    before = answered.read_bytes()
    (tmp_path / "exercises" / other).unlink()

    make_exercises.main()
    assert answered.read_bytes() == before
    assert (tmp_path / "exercises" / other).exists()
    said = capsys.readouterr().out
    assert said.count("is kept: rename it") == 1 and name in said

    answered.rename(answered.with_name("mine.ipynb"))
    make_exercises.main()
    assert "my answer" not in answered.read_text(encoding="utf-8")
