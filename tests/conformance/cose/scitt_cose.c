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
	SL_AUTO_BUF text = { .max = CONF_FILE_MAX }, raw = { .max = 1 << 16 };
	SL_AUTO_BUF aad = { .max = 4096 };
	SL_AUTO_ARENA a = { .cap = 1 << 22 };
	const struct sl_json *v, *in, *sign0;
	struct sl_err err = { 0 };
	struct sl_pubkey k;
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
	/* Ed448 is nobody's here; ES512 is of P-521 only (RFC 9864), where RFC 9053 had
	 * ecdsa-sig-04 sign by it with P-256. */
	must_fail = must_fail || strcmp(name, "eddsa-sig-02.json") == 0 ||
		    strcmp(name, "ecdsa-sig-04.json") == 0;
	r = sl_sign1_parse(sl_buf_get(&raw), 1 << 16, &s, &err);
	if (r == 0) {
		(void)scitt_unhex(sl_json_get_str(sign0, "external"), &aad);
		r = scitt_key(sl_json_get(sign0, "key"), &k)
			? scitt_check(&s, none, sl_buf_get(&aad), &k, &err)
			: SL_ERR(&err, UNSUPPORTED, "its key");
	}
	conf_case(c, (r == 0) == !must_fail, "%s/%s: %s", dir, name,
		  r == 0 ? "accepted" : err.msg);
}

/* go-cose: a message to verify, or one that was signed.  The signature in sign1-sign-0000
 * was made by another key than the one beside it. */
static void
go_cose(struct conf *c, const char *dir, const char *name)
{
	SL_AUTO_BUF text = { .max = CONF_FILE_MAX }, raw = { .max = 1 << 16 };
	SL_AUTO_BUF aad = { .max = 4096 };
	SL_AUTO_ARENA a = { .cap = 1 << 22 };
	const struct sl_json *v, *t, *message;
	struct sl_err err = { 0 };
	bool is_verify, want;
	struct sl_pubkey k;
	struct sl_sign1 s;
	int r;

	if (strstr(name, ".json") == NULL || !conf_read(c, &text, "%s/%s", dir, name))
		return;
	v = scitt_json(sl_buf_get(&text), &a);
	is_verify = (t = sl_json_get(v, "sign1::verify")) != NULL;
	if (!is_verify)
		t = sl_json_get(v, "sign1::sign");
	message = sl_json_get(t, is_verify ? "taggedCOSESign1" : "expectedOutput");
	want = is_verify ? sl_json_get_bool(t, "shouldVerify")
			 : strcmp(name, "sign1-sign-0000.json") != 0;
	if (!scitt_unhex(sl_json_get_str(message, "cborHex"), &raw) ||
	    !scitt_key(sl_json_get(v, "key"), &k)) {
		conf_case(c, false, "%s/%s: cannot be read", dir, name);
		return;
	}
	(void)scitt_unhex(sl_json_get_str(t, "external"), &aad);
	if ((r = sl_sign1_parse(sl_buf_get(&raw), 1 << 16, &s, &err)) == 0)
		r = scitt_check(&s, none, sl_buf_get(&aad), &k, &err);
	conf_case(c, (r == 0) == want, "%s/%s: %s", dir, name,
		  r == 0 ? "accepted" : err.msg);
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
}

/* ---- receipts ---- */

/* The receipt for a statement, by a log of that key and mode. */
static int
check_receipt(struct sl_slice receipt, const struct sl_sign1 *st, enum sl_leaf_mode mode,
	      const struct sl_pubkey *key, struct sl_err *err)
{
	struct sl_receipt rc;
	struct sl_hash root;
	int r;

	if ((r = sl_receipt_parse(receipt, SL_RECEIPT_ANY_CLAIMS | SL_RECEIPT_CCF, &rc,
				  err)) < 0 ||
	    (r = sl_receipt_root(&rc, st, mode, &root, err)) < 0)
		return r;
	return scitt_check(&rc.s, (struct sl_slice){ root.b, SL_HASH_LEN }, none, key,
			   err);
}

