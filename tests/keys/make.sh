#!/bin/bash
# Makes the keys of the tests anew. They open nothing: every file here is public.
set -euo pipefail
cd "$(dirname "$0")"
key() { openssl ecparam -name prime256v1 -genkey -noout | openssl pkcs8 -topk8 -nocrypt -out "$1"; }
ca=$(mktemp)
trap 'rm -f "$ca"' EXIT
key "$ca"
openssl req -x509 -key "$ca" -subj "/CN=jingyue tests CA" -days 36500 -out ca.pem
leaf() { # name, extensions
    key "$1.key"
    openssl req -new -key "$1.key" -subj "/CN=$1" |
        openssl x509 -req -CA ca.pem -CAkey "$ca" -days 36500 -extfile <(printf '%s\n' "$2") -out "$1.pem" 2>/dev/null
}
leaf gateway 'subjectAltName=DNS:localhost,IP:127.0.0.1
extendedKeyUsage=serverAuth,clientAuth'
leaf yueyang-system 'extendedKeyUsage=clientAuth'
printf 'test-secret-yueyang' > yy-kstb-01.secret
printf 'test-secret-gateway-0001\n' > jy-gateway.secret
printf 'too-short' > short.secret
printf 'token = "0123456789"\n' > settings.toml
