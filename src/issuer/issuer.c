/* issuer.c -- see issuer.h. */
#include "issuer/x5.h"

#include <stdio.h>

enum { CANDIDATES_MAX = 64, WEB_KEYS_MAX = 16 };

struct work {
	const struct sl_sign1 *s;
	const struct sl_issuer_env *env;
	struct sl_x5 x5;
	/* Keys that speak for the issuer; one of them must have signed. */
	const struct sl_pubkey *key[CANDIDATES_MAX];
	size_t n;
	struct sl_pubkey own, leaf; /* of a did; of x5chain */
	struct sl_pubkey web[WEB_KEYS_MAX];
	bool is_path_good, is_bound; /* x5chain leads to a root; and says iss */
	struct sl_issuer_found who;
};

static const char *const hows[] = {
	[SL_ISSUER_SELF] = "did",
	[SL_ISSUER_LISTED] = "list",
	[SL_ISSUER_WEB] = "did:web",
	[SL_ISSUER_X509] = "x509",
};

const char *
sl_issuer_how_name(enum sl_issuer_how how)
{
	return hows[how];
}

static void
not_trusted(struct work *w, const char *why)
{
	w->who.is_trusted = false;
	(void)snprintf(w->who.why, sizeof(w->who.why), "%s", why);
}

static bool
is_trusted_did(const struct sl_issuer_env *env, struct sl_slice iss)
{
	for (size_t i = 0; i < env->n_dids; i++)
		if (sl_slice_eq(env->did[i], iss))
			return true;
	return false;
}

/* A protected kid of the message, or nothing. */
static struct sl_slice
kid_of(const struct sl_cose_hdr *h)
{
	return h->has_kid && !h->is_kid_unprotected ? h->kid : (struct sl_slice){ 0 };
}

/* --- X.509 --- */

/* RFC 8392 section 1.1: a StringOrURI with a ':' is a URI. */
static int
check_uri(struct sl_slice iss, struct sl_err *err)
{
	struct sl_slice scheme = sl_slice_upto(iss, ':');
	bool is_bad = scheme.len == 0;

	if (scheme.len == iss.len)
		return 0;
	for (size_t i = 0; i < iss.len; i++) {
		uint8_t c = iss.p[i], low = c | 0x20;
		bool is_letter = low >= 'a' && low <= 'z';
		bool is_in_scheme =
		    is_letter || (i > 0 && ((c >= '0' && c <= '9') || c == '+' ||
					    c == '-' || c == '.'));

		is_bad =
		    is_bad || c <= ' ' || c >= 0x7f || (i < scheme.len && !is_in_scheme);
	}
	return is_bad ? SL_ERR(err, FORMAT,
			       "iss '%.*s' is no URI (RFC 8392 section 1.1), which it "
			       "has to be beside x5t or x5chain",
			       SL_ARG(iss))
		      : 0;
}

static int
take_chain(struct work *w, struct sl_err *err)
{
	const struct sl_trust *t = w->env->trust;
	struct sl_sig_ask *a = &w->x5.ask;
	int r;

	a->op = SL_SIG_CERT;
	if (t != NULL && t->n_roots > 0) {
		a->op = SL_SIG_CHAIN;
		a->time = w->env->time;
		a->iss = w->s->h.iss;
		memcpy(a->root, t->root, sizeof(a->root));
		a->n_roots = t->n_roots;
	} else {
		a->n_certs = 1; /* the others say nothing without a root */
	}
	if ((r = sl_sig_cert_key(w->env->sig, a, &w->leaf, &w->is_bound, err)) < 0)
		return r;
	w->is_path_good = a->op == SL_SIG_CHAIN;
	return 0;
}

/* --- keys for iss --- */

static void
take_listed(struct work *w)
{
	const struct sl_trust *t = w->env->trust;
	struct sl_slice kid = kid_of(&w->s->h);

	for (size_t i = 0; t != NULL && i < t->n_keys; i++) {
		const struct sl_trust_key *k = &t->key[i];

		if (k->is_service || !sl_slice_eq(k->iss, w->s->h.iss) ||
		    w->n == CANDIDATES_MAX)
			continue;
		/* A key without a name of its own is one that any kid may mean. */
		if (kid.len > 0 && k->key.n_kid > 0 && !sl_pubkey_has_kid(&k->key, kid))
			continue;
		if (w->x5.has_thumb && !w->x5.has_chain &&
		    (!k->key.has_cert || memcmp(k->key.cert, w->x5.thumb, 32) != 0))
			continue;
		w->key[w->n++] = &k->key;
	}
}

