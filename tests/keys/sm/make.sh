#!/bin/bash
# Makes the SM2 certificates of the tests anew, with openssl 3. They open nothing: every key here is public.
# All are issued by the intermediate CA under root.pem and carry it, but for what is said beside them.
set -euo pipefail
cd "$(dirname "$0")"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
identity=distid:1234567812345678
begin=20260101000000Z
end=21251231235959Z

key() {
    openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:SM2 -out "$1"
}

# sign ISSUER NAME SUBJECT BEGIN END EXTENSIONS: makes NAME.key and NAME.pem in the work folder.
sign() {
    local issuer=$1 name=$2 subject=$3 from=$4 to=$5 extensions=$6
    [ -e "$work/$name.key" ] || key "$work/$name.key"
    openssl req -new -key "$work/$name.key" -sm3 -sigopt $identity -subj "$subject" -out "$work/$name.csr"
    local self=(-cert "$work/$issuer.pem")
    [ "$issuer" = "$name" ] && self=(-selfsign)
    authority "$issuer" "${self[@]}" -keyfile "$work/$issuer.key" -in "$work/$name.csr" -notext -batch \
        -startdate "$from" -enddate "$to" -extfile <(printf '%s\n' "$extensions") -out "$work/$name.pem" \
        -vfyopt $identity
}

# authority ISSUER ARGUMENTS...: openssl ca with a database of that issuer's own.
authority() {
    local issuer=$1
    shift
    if [ ! -e "$work/$issuer.index" ]; then
        : >"$work/$issuer.index"
        echo "unique_subject = no" >"$work/$issuer.index.attr"
        cat >"$work/$issuer.cnf" <<CNF
[ca]
default_ca = here
[here]
database = $work/$issuer.index
new_certs_dir = $work
rand_serial = yes
crlnumber = $work/$issuer.number
default_md = sm3
policy = any
[any]
countryName = optional
organizationName = optional
commonName = supplied
CNF
        echo 01 >"$work/$issuer.number"
    fi
    openssl ca -config "$work/$issuer.cnf" -md sm3 -sigopt $identity "$@" 2>"$work/said" ||
        { cat "$work/said" >&2; return 1; }
}

list() { # ISSUER: its revocation list
    authority "$1" -gencrl -cert "$work/$1.pem" -keyfile "$work/$1.key" -crlsec 1 -crl_lastupdate $begin \
        -crl_nextupdate $end
}

subject() { echo "/C=CN/O=Jingyue tests/CN=$1"; }

authority_extensions() { # PATH_LENGTH
    printf 'basicConstraints=critical,CA:TRUE,pathlen:%s\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n' "$1"
}

leaf_extensions() { # KEY_USAGE PURPOSE [NAMES]
    printf 'keyUsage=critical,%s\nextendedKeyUsage=%s\n%s\n' "$1" "$2" "${3:+subjectAltName=$3}"
}

leaf() { # NAME EXTENSIONS [BEGIN END]
    sign issuer "$1" "$(subject "$1")" "${3:-$begin}" "${4:-$end}" "$2"
    cat "$work/$1.pem" "$work/issuer.pem" >"$1.pem"
    cp "$work/$1.key" "$1.key"
}

sign root root "$(subject root)" $begin $end "$(authority_extensions 1)"
sign root issuer "$(subject issuer)" $begin $end "$(authority_extensions 0)"
cp "$work/root.pem" root.pem

here=DNS:localhost,IP:127.0.0.1
leaf gateway "$(leaf_extensions digitalSignature serverAuth,clientAuth $here)"
leaf yueyang-system "$(leaf_extensions digitalSignature clientAuth)"
leaf revoked "$(leaf_extensions digitalSignature clientAuth)"
leaf expired "$(leaf_extensions digitalSignature serverAuth,clientAuth $here)" 20200101000000Z 20201231235959Z
leaf server-only "$(leaf_extensions digitalSignature serverAuth $here)"
leaf encryption "$(leaf_extensions keyEncipherment,dataEncipherment,keyAgreement serverAuth,clientAuth $here)"
# The gateway's key as it should be kept: encrypted (PBES2), its password in a file beside it.
echo composed-password-of-the-samples >key.password
openssl pkcs8 -topk8 -v2 sm4-cbc -in gateway.key -passout file:key.password -out gateway.encrypted.key
# The same two in DER.
openssl pkey -in gateway.key -outform DER -out gateway.key.der
openssl pkcs8 -topk8 -v2 sm4-cbc -in gateway.key -passout file:key.password -outform DER -out gateway.encrypted.key.der
# A certificate of that key which nobody accepts: it says something critical that nobody knows (RFC 5280, 4.2).
openssl req -x509 -new -key gateway.key -sm3 -sigopt $identity -days 36500 -subj "$(subject critical)" \
    -config <(printf '[req]\ndistinguished_name=dn\nx509_extensions=v3\n[dn]\n[v3]\nkeyUsage=critical,digitalSignature\n1.2.3.4=critical,ASN1:NULL\n') \
    -out critical-extension.pem
# The same key as older tools write it, without PKCS#8 around it.
openssl ec -in yueyang-system.key -out yueyang-system.sec1.key 2>/dev/null

# Issued by a CA that may issue no certificates by its keyUsage.
sign root mute "$(subject mute)" $begin $end \
    "$(printf 'basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,cRLSign\nsubjectKeyIdentifier=hash')"
sign mute under-mute "$(subject under-mute)" $begin $end "$(leaf_extensions digitalSignature clientAuth)"
cat "$work/under-mute.pem" "$work/mute.pem" >under-mute.pem
cp "$work/under-mute.key" under-mute.key

# Issued by a CA that nobody trusts, under the same names.
sign stranger stranger "$(subject root)" $begin $end "$(authority_extensions 1)"
sign stranger unknown "$(subject yueyang-system)" $begin $end "$(leaf_extensions digitalSignature serverAuth,clientAuth $here)"
cat "$work/unknown.pem" >unknown.pem
cp "$work/unknown.key" unknown.key

authority issuer -revoke "$work/revoked.pem" -cert "$work/issuer.pem" -keyfile "$work/issuer.key"
{ list root; list issuer; } >lists.pem
chmod a+r ./*
