# The environment is .venv in this clone; `make` alone says what there is.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INVENTORY ?= examples/shop
DEMO ?= demo
TESTS ?= tests
# One test process per core; the servers are started once per process.
WORKERS ?= 2
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help demo test slow servers generate check lint types bench publish build clean lock

help: ## Say what there is
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 18

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "observe needs Python 3.11 or newer; name one with PYTHON=..., as in: make $(or $(MAKECMDGOALS),demo) PYTHON=python3.12" >&2; exit 1; }
	@echo "setting up $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	@# setuptools warns of every editable installation as such; that is not news
	@PYTHONWARNINGS=ignore $(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(READY) ## Build, check and publish the 22-service example into a directory
	@$(BIN)/observe publish --inventory $(INVENTORY) --to directory --output $(DEMO) > /dev/null
	@echo
	@echo "The pack is in $(DEMO)/:"
	@echo "  $(DEMO)/istio/        Istio resources by namespace and service: routes, breakers, scopes, policies"
	@echo "  $(DEMO)/install/      values for Istio's installers, labels of namespaces, patches of workloads"
	@echo "  $(DEMO)/dashboards/   Grafana dashboards: mesh overview, mTLS coverage, one per service"
	@echo "  $(DEMO)/alerts/       PrometheusRules: recording rules, and up to five alerts per service"
	@echo "  $(DEMO)/runbooks/     a page per alert"
	@echo "Next: change $(INVENTORY)/ and run make demo again; or point GRAFANA_URL, GRAFANA_TOKEN and KUBECONFIG"
	@echo "at real systems and see what 'make publish' would do: $(BIN)/observe publish -i $(INVENTORY) --dry-run"

test: $(READY) ## Run the tests; those of a server that is not installed are skipped with a reason
	@$(BIN)/pytest --numprocesses $(WORKERS) --dist loadscope -m "not slow" $(TESTS)

slow: $(READY) ## Run the slow tests: mutation of alerts, scale
	@$(BIN)/pytest -m slow $(TESTS)

servers: ## Install the real servers that the tests talk to, into a cache folder
	@$(PYTHON) tests/servers/install.py

generate: $(READY) ## Rewrite the committed pack and schema from the reference inventory
	@$(BIN)/observe schema > docs/inventory.schema.json.new && mv docs/inventory.schema.json.new docs/inventory.schema.json
	@$(BIN)/observe build --inventory examples/shop --output . > /dev/null
	@$(BIN)/python -m tests.golden_files

check: $(READY) ## Check the inventory, and that the committed pack is what it gives
	@$(BIN)/observe validate --inventory examples/shop
	@$(BIN)/observe diff --inventory examples/shop --output . --prune || \
		{ echo "the committed pack is stale: run make generate" >&2; exit 1; }

lint: $(READY) ## Lint, format check, and the layers of the architecture
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports

types: $(READY) ## Type check
	@$(BIN)/mypy

bench: $(READY) ## Measure build and validate: seconds, peak memory, bytes
	@$(BIN)/python -m benchmarks.bench

publish: $(READY) ## Publish $(INVENTORY) to Grafana and the cluster of the environment
	@$(BIN)/observe publish --inventory $(INVENTORY)

build: $(READY) ## Build the wheel and the source archive into dist/
	@$(BIN)/python -m build --no-isolation

lock: $(READY) ## Resolve the dependencies anew
	@$(BIN)/pip-compile --quiet --all-extras --allow-unsafe --generate-hashes --no-emit-index-url --no-emit-find-links \
		--strip-extras --resolver backtracking --output-file requirements.lock pyproject.toml

clean: ## Remove what make made, but not the servers
	@rm -rf $(VENV) $(DEMO) build dist observe_mesh.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
