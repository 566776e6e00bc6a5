#!/usr/bin/env bash
# Makes the sample certificates and secrets of this folder: for tests and for a first try, never for production.
# Changes nothing while all of them are there, belong together and are good for 30 more days; else makes all anew.
# The CA's key is thrown away at the end, so nobody can issue further certificates of this CA. Needs openssl 3.
set -euo pipefail
cd "$(dirname "$0")"

days=3650
leaves=(gateway yueyang-system jingzhou-system)

# True if NAME.pem belongs to NAME.key, was issued by the CA here and does not end soon.
fits() {
    [ -s "$1.key" ] && [ -s "$1.pem" ] &&
        [ "$(openssl pkey -in "$1.key" -pubout)" = "$(openssl x509 -in "$1.pem" -noout -pubkey)" ] &&
        openssl x509 -in "$1.pem" -noout -checkend $((30 * 86400)) >/dev/null &&
        openssl verify -CAfile ca.pem "$1.pem" >/dev/null 2>&1
}

all_fit() {
    [ -s ca.pem ] && openssl x509 -in ca.pem -noout -checkend $((30 * 86400)) >/dev/null || return 1
    local name
    for name in "${leaves[@]}"; do
        fits "$name" || return 1
    done
}

key() {
    openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1"
}

# issue NAME COMMON_NAME USAGE [SAN]
issue() {
    local name=$1 common_name=$2 usage=$3 names=${4:-} extensions
    key "$name.key"
    extensions="basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature
extendedKeyUsage=$usage
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid
${names:+subjectAltName=$names}"
    openssl req -new -key "$name.key" -subj "/C=CN/O=Jingyue sample/CN=$common_name" -out "$work/request.pem"
    openssl x509 -req -in "$work/request.pem" -CA ca.pem -CAkey "$work/ca.key" -days "$days" -sha256 \
        -set_serial "0x1$(openssl rand -hex 15)" -extfile <(echo "$extensions") -out "$name.pem" 2>"$work/said" ||
        { cat "$work/said" >&2; return 1; }
}

# secret FILE TEXT: without a line end, because every byte of the file is the key.
secret() {
    printf '%s' "$2" | cmp -s - "$1" || printf '%s' "$2" >"$1"
}

secret yy-kstb-01.secret "test-secret-yueyang"
secret jy-gateway.secret "test-secret-gateway-0001"
if all_fit; then
    exit 0
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
umask 077
key "$work/ca.key"
openssl req -new -x509 -key "$work/ca.key" -out ca.pem -days "$days" -sha256 \
    -subj "/C=CN/O=Jingyue sample/CN=Jingyue sample CA" \
    -addext "basicConstraints=critical,CA:TRUE,pathlen:0" \
    -addext "keyUsage=critical,keyCertSign,cRLSign"
issue gateway "gateway.jingyue.example" serverAuth,clientAuth "DNS:localhost,IP:127.0.0.1"
issue yueyang-system "yueyang-system" clientAuth
issue jingzhou-system "jingzhou-system" clientAuth
chmod a+r ./*.pem
all_fit
