# Everything that CI runs, by name. `just` lists it.
default:
    @just --list

# All tests.
test:
    cargo test --workspace

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
