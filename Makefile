# make demo   compare all options on invented forces; write workspace/report.html and the packs
# make test   all checks and tests
# Both make .venv and install what they need the first time, and start at once after that.
# Without a network: make demo WHEELS=folder-of-wheels (fill one with: make wheels).

PYTHON ?= python3
VENV ?= .venv
EXTRAS ?= all
WHEELS ?=
PIP = $(VENV)/bin/python -m pip --disable-pip-version-check
FROM = $(if $(WHEELS),--no-index --find-links $(abspath $(WHEELS)))
TORCH = torch==2.13.0

.DEFAULT_GOAL := help
.PHONY: help install demo axe test test-full check format wheels clean

help:
	@sed -n 's/^# \(make .*\)/\1/p' Makefile

install: $(VENV)/.installed

# pip of old Python releases cannot resolve this set; torch before all else keeps CUDA out.
$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet $(FROM) --upgrade 'pip>=26' 'setuptools>=80'
	$(if $(findstring all,$(EXTRAS)),$(PIP) install --quiet $(FROM) $(TORCH))
	$(PIP) install --quiet $(FROM) --no-build-isolation --constraint constraints.txt --editable '.[$(EXTRAS),dev]'
	touch $@

demo: install
	$(VENV)/bin/sandbox demo

# make axe     fetch axe-core, with which the tests check accessibility in headless Chromium
axe: .cache/axe/node_modules/axe-core/axe.min.js

.cache/axe/node_modules/axe-core/axe.min.js:
	npm install --silent --no-audit --no-fund --prefix .cache/axe axe-core@4.10.3

check: install
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

# The tests run the same queries in Spark too, 450 MB that nothing else needs.
$(VENV)/.spark: $(VENV)/.installed
	$(PIP) install --quiet $(FROM) --no-build-isolation --constraint constraints.txt --editable '.[spark]'
	touch $@

test: check $(VENV)/.spark
	$(VENV)/bin/python -m pytest -m 'not full' -n 2 --dist loadfile --cov --cov-report=term:skip-covered

test-full: check $(VENV)/.spark
	$(VENV)/bin/python -m pytest --cov --cov-report=term:skip-covered

format: install
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

# make wheels  gather every wheel of an install, to carry to a machine without a network
wheels: install
	$(PIP) download --quiet --dest wheels 'pip>=26' 'setuptools>=80' $(TORCH)
	$(PIP) download --quiet --dest wheels --find-links wheels --constraint constraints.txt '.[$(EXTRAS),dev,spark]'

clean:
	rm -rf $(VENV) workspace wheels
