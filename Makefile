# The two to know: make quickstart, make test. make help lists the others.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

# One set of flags everywhere: another set would compile everything again.
SWIFT_FLAGS ?=

# MPI=1 builds for the ranks of mpirun with the system's MPI library, MPI=mpich or MPI=ompi-c with the one that
# pkg-config calls so.
ifneq ($(MPI),)
override SWIFT_FLAGS += --traits Server,MPI
export CASTLE_MPI := $(if $(filter 1,$(MPI)),mpi,$(MPI))
endif
BUILD := swift build -c release $(SWIFT_FLAGS)
TEST := swift test -c release --disable-testable-imports $(SWIFT_FLAGS)
SOURCES := Package.swift Sources Tests Snippets Benchmarks

.PHONY: help
help: ## List the targets.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "Variables of quickstart: TEXT=file-or-folder PRESET=name STEPS=n VOCABULARY=n PROMPT=text RUN=folder"
	@echo "THREADS=n QUICK=1, as in: make quickstart TEXT=book.txt STEPS=500"
	@echo "make build MPI=1 builds for several processes and hosts, which mpirun or srun starts."

.PHONY: setup
setup: ## Check for Swift and OpenBLAS, install what is missing.
	@scripts/setup $(if $(MPI),mpi)

.PHONY: build
build: setup ## Build the command line tool castle.
	$(BUILD) --product castle
	@echo "built $$($(BUILD) --show-bin-path)/castle"

.PHONY: quickstart
quickstart: ## Train a small model on the plays of Shakespeare, measure it, let it write.
	@scripts/quickstart

.PHONY: test
test: setup ## Run all tests but the long ones.
	@$(TEST) && echo "make test: all tests passed"

.PHONY: test-long
test-long: setup ## Run all tests, the long ones too.
	@CASTLE_LONG_TESTS=1 $(TEST) && echo "make test-long: all tests passed"

.PHONY: test-interop
test-interop: ## Compare with PyTorch, transformers and tokenizers, in a Python environment of its own.
	@scripts/setup interop
	@Tests/Interop/run.sh && echo "make test-interop: all comparisons passed"

.PHONY: test-kernels
test-kernels: ## Check every vector kernel of NEON, emulated except on ARM, and of this machine's instruction sets.
	@scripts/test-kernels

.PHONY: test-mpi
test-mpi: ## Train on ranks of real mpirun, under Open MPI and MPICH, interrupted, killed and resumed.
	@scripts/test-mpi && echo "make test-mpi: all checks passed"

.PHONY: sanitize
sanitize: setup ## Run the tests of tensors, attention and operations under the thread and address sanitizers.
	@scripts/sanitize

.PHONY: lint
lint: ## Check the formatting and the length of lines.
	@swift format lint --strict -r $(SOURCES) && scripts/check-line-length && echo "make lint: clean"

.PHONY: format
format: ## Format the sources.
	@swift format -i -r $(SOURCES)

.PHONY: docs
docs: setup ## Write the documentation of the modules as web pages into .build/docs.
	@scripts/docs

.PHONY: clean
clean: ## Remove what was built. Data and runs stay.
	rm -rf .build .build-sanitize
