# The environment is .venv in this clone; `make` alone says what there is.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INVENTORY ?= examples/shop
DEMO ?= demo
TESTS ?= tests
# One test process per core; the servers are started once per process.
WORKERS ?= 2
# Of so many mutants one is tried.
ONE_IN ?= 3
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help demo test slow mutation servers generate drills fleet screens check lint types bench queries stack unstack publish build clean lock

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
	@echo "  $(DEMO)/dashboards/   Grafana dashboards: overview, resilience, mTLS, ingress, control plane, migration, one per service"
	@echo "  $(DEMO)/alerts/       PrometheusRules: recording rules, alerts of each service and of the mesh"
	@echo "  $(DEMO)/alertmanager/ who is notified of what, and which alerts silence which"
	@echo "  $(DEMO)/runbooks/     a page per alert and per service"
	@echo "Next: change $(INVENTORY)/ and run make demo again; or point GRAFANA_URL, GRAFANA_TOKEN and KUBECONFIG"
	@echo "at real systems and see what 'make publish' would do: $(BIN)/observe publish -i $(INVENTORY) --dry-run"

test: $(READY) ## Run the tests; those of a server that is not installed are skipped with a reason
	@$(BIN)/pytest --numprocesses $(WORKERS) --dist loadscope -m "not slow" $(TESTS)

slow: $(READY) ## Run the slow tests: mutation of alerts, scale
	@$(BIN)/pytest -m slow $(TESTS)

mutation: $(READY) ## Break the generated rules on purpose, and count what the generated tests notice; needs the servers
	@$(BIN)/python -m tests.proofs.mutation $(ONE_IN)

servers: ## Install the real servers that the tests talk to, into a cache folder
	@$(PYTHON) tests/servers/install.py

generate: $(READY) ## Rewrite the committed pack and schema from the reference inventory
	@$(BIN)/observe schema > docs/inventory.schema.json.new && mv docs/inventory.schema.json.new docs/inventory.schema.json
	@$(BIN)/observe build --inventory examples/shop --output . --rule-tests > /dev/null
	@$(BIN)/python -m tests.golden_files

drills: $(READY) ## Play every incident on the example and write docs/drills.md; needs the servers
	@$(BIN)/observe drill --all --inventory examples/shop --write docs/drills.md \
		--promtool "$$($(BIN)/python -c 'from tests.servers.prometheus_server import binary; print(binary("promtool"))')"

fleet: $(READY) ## Count whom outages in a fleet tell and write docs/alertmanager.md; needs the servers
	@$(BIN)/python -m benchmarks.notifications --write docs/alertmanager.md

screens: $(READY) ## Take the pictures of the README; needs Chromium and the servers
	@$(BIN)/python -m tests.preview.screens

check: $(READY) ## Check the inventory, and that the committed pack is what it gives
	@$(BIN)/observe validate --inventory examples/shop
	@$(BIN)/observe diff --inventory examples/shop --output . --prune --rule-tests || \
		{ echo "the committed pack is stale: run make generate" >&2; exit 1; }

lint: $(READY) ## Lint, format check, and the layers of the architecture
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports

types: $(READY) ## Type check
	@$(BIN)/mypy

bench: $(READY) ## Measure build and validate: seconds, peak memory, bytes
	@$(BIN)/python -m benchmarks.bench

queries: $(READY) ## Measure what rules and dashboards cost Prometheus; needs the servers
	@$(BIN)/python -m benchmarks.queries

stack: $(READY) ## Show $(INVENTORY) alive in Docker: simulated mesh, Prometheus, Alertmanager, Grafana
	@$(BIN)/python -m stack.prepare --inventory $(INVENTORY)
	@echo "Grafana http://localhost:3000, incidents http://localhost:9464, alerts http://localhost:9090/alerts and :9093"
	@INVENTORY=$(abspath $(INVENTORY)) docker compose --file stack/compose.yaml up --build --force-recreate

unstack: ## End what make stack started
	@docker compose --file stack/compose.yaml down --volumes

publish: $(READY) ## Publish $(INVENTORY) to Grafana and the cluster of the environment
	@$(BIN)/observe publish --inventory $(INVENTORY)

build: $(READY) ## Build the wheel and the source archive into dist/
	@$(BIN)/python -m build --no-isolation

lock: $(READY) ## Resolve the dependencies anew
	@$(BIN)/pip-compile --quiet --all-extras --allow-unsafe --generate-hashes --no-emit-index-url --no-emit-find-links \
		--strip-extras --resolver backtracking --output-file requirements.lock pyproject.toml

clean: ## Remove what make made, but not the servers
	@rm -rf $(VENV) $(DEMO) build dist observe_mesh.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
