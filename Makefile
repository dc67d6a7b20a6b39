.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 4566
WORKERS ?= 2
# Trust what the system trusts, as pip does: companies have certificates of their own.
export UV_SYSTEM_CERTS := 1
# Tests run side by side: OpenMP's threads that wait for one another must not keep a core busy.
export OMP_WAIT_POLICY := PASSIVE

# PyTorch's builds without CUDA: from pip's own folder of wheels where it has one, else from PyTorch's index.
WHEELS := $(or $(PIP_FIND_LINKS),$(shell $(PYTHON) -m pip config get global.find-links 2>/dev/null))
ifeq ($(WHEELS),)
export UV_TORCH_BACKEND := cpu
else
export UV_FIND_LINKS := $(WHEELS)
endif
TORCH := containers/training/pytorch/requirements-torch.txt

help: ## Show this help
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "  %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# The environment is made anew when the locked versions or the distribution's metadata change.
$(VENV)/.ready: requirements/dev.txt $(TORCH) setup.py
	@echo "Making $(VENV) (about 2 GB, a minute or two the first time)"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check uv==0.13.9
	$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BIN)/python requirements/dev.txt $(TORCH)
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

# Installing the images' packages beforehand keeps the demonstration's first build short.
$(VENV)/.images: $(VENV)/.ready $(wildcard containers/*/*/requirements*.txt)
	@set -e; for folder in $(sort $(dir $(wildcard containers/*/*/Dockerfile containers/*/*/train.py))); do \
		file=$${folder}Dockerfile; test -f $$file || file=containers/training/pytorch/Dockerfile.cpu; \
		shared=$$(sed -n 's/^COPY --from=\([a-z-]*\) .*/\1/p' $$file | sort -u); \
		SMPROJECT_IMAGES=$(VENV)/images $(BIN)/python -m smproject.sandbox.docker build --tag setup --file $$file \
		$$(for name in $$shared; do echo --build-context $$name=$${folder}../$$name; done) $$folder; done
	@touch $@

setup: $(VENV)/.ready $(VENV)/.images ## Make the virtual environment, and the images' packages

demo: setup ## Run the whole story on this machine; KEEP=1 leaves the sandbox running
	@$(BIN)/smproject sandbox demo --port $(PORT) $(if $(KEEP),--keep)

test: setup check checkov ## Check, then run every test
	# test_seed_alone.py runs the tests of pipelines and containers; most others wait more than they compute.
	$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadfile --ignore tests/pipelines --ignore tests/containers

# No part of `test`: it needs podman, and builds gigabytes.
test-containers: $(VENV)/.ready ## Build the real images with podman, and run them as SageMaker does
	$(BIN)/python -m pytest tests/real_containers

# No part of `test` either. PROCESSES: one a core of the instance; ml.trn2.48xlarge has 64.
PROCESSES ?= 64
smoke-trn2: ## On a trn2 instance with Docker: build the image for Trainium, and train with it
	docker build --tag smoke-trn2 --build-context entry=containers/training/entry \
		--build-context pytorch=containers/training/pytorch \
		--file containers/training/pytorch/Dockerfile.trainium containers/training/vision
	docker run --rm $(addprefix --device=,$(wildcard /dev/neuron*)) --env PROCESSES_PER_HOST=$(PROCESSES) \
		--entrypoint python smoke-trn2 smoke.py

check: $(VENV)/.ready ## Lint, type-check and validate, offline
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy smproject benchmarks
	PATH="$(abspath $(BIN)):$$PATH" $(MAKE) --no-print-directory --keep-going --file seedcode/repository/Makefile types
	$(BIN)/smproject validate
	$(BIN)/jactionlint --shellcheck= seedcode/*/.github/workflows/*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.gitlab-ci --data-transform gitlab-ci seedcode/*/.gitlab-ci.yml

# checkov pins an old boto3: it lives apart.
$(VENV)/.checkov: $(VENV)/.ready requirements/checkov.txt
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(VENV)/checkov
	$(BIN)/uv pip sync --quiet --python $(VENV)/checkov/bin/python requirements/checkov.txt
	@touch $@

checkov: $(VENV)/.checkov ## Check the templates against checkov's rules
	$(VENV)/checkov/bin/checkov --directory project_templates --skip-path fragments --framework cloudformation \
		--compact --quiet

assemble: $(VENV)/.ready ## Write every template.yaml from its fragments and seeds
	$(BIN)/smproject assemble

bench: setup ## Measure, as ratios of one run: pipelines, serving, training, permissions, publishing, the whole story
	$(BIN)/python -m benchmarks.model_build
	$(BIN)/python -m benchmarks.inference
	$(BIN)/python -m benchmarks.permissions
	$(BIN)/python -m benchmarks.publishing
	$(BIN)/python -m benchmarks.training
	$(BIN)/python -m benchmarks.validate
	$(BIN)/python -m benchmarks.story

lock: $(VENV)/.ready ## Pin the newest allowed versions into requirements/dev.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.10 --extra dev --custom-compile-command 'make lock' \
		--excludes requirements/excluded.txt setup.py requirements/dev.in --output-file requirements/dev.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.10 --custom-compile-command 'make lock' \
		requirements/checkov.in --output-file requirements/checkov.txt

clean: ## Remove what the targets made
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache

.PHONY: help setup demo test test-containers smoke-trn2 check checkov assemble bench lock clean
