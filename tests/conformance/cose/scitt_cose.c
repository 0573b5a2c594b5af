/* scitt_cose.c -- COSE_Sign1 examples, statements and receipts. */
#include "base/auto.h"
#include "codec/base64.h"
#include "cose/receipt.h"
#include "cose/statement.h"
#include "scitt.h"

static const struct sl_slice none;

/* cose-wg-examples: one message a file.  Files without "sign0" hold other messages, which
 * must be refused; so must what the SCITT profile forbids (untagged, alg unprotected). */
static void
cose_wg(struct conf *c, const char *dir, const char *name)
{
	SL_AUTO_BUF text = { .max = CONF_FILE_MAX }, raw = { .max = 1 << 16 },
		    key = { .max = 64 };
	SL_AUTO_BUF aad = { .max = 4096 };
	SL_AUTO_ARENA a = { .cap = 1 << 22 };
	const struct sl_json *v, *in, *sign0;
	struct sl_err err = { 0 };
	uint8_t pub[32] = { 0 };
	bool is_sign1, must_fail;
	struct sl_sign1 s;
	int r;

	if (strstr(name, ".json") == NULL || !conf_read(c, &text, "%s/%s", dir, name))
		return;
	v = scitt_json(sl_buf_get(&text), &a);
	in = sl_json_get(v, "input");
	sign0 = sl_json_get(in, "sign0");
	if (!scitt_unhex(sl_json_get_str(sl_json_get(v, "output"), "cbor"), &raw) ||
	    raw.len == 0) {
		conf_exclude(c, "%s/%s: holds no message", dir, name);
		return;
	}
	is_sign1 = sign0 != NULL && raw.p[0] == 0xd2 &&
		   sl_json_get(sl_json_get(sign0, "unprotected"), "alg") == NULL;
	must_fail = sl_json_get_bool(v, "fail") || !is_sign1;
	r = sl_sign1_parse(sl_buf_get(&raw), 1 << 16, &s, &err);
	if (r == 0) {
		(void)scitt_unhex(sl_json_get_str(sign0, "external"), &aad);
		if (scitt_unhex(sl_json_get_str(sl_json_get(sign0, "key"), "x_hex"),
				&key) &&
		    key.len == 32)
			memcpy(pub, key.p, 32);
		r = sl_sign1_verify(&s, none, sl_buf_get(&aad), pub, &err);
	}
	if (r == SL_E(UNSUPPORTED) && s.h.alg != SL_ALG_EDDSA &&
	    sl_cose_alg_name(s.h.alg) != NULL)
		conf_exclude(c, "%s/%s: %s is verified in a helper", dir, name,
			     sl_cose_alg_name(s.h.alg));
	else if (r == SL_E(UNSUPPORTED) && is_sign1 && !must_fail) /* Ed448 */
		conf_case(c, s.sig.len != 64, "%s/%s: %s", dir, name, err.msg);
	else
		conf_case(c, (r == 0) == !must_fail, "%s/%s: %s", dir, name,
			  r == 0 ? "accepted" : err.msg);
}

/* go-cose: by "sign1::sign" or "sign1::verify". */
static void
go_cose(struct conf *c, const char *dir, const char *name)
{
	SL_AUTO_BUF text = { .max = CONF_FILE_MAX };
	SL_AUTO_ARENA a = { .cap = 1 << 22 };
	const struct sl_json *v;
	struct sl_slice alg;

	if (strstr(name, ".json") == NULL || !conf_read(c, &text, "%s/%s", dir, name))
		return;
	v = scitt_json(sl_buf_get(&text), &a);
	alg = sl_json_get_str(v, "alg");
	if (sl_slice_eq(alg, SL_LIT("EdDSA")))
		conf_case(c, false, "%s/%s: Ed25519, and no reader for it here", dir,
			  name);
	else
		conf_exclude(c, "%s/%s: %.*s is verified in a helper", dir, name,
			     SL_ARG(alg));
}

/* Real statements of a CCF ledger: parsed; their signatures need X.509. */
static void
ccf_payload(struct conf *c, const char *dir, const char *name)
{
	SL_AUTO_BUF raw = { .max = CONF_FILE_MAX };
	struct sl_err err = { 0 };
	struct sl_sign1 s;
	int r;

	if (strstr(name, ".cose") == NULL || !conf_read(c, &raw, "%s/%s", dir, name))
		return;
	r = sl_statement_parse(sl_buf_get(&raw), CONF_FILE_MAX, 0, &s, &err);
	if (r == 0)
		conf_exclude(
		    c, "%s/%s: reads; its signature (%s, X.509) is verified in a helper",
		    dir, name,
		    sl_cose_alg_name(s.h.alg) ? sl_cose_alg_name(s.h.alg) : "?");
	else
		conf_exclude(c, "%s/%s: %s", dir, name, err.msg);
}

