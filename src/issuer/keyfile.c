/* keyfile.c -- see trust.h: files of public keys. */
#include "codec/base64.h"
#include "crypto/sha256.h"
#include "issuer/trust.h"

static const struct sl_limits json_limits = { SL_TRUST_FILE_BYTES, 1 << 14, 8 };

static struct sl_slice
line_of(struct sl_slice *src)
{
	struct sl_slice line = sl_slice_upto(*src, '\n');

	*src = sl_slice_skip(*src, line.len + 1);
	while (line.len > 0 &&
	       (line.p[line.len - 1] == '\r' || line.p[line.len - 1] == ' '))
		line.len--;
	return line;
}

/* "-----BEGIN X-----": X. */
static bool
is_boundary(struct sl_slice line, struct sl_slice begin, struct sl_slice *ret_label)
{
	const struct sl_slice dashes = SL_LIT("-----");

	if (!sl_slice_starts(line, begin) || line.len < begin.len + dashes.len ||
	    !sl_slice_eq(sl_slice_skip(line, line.len - dashes.len), dashes))
		return false;
	*ret_label = sl_slice_skip(line, begin.len);
	ret_label->len -= dashes.len;
	return true;
}

int
sl_pem_next(struct sl_slice *src, struct sl_slice *ret_label, struct sl_buf *out,
	    struct sl_err *err)
{
	SL_AUTO_BUF b64 = { .max = SL_TRUST_FILE_BYTES };
	struct sl_slice label = { 0 }, end;
	uint8_t *to;
	size_t n;

	while (src->len > 0 && !is_boundary(line_of(src), SL_LIT("-----BEGIN "), &label))
		;
	if (label.p == NULL)
		return 0;
	for (;;) {
		struct sl_slice line;

		if (src->len == 0)
			return SL_ERR(err, FORMAT, "PEM: '%.*s' has no end",
				      SL_ARG(label));
		line = line_of(src);
		if (is_boundary(line, SL_LIT("-----END "), &end))
			break;
		sl_buf_slice(&b64, line);
	}
	if (!sl_slice_eq(label, end))
		return SL_ERR(err, FORMAT, "PEM: '%.*s' ends as '%.*s'", SL_ARG(label),
			      SL_ARG(end));
	sl_buf_clear(out);
	to = sl_buf_room(out, b64.len + 1);
	if (b64.is_failed || to == NULL)
		return SL_ERR(err, LIMIT, "PEM: '%.*s' is too long", SL_ARG(label));
	if (!sl_unbase64(SL_BASE64_STD, sl_buf_get(&b64), to, b64.len + 1, &n) || n == 0)
		return SL_ERR(err, FORMAT, "PEM: '%.*s' is no base64", SL_ARG(label));
	out->len = n;
	*ret_label = label;
	return 1;
}

static int
from_cert(struct sl_slice der, struct sl_sig *sig, struct sl_pubkey *ret,
	  struct sl_err *err)
{
	const struct sl_sig_ask a = { .op = SL_SIG_CERT, .cert = { der }, .n_certs = 1 };
	bool is_bound;
	int r = sl_sig_cert_key(sig, &a, ret, &is_bound, err);

	if (r < 0)
		return r;
	sl_sha256(der, ret->cert);
	ret->has_cert = true;
	return 0;
}

static int
from_pem(struct sl_slice src, struct sl_sig *sig, struct sl_pubkey *ret, size_t max,
	 size_t *ret_n, struct sl_err *err)
{
	SL_AUTO_BUF der = { .max = SL_TRUST_FILE_BYTES };
	struct sl_slice label;
	size_t n = 0;
	int r;

	while ((r = sl_pem_next(&src, &label, &der, err)) == 1) {
		if (n == max)
			return SL_ERR(err, LIMIT, "more than %zu keys", max);
		if (sl_slice_eq(label, SL_LIT("PUBLIC KEY")))
			r = sl_pubkey_spki(sl_buf_get(&der), &ret[n++], err);
		else if (sl_slice_eq(label, SL_LIT("CERTIFICATE")))
			r = from_cert(sl_buf_get(&der), sig, &ret[n++], err);
		else
			r = SL_ERR(err, UNSUPPORTED,
				   "PEM: '%.*s'; PUBLIC KEY and CERTIFICATE only",
				   SL_ARG(label));
		if (r < 0)
			return r;
	}
	*ret_n = n;
	return r;
}

static int
from_json(struct sl_slice src, struct sl_pubkey *ret, size_t max, size_t *ret_n,
	  struct sl_err *err)
{
	SL_AUTO_ARENA a = { .cap = SL_TRUST_MEMORY };
	const struct sl_json *keys;
	struct sl_json *v;
	size_t n = 0;
	int r = sl_json_parse(src, &json_limits, &a, &v, err);

	if (r < 0)
		return r;
	if ((keys = sl_json_get(v, "keys")) == NULL) {
		*ret_n = 1;
		return sl_pubkey_jwk(v, ret, err);
	}
	SL_JSON_EACH(k, keys)
	{
		if (n == max)
			return SL_ERR(err, LIMIT, "more than %zu keys", max);
		if ((r = sl_pubkey_jwk(k, &ret[n++], err)) < 0)
			return r;
	}
	*ret_n = n;
	return 0;
}

static int
from_cbor(struct sl_slice src, struct sl_pubkey *ret, size_t max, size_t *ret_n,
	  struct sl_err *err)
{
	enum { SET_MAX = 64 };
	struct sl_cose_key set[SET_MAX];
	size_t n = 1;
	int r;

	if ((src.p[0] & 0xe0) == 0x80) /* an array: a set */
		r = sl_cose_keyset_parse(src, set, max < SET_MAX ? max : SET_MAX, &n,
					 err);
	else
		r = sl_cose_key_parse(src, set, err);
	for (size_t i = 0; i < n && r == 0; i++)
		r = sl_pubkey_cose(&set[i], &ret[i], err);
	if (r == 0)
		*ret_n = n;
	return r;
}

int
sl_keyfile_parse(struct sl_slice src, struct sl_sig *sig, struct sl_pubkey *ret,
		 size_t max, size_t *ret_n, struct sl_err *err)
{
	struct sl_slice s = src;
	size_t n = 0;
	int r;

	while (s.len > 0 && (*s.p == ' ' || *s.p == '\n' || *s.p == '\r' || *s.p == '\t'))
		s = sl_slice_skip(s, 1);
	if (s.len == 0 || max == 0)
		return SL_ERR(err, FORMAT, "no key");
	if (*s.p == '-')
		r = from_pem(src, sig, ret, max, &n, err);
	else if (*s.p == '{')
		r = from_json(src, ret, max, &n, err);
	else
		r = from_cbor(src, ret, max, &n, err);
	if (r < 0)
		return r;
	if (n == 0)
		return SL_ERR(err, FORMAT, "no key");
	*ret_n = n;
	return 0;
}
