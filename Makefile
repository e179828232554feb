# `make help` lists the targets.

CARGO   ?= cargo
PREFIX  ?= /usr/local
DESTDIR ?=
SBINDIR  = $(DESTDIR)$(PREFIX)/sbin
MANDIR   = $(DESTDIR)$(PREFIX)/share/man/man8
INSTALL ?= install

# rustup's folder is often missing from PATH, in particular root's.
export PATH := $(PATH):$(HOME)/.cargo/bin

RELEASE   = $(or $(CARGO_TARGET_DIR),target)/release/ipvsadm
MAN_PAGES = $(wildcard docs/*.8)
# Cargo would keep running when make is killed. The tests end themselves, and every process they
# started, when cargo ends.
SETPRIV   = $(shell command -v setpriv >/dev/null && echo setpriv --pdeathsig TERM)
TEST      = $(SETPRIV) $(CARGO) test
# The test program also runs the demo and the shell: see tests/kernel/main.rs.
KERNEL    = $(TEST) --quiet --test kernel --

.PHONY: build help deps demo test live parity bench shell picture check install uninstall clean

build: ## Build the program, optimized
	$(CARGO) build --release

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

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
	$(INSTALL) -d $(SBINDIR)
	$(INSTALL) -m 755 $(RELEASE) $(SBINDIR)/ipvsadm
	ln -sf ipvsadm $(SBINDIR)/ipvsadm-save
	ln -sf ipvsadm $(SBINDIR)/ipvsadm-restore
ifneq ($(MAN_PAGES),)
	$(INSTALL) -d $(MANDIR)
	$(INSTALL) -m 644 $(MAN_PAGES) $(MANDIR)
endif

uninstall: ## Remove the installed files
	rm -f $(addprefix $(SBINDIR)/,ipvsadm ipvsadm-save ipvsadm-restore)
ifneq ($(MAN_PAGES),)
	rm -f $(addprefix $(MANDIR)/,$(notdir $(MAN_PAGES)))
endif

clean: ## Remove build results
	$(CARGO) clean