/* scitt-cose: a folder a case. */
static void
vector(struct conf *c, const char *dir, const char *name)
{
	SL_AUTO_BUF text = { .max = CONF_FILE_MAX }, pem = { .max = 4096 };
	SL_AUTO_BUF raw = { .max = 1 << 16 }, receipt = { .max = 1 << 16 };
	SL_AUTO_ARENA a = { .cap = 1 << 20 };
	struct sl_err e1 = { 0 }, e2 = { 0 };
	struct sl_pubkey issuer, log;
	enum sl_leaf_mode mode;
	const struct sl_json *v;
	struct sl_sign1 s;
	int r1, r2;

	if (!conf_read(c, &text, "%s/%s/expected.json", dir, name) ||
	    !conf_read(c, &raw, "%s/%s/statement.cose", dir, name) ||
	    !conf_read(c, &receipt, "%s/%s/receipt.cose", dir, name))
		return;
	v = scitt_json(sl_buf_get(&text), &a);
	if (!conf_read(c, &pem, "%s/%s/issuer-key.pub", dir, name) ||
	    !scitt_pem(sl_buf_get(&pem), &issuer) ||
	    !conf_read(c, &pem, "%s/%s/log-key.pub", dir, name) ||
	    !scitt_pem(sl_buf_get(&pem), &log)) {
		conf_case(c, false, "scitt-cose %s: keys", name);
		return;
	}
	r1 = sl_statement_parse(sl_buf_get(&raw), 1 << 16,
				SL_STATEMENT_ANY_KEY | SL_STATEMENT_ANY_SUB, &s, &e1);
	if (r1 < 0) {
		conf_case(c, false, "scitt-cose %s: %s", name, e1.msg);
		return;
	}
	r1 = scitt_check(&s, none, none, &issuer, &e1);
	conf_case(c, (r1 == 0) == sl_json_get_bool(v, "statement_signature_valid"),
		  "scitt-cose %s: statement: %s", name, r1 == 0 ? "accepted" : e1.msg);
	mode = strstr(name, "ccf") != NULL ? SL_LEAF_CCF : SL_LEAF_AS_IS;
	r2 = check_receipt(sl_buf_get(&receipt), &s, mode, &log, &e2);
	conf_case(c, (r2 == 0) == sl_json_get_bool(v, "receipt_valid"),
		  "scitt-cose %s: receipt: %s", name, r2 == 0 ? "accepted" : e2.msg);
	/* Another mode than the log's is never good. */
	mode = mode == SL_LEAF_CCF ? SL_LEAF_CANONICAL : SL_LEAF_FULL;
	r2 = check_receipt(sl_buf_get(&receipt), &s, mode, &log, &e2);
	conf_case(c, r2 < 0, "scitt-cose %s: receipt by another leaf mode", name);
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
	struct sl_pubkey issuer, log;
	const struct sl_json *ccf;
	struct sl_sign1 s;
	bool ok;

	if (!conf_read(c, &text, "scitt/scitt-cose/interop-ccf/shared-vector.json"))
		return;
	v = scitt_json(sl_buf_get(&text), &a);
	st = sl_json_get(v, "statement");
	flip = sl_json_get(v, "direction_flip");
	ok = unbase64(sl_json_get_str(st, "bytes_base64"), &raw) &&
	     scitt_pem(sl_json_get_str(st, "issuer_public_key_pem"), &issuer) &&
	     sl_statement_parse(sl_buf_get(&raw), 1 << 16, SL_STATEMENT_ANY_KEY, &s,
				&err) == 0 &&
	     scitt_check(&s, none, none, &issuer, &err) == 0;
	conf_case(c, ok, "interop-ccf statement: %s", err.msg);
	ccf = sl_json_get(v, "ccf_receipt");
	v = sl_json_get(v, "our_receipt");
	ok = ok && scitt_pem(sl_json_get_str(v, "ts_public_key_pem"), &log) &&
	     unbase64(sl_json_get_str(v, "bytes_base64"), &rc) &&
	     check_receipt(sl_buf_get(&rc), &s, SL_LEAF_AS_IS, &log, &err) == 0;
	conf_case(c, ok, "interop-ccf our_receipt (tree size 1): %s", err.msg);
	v = sl_json_get(flip, "our_receipt");
	if (sl_json_get(v, "ts_public_key_pem") != NULL)
		ok = scitt_pem(sl_json_get_str(v, "ts_public_key_pem"), &log);
	/* That statement has no sub; a receipt can be over any COSE_Sign1. */
	ok = ok && unbase64(sl_json_get_str(flip, "statement_bytes_base64"), &raw) &&
	     sl_sign1_parse(sl_buf_get(&raw), 1 << 16, &s, &err) == 0 &&
	     unbase64(sl_json_get_str(v, sl_json_get(v, "bytes_base64")
					     ? "bytes_base64"
					     : "receipt_bytes_base64"),
		      &rc) &&
	     check_receipt(sl_buf_get(&rc), &s, SL_LEAF_AS_IS, &log, &err) == 0;
	conf_case(c, ok, "interop-ccf direction_flip receipt: %s", err.msg);
	/* The same statement, on the other ledger. */
	ok = scitt_pem(sl_json_get_str(ccf, "ts_public_key_pem"), &log) &&
	     unbase64(sl_json_get_str(ccf, "receipt_bytes_base64"), &rc) &&
	     check_receipt(sl_buf_get(&rc), &s, SL_LEAF_CCF, &log, &err) == 0;
	conf_case(c, ok, "interop-ccf ccf_receipt: %s", err.msg);
	if (ok)
		rc.p[rc.len - 1] ^= 1;
	ok = check_receipt(sl_buf_get(&rc), &s, SL_LEAF_CCF, &log, &err) < 0;
	conf_case(c, ok, "interop-ccf ccf_receipt with another last byte");
}

static void
vcp_interop(struct conf *c)
{
	SL_AUTO_BUF raw = { .max = 1 << 16 }, pem = { .max = 4096 };
	struct sl_err err = { 0 };
	struct sl_sign1 s;
	struct sl_pubkey pub;
	bool ok;

	if (!conf_read(c, &pem, "scitt/scitt-cose/interop-vcp/vcp-issuer-pub.pem") ||
	    !conf_read(c, &raw, "scitt/scitt-cose/interop-vcp/vcp-statement.cose"))
		return;
	ok = scitt_pem(sl_buf_get(&pem), &pub) &&
	     sl_statement_parse(sl_buf_get(&raw), 1 << 16, SL_STATEMENT_ANY_KEY, &s,
				&err) == 0 &&
	     scitt_check(&s, none, none, &pub, &err) == 0;
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
