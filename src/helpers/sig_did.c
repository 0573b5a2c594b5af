/* sig_did.c -- see sig_did.h.
 *
 * did:x509:0:sha256:FINGERPRINT::POLICY:VALUE...[::POLICY:VALUE...] */
#include "helpers/sig_did.h"

#include "codec/base64.h"

#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>

enum { POLICIES_MAX = 16, VALUE_MAX = 1024, HASH_MAX = 64 };

/* The part before sep (or all), and s without it. */
static struct sl_slice
cut(struct sl_slice *s, const char *sep)
{
	size_t n = strlen(sep);
	struct sl_slice part = *s;

	for (size_t i = 0; i + n <= s->len; i++)
		if (memcmp(s->p + i, sep, n) == 0) {
			part.len = i;
			*s = sl_slice_skip(*s, i + n);
			return part;
		}
	*s = (struct sl_slice){ 0 };
	return part;
}

static int
digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Percent decoding; no NUL may come of it. */
static int
decode(struct sl_slice s, char ret[VALUE_MAX], size_t *ret_n, struct sl_err *err)
{
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++) {
		int c = s.p[i];

		if (c == '%') {
			bool has_two = s.len - i > 2;
			int hi = has_two ? digit(s.p[i + 1]) : -1;
			int lo = has_two ? digit(s.p[i + 2]) : -1;

			c = hi >= 0 && lo >= 0 ? hi << 4 | lo : 0;
			i += 2;
		}
		if (c == 0 || n == VALUE_MAX - 1)
			return SL_ERR(err, FORMAT, "did:x509: a value that cannot be");
		ret[n++] = (char)c;
	}
	if (n == 0)
		return SL_ERR(err, FORMAT, "did:x509: an empty value");
	ret[n] = '\0';
	*ret_n = n;
	return 0;
}

static bool
is_text(const ASN1_STRING *s, const char *v, size_t n)
{
	unsigned char *u = NULL;
	int len = s != NULL ? ASN1_STRING_to_UTF8(&u, s) : -1;
	bool is = len >= 0 && (size_t)len == n && memcmp(u, v, n) == 0;

	OPENSSL_free(u);
	return is;
}

static bool
has_subject(X509 *leaf, const char *key, const char *v, size_t n)
{
	const X509_NAME *name = X509_get_subject_name(leaf);
	ASN1_OBJECT *o = OBJ_txt2obj(strcmp(key, "STREET") == 0 ? "street" : key, 0);
	bool is = false;

	for (int at = -1;
	     o != NULL && !is && (at = X509_NAME_get_index_by_OBJ(name, o, at)) >= 0;)
		is = is_text(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)), v,
			     n);
	ASN1_OBJECT_free(o);
	return is;
}

static bool
has_san(X509 *leaf, const char *kind, const char *v, size_t n)
{
	int type = strcmp(kind, "email") == 0 ? GEN_EMAIL
		   : strcmp(kind, "dns") == 0 ? GEN_DNS
					      : GEN_URI;
	GENERAL_NAMES *all = X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL, NULL);
	bool is = false;

	for (int i = 0; i < sk_GENERAL_NAME_num(all) && !is; i++) {
		const GENERAL_NAME *g = sk_GENERAL_NAME_value(all, i);

		is = g->type == type && is_text(g->d.ia5, v, n);
	}
	GENERAL_NAMES_free(all);
	return is;
}

static bool
has_eku(X509 *leaf, const char *oid)
{
	EXTENDED_KEY_USAGE *all = X509_get_ext_d2i(leaf, NID_ext_key_usage, NULL, NULL);
	ASN1_OBJECT *o = OBJ_txt2obj(oid, 1);
	bool is = false;

	for (int i = 0; o != NULL && i < sk_ASN1_OBJECT_num(all) && !is; i++)
		is = OBJ_cmp(sk_ASN1_OBJECT_value(all, i), o) == 0;
	ASN1_OBJECT_free(o);
	EXTENDED_KEY_USAGE_free(all);
	return is;
}

