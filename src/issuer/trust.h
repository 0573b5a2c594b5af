/* trust.h -- whom the operator trusts: issuers, certificate roots, and the transparency
 * services whose receipts count, each with its keys and leaf mode.
 *
 * One text file, by default $SLUICE_HOME/trust/list.  A line is one of
 *
 *	issuer ISS KEYS [kid=KID]            who may sign as ISS
 *	service ISS LEAF-MODE KEYS [kid=KID] whose receipts count, and over what
 *	root FILE                       certificates in PEM: ends of paths
 *	web DIRECTORY                   a mirror of did:web documents
 *
 * or empty, or a comment after '#'; fields are parted by spaces or tabs.  KEYS is a
 * did:key, a did:jwk or a file: PEM (public keys, certificates), JSON (JWK, JWK set),
 * else CBOR (COSE_Key, COSE_KeySet).  KID names the one key of a line (text, or 0x and
 * hex) where its file cannot.  Files are named from the list's directory.  ISS of
 *a service is "-" where its receipts name no issuer.  Nothing is fetched; a line that is
 * not understood, or a file that cannot be read, spoils the list.
 */
#ifndef SL_ISSUER_TRUST_H
#define SL_ISSUER_TRUST_H

#include "base/arena.h"
#include "cose/receipt.h"
#include "issuer/sig.h"

enum {
	SL_TRUST_LIST_BYTES = 1 << 16,
	SL_TRUST_FILE_BYTES = 1 << 20,
	SL_TRUST_KEYS_MAX = 256, /* of all lines */
	SL_TRUST_MEMORY = 16 << 20
};

struct sl_trust_key {
	bool is_service;
	enum sl_leaf_mode mode; /* of a service */
	struct sl_slice iss;    /* empty: a service whose receipts name none */
	struct sl_pubkey key;
};

struct sl_trust {
	struct sl_arena a;
	struct sl_trust_key *key;
	size_t n_keys;
	struct sl_slice root[SL_SIG_ROOTS_MAX]; /* DER */
	size_t n_roots;
	int web_fd; /* -1: no mirror */
};

/* NOENT: there is no such list; FORMAT, LIMIT, UNSUPPORTED with line and file; SYS. */
int sl_trust_load(int dirfd, const char *path, struct sl_sig *sig, struct sl_trust *ret,
		  struct sl_err *err) SL_MUST_CHECK;
void sl_trust_done(struct sl_trust *t);

#define SL_TRUST_NONE                                                                    \
	{                                                                                \
		.web_fd = -1                                                             \
	}
#define SL_AUTO_TRUST                                                                    \
	__attribute__((cleanup(sl_trust_done))) struct sl_trust /* t = SL_TRUST_NONE */

/* The keys of a file's content, by what it is; at most max, else LIMIT. */
int sl_keyfile_parse(struct sl_slice src, struct sl_sig *sig, struct sl_pubkey *ret,
		     size_t max, size_t *ret_n, struct sl_err *err) SL_MUST_CHECK;
/* The next block of a PEM file: 1 (label, and the bytes in out, cleared first), 0 when
 * there is none, FORMAT. */
int sl_pem_next(struct sl_slice *src, struct sl_slice *ret_label, struct sl_buf *out,
		struct sl_err *err) SL_MUST_CHECK;

/* did:web from the mirror (W3C did:web; percent-encoding is kept in names): the keys that
 * its document gives for assertions, of those the ones that kid names where it is given.
 * did:web:HOST is HOST/.well-known/did.json, did:web:HOST:A:B is HOST/A/B/did.json.
 * NOENT: not in the mirror; SIGNER: no such key. */
int sl_didweb_keys(int web_fd, struct sl_slice did, struct sl_slice kid,
		   struct sl_pubkey *ret, size_t max, size_t *ret_n,
		   struct sl_err *err) SL_MUST_CHECK;

#endif
