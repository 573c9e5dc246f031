# Each target is a few plain lines that a person without make can copy.

PYTHON ?= python3
BIN := .venv/bin
PORT ?= 3000
# More than the cores of a small machine, for tests also wait for servers.
WORKERS ?= 3
export DAGSTER_HOME ?= $(CURDIR)/data/dagster

.PHONY: demo dev test test-all check fix bench chaos docs screenshots clean

# Installs once; again only when what is installed from has changed.
.venv/installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --progress-bar on --disable-pip-version-check --constraint constraints.txt --editable '.[test]'
	touch $@

# All that the tests want besides Python, in one installation.
.venv/installed-all: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --progress-bar on --disable-pip-version-check --constraint constraints.txt --editable '.[test,services,browser]'
	touch .venv/installed $@

# With the peers that only the benchmark wants.
.venv/installed-bench: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --progress-bar on --disable-pip-version-check --constraint constraints.txt --editable '.[test,bench]'
	touch .venv/installed $@

# The last 28 complete days from export to scores, against the built-in simulator or, with a key, the vendor.
demo: .venv/installed
	$(BIN)/salted backfill --last 28
	$(BIN)/salted scoreboard --last 28

# The Dagster UI with its daemon.
dev: .venv/installed
	$(BIN)/salted dev --port $(PORT)

# Everything that needs Python only: lint, types, tests.
test: .venv/installed
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/pytest --numprocesses $(WORKERS) --dist loadfile

# The same, and what needs Postgres, Redis and Chromium (Debian: postgresql, redis-server, chromium), the Dockerfile's
# steps, and runs that are killed on the way. All tests in one run: they load once, and while some wait others work.
test-all: .venv/installed-all
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	REQUIRE_BROWSER=1 $(BIN)/pytest -m '' --numprocesses $(WORKERS) --dist loadfile

# Renew the pictures of the UI that the docs show; the tests in the browser keep all theirs in artifacts/screenshots.
screenshots: .venv/installed-all
	REQUIRE_BROWSER=1 $(BIN)/pytest -m browser
	cp $(addprefix artifacts/screenshots/,graph.png failing-check.png) docs/images/

# The inner loop: lint, types and the tests of pure logic, each with few examples.
check: .venv/installed
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/pytest -m 'not slow' --hypothesis-profile quick -x -q --numprocesses auto --dist loadfile

# Renew what is generated: the dictionaries in docs/, the README's table of settings.
docs: .venv/installed
	$(BIN)/python -m salted_assets.schemas.docs.pages

# Measures; never a test. SIZES=S,M,L SCORES= WORLDS=2000 DAYS=28 RANGE=91 for the whole tables, DOCS=docs to publish them.
SIZES ?= S
SCORES ?= --days 14 --agents 100 --repeats 1
WORLDS ?= 200
DAYS ?= 7
RANGE ?= 14
DOCS ?= data/bench/report
bench: .venv/installed-bench
	$(BIN)/python -m benchmarks.ingest --sizes $(SIZES) --docs $(DOCS)
	$(BIN)/python -m benchmarks.scores $(SCORES) --docs $(DOCS)
	$(BIN)/python -m benchmarks.accuracy --worlds $(WORLDS) --docs $(DOCS)
	$(BIN)/python -m benchmarks.running.day_split --days $(DAYS) --days-per-run $(DAYS) --repeat 1
	$(BIN)/python -m benchmarks.running.ranges --days $(RANGE)

# Kills the real run process at random moments, runs it again, and looks for anything lost, doubled or exported twice.
# Then interrupts, two deployments of one account, cut records, cut bodies and killed erasures on S3, killed daemons.
# Then damages a delivered day in as many ways and looks for figures that change in silence; DAMAGED_DAY is the first
# seed, so that DAMAGED_DAYS=1 tries one of them again.
KILLS ?= 100
ROUNDS ?= 100
DAMAGED_DAYS ?= 5000
DAMAGED_DAY ?= 1000
chaos: .venv/installed
	$(BIN)/python -m chaos --kills $(KILLS) --rounds $(ROUNDS)
	DAMAGED_DAYS=$(DAMAGED_DAYS) DAMAGED_DAY=$(DAMAGED_DAY) $(BIN)/pytest -m chaos --numprocesses $(WORKERS) \
		salted_assets_tests/end_to_end/test_damaged_days.py

# Mend what the linter can mend.
fix: .venv/installed
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

clean:
	rm -rf .venv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis artifacts
