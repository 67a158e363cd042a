# make demo   the main job on a rendered movie, with a report to look at (no torch needed)
# make test   everything that a change must keep true
# make test-napari  the plugin in a real window, in an environment of its own (needs Xvfb and the libraries of .ci/run)
# make check  style, types, layers, and the documentation without a warning; make bench
# make release-check  two builds are the same, and the wheel works in a bare environment, offline
PYTHON ?= python3
UV_FIND_LINKS ?= $(PIP_FIND_LINKS)
export UV_FIND_LINKS

LIGHT := .venv
FULL := .venv-full
NAPARI := .venv-napari
UV = $(1)/bin/uv pip install --quiet --python $(1)/bin/python --constraint constraints/locked.txt
OPEN_THREADS := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1

.PHONY: demo test test-slow test-napari check docs bench release-check clean

demo: $(LIGHT)/.ready
	rm -rf demo
	$(LIGHT)/bin/fatescope simulate nuclei --out demo/movie --seed 1
	$(LIGHT)/bin/fatescope predict nuclei demo/movie/nuclei.tif --out demo/results
	$(LIGHT)/bin/fatescope evaluate labels demo/movie/truth/labels demo/results/labels
	@echo "Open demo/results/report.html in a browser."

test: $(FULL)/.ready
	$(OPEN_THREADS) $(FULL)/bin/python -m pytest -n 2 -m "not slow" tests

test-slow: $(FULL)/.ready
	$(OPEN_THREADS) $(FULL)/bin/python -m pytest -n 2 --dist loadscope -m slow tests

test-napari: $(NAPARI)/.ready
	$(OPEN_THREADS) $(NAPARI)/bin/python -m pytest -rs tests/napari

check: $(FULL)/.ready
	$(FULL)/bin/ruff format --check .
	$(FULL)/bin/ruff check .
	$(FULL)/bin/mypy
	$(FULL)/bin/lint-imports
	$(MAKE) docs

docs: $(FULL)/.ready
	NO_MKDOCS_2_WARNING=1 $(FULL)/bin/mkdocs build --strict --quiet

bench: $(FULL)/.ready
	$(FULL)/bin/python -m benchmarks

release-check: $(FULL)/.ready
	$(FULL)/bin/python -m benchmarks.release_check

clean:
	rm -rf $(LIGHT) $(FULL) $(NAPARI) demo site build dist

$(LIGHT)/.ready: pyproject.toml constraints/locked.txt
	test -x $(LIGHT)/bin/uv || { $(PYTHON) -m venv $(LIGHT) && $(LIGHT)/bin/pip install --quiet uv; }
	$(call UV,$(LIGHT)) --editable .
	touch $@

$(NAPARI)/.ready: pyproject.toml constraints/locked.txt
	test -x $(NAPARI)/bin/uv || { $(PYTHON) -m venv $(NAPARI) && $(NAPARI)/bin/pip install --quiet uv; }
	$(call UV,$(NAPARI)) --editable ".[napari]" hypothesis pytest
	touch $@

# The light environment compiles what it runs, which is a third of what lies there. Here all is compiled, because
# tests start thousands of processes. Torch first and by itself: the CPU build where an index or folder offers it, else what there is.
$(FULL)/.ready: pyproject.toml constraints/locked.txt
	test -x $(FULL)/bin/uv || { $(PYTHON) -m venv $(FULL) && $(FULL)/bin/pip install --quiet uv; }
	$(call UV,$(FULL)) --compile-bytecode "torch==2.13.0+cpu" || $(call UV,$(FULL)) --compile-bytecode torch
	$(call UV,$(FULL)) --compile-bytecode --editable ".[all,test,check,docs]"
	touch $@