void
scitt_cose(struct conf *c)
{
	static const char *const dirs[] = { "CWT",
					    "RFC8152",
					    "ecdsa-examples",
					    "eddsa-examples",
					    "rsa-pss-examples",
					    "sign1-tests",
					    "x509-examples" };
	char dir[128];

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		(void)snprintf(dir, sizeof(dir), "scitt/cose-wg-examples/%s", dirs[i]);
		conf_each(c, dir, cose_wg);
	}
	conf_each(c, "scitt/go-cose", go_cose);
	conf_each(c, "scitt/scitt-ccf-ledger/payloads", ccf_payload);
	conf_each(c, "scitt/scitt-ccf-ledger/transparent_statements", ccf_payload);
}

/* ---- receipts ---- */

struct keys {
	bool has_issuer, has_log;
	uint8_t issuer[32], log[32];
};

/* The receipt over a statement's bytes, entry = SHA-256 of them as they are. */
static int
check_receipt(struct sl_slice receipt, const struct sl_sign1 *st, const uint8_t pub[32],
	      struct sl_err *err)
{
	struct sl_receipt rc;
	struct sl_hash leaf, root;
	int r;

	if ((r = sl_receipt_parse(receipt, SL_RECEIPT_ANY_CLAIMS, &rc, err)) < 0 ||
	    (r = sl_receipt_leaf(st, SL_LEAF_AS_IS, &leaf, err)) < 0)
		return r;
	return sl_receipt_verify(&rc, &leaf, pub, &root, err);
}

/* scitt-cose: a folder a case. */
static void
vector(struct conf *c, const char *dir, const char *name)
{
	SL_AUTO_BUF text = { .max = CONF_FILE_MAX }, pem = { .max = 4096 };
	SL_AUTO_BUF raw = { .max = 1 << 16 }, receipt = { .max = 1 << 16 };
	SL_AUTO_ARENA a = { .cap = 1 << 20 };
	struct sl_err e1 = { 0 }, e2 = { 0 };
	const struct sl_json *v;
	struct keys k = { 0 };
	struct sl_sign1 s;
	int r1, r2;

	if (!conf_read(c, &text, "%s/%s/expected.json", dir, name) ||
	    !conf_read(c, &raw, "%s/%s/statement.cose", dir, name) ||
	    !conf_read(c, &receipt, "%s/%s/receipt.cose", dir, name))
		return;
	v = scitt_json(sl_buf_get(&text), &a);
	if (conf_read(c, &pem, "%s/%s/issuer-key.pub", dir, name))
		k.has_issuer = scitt_pem(sl_buf_get(&pem), k.issuer);
	if (conf_read(c, &pem, "%s/%s/log-key.pub", dir, name))
		k.has_log = scitt_pem(sl_buf_get(&pem), k.log);
	r1 = sl_statement_parse(sl_buf_get(&raw), 1 << 16, SL_STATEMENT_ANY_KEY, &s, &e1);
	if (r1 < 0) {
		conf_case(c, false, "scitt-cose %s: %s", name, e1.msg);
		return;
	}
	r1 = sl_sign1_verify(&s, none, none, k.issuer, &e1);
	if (!k.has_issuer)
		conf_exclude(c, "scitt-cose %s: %s is verified in a helper", name,
			     e1.msg);
	else
		conf_case(
		    c, (r1 == 0) == sl_json_get_bool(v, "statement_signature_valid"),
		    "scitt-cose %s: statement: %s", name, r1 == 0 ? "accepted" : e1.msg);
	r2 = check_receipt(sl_buf_get(&receipt), &s, k.log, &e2);
	if (sl_json_get_bool(v, "receipt_valid") && r2 == SL_E(UNSUPPORTED))
		conf_exclude(c, "scitt-cose %s: receipt: %s", name, e2.msg);
	else
		conf_case(c, (r2 == 0) == sl_json_get_bool(v, "receipt_valid"),
			  "scitt-cose %s: receipt: %s", name,
			  r2 == 0 ? "accepted" : e2.msg);
}

static bool
unbase64(struct sl_slice s, struct sl_buf *out)
{
	size_t n = 0;
	uint8_t *p;

	sl_buf_clear(out);
	p = sl_buf_room(out, s.len);
	if (p == NULL || !sl_unbase64(SL_BASE64_STD, s, p, s.len, &n))
		return false;
	out->len = n;
	return true;
}

