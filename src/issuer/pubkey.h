/* pubkey.h -- public keys of others, whatever they come in, in one form.
 *
 * Taken: COSE_Key (RFC 9052), JWK (RFC 7517), SubjectPublicKeyInfo (RFC 5280), did:key
 * (Ed25519, P-256, P-384) and did:jwk.  Kinds: Ed25519, P-256, P-384, P-521, RSA.  A key
 * that holds a private part is refused, and so is one whose use, operations or algorithm
 * say that it is for something else.  Whether a point is on its curve, or a modulus long
 * enough, is found out when the key is used.
 */
#ifndef SL_ISSUER_PUBKEY_H
#define SL_ISSUER_PUBKEY_H

#include "codec/json.h"
#include "cose/key.h"
#include "cose/sigreq.h"

enum { SL_KID_MAX = 256, SL_DID_MAX = 8192 };

struct sl_pubkey {
	uint8_t spki[SL_SIG_SPKI_MAX]; /* SubjectPublicKeyInfo, DER */
	size_t n_spki;
	bool is_ed25519;
	uint8_t ed[SL_KEY_LEN]; /* the key itself, when it is one */
	int64_t alg;            /* the only one that it is for; 0: any that fits */
	uint8_t kid[SL_KID_MAX];
	size_t n_kid; /* 0: it has none */
	bool has_thumb, has_cert;
	uint8_t thumb[32]; /* RFC 9679, where the key shows its whole point */
	uint8_t cert[32];  /* SHA-256 of the certificate that it came in */
};

void sl_pubkey_ed25519(const uint8_t pub[SL_KEY_LEN], struct sl_pubkey *ret);
/* FORMAT, UNSUPPORTED, LIMIT. */
int sl_pubkey_spki(struct sl_slice der, struct sl_pubkey *ret,
		   struct sl_err *err) SL_MUST_CHECK;
int sl_pubkey_cose(const struct sl_cose_key *k, struct sl_pubkey *ret,
		   struct sl_err *err) SL_MUST_CHECK;
int sl_pubkey_jwk(const struct sl_json *jwk, struct sl_pubkey *ret,
		  struct sl_err *err) SL_MUST_CHECK;
/* "z6Mk...": multibase of a multicodec key, as in did:key and did:web documents. */
int sl_pubkey_multibase(struct sl_slice s, struct sl_pubkey *ret,
			struct sl_err *err) SL_MUST_CHECK;
/* did:key or did:jwk; UNSUPPORTED for another method. */
int sl_pubkey_did(struct sl_slice did, struct sl_pubkey *ret,
		  struct sl_err *err) SL_MUST_CHECK;
bool sl_pubkey_is_did(struct sl_slice s); /* of one of these two methods */

/* That kid names this key: its own kid, its thumbprint, the SHA-256 of its
 * SubjectPublicKeyInfo, or that in hex (CCF). */
bool sl_pubkey_has_kid(const struct sl_pubkey *k, struct sl_slice kid);
bool sl_pubkey_eq(const struct sl_pubkey *a, const struct sl_pubkey *b);

#endif