/* kind:value, and for a subject any number of them. */
static int
check_pairs(struct sl_slice rest, X509 *leaf, bool is_subject, struct sl_err *err)
{
	const char *what = is_subject ? "subject" : "san";
	char key[VALUE_MAX], v[VALUE_MAX];
	size_t n_key, n;
	int r;

	do {
		struct sl_slice k = cut(&rest, ":"), value = cut(&rest, ":");

		if ((r = decode(k, key, &n_key, err)) < 0 ||
		    (r = decode(value, v, &n, err)) < 0)
			return r;
		if (!is_subject && (rest.len > 0 ||
				    (strcmp(key, "email") != 0 &&
				     strcmp(key, "dns") != 0 && strcmp(key, "uri") != 0)))
			return SL_ERR(err, UNSUPPORTED, "did:x509: san '%s'", key);
		if (is_subject ? !has_subject(leaf, key, v, n)
			       : !has_san(leaf, key, v, n))
			return SL_ERR(
			    err, VERIFY,
			    "did:x509: the certificate has not the %s '%s' '%s'", what,
			    key, v);
	} while (rest.len > 0);
	return 0;
}

static int
check_policy(struct sl_slice policy, X509 *leaf, struct sl_err *err)
{
	struct sl_slice rest = policy, name = cut(&rest, ":");
	char oid[VALUE_MAX];
	size_t n;
	int r;

	if (sl_slice_eq(name, SL_LIT("subject")) || sl_slice_eq(name, SL_LIT("san")))
		return check_pairs(rest, leaf, name.len == 7, err);
	if (!sl_slice_eq(name, SL_LIT("eku")))
		return SL_ERR(err, UNSUPPORTED, "did:x509: policy '%.*s'", SL_ARG(name));
	if ((r = decode(rest, oid, &n, err)) < 0)
		return r;
	if (!has_eku(leaf, oid))
		return SL_ERR(err, VERIFY,
			      "did:x509: the certificate has not the extended key usage "
			      "'%s'",
			      oid);
	return 0;
}

/* An authority of the path has that fingerprint. */
static int
check_pin(struct sl_slice alg, struct sl_slice b64, STACK_OF(X509) * path,
	  struct sl_err *err)
{
	const EVP_MD *md = sl_slice_eq(alg, SL_LIT("sha256"))   ? EVP_sha256()
			   : sl_slice_eq(alg, SL_LIT("sha384")) ? EVP_sha384()
			   : sl_slice_eq(alg, SL_LIT("sha512")) ? EVP_sha512()
								: NULL;
	uint8_t pin[HASH_MAX], own[EVP_MAX_MD_SIZE];
	unsigned n_own;
	size_t n;

	if (md == NULL)
		return SL_ERR(err, UNSUPPORTED, "did:x509: digest '%.*s'", SL_ARG(alg));
	if (!sl_unbase64(SL_BASE64_URL, b64, pin, sizeof(pin), &n) ||
	    n != (size_t)EVP_MD_get_size(md))
		return SL_ERR(err, FORMAT, "did:x509: the fingerprint cannot be read");
	for (int i = 1; i < sk_X509_num(path); i++)
		if (X509_digest(sk_X509_value(path, i), md, own, &n_own) == 1 &&
		    n_own == n && memcmp(own, pin, n) == 0)
			return 0;
	return SL_ERR(err, VERIFY,
		      "did:x509: no authority of the path has the fingerprint '%.*s'",
		      SL_ARG(b64));
}

int
sl_sig_did(struct sl_slice did, STACK_OF(X509) * path, struct sl_err *err)
{
	struct sl_slice rest = did, head = cut(&rest, "::"), version, alg;
	size_t n = 0;
	int r;

	(void)cut(&head, ":"); /* did */
	(void)cut(&head, ":"); /* x509 */
	version = cut(&head, ":");
	if (!sl_slice_eq(version, SL_LIT("0")))
		return SL_ERR(err, UNSUPPORTED, "did:x509: version '%.*s'",
			      SL_ARG(version));
	alg = cut(&head, ":");
	if ((r = check_pin(alg, head, path, err)) < 0)
		return r;
	if (rest.len == 0)
		return SL_ERR(err, FORMAT, "did:x509: it names no policy");
	for (; rest.len > 0; n++) {
		if (n == POLICIES_MAX)
			return SL_ERR(err, LIMIT, "did:x509: more than %d policies",
				      POLICIES_MAX);
		if ((r = check_policy(cut(&rest, "::"), sk_X509_value(path, 0), err)) < 0)
			return r;
	}
	return 0;
}
