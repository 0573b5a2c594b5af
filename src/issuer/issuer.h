/* issuer.h -- who signed a statement of others, and whether that is somebody trusted.
 *
 * sl_issuer_check() is the one way to verify a foreign COSE_Sign1: the algorithm, the
 * key (from the issuer's did:key, did:jwk or did:web, an X.509 path, or the operator's
 * list), every identifier of the issuer that the protected header names (iss, kid, x5t,
 * x5chain), and the signature.  Callers that register statements parse them with
 * sl_statement_parse() first, which holds them to RFC 9943.
 *
 *	SL_AUTO_SIG sig = { 0 };
 *	sl_sig_helper(&sig);
 *	struct sl_issuer_found who;
 *	const struct sl_issuer_env env = { .trust = &trust, .sig = &sig, .time = now };
 *	r = sl_issuer_check(&statement, &env, &who, err);
 *
 * Nothing here reaches the network: did:web comes from the mirror of the list, and
 * revocation lists are not looked at.
 */
#ifndef SL_ISSUER_ISSUER_H
#define SL_ISSUER_ISSUER_H

#include "issuer/trust.h"

struct sl_issuer_env {                /* all borrowed */
	const struct sl_trust *trust; /* NULL: there is no list */
	struct sl_sig *sig;
	int64_t time;               /* s since 1970, at which certificates must hold */
	const struct sl_slice *did; /* did:key and did:jwk that are trusted */
	size_t n_dids;
	struct sl_slice detached; /* payload of a statement that holds none */
};

enum sl_issuer_how {
	SL_ISSUER_SELF,   /* did:key, did:jwk: the name is the key */
	SL_ISSUER_LISTED, /* the operator's list has the key */
	SL_ISSUER_WEB,    /* did:web, of the mirror */
	SL_ISSUER_X509    /* a path to one of the operator's roots */
};

struct sl_issuer_found {
	enum sl_issuer_how how;
	bool is_trusted; /* else why says what is missing */
	const char *alg; /* its name; static */
	char why[160];
};

const char *
sl_issuer_how_name(enum sl_issuer_how how); /* "did", "list", "did:web", ... */

/* VERIFY: the signature or an identifier is wrong.  SIGNER: no key for this issuer is
 * known, so nothing could be checked.  UNSUPPORTED: the algorithm, the DID method, ... by
 * name.  FORMAT, LIMIT; ENV where the helper is missing.  0: the signature holds; whether
 * its issuer is trusted is in *ret. */
int sl_issuer_check(const struct sl_sign1 *s, const struct sl_issuer_env *env,
		    struct sl_issuer_found *ret, struct sl_err *err) SL_MUST_CHECK;

#endif
