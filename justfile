# Everything that CI runs, by name. `just` lists it.
default:
    @just --list

# All tests.
test:
    cargo test --workspace

# One static binary, target/static/ptables: it runs on any Linux of this processor, with no library (needs the C library as archive: libc6-dev).
static:
    RUSTFLAGS="-C target-feature=+crt-static" cargo build --release --locked --package ptables-cli --target {{arch()}}-unknown-linux-gnu --target-dir target/static-build
    mkdir -p target/static
    cp target/static-build/{{arch()}}-unknown-linux-gnu/release/ptables target/static/ptables

# The tests of the Python package by themselves.
python-tests:
    cargo xtask python-tests

# Formatting and lints.
lint:
    cargo fmt --check
    cargo clippy --workspace --all-targets -- -D warnings

# What is generated from the sources.
gen:
    cargo gen

# Documentation, with warnings as errors.
doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

# The same cases through the real iptables programs.
oracle *FOLDERS:
    cargo xtask oracle {{FOLDERS}}

# Criterion benchmarks, and memory per rule.
bench:
    cargo bench -p ptables

# Whole commands side by side with their peers, in CPU time.
bench-peers:
    cargo xtask bench-peers

# Licences and sources of dependencies (needs cargo-deny).
deny:
    cargo deny check licenses bans sources
