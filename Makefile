# The verbs. Each brings .venv up to date first (scripts/setup.py; at once when nothing changed).
# ARGS goes to the program behind the verb: make run ARGS="--demo --port 8080", make test ARGS=-x
# PYTHON chooses the interpreter of a new .venv: make test PYTHON=python3.12

BIN := .venv/bin
SET_UP := PYTHON="$(PYTHON)" scripts/bootstrap
LOCK := --universal --python-version 3.11 --only-binary :all: --generate-hashes --no-header --quiet
COMPILE := uv pip compile pyproject.toml $(LOCK)

# Container images set it. What is compiled once, beside the sources, starts in half of the time.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run demo test faults check fmt bench docs web lock clean

help: ## this list
	@awk -F ': ## ' '/^[a-z]+: ## / { printf "make %-6s %s\n", $$1, $$2 }' Makefile

run: ## start the tracker; prints its address (data in ./data)
	@$(SET_UP) run
	@exec $(BIN)/sigmawatch run $(ARGS)

demo: ## start it on the demo market, without any venue
	@$(SET_UP) run
	@exec $(BIN)/sigmawatch run --demo $(ARGS)

test: ## the whole suite
	@$(SET_UP) dev
	$(BIN)/pytest -n auto --dist worksteal $(ARGS)

faults: ## break it on purpose, for hours, and write docs/fault-report.md; ARGS=--resume goes on
	@$(SET_UP) dev
	$(BIN)/python -m scripts.faults $(ARGS)

check: ## format, lint, types, layers, house style, documentation
	@$(SET_UP) dev
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python scripts/tidy.py
	$(BIN)/python -m scripts.docs --check
	$(BIN)/python hatch_build.py check

fmt: ## format, and fix what the linter can
	@$(SET_UP) dev
	$(BIN)/ruff check --fix-only --quiet
	$(BIN)/ruff format

bench: ## measure and write docs/benchmarks.md, or one alone: make bench ARGS=engine
	@$(SET_UP) bench
	$(BIN)/python -m benchmarks $(ARGS)

docs: ## write the generated pages
	@$(SET_UP) dev
	$(BIN)/python -m scripts.docs

web: ## the page with its sources live, over a program at SIGMAWATCH_BUILD_API (http://127.0.0.1:8000)
	@$(SET_UP) dev
	$(BIN)/python hatch_build.py dev $(ARGS)

lock: ## rewrite requirements/ from pyproject.toml; needs uv. ARGS=--upgrade takes what is newest
	@command -v uv >/dev/null || { echo "make lock needs uv on the PATH: pip install uv" >&2; exit 1; }
	$(COMPILE) --extra postgres --group build $(ARGS) --output-file requirements/run.txt
	uv pip compile $(LOCK) --group page $(ARGS) --output-file requirements/page.txt
	$(COMPILE) --extra postgres --group dev $(ARGS) --constraints requirements/run.txt --output-file requirements/dev.txt
	$(COMPILE) --extra postgres --group bench $(ARGS) --constraints requirements/dev.txt --output-file requirements/bench.txt

clean: ## remove .venv and every cache; data stays
	rm -rf .venv .setup.lock .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache \
		.coverage .coverage.* htmlcov dist build web/node_modules src/sigmawatch/app/web/built
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