/* One statement on two services: {bytes_base64 of both, ts_public_key_pem}. */
static void
ccf_interop(struct conf *c)
{
	SL_AUTO_BUF text = { .max = CONF_FILE_MAX }, raw = { .max = 1 << 16 },
		    rc = { .max = 1 << 16 };
	SL_AUTO_ARENA a = { .cap = 1 << 22 };
	const struct sl_json *v, *st, *flip;
	struct sl_err err = { 0 };
	uint8_t issuer[32], log[32];
	struct sl_sign1 s;
	bool ok;

	if (!conf_read(c, &text, "scitt/scitt-cose/interop-ccf/shared-vector.json"))
		return;
	v = scitt_json(sl_buf_get(&text), &a);
	st = sl_json_get(v, "statement");
	flip = sl_json_get(v, "direction_flip");
	ok = unbase64(sl_json_get_str(st, "bytes_base64"), &raw) &&
	     scitt_pem(sl_json_get_str(st, "issuer_public_key_pem"), issuer) &&
	     sl_statement_parse(sl_buf_get(&raw), 1 << 16, SL_STATEMENT_ANY_KEY, &s,
				&err) == 0 &&
	     sl_sign1_verify(&s, none, none, issuer, &err) == 0;
	conf_case(c, ok, "interop-ccf statement: %s", err.msg);
	v = sl_json_get(v, "our_receipt");
	ok = ok && scitt_pem(sl_json_get_str(v, "ts_public_key_pem"), log) &&
	     unbase64(sl_json_get_str(v, "bytes_base64"), &rc) &&
	     check_receipt(sl_buf_get(&rc), &s, log, &err) == 0;
	conf_case(c, ok, "interop-ccf our_receipt (tree size 1): %s", err.msg);
	v = sl_json_get(flip, "our_receipt");
	if (sl_json_get(v, "ts_public_key_pem") != NULL)
		ok = scitt_pem(sl_json_get_str(v, "ts_public_key_pem"), log);
	/* That statement has no sub; a receipt can be over any COSE_Sign1. */
	ok = ok && unbase64(sl_json_get_str(flip, "statement_bytes_base64"), &raw) &&
	     sl_sign1_parse(sl_buf_get(&raw), 1 << 16, &s, &err) == 0 &&
	     unbase64(sl_json_get_str(v, sl_json_get(v, "bytes_base64")
					     ? "bytes_base64"
					     : "receipt_bytes_base64"),
		      &rc) &&
	     check_receipt(sl_buf_get(&rc), &s, log, &err) == 0;
	conf_case(c, ok, "interop-ccf direction_flip receipt: %s", err.msg);
	conf_exclude(c,
		     "interop-ccf ccf_receipt: vds 2 and ES384 are verified in a helper");
}

static void
vcp_interop(struct conf *c)
{
	SL_AUTO_BUF raw = { .max = 1 << 16 }, pem = { .max = 4096 };
	struct sl_err err = { 0 };
	struct sl_sign1 s;
	uint8_t pub[32];
	bool ok;

	if (!conf_read(c, &pem, "scitt/scitt-cose/interop-vcp/vcp-issuer-pub.pem") ||
	    !conf_read(c, &raw, "scitt/scitt-cose/interop-vcp/vcp-statement.cose"))
		return;
	ok = scitt_pem(sl_buf_get(&pem), pub) &&
	     sl_statement_parse(sl_buf_get(&raw), 1 << 16, SL_STATEMENT_ANY_KEY, &s,
				&err) == 0 &&
	     sl_sign1_verify(&s, none, none, pub, &err) == 0;
	conf_case(c, ok, "interop-vcp statement: %s", err.msg);
}

static void
rfc9942(struct conf *c)
{
	SL_AUTO_BUF raw = { .max = 1 << 16 };
	struct sl_err err = { 0 };
	struct sl_receipt rc = { 0 };
	int r;

	if (conf_read(c, &raw, "scitt/rfc9942-examples/inclusion-receipt.cbor")) {
		r = sl_receipt_parse(sl_buf_get(&raw), SL_RECEIPT_ANY_CLAIMS, &rc, &err);
		conf_case(c,
			  r == 0 && !rc.is_consistency && rc.size == 5 && rc.index == 3,
			  "rfc9942-examples inclusion: %s", err.msg);
	}
	if (conf_read(c, &raw, "scitt/rfc9942-examples/consistency-receipt.cbor")) {
		r = sl_receipt_parse(sl_buf_get(&raw), SL_RECEIPT_ANY_CLAIMS, &rc, &err);
		conf_case(c, r == 0 && rc.is_consistency && rc.size1 == 3 && rc.size == 5,
			  "rfc9942-examples consistency: %s", err.msg);
	}
}

void
scitt_receipts(struct conf *c)
{
	conf_each(c, "scitt/scitt-cose/test-vectors/v1", vector);
	conf_exclude(
	    c, "scitt-cose/test-vectors/mmr: a Merkle mountain range, another tree");
	ccf_interop(c);
	vcp_interop(c);
	rfc9942(c);
}
