# Everything from a fresh clone: python3.11+ with venv, make, and a package index. `make` alone lists what there is.

PYTHON ?= python3
VENV := .venv
LINT_VENV := .venv-sqlfluff
FAKESNOW_VENV := .venv-fakesnow
DATACONTRACT_VENV := .venv-datacontract
IMAGE_VENV := .venv-image
TERRAFORM_VENV := .venv-terraform
CHECKOV_VENV := .venv-checkov
BIN := $(VENV)/bin
ACTIONLINT := $(LINT_VENV)/bin/actionlint
# By go: its package of Python downloads a program while it is built. Go's checksum database holds what a version is.
ACTIONLINT_MODULE := github.com/rhysd/actionlint/cmd/actionlint@v1.7.12
# Stands for a complete environment: an installation that was killed leaves none, and is done again.
READY := $(VENV)/.ready
LINT_READY := $(LINT_VENV)/.ready
FAKESNOW_READY := $(FAKESNOW_VENV)/.ready
DATACONTRACT_READY := $(DATACONTRACT_VENV)/.ready
IMAGE_READY := $(IMAGE_VENV)/.ready
TERRAFORM_READY := $(TERRAFORM_VENV)/.ready
CHECKOV_READY := $(CHECKOV_VENV)/.ready
PEERS := $(basename $(notdir $(wildcard benchmarks/peers/*.lock)))

# All tests share the cores file by file, the long ones first; at most four at a time: each keeps servers of its own.
PARALLEL := -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder tests/chaos tests/integration tests/unit
# Three at a time, since most of it is waiting; the longest, which waits most, first.
APPLIED := tests/terraform/test_environment.py
APPLIED += $(filter-out $(APPLIED),$(sort $(wildcard tests/terraform/test_*.py)))

.DEFAULT_GOAL := help
.PHONY: help install run test chaos kubernetes kubernetes-ci bench bench-memory check demo-incident format docs pictures clean
.PHONY: costs lambda terraform-test
.PHONY: image image-tag image-test connector-image sbom
.DELETE_ON_ERROR:

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' Makefile

install: $(READY)  ## makes .venv from requirements-dev.lock

run: $(READY)  ## sample data the first time, a wave of changes each later time, then one batch
	@$(BIN)/hallmark sample --wave
	@$(BIN)/hallmark run

test: $(READY) $(FAKESNOW_READY) $(DATACONTRACT_READY)  ## all tests, or those of TESTS=path
	@$(BIN)/python -m pytest $(or $(TESTS),$(PARALLEL))

chaos: $(READY) $(FAKESNOW_READY)  ## kills runs at 200 points (KILLS=n) over all kinds of sources, at 50 on Snowflake, and dispatchers at 100
	@$(BIN)/python -m pytest -m chaos -n 2 --dist load -rP tests/chaos

kubernetes: $(READY) $(FAKESNOW_READY)  ## what befalls pods, on the cluster of KUBECONFIG or one that it starts (root)
	@tests/kubernetes/run kubernetes

kubernetes-ci: $(READY) $(FAKESNOW_READY)  ## five cases of these, in ten minutes
	@tests/kubernetes/run kubernetes_ci

demo-incident: $(READY)  ## breaks sample data, shows who hears of it in Slack, PagerDuty and OpenMetadata, and mends it
	@$(BIN)/python -W ignore docs/demo_incident.py

# A peer that cannot be installed is a line of the result.
bench: $(READY) $(FAKESNOW_READY)  ## ours beside others, on the same data; SIZE=200M TIMES=3 ONLY=csv,ndjson,…
	-@$(MAKE) --no-print-directory --keep-going $(PEERS:%=.venv-bench-%/.ready)
	@$(BIN)/python -m benchmarks $(if $(SIZE),--size $(SIZE)) $(if $(ONLY),--only $(ONLY)) $(if $(TIMES),--times $(TIMES))

bench-memory: $(READY)  ## a file of SIZE=16G within LIMIT=1500M of memory; needs root
	@$(BIN)/python -m benchmarks.memory $(if $(SIZE),--size $(SIZE)) $(if $(ONLY),--only $(ONLY)) $(if $(LIMIT),--limit $(LIMIT))

check: $(READY) $(LINT_READY)  ## format, lint, types, and whether the declarations agree
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	cd dbt && ../$(LINT_VENV)/bin/sqlfluff lint --disable-progress-bar .
	$(LINT_VENV)/bin/zizmor --offline --quiet --no-progress .github
	@if [ -x $(ACTIONLINT) ]; then echo "actionlint .github/workflows"; $(ACTIONLINT) -shellcheck= -pyflakes=; \
		else echo "actionlint: skipped, since it needs go, and a module proxy that has it"; fi
	$(BIN)/python -m pytest -q -m drift tests/unit

format: $(READY) $(LINT_READY)  ## brings code and SQL into the form that `make check` asks for
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	cd dbt && ../$(LINT_VENV)/bin/sqlfluff fix --disable-progress-bar .

docs: $(READY)  ## dbt's documentation site as one file
	@DO_NOT_TRACK=1 $(BIN)/dbt docs generate --static --project-dir dbt --profiles-dir dbt --target duckdb
	@echo "file://$(CURDIR)/dbt/target/static_index.html"

pictures: $(READY)  ## makes the pictures and outputs of the documentation from a real run; ARGS=--tests: of the tests too
	@$(BIN)/python docs/pictures.py $(ARGS)

image:  ## builds the container image, by docker, podman or buildah; REPOSITORY=registry.example.com/hallmark
	@deploy/image/image.sh build

image-tag:  ## the tag that `make image` gives: version, commit, digest of the lock
	@deploy/image/image.sh tag

connector-image:  ## the image with a connector in it; CONNECTOR=airbyte-source-faker==7.2.1
	@deploy/image/image.sh connector "$(CONNECTOR)"

image-test: $(READY)  ## runs the image's steps in a bare Debian, and what is in it as a pod does; needs root and debootstrap
	@$(BIN)/python -m pytest -m image tests/integration/test_image.py

sbom: $(READY) $(IMAGE_READY)  ## sbom.cdx.json: what is installed in .venv, tools included; an image has one of its own
	@$(IMAGE_VENV)/bin/cyclonedx-py environment --pyproject pyproject.toml --mc-type application \
	  --output-reproducible --output-file sbom.cdx.json $(BIN)/python

lambda: $(READY)  ## the archives of the Lambdas: terraform/lambda/dist
	@$(BIN)/python terraform/lambda/build.py

costs: $(READY)  ## what a month of dev and of prod costs, by terraform/costs.toml
	@$(BIN)/python terraform/costs.py

terraform-test: $(READY) $(TERRAFORM_READY) $(CHECKOV_READY) lambda  ## format, mocked modules, then dev applied to an emulated AWS, changed and destroyed
	@terraform fmt -check -recursive terraform
	@$(BIN)/python -m pytest -m terraform -n 3 --dist loadfile --no-loadscope-reorder $(APPLIED)

clean:  ## removes the environments, the caches, and all that runs have kept (.hallmark)
	-@if [ -x $(BIN)/hallmark ] && [ -d .hallmark ]; then $(BIN)/hallmark sample --remove; fi
	rm -rf $(VENV) $(LINT_VENV) $(FAKESNOW_VENV) $(DATACONTRACT_VENV) $(IMAGE_VENV) $(TERRAFORM_VENV) $(CHECKOV_VENV) .venv-bench-* .bench .hallmark .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info sbom.cdx.json dbt/target dbt/logs terraform/lambda/dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): requirements-dev.lock pyproject.toml
	@echo "Installing into $(VENV) (1.3 GB, once; minutes, by the speed of the package index)"
	@$(call sync,$(VENV),requirements-dev.lock)
	@$(uv) pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

$(LINT_READY): requirements-lint.lock
	@echo "Installing into $(LINT_VENV)"
	@$(call sync,$(LINT_VENV),requirements-lint.lock)
	@! command -v go >/dev/null || GOBIN=$(CURDIR)/$(@D)/bin go install $(ACTIONLINT_MODULE) || true
	@touch $@

$(FAKESNOW_READY): requirements-fakesnow.lock
	@echo "Installing into $(FAKESNOW_VENV)"
	@$(call sync,$(FAKESNOW_VENV),requirements-fakesnow.lock)
	@touch $@

$(DATACONTRACT_READY): requirements-datacontract.lock
	@echo "Installing into $(DATACONTRACT_VENV)"
	@$(call sync,$(DATACONTRACT_VENV),requirements-datacontract.lock)
	@touch $@

$(IMAGE_READY): requirements-image.lock
	@echo "Installing into $(IMAGE_VENV)"
	@$(call sync,$(IMAGE_VENV),requirements-image.lock)
	@touch $@

$(TERRAFORM_READY): requirements-terraform.lock
	@echo "Installing into $(TERRAFORM_VENV)"
	@$(call sync,$(TERRAFORM_VENV),requirements-terraform.lock)
	@touch $@

$(CHECKOV_READY): requirements-checkov.lock
	@echo "Installing into $(CHECKOV_VENV)"
	@$(call sync,$(CHECKOV_VENV),requirements-checkov.lock)
	@touch $@

.venv-bench-%/.ready: benchmarks/peers/%.lock
	@echo "Installing into $(@D)"
	@$(call sync,$(@D),$<)
	@touch $@

# uv does not read pip's configuration: an index that is set for pip is handed to it, as long as none is set for uv.
uv = index="$${PIP_INDEX_URL:-$$($(dir $@)bin/python -m pip config get global.index-url 2>/dev/null || true)}"; \
	if [ -n "$$index" ] && [ -z "$$UV_DEFAULT_INDEX$$UV_INDEX_URL" ]; then export UV_DEFAULT_INDEX="$$index"; fi; \
	$(dir $@)bin/uv

# $(call sync,folder,lock): an environment with just the packages of the lock; a complete one is changed in place. Compiled
# once here, where each command would compile 6 s of imports anew if it may not write beside them.
define sync
set -e; \
$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	echo "$(PYTHON) is not there, or older than 3.11. Remedy: install python3.11 or newer, or name one: make PYTHON=python3.12" >&2; \
	exit 2; }; \
$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	echo "$(PYTHON) cannot make environments. Remedy: apt-get install python3-venv" >&2; exit 2; }; \
[ -e $(1)/.ready ] || rm -rf $(1); \
rm -f $(1)/.ready; \
[ -x $(1)/bin/uv ] || { $(PYTHON) -m venv $(1); $(1)/bin/python -m pip install --quiet --disable-pip-version-check uv; }; \
$(uv) pip sync --compile-bytecode --python $(1)/bin/python $(2)
endef
