# Two commands: `make run` serves a desk with demo data, `make test` runs everything that must hold.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv pip install --quiet --python $(BIN)/python
DATA ?= data
PORT ?= 8000
# One more than the cores of a small machine: with two more, journeys of many processes waited longer than they may.
JOBS ?= 3

# Python keeps what it compiled, also where the machine says otherwise: else each process compiles everything anew.
KEEPING := PYTHONDONTWRITEBYTECODE=

DISTRIBUTIONS := plugin_api core $(sort $(patsubst %/pyproject.toml,%,$(wildcard plugins/*/pyproject.toml themes/*/pyproject.toml)))
PROJECTS := $(addsuffix /pyproject.toml,$(DISTRIBUTIONS))

.PHONY: run test lint types bench bench-mail pictures assets pins wheels guide words faults clean

run: $(VENV)/.ready
	@$(BIN)/python -m ombud.web.assets build
	@$(BIN)/ombud serve --data "$(DATA)" --port $(PORT) --demo

test: $(VENV)/.ready-for-tests
	@$(BIN)/python -m ombud.web.assets build
	@$(MAKE) --no-print-directory lint types
	@$(KEEPING) $(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder

# How fast it is, beside its bare limits; the first time a desk of CASES cases is made in build/bench.
CASES ?= 100000
pictures: $(VENV)/.ready-for-tests
	@$(BIN)/python -m ombud.web.assets build
	@$(BIN)/python tests/tour/pictures.py docs/pictures

bench: $(VENV)/.ready-for-tests
	@$(BIN)/python -m ombud.web.assets build
	@$(BIN)/python tests/bench/measure.py --data build/bench --cases $(CASES)
	@$(BIN)/python plugins/email/tests/scoring.py

# Many mails through a served desk while its work process is killed three times.
MAILS ?= 10000
bench-mail: $(VENV)/.ready-for-tests
	@$(BIN)/python -m ombud.web.assets build
	@OMBUD_MAIL_LOAD=$(MAILS) $(BIN)/python -m pytest -q -s tests/journey/test_mail.py -k many

lint: $(VENV)/.ready-for-tests
	@$(BIN)/ruff check . && $(BIN)/ruff format --check --quiet . && $(BIN)/lint-imports --no-cache > $(VENV)/imports.log || { cat $(VENV)/imports.log; exit 1; }

types: $(VENV)/.ready-for-tests
	@$(BIN)/mypy plugin_api/ombud_plugin_api core/ombud

$(VENV)/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Ombud needs Python 3.11 or newer; name it with: make PYTHON=python3.12")'
	@$(PYTHON) -m venv $(VENV) || { echo "This Python has no venv module; install it (on Debian: python3-venv) and try again."; exit 1; }
	@$(BIN)/pip install --quiet --disable-pip-version-check uv

$(VENV)/.ready: $(VENV)/bin/uv requirements.txt $(PROJECTS)
	@$(UV) -r requirements.txt
	@$(UV) --no-deps $(addprefix -e ./,$(DISTRIBUTIONS))
	@touch $@

$(VENV)/.ready-for-tests: $(VENV)/.ready requirements-test.txt
	@$(UV) -r requirements.txt -r requirements-test.txt
	@touch $@

# For developers: pins anew what the distributions declare, without addresses of any index.
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate --no-emit-index-url
DECLARED := import sys, tomllib; print(*(each for path in sys.argv[1:] for each in tomllib.load(open(path, "rb"))["project"].get("dependencies", []) if not each.startswith("ombud")), sep="\n")
pins: $(VENV)/bin/uv
	@$(BIN)/python -c '$(DECLARED)' $(PROJECTS) > $(VENV)/declared.in
	@$(COMPILE) $(VENV)/declared.in requirements.in -o requirements.txt
	@$(COMPILE) -c requirements.txt requirements-test.in -o requirements-test.txt

# Runs the fault tests and records what was seen.
FAULTS := docs/plugins/faults.md
faults: $(VENV)/.ready-for-tests
	@sed -i '/^| \(pages\|doors\) |/d' $(FAULTS)
	@FAULTS_RECORD=$(abspath $(FAULTS)) $(BIN)/python -m pytest -q tests/journey/test_plugin_faults.py

# Every distribution as a wheel, in dist/.
DIST ?= dist
wheels: $(VENV)/.ready-for-tests
	@$(BIN)/python -m ombud.web.assets build
	@rm -f "$(DIST)"/*.whl
	@for each in $(DISTRIBUTIONS); do $(BIN)/uv build --quiet --wheel --no-build-isolation --python $(BIN)/python -o "$(DIST)" "./$$each" || exit 1; done
	@ls "$(DIST)"/*.whl

# The pages of the author's guide that the code tells.
guide: $(VENV)/.ready-for-tests
	@$(BIN)/python -m ombud_plugin_api.testing.guide docs/plugins

# Finds every text of core and writes it into the catalogues; names what has no translation yet.
words: $(VENV)/.ready
	@$(BIN)/python -m ombud.web.catalogue

clean:
	rm -rf $(VENV) core/ombud/web/node_modules core/ombud/web/static/built
