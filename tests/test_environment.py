"""One source of versions, one range of Pythons, quiet kernels and a quiet JupyterLab."""

import json
import os
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
NOT_LOCKED = {"pip", PROJECT["name"]}
PYTHONS = ["3.11", "3.12", "3.13"]


def lock():
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if re.match(r"\w", line)]


def version(requirement):
    (pin,) = requirement.specifier
    assert pin.operator == "==", f"{requirement} is no exact version"
    return pin.version


def locked(environment=None):
    """Name to version, as installed where the markers see `environment`."""
    wanted = [r for r in lock() if not r.marker or r.marker.evaluate(environment)]
    found = {canonicalize_name(r.name): version(r) for r in wanted}
    assert len(found) == len(wanted), "a package is locked twice"
    return found


def python(number):
    return {"python_version": number, "python_full_version": f"{number}.0"}


def test_what_is_installed_is_what_the_lock_says():
    installed = {canonicalize_name(d.name): d.version for d in metadata.distributions()}
    assert {name: v for name, v in installed.items() if name not in NOT_LOCKED} == locked()


@pytest.mark.parametrize("number", PYTHONS)
def test_the_lock_satisfies_what_the_project_asks_for(number):
    pins = locked(python(number))
    extras = PROJECT["optional-dependencies"]
    asked = [Requirement(line) for line in (*PROJECT["dependencies"], *extras["dev"])]
    assert {
        str(r) for r in asked if not r.specifier.contains(pins[canonicalize_name(r.name)])
    } == set()


def test_keras_is_recent_enough_to_load_files_safely():
    assert all(SpecifierSet(">=3.15.1").contains(locked(python(n))["keras"]) for n in PYTHONS)


def test_conda_installs_the_lock_and_no_version_of_its_own():
    text = (ROOT / "environment.yml").read_text(encoding="utf-8")
    assert yaml.safe_load(text)["dependencies"] == [
        f"python={PYTHONS[0]}",
        "pip",
        {"pip": ["-r requirements.txt", "-e ."]},
    ]


def test_every_file_names_the_same_pythons():
    allowed = SpecifierSet(PROJECT["requires-python"])
    assert [f"3.{minor}" for minor in range(30) if f"3.{minor}" in allowed] == PYTHONS
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "(3, 11) <= sys.version_info[:2] <= (3, 13)" in makefile
    assert set(re.findall(r"\bpython(3\.\d+)\b", makefile)) == set(PYTHONS)
    workflow = yaml.safe_load((ROOT / ".github/workflows/test.yml").read_text(encoding="utf-8"))
    assert workflow["jobs"]["test"]["strategy"]["matrix"]["python"] == PYTHONS


def test_a_cell_shows_what_python_writes_and_not_what_lies_below():
    source = "import os, sys\nos.write(2, b'start-up lines')\nprint('careful', file=sys.stderr)"
    nb = new_notebook(cells=[new_code_cell(source + "\nsys.prefix")])
    environment = dict(os.environ)
    del environment["PYTEST_CURRENT_TEST"]  # with it, ipykernel never copies what lies below
    NotebookClient(nb, timeout=60).execute(env=environment)
    stderr, result = nb.cells[0].outputs
    assert stderr.text == "careful\n"
    assert result.data["text/plain"] == repr(sys.prefix), "another environment's kernel"


def test_importing_the_helpers_costs_and_changes_nothing():
    modules = sorted(path.stem for path in (ROOT / "helpers").glob("[!_]*.py"))
    code = f"""
import keras, matplotlib.pyplot, random, numpy, sys, importlib
state = lambda: (random.getstate(), str(numpy.random.get_state()), keras.config.dtype_policy())
before = state()
for name in {modules}:
    importlib.import_module(f"helpers.{{name}}")
assert state() == before, "a seed or a setting changed"
assert not matplotlib.pyplot.get_fignums()
"""
    command = [sys.executable, "-W", "error::UserWarning", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""


def test_jupyterlab_neither_asks_about_news_nor_calls_home():
    settings = Path(sys.prefix, "share/jupyter/lab/settings/overrides.json")
    notification = json.loads(settings.read_text(encoding="utf-8"))[
        "@jupyterlab/apputils-extension:notification"
    ]
    assert notification == {"checkForUpdates": False, "fetchNews": "false"}
