# All tasks of the repository: `just --list`. Every recipe is one command that also works without just.

# List all recipes
default:
    @just --list

# Format all sources
format:
    cargo fmt --all

# Lint all targets
lint:
    cargo clippy --workspace --all-targets --locked -- -D warnings

# Run all tests, on temporary PostgreSQL and MariaDB servers: `just test --test engine`
test *arguments:
    ./scripts/test {{ arguments }}

# Run all tests, on SQLite only
test-sqlite *arguments:
    ./scripts/test --without-servers {{ arguments }}

# Test the stores on the newest MySQL and PostgreSQL, and on two Galera nodes (as root, on Debian)
test-databases *arguments:
    ./scripts/test-databases {{ arguments }}

# Test the server with the published OpenFeature clients
test-clients:
    ./scripts/test-clients

# Test the admin page in Chromium
test-browser:
    ./scripts/test-browser

# Compare generated flags in SQL with evaluations, in every database that can be had
test-sql *arguments:
    ./scripts/test-sql {{ arguments }}

# Test the SQLite extension in the programs that load it
test-sqlite-extension *arguments:
    ./scripts/test-sqlite-extension {{ arguments }}

# Start temporary PostgreSQL and MariaDB servers: `just servers /tmp/databases`, then `. /tmp/databases/env`
servers directory:
    mkdir -p {{ directory }}
    ./scripts/test-servers start {{ directory }}

# Stop the servers of `just servers` and delete the directory
stop-servers directory:
    ./scripts/test-servers stop {{ directory }}

# Fuzz the HTTP server: `just fuzz --seconds 60`
fuzz *arguments:
    ./scripts/fuzz-http {{ arguments }}

# Run every check of the CI
ci:
    ./.ci/run

# Regenerate what is generated from the code: reference pages, tables, and what the commands of pages print
docs:
    UPDATE_DOCS=1 cargo test --workspace --test project

# Build the documentation as a book: target/book/index.html
book:
    scripts/book

# Accept changed snapshots and compiler errors; review them with `git diff`
snapshots:
    INSTA_UPDATE=always cargo test --workspace --no-fail-fast
    TRYBUILD=overwrite cargo test -p novi-macros --test ui

# Compare novi with other engines: `just bench --full`
bench *arguments:
    ./scripts/bench {{ arguments }}

# Put the HTTP server under load
bench-http *arguments:
    ./scripts/bench-http {{ arguments }}

# Compare the instructions of an evaluation with those recorded; record them with `just instructions --bless`
instructions *arguments:
    ./scripts/instructions {{ arguments }}

# Measure what novi adds to a build: `just weight postgres,macros`
weight *arguments:
    ./scripts/weight {{ arguments }}