static int
take_web(struct work *w, struct sl_err *err)
{
	const struct sl_trust *t = w->env->trust;
	size_t n = 0;
	int r;

	if (t == NULL || t->web_fd < 0)
		return SL_ERR(err, SIGNER,
			      "no mirror of did:web documents is configured for '%.*s'",
			      SL_ARG(w->s->h.iss));
	r = sl_didweb_keys(t->web_fd, w->s->h.iss, kid_of(&w->s->h), w->web, WEB_KEYS_MAX,
			   &n, err);
	if (r == SL_E(NOENT))
		return err->code = SL_E(SIGNER);
	for (size_t i = 0; i < n && r == 0; i++)
		w->key[w->n++] = &w->web[i];
	return r;
}

/* Keys by the issuer's name: the list first, which may say more than a name does. */
static int
take_named(struct work *w, struct sl_err *err)
{
	struct sl_slice iss = w->s->h.iss;
	int r;

	take_listed(w);
	if (w->n > 0) {
		w->who.how = SL_ISSUER_LISTED;
		w->who.is_trusted = true;
	}
	if (sl_pubkey_is_did(iss)) {
		if ((r = sl_pubkey_did(iss, &w->own, err)) < 0)
			return r;
		if (w->n > 0 && !(w->n == 1 && sl_pubkey_eq(w->key[0], &w->own)))
			return SL_ERR(err, VERIFY,
				      "the list has another key for '%.*s' than its name "
				      "says",
				      SL_ARG(iss));
		if (w->n == 0) {
			w->key[w->n++] = &w->own;
			w->who.how = SL_ISSUER_SELF;
			w->who.is_trusted = is_trusted_did(w->env, iss);
			if (!w->who.is_trusted)
				not_trusted(w, "its key is not known here");
		}
		return 0;
	}
	if (w->n == 0 && sl_slice_starts(iss, SL_LIT("did:web:"))) {
		if ((r = take_web(w, err)) < 0)
			return r;
		w->who.how = SL_ISSUER_WEB;
		w->who.is_trusted = true;
	}
	return 0;
}

/* With a chain: its leaf signed, and is one of the named keys where there are any. */
static int
join_chain(struct work *w, struct sl_err *err)
{
	bool is_among = false;

	for (size_t i = 0; i < w->n; i++)
		is_among = is_among || sl_pubkey_eq(w->key[i], &w->leaf);
	if (w->n > 0 && !is_among)
		return SL_ERR(err, VERIFY, "the certificate's key is not that of '%.*s'",
			      SL_ARG(w->s->h.iss));
	if (w->n == 0) {
		w->who.how = SL_ISSUER_X509;
		w->who.is_trusted = w->is_path_good && w->is_bound;
		if (!w->is_path_good)
			not_trusted(w, "no certificate root is configured");
		else if (!w->is_bound)
			not_trusted(w, "the certificate does not say that it speaks for "
				       "this issuer");
	}
	w->key[0] = &w->leaf;
	w->n = 1;
	return 0;
}

static int
find_keys(struct work *w, struct sl_err *err)
{
	const struct sl_cose_hdr *h = &w->s->h;
	int r;

	if ((r = sl_x5_read(h, &w->x5, err)) < 0)
		return r;
	if ((h->has_x5chain || h->has_x5t) && (r = check_uri(h->iss, err)) < 0)
		return r;
	if ((r = take_named(w, err)) < 0)
		return r;
	if (w->x5.has_chain) {
		if ((r = take_chain(w, err)) < 0)
			return r;
		return join_chain(w, err);
	}
	if (w->n == 0)
		return SL_ERR(err, SIGNER, "no key of the issuer '%.*s'%s is known here",
			      SL_ARG(h->iss), kid_of(h).len > 0 ? " with its kid" : "");
	return 0;
}

int
sl_issuer_check(const struct sl_sign1 *s, const struct sl_issuer_env *env,
		struct sl_issuer_found *ret, struct sl_err *err)
{
	SL_AUTO_BUF tbs = { .max = SL_SIGN1_BYTES_MAX + (1 << 16) };
	const struct sl_slice none = { 0 };
	struct work *w;
	int r;

	if ((r = sl_sig_known(&s->h, err)) < 0 ||
	    (r = sl_sign1_tbs(s, env->detached, none, &tbs, err)) < 0)
		return r;
	if (!s->h.has_iss)
		return SL_ERR(err, FORMAT, "no iss in the CWT claims (label 15)");
	if ((w = calloc(1, sizeof(*w))) == NULL)
		return SL_ERR(err, NOMEM, "out of memory for an issuer");
	w->s = s;
	w->env = env;
	if ((r = find_keys(w, err)) == 0) {
		r = SL_E(VERIFY);
		for (size_t i = 0; i < w->n && r == SL_E(VERIFY); i++) {
			*err = (struct sl_err){ 0 };
			r = sl_sig_check(env->sig, w->key[i], s->h.alg, sl_buf_get(&tbs),
					 s->sig, err);
		}
	}
	if (r == 0) {
		*err = (struct sl_err){ 0 };
		w->who.alg = sl_cose_alg_name(s->h.alg);
		*ret = w->who;
	}
	free(w);
	return r;
}
