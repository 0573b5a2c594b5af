/* sig_x509.c -- see sig_do.h: certificates, paths, did:x509. */
#include "helpers/sig_did.h"
#include "helpers/sig_do.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

enum { SECURITY_LEVEL = 2 };

struct work {
	X509 *leaf;
	STACK_OF(X509) * rest;
	X509_STORE *store;
	X509_STORE_CTX *ctx;
};

static void
work_done(struct work *w)
{
	X509_STORE_CTX_free(w->ctx);
	X509_STORE_free(w->store);
	sk_X509_pop_free(w->rest, X509_free);
	X509_free(w->leaf);
}

static int
read_cert(struct sl_slice der, const char *what, X509 **ret, struct sl_err *err)
{
	const unsigned char *p = der.p;
	X509 *x = d2i_X509(NULL, &p, (long)der.len);

	if (x == NULL || p != der.p + der.len) {
		X509_free(x);
		return SL_ERR(err, FORMAT, "%s is no certificate (RFC 5280)", what);
	}
	*ret = x;
	return 0;
}

static int
put_key(X509 *x, struct sl_buf *spki, struct sl_err *err)
{
	uint8_t *der = NULL;
	int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &der);

	if (n <= 0 || n > SL_SIG_SPKI_MAX) {
		OPENSSL_free(der);
		return SL_ERR(err, UNSUPPORTED,
			      "the certificate's key is too long, or none");
	}
	sl_buf_put(spki, der, (size_t)n);
	OPENSSL_free(der);
	return spki->is_failed ? SL_ERR(err, NOMEM, "out of memory for a key") : 0;
}

int
sl_sig_cert(const struct sl_sig_ask *a, struct sl_sig_found *ret, struct sl_err *err)
{
	X509 *x = NULL;
	int r = read_cert(a->cert[0], "it", &x, err);

	if (r < 0)
		return r;
	r = put_key(x, &ret->spki, err);
	X509_free(x);
	return r;
}

static int
load(const struct sl_sig_ask *a, struct work *w, struct sl_err *err)
{
	X509 *x = NULL;
	int r;

	w->store = X509_STORE_new();
	w->ctx = X509_STORE_CTX_new();
	w->rest = sk_X509_new_null();
	if (w->store == NULL || w->ctx == NULL || w->rest == NULL)
		return SL_ERR(err, NOMEM, "out of memory for certificates");
	if ((r = read_cert(a->cert[0], "the first of x5chain", &w->leaf, err)) < 0)
		return r;
	for (size_t i = 1; i < a->n_certs; i++) {
		if ((r = read_cert(a->cert[i], "one of x5chain", &x, err)) < 0)
			return r;
		if (sk_X509_push(w->rest, x) <= 0) {
			X509_free(x);
			return SL_ERR(err, NOMEM, "out of memory for certificates");
		}
	}
	for (size_t i = 0; i < a->n_roots; i++) {
		if ((r = read_cert(a->root[i], "one of the roots", &x, err)) < 0)
			return r;
		r = X509_STORE_add_cert(w->store, x);
		X509_free(x);
		if (r != 1)
			return SL_ERR(err, NOMEM, "out of memory for roots");
	}
	return 0;
}

/* OpenSSL takes an intermediate without basicConstraints where its key usage says that it
 * signs certificates; RFC 5280 section 4.2.1.9 does not. */
static int
check_path(STACK_OF(X509) * path, struct sl_err *err)
{
	X509 *leaf = sk_X509_value(path, 0);
	int n = sk_X509_num(path);
	uint32_t usage = X509_get_key_usage(leaf);

	for (int i = 1; i + 1 < n; i++)
		if (X509_check_ca(sk_X509_value(path, i)) != 1)
			return SL_ERR(err, VERIFY,
				      "a certificate of the path is no authority's "
				      "(RFC 5280 section 4.2.1.9)");
	if (usage != UINT32_MAX &&
	    (usage & (KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION)) == 0)
		return SL_ERR(err, VERIFY,
			      "the signer's certificate is not for signatures (its key "
			      "usage, RFC 5280 section 4.2.1.3)");
	return 0;
}

/* The host of an https URI whose authority is a host, perhaps with a port, and no user
 * (who could look like one). */
static struct sl_slice
host_of(struct sl_slice iss)
{
	const struct sl_slice https = SL_LIT("https://"), none = { 0 };
	struct sl_slice at = sl_slice_upto(sl_slice_skip(iss, https.len), '/');
	struct sl_slice host = sl_slice_upto(at, ':');

	if (!sl_slice_starts(iss, https))
		return none;
	for (size_t i = host.len + 1; i < at.len; i++)
		if (at.p[i] < '0' || at.p[i] > '9')
			return none;
	return host;
}

/* A subjectAltName that is iss, or the host of its https URI. */
static bool
is_named(X509 *leaf, struct sl_slice iss)
{
	GENERAL_NAMES *all = X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL, NULL);
	struct sl_slice host = host_of(iss);
	bool is = false;

	for (int i = 0; i < sk_GENERAL_NAME_num(all) && !is; i++) {
		const GENERAL_NAME *g = sk_GENERAL_NAME_value(all, i);
		struct sl_slice name;

		if (g->type != GEN_URI && g->type != GEN_DNS)
			continue;
		name.p = ASN1_STRING_get0_data(g->d.ia5);
		name.len = (size_t)ASN1_STRING_length(g->d.ia5);
		is = name.len > 0 && sl_slice_eq(name, g->type == GEN_URI ? iss : host);
	}
	GENERAL_NAMES_free(all);
	return is;
}

static int
chain(const struct sl_sig_ask *a, struct work *w, bool *ret_bound, struct sl_err *err)
{
	X509_VERIFY_PARAM *p;
	int r = load(a, w, err);

	if (r < 0)
		return r;
	if (X509_STORE_CTX_init(w->ctx, w->store, w->leaf, w->rest) != 1)
		return SL_ERR(err, NOMEM, "out of memory for a path");
	p = X509_STORE_CTX_get0_param(w->ctx);
	X509_VERIFY_PARAM_set_time(p, (time_t)a->time);
	X509_VERIFY_PARAM_set_auth_level(p, SECURITY_LEVEL);
	X509_VERIFY_PARAM_set_depth(p, SL_SIG_CERTS_MAX);
	/* Whatever is configured as a root is one, also where others signed it. */
	if (X509_VERIFY_PARAM_set_flags(p, X509_V_FLAG_PARTIAL_CHAIN) != 1)
		return SL_ERR(err, BUG, "cannot set up a path");
	if (X509_verify_cert(w->ctx) != 1)
		return SL_ERR(
		    err, VERIFY, "x5chain: %s (certificate %d of the path)",
		    X509_verify_cert_error_string(X509_STORE_CTX_get_error(w->ctx)),
		    X509_STORE_CTX_get_error_depth(w->ctx) + 1);
	if ((r = check_path(X509_STORE_CTX_get0_chain(w->ctx), err)) < 0)
		return r;
	*ret_bound = true;
	if (sl_slice_starts(a->iss, SL_LIT("did:x509:")))
		return sl_sig_did(a->iss, X509_STORE_CTX_get0_chain(w->ctx), err);
	*ret_bound = is_named(w->leaf, a->iss);
	return 0;
}

int
sl_sig_chain(const struct sl_sig_ask *a, struct sl_sig_found *ret, struct sl_err *err)
{
	struct work w = { 0 };
	int r = chain(a, &w, &ret->is_bound, err);

	if (r == 0)
		r = put_key(w.leaf, &ret->spki, err);
	work_done(&w);
	return r;
}
