# The front door: every command sets up what it needs. STACK chooses the stack (default: the sandbox on this machine).
STACK ?= sandbox
PORT ?= 4566
PYTHON ?= python3
N ?= 1000
MANNERS ?=
SEED ?= 0
export AWS_PROVIDER ?= own
UV_VERSION := 0.13.9

PY := .venv/bin/python
SANDBOX := $(PY) -m sandbox --port $(PORT) --manners "$(MANNERS)" --seed $(SEED)

# Imports of a large SDK are compiled once and kept, whatever the caller's environment says.
unexport PYTHONDONTWRITEBYTECODE

# A folder in a list of folders, as PATH is, can't have a colon; and make takes no line breaks.
ifneq ($(shell pwd | grep -c :)$(shell pwd | grep -c ''),01)
$(error The path of this folder has a colon or a line break, with which Python makes no virtual environment. Rename it)
endif

# Where the user's cache folder can't be written, the project has one: for uv, pip, Go, and the engine.
ifeq ($(shell cache="$${XDG_CACHE_HOME:-$${HOME:+$$HOME/.cache}}"; mkdir -p "$$cache" 2>/dev/null && test -w "$$cache" && echo yes),)
export XDG_CACHE_HOME := $(shell pwd)/.cache/user
endif

# Made anew in a project that was moved, as it holds its path; and where the Python is gone that it was made of.
$(shell [ "$$(cat .venv/ready 2>/dev/null)" = "$$(pwd -P)" ] && .venv/bin/python -c '' 2>/dev/null || rm -f .venv/ready)

.DEFAULT_GOAL := help
.PHONY: help setup sandbox sandbox-down sandbox-clean test check screenshots bench outputs preview up recover verify releases rollback recount \
	delivery demo-data takeover lock

help: ## list these commands
	@grep -hE '^[a-z-]+:.*## ' Makefile | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

setup: .venv/ready ## install the locked dependencies into .venv/

sandbox: setup ## the whole site on this machine: embedded AWS, deployment, sample experiments, URLs
	@$(SANDBOX) sandbox

sandbox-down: setup ## stop the embedded AWS; its data is kept
	@$(SANDBOX) down

sandbox-clean: setup ## stop the embedded AWS and forget its data
	@$(SANDBOX) clean

test: check ## every test: unit, components, the whole stack on an embedded AWS, browser
	@$(PY) -m tests.browser.chromium
	@$(PY) -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

check: setup ## ruff and mypy
	@$(PY) -m ruff check --quiet .
	@$(PY) -m ruff format --quiet --check .
	@$(PY) -m mypy

screenshots: setup ## pictures of the running sandbox's pages, to docs/screenshots/
	@$(PY) -m tests.browser.chromium
	@$(PY) -m tests.browser.screenshots --port $(PORT)

bench: setup ## the benchmarks, a figure a line
	@$(PY) -m benchmarks

outputs: setup ## the stack's outputs as JSON
ifeq ($(STACK),sandbox)
	@$(SANDBOX) outputs
else
	@pulumi stack output --json --stack $(STACK)
endif

preview: setup ## what `make up` would change
ifeq ($(STACK),sandbox)
	@$(SANDBOX) preview
else
	@$(PY) -m components.settings Pulumi.$(STACK).yaml
	@pulumi preview --stack $(STACK) --diff
endif

up: setup ## deploy STACK
ifeq ($(STACK),sandbox)
	@$(SANDBOX) up
else
	@$(PY) -m components.settings Pulumi.$(STACK).yaml
	@$(PY) -m operations.recover --stack $(STACK) --check
	@pulumi up --stack $(STACK)
endif

recover: setup ## take into STACK what an interrupted deployment left in AWS; RELEASE_LOCK=1 ends its lock
	@$(PY) -m operations.recover --stack $(STACK) --port $(PORT) $(if $(RELEASE_LOCK),--release-lock)

verify: setup ## whether what STACK serves is what git says; only reads
	@$(PY) -m operations.verify --stack $(STACK) --port $(PORT)

releases: setup ## what was released on STACK, newest first
	@$(PY) -m operations.releases --stack $(STACK) --port $(PORT)

rollback: setup ## go back to an earlier renderer: TO=<version or release>, as make releases lists them
	@version=$$($(PY) -m operations.releases --stack $(STACK) --port $(PORT) --version-of "$(TO)") && \
		RENDERER_VERSION=$$version $(MAKE) --no-print-directory up

recount: setup ## count anew what STACK's table keeps beside its experiments
	@$(PY) -m operations.recount --stack $(STACK) --port $(PORT)

delivery: setup ## note how much STACK's CDN has delivered this month and the last
	@$(PY) -m operations.delivery --stack $(STACK) --port $(PORT)

takeover: setup ## take over the site at STACK's domain: the plan; YES=1 all steps, STEP=<name>, BACK=1, REMOVE_OLD=1
	@$(PY) -m operations.takeover --stack $(STACK) --port $(PORT) $(STEP) \
		$(if $(YES),--yes) $(if $(BACK),--back) $(if $(REMOVE_OLD),--remove-old) $(ARGS)

demo-data: setup ## add N made-up experiments to the sandbox, to try it with many
	@$(PY) -m operations.demo_data --count $(N) --port $(PORT)

lock: setup ## bring uv.lock and the requirements of the Lambda layer and the worker up to pyproject.toml
	@.venv/bin/uv lock
	@for group in layer:lambda worker:worker; do \
		.venv/bin/uv export --quiet --frozen --only-group "$${group%:*}" --no-emit-project --no-annotate --no-header \
			--output-file "$${group#*:}/requirements.txt"; done

.venv/ready: pyproject.toml uv.lock Makefile
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo "error: Python 3.11 or newer is needed; '$(PYTHON)' is older or missing. Try: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || \
		{ echo "error: $(PYTHON) can't make virtual environments. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@[ -e $@ ] || rm -rf .venv
	@{ .venv/bin/uv --version 2>/dev/null | grep -q '^uv $(UV_VERSION)' || \
		{ $(PYTHON) -m venv .venv && $(PY) -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION); } && \
		.venv/bin/uv sync --quiet --frozen && pwd -P > $@; } || \
		{ rm -f $@; echo "error: the dependencies could not be installed, for the reason above. If no space is left on the device," \
			"make room; else check the network and the proxy settings. Then run make $(MAKECMDGOALS) again." >&2; exit 1; }
