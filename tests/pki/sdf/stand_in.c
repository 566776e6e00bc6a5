/* A stand-in for a cryptographic device: the functions of GM/T 0018 that the gateway calls, over libcrypto.
 *
 * Built by tests/pki/device.rs. Index 1 holds the key of the file that STAND_IN_KEY names, for both halves, or for the
 * half that signs where STAND_IN_ENCRYPTION_KEY names one for the other; its access password is "device-password". DECRYPT says in which order SDF_InternalDecrypt_ECC takes its arguments. The few
 * functions of libcrypto are declared here, so that its headers need not be there.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct evp_pkey_st EVP_PKEY;
typedef struct evp_pkey_ctx_st EVP_PKEY_CTX;
EVP_PKEY *PEM_read_PrivateKey(FILE *, EVP_PKEY **, void *, void *);
void EVP_PKEY_free(EVP_PKEY *);
EVP_PKEY_CTX *EVP_PKEY_CTX_new(EVP_PKEY *, void *);
void EVP_PKEY_CTX_free(EVP_PKEY_CTX *);
int EVP_PKEY_sign_init(EVP_PKEY_CTX *);
int EVP_PKEY_sign(EVP_PKEY_CTX *, unsigned char *, size_t *, const unsigned char *, size_t);
int EVP_PKEY_decrypt_init(EVP_PKEY_CTX *);
int EVP_PKEY_decrypt(EVP_PKEY_CTX *, unsigned char *, size_t *, const unsigned char *, size_t);
size_t EVP_PKEY_get1_encoded_public_key(EVP_PKEY *, unsigned char **);

typedef struct { unsigned int bits; unsigned char x[64], y[64]; } ECCrefPublicKey;
typedef struct { unsigned char r[64], s[64]; } ECCSignature;
typedef struct { unsigned char x[64], y[64], M[32]; unsigned int L; unsigned char C[1]; } ECCCipher;

#define BASE 0x01000000u
#define COMMFAIL (BASE + 3)
#define PARDENY (BASE + 7)
#define KEYNOTEXIST (BASE + 8)
#define SKOPERR (BASE + 0xc)

typedef struct { int allowed; } Session;

static EVP_PKEY *signing_key, *opening_key;
static int devices, sessions, opened, failures;

/* For the tests: how many sessions are open, how many ever were, that the next calls fail, that all hang. */
int stand_in_sessions(void) { return sessions; }
int stand_in_opened(void) { return opened; }
int stand_in_devices(void) { return devices; }
void stand_in_fail(int count) { failures = count; }

static volatile int hanging, waiting;
void stand_in_hang(int on) { hanging = on; }
/* How many calls hang now. */
int stand_in_waiting(void) { return waiting; }

static int failing(void) {
    __atomic_add_fetch(&waiting, 1, __ATOMIC_SEQ_CST);
    while (hanging) usleep(1000);
    __atomic_sub_fetch(&waiting, 1, __ATOMIC_SEQ_CST);
    return failures > 0 && failures-- > 0;
}

static EVP_PKEY *key_in(const char *name) {
    FILE *file = name ? fopen(name, "r") : NULL;
    EVP_PKEY *key = file ? PEM_read_PrivateKey(file, NULL, NULL, NULL) : NULL;
    if (file) fclose(file);
    return key;
}

int SDF_OpenDevice(void **device) {
    const char *other = getenv("STAND_IN_ENCRYPTION_KEY");
    if (!signing_key) signing_key = key_in(getenv("STAND_IN_KEY"));
    if (!opening_key) opening_key = other ? key_in(other) : signing_key;
    if (!signing_key || !opening_key) return BASE + 5;
    devices++;
    *device = &devices;
    return 0;
}

int SDF_CloseDevice(void *device) { (void)device; devices--; return 0; }

int SDF_OpenSession(void *device, void **session) {
    if (device != &devices) return BASE + 0x1d;
    *session = calloc(1, sizeof(Session));
    __sync_fetch_and_add(&sessions, 1);
    __sync_fetch_and_add(&opened, 1);
    return 0;
}

int SDF_CloseSession(void *session) { free(session); __sync_fetch_and_sub(&sessions, 1); return 0; }

int SDF_GetPrivateKeyAccessRight(void *session, unsigned int index, unsigned char *password, unsigned int length) {
    if (index != 1) return KEYNOTEXIST;
    if (length != 15 || memcmp(password, "device-password", 15)) return PARDENY;
    ((Session *)session)->allowed = 1;
    return 0;
}

int SDF_ReleasePrivateKeyAccessRight(void *session, unsigned int index) {
    (void)index;
    ((Session *)session)->allowed = 0;
    return 0;
}

