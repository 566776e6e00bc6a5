#!/usr/bin/env bash
# Makes the sample certificates, keys, lists and secrets of this folder: for tests and for a first try, never for
# production. Changes nothing while all of them are there, belong together and are good for 30 more days.
# JINGYUE names the program where it is not on the path.
set -euo pipefail
cd "$(dirname "$0")"
exec "${JINGYUE:-jingyue}" pki sample --out .
