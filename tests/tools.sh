#!/usr/bin/env bash
# The tools that tests need beside cargo. Run it to install what is missing, or source it for need().
# Safe to run again and again; installs Debian packages when it may, else says what to install.
set -euo pipefail

# need PACKAGE COMMAND: afterwards COMMAND can be run, or this has said why not and returns 1.
need() {
    local package=$1 command=$2
    if command -v "$command" >/dev/null 2>&1; then
        return 0
    fi
    if ! command -v apt-get >/dev/null 2>&1; then
        echo "$command is missing: install the package that holds it (Debian calls it $package)" >&2
        return 1
    fi
    if [ "$(id -u)" -ne 0 ]; then
        echo "$command is missing: run 'apt-get install --no-install-recommends $package' as root" >&2
        return 1
    fi
    local options=(-y -q -o DPkg::Lock::Timeout=120 --no-install-recommends)
    if ! DEBIAN_FRONTEND=noninteractive apt-get install "${options[@]}" "$package" >&2; then
        apt-get update -q >&2
        DEBIAN_FRONTEND=noninteractive apt-get install "${options[@]}" "$package" >&2
    fi
    command -v "$command" >/dev/null 2>&1
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
    need prometheus promtool
    need openssl openssl
fi
