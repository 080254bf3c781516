# The course's commands. `make` alone lists them. Another Python: PYTHON=python3.12 make course

READY := .venv/.ready
PY := .venv/bin/python
SOURCES := requirements.txt pyproject.toml notebooks/.ipython_kernel_config.py \
           notebooks/.jupyterlab_overrides.json
CANDIDATES := $(if $(PYTHON),"$(PYTHON)",python3.11 python3.12 python3.13 python3 python)
NB ?= notebooks/*.ipynb notebooks/solutions/*.ipynb

# Without a screen JupyterLab prints its address and opens nothing; root has to say so.
SCREEN := $(DISPLAY)$(WAYLAND_DISPLAY)$(BROWSER)$(filter Darwin,$(shell uname))
LAB_OPTIONS := $(if $(SCREEN),,--no-browser) $(if $(filter 0,$(shell id -u)),--allow-root)

# Start-up lines of TensorFlow's C++ part; `TF_CPP_MIN_LOG_LEVEL=0 make test` shows them.
export TF_CPP_MIN_LOG_LEVEL ?= 3

# TensorFlow uses oneDNN's faster operations unasked only on some processors; lesson 11 measures it.
export TF_ENABLE_ONEDNN_OPTS ?= 1

# Slides bring their own copy of reveal.js, out of this package; nothing else of it is used.
REVEAL := .venv/reveal/sphinx_revealjs/_static/revealjs

.PHONY: help course check photos test notebooks exercises slides data evidence bench thorough lint clean same-python

help:  ## list the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "make %-10s %s\n", $$1, $$2}' Makefile

course: $(READY)  ## set up once, then open the first lesson in JupyterLab
	$(PY) -m jupyterlab $(LAB_OPTIONS) --LabApp.default_url=/lab/tree/notebooks/00_start_here.ipynb

check: $(READY)  ## set up once, then say whether everything is ready
	@$(PY) -m helpers.installation

photos: $(READY)  ## fetch what lessons 09 and 10 need, once (100 MB)
	@$(PY) -m helpers.downloads

test: $(READY) lint  ## set up once, then check the code, the helpers and every notebook
	$(PY) -m pytest -n 2 --dist worksteal tests
	$(PY) -m pytest -n 2 --dist loadfile --nbval-lax --nbval-current-env -p tests.part_two notebooks

notebooks: $(READY)  ## run every notebook and store its outputs; NB='notebooks/03*.ipynb' for one
	$(PY) -m nbconvert --to notebook --execute --inplace --log-level=WARN $(NB)
	$(PY) -m nbconvert --to notebook --inplace --coalesce-streams --log-level=WARN $(NB)
	$(PY) -m nbstripout --keep-output --keep-count --keep-id --extra-keys metadata.language_info $(NB)
	$(PY) notebooks/stamp_results.py $(NB)

exercises: $(READY)  ## make notebooks/exercises from notebooks/solutions
	$(PY) notebooks/make_exercises.py

slides: $(REVEAL)  ## make slides of the lessons, to show without a network: notebooks/slides
	$(PY) notebooks/make_slides.py $(REVEAL)

data: $(READY)  ## train the two bundled bases anew, glyphnet and langnet
	$(PY) data/make_glyphnet.py
	$(PY) data/make_langnet.py

evidence: $(READY)  ## measure what data/results lacks; delete a file there to repeat it
	$(PY) data/make_evidence.py
	$(PY) data/make_tables.py

bench: $(READY)  ## time the helpers and recipes beside plain Keras; 90 minutes, on an idle machine
	$(PY) -m tests.bench.photo_bench
	$(PY) -m tests.bench.memory
	$(PY) -m tests.bench.run_times
	$(PY) -m tests.bench.bench
	$(PY) data/make_tables.py

thorough: $(READY)  ## every test, those that take long included; an hour
	$(PY) -m pytest -n 2 --dist worksteal --thorough tests

lint: $(READY)  ## check the style of the code
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

clean:  ## remove what these commands made, the environment included
	rm -rf .venv .pytest_cache .ruff_cache .coverage notebooks/slides
	find . -name __pycache__ -prune -exec rm -rf {} +

$(REVEAL): $(READY)
	$(PY) -m pip install --disable-pip-version-check --no-deps --upgrade --target .venv/reveal \
	  sphinx-revealjs==3.2.1
	@touch $@

# A PYTHON named by the user must be the one that .venv was made with.
ifdef PYTHON
$(READY): | same-python
same-python:
	@test ! -x $(PY) || test "$$($(PY) --version)" = "$$("$(PYTHON)" --version)" || { \
	  echo "Error: .venv holds $$($(PY) --version), not $$("$(PYTHON)" --version): run 'make clean' first."; \
	  exit 1; }
endif

$(READY): $(SOURCES)
	@for candidate in $(CANDIDATES); do \
	  "$$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
	    2>/dev/null || continue; \
	  found=$$candidate; \
	  "$$candidate" -c 'import ensurepip, venv' 2>/dev/null || continue; \
	  echo "Setting up .venv with $$("$$candidate" --version) (3 GB; a few minutes, only once)."; \
	  exec "$$candidate" -m venv .venv; \
	done; \
	if [ -n "$$found" ]; then \
	  echo "Error: $$found has no venv module (on Debian or Ubuntu: sudo apt install $${found##*/}-venv)."; \
	else \
	  echo "Error: no Python 3.11, 3.12 or 3.13 found; name yours: PYTHON=/path/to/python3.12 make course"; \
	fi >&2; exit 1
	$(PY) -m pip install --disable-pip-version-check -r requirements.txt
	$(PY) -m pip install --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
