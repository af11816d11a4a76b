# Everything runs in .venv, which `make install` builds from the lock file; nothing else of the machine is touched.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
RUN_DIR ?= runs/demo
DEMO_CONFIG ?= jobs/configs/demo.yaml
export RAY_USAGE_STATS_ENABLED := 0

.PHONY: install demo serve test lint bench dashboards lock clean

install: $(STAMP)

# torch first and by name: where a CPU build lies on disk pip takes that one, elsewhere the registry's.
$(STAMP): pyproject.toml requirements.lock
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet $(shell grep '^torch==' requirements.lock)
	$(BIN)/python -m pip install --quiet -r requirements.lock
	touch $@

demo: $(STAMP)
	$(BIN)/python -m jobs.train_search --config $(DEMO_CONFIG) --run-dir $(RUN_DIR)
	$(BIN)/python -m jobs.search_code --index $(RUN_DIR) --top 3 --lines 4 \
		"copy a file and its permissions" "parse an e-mail address" "wait until the first of several tasks is done"
	@echo; echo 'To go on: . $(BIN)/activate, then the commands listed under "next" above.'

# What `make demo` has made, over HTTP and as a page, until Ctrl-C.
serve: $(STAMP)
	$(BIN)/python -m serving.start --index $(RUN_DIR) $(SERVE)

# First what runs within one process, on all cores; then, alone, what starts and kills processes of its own.
ALONE := ray or faults or security
test: $(STAMP)
	$(BIN)/python -m pytest -n logical --maxprocesses 4 --dist worksteal -m "not ($(ALONE))"
	$(BIN)/python -m pytest -m "$(ALONE)"

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(STAMP)
	$(BIN)/python -m benchmarks.startup
	$(BIN)/python -m benchmarks.search_encoding
	$(BIN)/python -m benchmarks.search_training
	$(BIN)/python -m benchmarks.cpu_choices
	$(BIN)/python -m benchmarks.mining
	$(BIN)/python -m benchmarks.search_memory
	$(BIN)/python -m benchmarks.execution
	$(BIN)/python -m benchmarks.execution_scale
	$(BIN)/python -m benchmarks.codegen_generation
	$(BIN)/python -m benchmarks.memory_prediction
	$(BIN)/python -m benchmarks.sweep
	$(BIN)/python -m benchmarks.trial_overhead
	$(BIN)/python -m benchmarks.vector_index
	$(BIN)/python -m benchmarks.search_index
	$(BIN)/python -m benchmarks.hybrid
	$(BIN)/python -m benchmarks.serving_engines
	$(BIN)/python -m benchmarks.serving
	$(BIN)/python -m pip install --quiet --no-deps --target .venv/trl trl==1.16.0  # the peer, seen by this benchmark only
	$(BIN)/python -m benchmarks.codegen_training --trl .venv/trl

# MLflow, Ray's dashboard and TensorBoard over the folder of the runs, until Ctrl-C.
dashboards: $(STAMP)
	@mkdir -p runs
	$(BIN)/python -m cluster.dashboards

# A new lock file: what pip resolves from pyproject.toml today.
lock:
	rm -rf .venv-lock && $(PYTHON) -m venv .venv-lock
	.venv-lock/bin/python -m pip install --quiet torch==2.13.0
	.venv-lock/bin/python -m pip install --quiet ".[dev]"
	(echo "# Written by make lock. pip install -r requirements.lock"; \
	 .venv-lock/bin/python -m pip freeze --exclude codeadapters | sed -E 's/^torch( @.*|==.*)$$/torch==2.13.0/') \
		> requirements.lock
	rm -rf .venv-lock

clean:
	rm -rf $(VENV) build *.egg-info
