# `make` lists the targets.
.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PYTHON ?= python3
EXPERIMENT ?= published
PORT ?= 5000
APP_PORT ?= 8765
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

.PHONY: env
env: $(READY) ## set up .venv with the locked versions

$(READY): requirements.lock
	sh .ci/environment $(PYTHON) $(VENV)
	@touch $@

.PHONY: extras
extras: $(READY) ## add what other launchers, Optuna's search, ONNX and PostgreSQL need
	sh .ci/environment $(PYTHON) $(VENV) requirements-extras.lock

.PHONY: demo
demo: $(READY) ## run the whole pipeline on patches drawn by the project
	python -m src.repro experiment=demo

# The tracked pipeline is of one experiment, conf/pipeline.yaml's.
.PHONY: repro
repro: $(READY) ## run it on METU (EXPERIMENT=published, or any in conf/experiment/)
	@# A copy without a git repository of its own: DVC must not look for one.
	@[ -e .git ] || dvc config --local core.no_scm true
	$(if $(filter published,$(EXPERIMENT)),dvc repro,python -m src.repro experiment=$(EXPERIMENT))

.PHONY: test
test: $(READY) ## run the tests
	pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder

.PHONY: test-fast
test-fast: $(READY) ## run all but the slow tests; about a minute on two cores
	pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder -m "not slow"

.PHONY: lint
lint: $(READY) ## check style, types and the order of imports
	ruff check
	ruff format --check
	mypy
	lint-imports --no-logo

.PHONY: format
format: $(READY) ## mend what ruff can mend, and lay the code out
	ruff check --fix --exit-zero
	ruff format

.PHONY: clean
clean: ## remove caches, feature banks and outputs that can be made again; images, runs and unsent models stay
	@[ ! -d outputs ] || find outputs -mindepth 1 -maxdepth 1 \
		! -name downloads ! -name images ! -name unsent -print -exec rm -rf {} +
	@find benchmarks notebooks src tests -name __pycache__ -print -prune -exec rm -rf {} +
	@find . -maxdepth 1 \( -name '.*_cache' -o -name .hypothesis -o -name '*.egg-info' -o -name reports \) \
		-print -exec rm -rf {} +

.PHONY: ui
ui: $(READY) ## open the MLflow UI over mlruns/ on loopback (PORT=5000)
	@python -m src.ui tracking.ui=http://127.0.0.1:$(PORT)

.PHONY: app
app: $(READY) ## open a page on loopback that judges your photos (APP_PORT=8765, KEEP=FOLDER)
	python -m src.app port=$(APP_PORT) $(if $(KEEP),keep=$(KEEP))

.PHONY: bench
bench: $(READY) ## measure speed against the recipe as everyone writes it
	python -m benchmarks.speed

RESOLVE := uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-annotate --quiet

.PHONY: lock
lock: $(READY) ## resolve pyproject.toml into both lock files anew
	$(RESOLVE) --output-file requirements.lock
	$(RESOLVE) --extra sweep --extra ray --extra export --extra server --output-file requirements-extras.lock
