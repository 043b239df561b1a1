# make demo    builds and runs the main job on a real document
# make test    every test: the library, the command, the format's second reader, other implementations, real traffic, C, Go, Python
# make check   formatting, lints, documentation, licences
# make install the C library, its header, pkg-config and CMake files (PREFIX, DESTDIR)
# make bench   speed beside peers and the floor
# make fuzz    a minute on each fuzz target (needs a nightly toolchain)
# make msrv    builds with the oldest Rust that is stated (by rustup), and the oldest Go

TARGET := $(or $(CARGO_TARGET_DIR),$(CURDIR)/target)

TRAFFIC := --locked --manifest-path tests/traffic/Cargo.toml --target-dir $(TARGET)
PREFIX ?= /usr/local
export PREFIX

.PHONY: demo test test-rust test-reader test-interop test-traffic test-c test-go test-python check check-go fmt clippy benches traffic doc deny install uninstall bench fuzz msrv

demo:
	scripts/demo

test: test-rust test-reader test-interop test-traffic test-c test-go test-python

test-rust:
	cargo test --locked --workspace

test-reader:
	scripts/python-env
	cargo build --locked --bin exchange
	APISEAL_EXCHANGE=$(TARGET)/debug/exchange .venv/bin/python -m pytest -q tests/second_reader

test-interop:
	scripts/interop-env
	cargo build --locked --bin exchange --features algorithms
	APISEAL_EXCHANGE=$(TARGET)/debug/exchange .venv/bin/python -m pytest -q -rs tests/interop

test-c:
	scripts/test-c

test-go:
	scripts/test-go

test-python:
	scripts/test-python

# hyper over HTTP/1.1 and HTTP/2, and through the reverse proxies of the distribution, which are installed if that can be.
test-traffic:
	if scripts/proxies; then export APISEAL_DEMAND_PROXIES=1; fi; cargo test $(TRAFFIC)

check: fmt clippy benches traffic doc deny check-go

install:
	scripts/install-c

uninstall:
	scripts/install-c --uninstall

fmt:
	cargo fmt --all --check

clippy:
	cargo clippy --locked --workspace --all-targets -- -D warnings

benches:
	cargo clippy --locked --manifest-path benches/Cargo.toml --all-targets -- -D warnings
	cargo fmt --manifest-path benches/Cargo.toml --check

traffic:
	cargo clippy $(TRAFFIC) --all-targets -- -D warnings
	cargo fmt --manifest-path tests/traffic/Cargo.toml --check

doc:
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps

deny:
	scripts/deny

check-go:
	scripts/check-go

bench:
	cargo bench --locked --manifest-path benches/Cargo.toml --bench table --bench lines

fuzz:
	scripts/fuzz
	scripts/fuzz-go

msrv:
	scripts/msrv
	scripts/oldest-go
