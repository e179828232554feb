# `make help` lists the targets.

CARGO   ?= cargo
PREFIX  ?= /usr/local
DESTDIR ?=
# Nothing in a package may tell when or where it was built.
export SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || echo 0)

# rustup's folder is often missing from PATH, in particular root's.
export PATH := $(PATH):$(HOME)/.cargo/bin

# Another target to build for, such as x86_64-unknown-linux-musl.
export TARGET ?=
RELEASE   = $(or $(CARGO_TARGET_DIR),target)$(TARGET:%=/%)/release/ipvsadm
# A release as a folder, and what becomes of it.
TREE      = target/packages/tree
VERSION   = $(shell sed -n '1,/^version/s/^version = "\(.*\)"/\1/p' Cargo.toml)
MACHINE   = $(shell uname -m)
DIST      = ipvsadm-$(VERSION)-linux-$(MACHINE)$(if $(findstring musl,$(TARGET)),-musl)
# Cargo would keep running when make is killed. The tests end themselves, and every process they
# started, when cargo ends.
SETPRIV   = $(shell command -v setpriv >/dev/null && echo setpriv --pdeathsig TERM)
TEST      = $(SETPRIV) $(CARGO) test
# The test program also runs the demo and the shell: see tests/kernel/main.rs.
KERNEL    = $(TEST) --quiet --test kernel --

.PHONY: build help deps demo test live parity bench shell picture check install uninstall clean \
	tree deb rpm dist packages packages-test

build: ## Build the program, optimized
	$(CARGO) build --release $(TARGET:%=--target %)

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

deps: ## Install missing system packages for demo, test and shell
	@tests/kernel/install-packages

demo: deps ## Walk through IPVS with real web traffic, checking every step
	@$(KERNEL) --demo

test: deps ## Run all tests: unit and documentation tests, and those on a kernel with IPVS
	$(TEST)

live: deps ## Test changes to a live table at full size (takes many minutes)
	IPVS_LIVE=full IPVS_KERNEL_MEMORY=2G $(TEST) --test kernel live::

parity: deps ## Compare random commands with the reference: make parity SEED=7 N=20000
	@PARITY_SEED=$(SEED) PARITY_N=$(N) $(KERNEL) random_commands --nocapture

bench: build ## Compare speed and memory with ipvsadm 1.31; FLOOR=PROGRAM adds a lower bound
	@tests/kernel/install-packages bench
	$(CARGO) bench --bench parts
	@IPVSADM=$(abspath $(RELEASE)) $(KERNEL) --bench

shell: deps ## Open a shell on the director of the demo's network
	@$(KERNEL) --shell

picture: deps ## Make the pictures of --top in README.md from a real run
	$(KERNEL) --picture still >docs/top.svg.new && mv docs/top.svg.new docs/top.svg
	$(KERNEL) --picture moving >docs/top-drain.svg.new && mv docs/top-drain.svg.new docs/top-drain.svg

check: ## Check formatting, lints and documentation
	$(CARGO) fmt --check
	$(CARGO) clippy --all-targets -- -D warnings
	$(CARGO) clippy --lib --examples --no-default-features -- -D warnings
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --no-deps

install: ## Install under $(DESTDIR)$(PREFIX); PREFIX defaults to /usr/local
	@test -x $(RELEASE) || $(MAKE) build
	@.packages/tree $(RELEASE) $(TREE)
	$(TREE)/install.sh "PREFIX=$(PREFIX)" "DESTDIR=$(DESTDIR)"

uninstall: ## Remove the installed files
	.packages/install.sh --uninstall "PREFIX=$(PREFIX)" "DESTDIR=$(DESTDIR)"

tree: ## Build a release as a folder, with paths that tell nothing of this machine
	@.packages/build
	@.packages/tree $(RELEASE) $(TREE)

deb: tree ## Build the Debian package
	@tests/kernel/install-packages deb
	@.packages/deb $(TREE) target/packages

rpm: tree ## Build the RPM package
	@tests/kernel/install-packages rpm
	@.packages/rpm $(TREE) target/packages

dist: tree ## Build the tarball, with checksums and a bill of materials
	@tests/kernel/install-packages dist
	@.packages/dist $(TREE) target/packages $(DIST)

packages: deb rpm dist ## Build all packages, and their checksums
	cd target/packages && sha256sum *.deb *.rpm *.tar.gz *.cdx.json >SHA256SUMS

packages-test: packages ## Try the packages in fresh Debian 12 and 13, with a kernel that has IPVS
	@tests/kernel/install-packages packages
	@tests/packages/run target/packages

clean: ## Remove build results
	$(CARGO) clean
