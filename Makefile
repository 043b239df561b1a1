# make demo    builds and runs the main job on a real document
# make test    every test: the library, the command, the format's second reader
# make test-interop   signatures exchanged with independent implementations; part of `make test`
# make check   formatting, lints, documentation, licences
# make bench   speed beside peers and the floor
# make fuzz    a minute on each fuzz target (needs a nightly toolchain)
# make msrv    builds with the oldest Rust that is stated (by rustup)

TARGET := $(or $(CARGO_TARGET_DIR),$(CURDIR)/target)

.PHONY: demo test test-rust test-reader test-interop check fmt clippy benches doc deny bench fuzz msrv

demo:
	scripts/demo

test: test-rust test-reader test-interop

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

check: fmt clippy benches doc deny

fmt:
	cargo fmt --all --check

clippy:
	cargo clippy --locked --workspace --all-targets -- -D warnings

benches:
	cargo clippy --locked --manifest-path benches/Cargo.toml --all-targets -- -D warnings
	cargo fmt --manifest-path benches/Cargo.toml --check

doc:
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps

deny:
	scripts/deny

bench:
	cargo bench --locked --manifest-path benches/Cargo.toml --bench table --bench lines

fuzz:
	scripts/fuzz

msrv:
	scripts/msrv
