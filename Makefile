# make demo   the main job, seen working; needs no server and no images
# make test   all quick tests                 make lint   ruff and mypy
# make jitter the quick tests with everything late at random; SEED=..., TESTS=..., HARSH=3
# make run    the daemon on FOLDER=...        make bench  the measured figures
# make fuzz   a minute of coverage-guided fuzzing, or SECONDS=...
# make faults breaks things for real, as root: disks, processes, limits; FORM=short for CI's form
#
# Needs Python 3.11+ with venv, and nothing else: where the machine has no uv, one is put into .uv/.

UV := $(shell command -v uv || echo .uv/bin/uv)
# uv ships certificate authorities of its own; the machine's are the ones its owner trusts.
export UV_SYSTEM_CERTS ?= 1
PYTHON ?= python3
FOLDER ?=
SECONDS ?= 60
CORPUS ?=
SEED ?= 1
HARSH ?= 1
TESTS ?= tests
FORM ?= long

# The quick tests' files lie in memory where there is plenty of it: they are no test of the disk.
MEMORY := $(shell [ -w /dev/shm ] && [ "$$(df --output=avail /dev/shm | tail -1)" -gt 1000000 ] && echo /dev/shm)

.PHONY: demo run packages test test-slow jitter lint bench fuzz faults

demo: $(UV)
	$(UV) run --no-dev clipwatch demo --for 20

run: $(UV)
	$(UV) run --no-dev clipwatch run $(FOLDER)

# What the others need, fetched beforehand.
packages: $(UV)
	$(UV) sync --quiet --group fuzz

test: $(UV)
	PYTEST_DEBUG_TEMPROOT=$(MEMORY) $(UV) run pytest -m "not browser and not systemd and not slow and not faults"

test-slow: $(UV)
	$(UV) run pytest -m "(browser or systemd or slow) and not faults"

jitter: $(UV)
	JITTER=$(SEED) HARSH=$(HARSH) PYTEST_DEBUG_TEMPROOT=$(MEMORY) $(UV) run pytest -p tests.jitter \
		-m "not browser and not systemd and not slow and not faults" $(TESTS)

lint: $(UV)
	$(UV) run ruff check .
	$(UV) run ruff format --check .
	$(UV) run mypy

bench: $(UV)
	$(UV) run --group bench python -m benchmarks

fuzz: $(UV)
	$(UV) run --group fuzz python -m tests.fuzz.read -max_total_time=$(SECONDS) $(CORPUS)

faults: $(UV)
	$(UV) run python -m tests.faults.capabilities
	FORM=$(FORM) $(UV) run pytest -rs tests/faults

.uv/bin/uv:
	$(PYTHON) -m venv .uv
	.uv/bin/pip install --quiet --disable-pip-version-check uv