static int export(EVP_PKEY *key, unsigned int index, ECCrefPublicKey *out) {
    unsigned char *point = NULL;
    if (index != 1) return KEYNOTEXIST;
    if (EVP_PKEY_get1_encoded_public_key(key, &point) != 65) return BASE + 0xb;
    memset(out, 0, sizeof *out);
    out->bits = 256;
    memcpy(out->x + 32, point + 1, 32);
    memcpy(out->y + 32, point + 33, 32);
    return 0; /* The point is left to the end of the process: CRYPTO_free is a macro's business. */
}

int SDF_ExportSignPublicKey_ECC(void *session, unsigned int index, ECCrefPublicKey *out) {
    (void)session;
    return export(signing_key, index, out);
}

int SDF_ExportEncPublicKey_ECC(void *session, unsigned int index, ECCrefPublicKey *out) {
    (void)session;
    return export(opening_key, index, out);
}

/* The INTEGER at *der as 64 bytes. */
static void integer(const unsigned char **der, unsigned char out[64]) {
    const unsigned char *at = *der + 2;
    unsigned int length = (*der)[1];
    *der = at + length;
    if (length == 33) { at++; length--; }
    memset(out, 0, 64);
    memcpy(out + 64 - length, at, length);
}

int SDF_InternalSign_ECC(void *session, unsigned int index, unsigned char *data, unsigned int length, ECCSignature *out) {
    unsigned char der[80];
    size_t written = sizeof der;
    if (failing()) return COMMFAIL;
    if (index != 1) return KEYNOTEXIST;
    if (!((Session *)session)->allowed) return PARDENY;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(signing_key, NULL);
    int right = EVP_PKEY_sign_init(context) == 1 && EVP_PKEY_sign(context, der, &written, data, length) == 1;
    EVP_PKEY_CTX_free(context);
    if (!right) return SKOPERR;
    const unsigned char *at = der + 2;
    integer(&at, out->r);
    integer(&at, out->s);
    return 0;
}

/* An element with a length of up to 65535. */
static unsigned char *element(unsigned char *at, unsigned char tag, const unsigned char *content, unsigned int length) {
    *at++ = tag;
    if (length >= 256) { *at++ = 0x82; *at++ = length >> 8; *at++ = length; }
    else if (length >= 128) { *at++ = 0x81; *at++ = length; }
    else *at++ = length;
    memcpy(at, content, length);
    return at + length;
}

static unsigned char *number(unsigned char *at, const unsigned char wide[64]) {
    unsigned char content[33] = {0};
    unsigned int start = 1;
    memcpy(content + 1, wide + 32, 32);
    while (start < 32 && !content[start]) start++;
    if (content[start] & 0x80) start--;
    return element(at, 2, content + start, 33 - start);
}

static int decrypt(void *session, unsigned int index, ECCCipher *in, unsigned char *out, unsigned int *length) {
    if (failing()) return COMMFAIL;
    if (index != 1) return KEYNOTEXIST;
    if (!((Session *)session)->allowed) return PARDENY;
    if (in->L > 4096) return SKOPERR;
    unsigned char *inside = malloc(in->L + 200), *der = malloc(in->L + 210), *end = inside;
    end = number(end, in->x);
    end = number(end, in->y);
    end = element(end, 4, in->M, 32);
    end = element(end, 4, in->C, in->L);
    size_t whole = element(der, 0x30, inside, end - inside) - der, written = *length;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(opening_key, NULL);
    int right = EVP_PKEY_decrypt_init(context) == 1 && EVP_PKEY_decrypt(context, out, &written, der, whole) == 1;
    EVP_PKEY_CTX_free(context);
    free(inside);
    free(der);
    *length = written;
    return right ? 0 : SKOPERR;
}

#if DECRYPT == 0
int SDF_InternalDecrypt_ECC(void *session, unsigned int index, ECCCipher *in, unsigned char *out, unsigned int *length) {
    return decrypt(session, index, in, out, length);
}
#elif DECRYPT == 1
int SDF_InternalDecrypt_ECC(void *session, unsigned int index, unsigned int algorithm, ECCCipher *in,
                            unsigned char *out, unsigned int *length) {
    return algorithm == 0x20800 ? decrypt(session, index, in, out, length) : (int)(BASE + 9);
}
#elif DECRYPT == 2
int SDF_InternalDecrypt_ECC(void *session, unsigned int algorithm, unsigned int index, ECCCipher *in,
                            unsigned char *out, unsigned int *length) {
    return algorithm == 0x20800 ? decrypt(session, index, in, out, length) : (int)(BASE + 9);
}
#endif
