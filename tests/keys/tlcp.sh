#!/bin/bash
# Makes the SM2 certificates of the TLCP tests anew (OpenSSL 3). They open nothing: every file here is public, every
# name is made up.
#
# root ── sub ─┬─ server-sign  server-encrypt    one subject, localhost and gateway.example
#              ├─ client-sign  client-encrypt    one subject
#              ├─ other-encrypt                  an encryption certificate of another subject
#              └─ swapped-sign swapped-encrypt   one subject, key usages swapped
# stranger ──────  stranger-sign stranger-encrypt  the client's subject under a root that nobody trusts
set -euo pipefail
cd "$(dirname "$0")/tlcp"
id=(-sigopt distid:1234567812345678)
key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:SM2 -out "$1.key" 2>/dev/null; }
ca='basicConstraints=critical,CA:true
keyUsage=critical,keyCertSign,cRLSign
subjectKeyIdentifier=hash'
root() { # name, subject
    key "$1"
    openssl req -x509 -utf8 -new -key "$1.key" -sm3 "${id[@]}" -days 36500 -subj "$2" -out "$1.pem" \
        -config <(printf '[req]\ndistinguished_name=dn\nx509_extensions=v3\n[dn]\n[v3]\n%s\n' "$ca")
}
serial=4096
issue() { # name, issuer, subject, extensions
    serial=$((serial + 1))
    key "$1"
    openssl req -utf8 -new -key "$1.key" -sm3 "${id[@]}" -subj "$3" -config <(printf '[req]\ndistinguished_name=dn\n[dn]\n') |
        openssl x509 -req -CA "$2.pem" -CAkey "$2.key" -set_serial "$serial" -sm3 "${id[@]}" \
            -vfyopt distid:1234567812345678 -extfile <(printf '%s\n' "$4") -days 36500 -out "$1.pem" 2>/dev/null
}
usage_sign='keyUsage=critical,digitalSignature'
usage_encrypt='keyUsage=critical,keyAgreement,keyEncipherment,dataEncipherment'
server='extendedKeyUsage=serverAuth
subjectAltName=DNS:localhost,DNS:gateway.example,IP:127.0.0.1'
client='extendedKeyUsage=clientAuth'
pair() { # name, issuer, subject, extensions
    issue "$1-sign" "$2" "$3" "$usage_sign"$'\n'"$4"
    issue "$1-encrypt" "$2" "$3" "$usage_encrypt"$'\n'"$4"
}
root root '/C=CN/O=测试用根/CN=TLCP tests root'
root stranger '/C=CN/O=测试用根/CN=TLCP tests stranger'
issue sub root '/C=CN/O=测试用中级/CN=TLCP tests sub' "${ca/CA:true/CA:true,pathlen:0}"
pair server sub '/C=CN/O=测试用网关/CN=gateway.example' "$server"
pair client sub '/C=CN/O=测试用系统/CN=tlcp client' "$client"
issue other-encrypt sub '/C=CN/O=测试用网关/CN=other.example' "$usage_encrypt"$'\n'"$server"
issue swapped-sign sub '/C=CN/O=测试用网关/CN=gateway.example' "$usage_encrypt"$'\n'"$server"
issue swapped-encrypt sub '/C=CN/O=测试用网关/CN=gateway.example' "$usage_sign"$'\n'"$server"
pair stranger stranger '/C=CN/O=测试用系统/CN=tlcp client' "$client"
# A revocation list of the sub-CA that names client-sign.
touch index.txt
printf '[ca]\ndefault_ca=c\n[c]\ndatabase=index.txt\ncrlnumber=number\ndefault_md=sm3\ndefault_crl_days=36500\n' >crl.cnf
printf '01\n' >number
openssl ca -config crl.cnf -cert sub.pem -keyfile sub.key -revoke client-sign.pem 2>/dev/null
openssl ca -config crl.cnf -cert sub.pem -keyfile sub.key -gencrl "${id[@]}" -out sub.crl 2>/dev/null
openssl ca -config crl.cnf -cert root.pem -keyfile root.key -gencrl "${id[@]}" -out root.crl 2>/dev/null
rm -f index.txt* number* crl.cnf sub.key root.key stranger.key other-encrypt.key
