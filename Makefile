# Each target does its own set-up: `make demo` and `make test` work on a fresh clone, in any order.

VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# The first Python from 3.11 to 3.13 that is found; or make PYTHON=/path/to/python3.12 …
PYTHON ?= $(firstword $(foreach name,python3.11 python3.12 python3.13 python3,$(shell command -v $(name))))
BUILD ?= build
# The folder that has the music of the presets piano and jazz; docs/model.md says what belongs in it.
DATA ?= $(MUSIC21_LSTM_DATA)

.PHONY: help demo test lint format bench docs train-chorale train-piano train-jazz soundfont dist clean

help:
	@echo "make demo          the bundled models improvise; see demo/demo.html"
	@echo "make test          all tests"
	@echo "make lint          ruff, mypy --strict, the layers"
	@echo "make bench         the measured claims of the README, side by side with the peers"
	@echo "make docs          the documentation, into site/"
	@echo "make train-chorale the preset 'chorale' again, into $(BUILD)/chorale/"
	@echo "make train-piano   the preset 'piano' again, from the music in DATA=…, into $(BUILD)/piano/"
	@echo "make train-jazz    the preset 'jazz' again, from the music in DATA=…, into $(BUILD)/jazz/"
	@echo "make soundfont     the bundled bank again, from Debian's packages"

demo: $(VENV)/.core
	$(BIN)/python examples/demo.py demo

test: $(VENV)/.dev
	$(BIN)/python -m pytest --cov=music21_lstm --cov-report=term

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks

docs: $(VENV)/.docs
	$(BIN)/mkdocs build --strict --site-dir site

train-chorale: $(VENV)/.dev
	$(BIN)/python -m music21_lstm train --corpus chorales --settings chorale -o $(BUILD)/chorale

train-piano: $(VENV)/.dev
	$(BIN)/python -m music21_lstm train --corpus piano --data "$(DATA)" --settings piano -o $(BUILD)/piano-1
	$(BIN)/python -m music21_lstm train --corpus piano --data "$(DATA)" --from $(BUILD)/piano-1 \
	  --settings piano --learning-rate 0.0015 --humanize 0.4 --epochs 6 --patience 6 --seed 1 \
	  -o $(BUILD)/piano

train-jazz: $(VENV)/.dev
	$(BIN)/python -m music21_lstm train --corpus jazz --data "$(DATA)" --from piano --settings jazz -o $(BUILD)/jazz

soundfont: $(VENV)/.core
	$(BIN)/python soundfonts/build.py --debian

dist: $(VENV)/.dev
	$(BIN)/python -m build

clean:
	rm -rf $(VENV) build dist demo site .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache

# --- set-up ----------------------------------------------------------------------------------

$(VENV)/.made:
	@sh .ci/make-venv "$(PYTHON)" "$(VENV)"
	@touch $@

$(VENV)/.core: $(VENV)/.made pyproject.toml
	@echo "installing music21-lstm into $(VENV) …"
	@$(PIP) install --editable '.[page]' || sh .ci/install-failed
	@$(BIN)/python -c "from music21_lstm.audio import library; library()" || sh .ci/install-failed
	@touch $@

$(VENV)/.dev: $(VENV)/.made pyproject.toml
	@echo "installing music21-lstm with TensorFlow and the tools of development into $(VENV) …"
	@$(PIP) install --editable '.[train,dev]' || sh .ci/install-failed
	@$(BIN)/python -c "from music21_lstm.audio import library; library()" || sh .ci/install-failed
	@touch $(VENV)/.core $@

$(VENV)/.docs: $(VENV)/.made pyproject.toml
	@$(PIP) install --editable '.[docs]' || sh .ci/install-failed
	@touch $@
