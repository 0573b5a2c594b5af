/* scitt_ccf.c -- real statements of the users of a CCF ledger, and one with its receipt:
 * sl_foreign_check() over X.509 paths, did:x509, hash envelopes and receipts of vds 2. */
#include "base/auto.h"
#include "codec/base64.h"
#include "issuer/x5.h"
#include "scitt.h"

enum { CERTS_HELD = 1763991918 }; /* 2025-11-24: when all of their certificates hold */

/* The operator trusts what the statement holds as its last certificate. */
static bool
trust_last(const struct sl_sign1 *s, struct sl_trust *t)
{
	struct sl_err err = { 0 };
	struct sl_x5 x;

	if (sl_x5_read(&s->h, &x, &err) < 0 || !x.has_chain)
		return false;
	t->root[0] = x.ask.cert[x.ask.n_certs - 1];
	t->n_roots = 1;
	return true;
}

/* The signature, by the path that is trusted; and that another root, another time and
 * another byte are refused. */
static void
payload(struct conf *c, const char *dir, const char *name)
{
	SL_AUTO_BUF raw = { .max = CONF_FILE_MAX };
	struct sl_trust t = SL_TRUST_NONE;
	struct sl_issuer_env env = { .trust = &t,
				     .sig = scitt_sig(),
				     .time = CERTS_HELD };
	struct sl_err err = { 0 };
	struct sl_foreign f;
	struct sl_sign1 s;
	int r;

	if (strstr(name, ".cose") == NULL || !conf_read(c, &raw, "%s/%s", dir, name))
		return;
	r = sl_sign1_parse(sl_buf_get(&raw), CONF_FILE_MAX, &s, &err);
	if (strncmp(name, "css-attested-", 13) == 0) {
		/* They make a label critical that is nobody's but theirs. */
		conf_case(c, r == SL_E(UNSUPPORTED), "%s/%s: %s", dir, name,
			  r == 0 ? "accepted" : err.msg);
		return;
	}
	if (r < 0 || !trust_last(&s, &t)) {
		conf_case(c, false, "%s/%s: %s", dir, name, err.msg);
		return;
	}
	r = sl_foreign_check(sl_buf_get(&raw), &env, NULL, SL_FOREIGN_NO_RECEIPTS, &f,
			     &err);
	conf_case(c, r == 0 && f.who.is_trusted && f.who.how == SL_ISSUER_X509,
		  "%s/%s: %s", dir, name, r == 0 ? f.who.why : err.msg);
	env.time = 0;
	r = sl_foreign_check(sl_buf_get(&raw), &env, NULL, SL_FOREIGN_NO_RECEIPTS, &f,
			     &err);
	conf_case(c, r == SL_E(VERIFY), "%s/%s: in 1970", dir, name);
	env.time = CERTS_HELD;
	t.n_roots = 0;
	r = sl_foreign_check(sl_buf_get(&raw), &env, NULL, SL_FOREIGN_NO_RECEIPTS, &f,
			     &err);
	conf_case(c, r == 0 && !f.who.is_trusted, "%s/%s: without a root", dir, name);
	t.n_roots = 1;
	raw.p[raw.len - 1] ^= 1;
	r = sl_foreign_check(sl_buf_get(&raw), &env, NULL, SL_FOREIGN_NO_RECEIPTS, &f,
			     &err);
	conf_case(c, r == SL_E(VERIFY), "%s/%s: with another last byte", dir, name);
}

/* The last certificate of the ledger, of those in its file. */
static bool
ledger_key(struct conf *c, struct sl_pubkey *ret)
{
	SL_AUTO_BUF text = { .max = CONF_FILE_MAX };
	SL_AUTO_ARENA a = { .cap = 1 << 20 };
	const struct sl_json *last = NULL;
	struct sl_sig_ask ask = { .op = SL_SIG_CERT, .n_certs = 1 };
	struct sl_err err = { 0 };
	uint8_t der[4096];
	bool is_bound;
	size_t n;

	if (!conf_read(c, &text,
		       "scitt/scitt-ccf-ledger/transparent_statements/esrp-cts-db.json"))
		return false;
	SL_JSON_EACH(p, sl_json_get(scitt_json(sl_buf_get(&text), &a), "parameters"))
	{
		last = p;
	}
	if (!sl_unbase64(SL_BASE64_STD, sl_json_get_str(last, "serviceCertificate"), der,
			 sizeof(der), &n))
		return false;
	ask.cert[0] = (struct sl_slice){ der, n };
	return sl_sig_cert_key(scitt_sig(), &ask, ret, &is_bound, &err) == 0;
}

static void
transparent(struct conf *c)
{
	static const char name[] =
	    "scitt/scitt-ccf-ledger/transparent_statements/uvm_0.2.10.cose";
	SL_AUTO_BUF raw = { .max = CONF_FILE_MAX };
	struct sl_trust t = SL_TRUST_NONE;
	struct sl_trust_key row = {
		.is_service = true,
		.mode = SL_LEAF_CCF,
		.iss = SL_LIT("esrp-cts-db.confidential-ledger.azure.com"),
	};
	struct sl_issuer_env env = { .trust = &t, .sig = scitt_sig() };
	struct sl_err err = { 0 };
	struct sl_foreign f;
	struct sl_sign1 s;
	int r;

	if (!conf_read(c, &raw, "%s", name))
		return;
	if (!ledger_key(c, &row.key) ||
	    sl_sign1_parse(sl_buf_get(&raw), CONF_FILE_MAX, &s, &err) < 0 ||
	    !trust_last(&s, &t)) {
		conf_case(c, false, "%s: %s", name, err.msg);
		return;
	}
	t.key = &row;
	t.n_keys = 1;
	/* The signer's certificate has expired since: the receipt's time counts. */
	r = sl_foreign_check(sl_buf_get(&raw), &env, NULL, 0, &f, &err);
	conf_case(c, r == 0 && f.who.is_trusted && f.n_good == 1, "%s: %s", name,
		  r == 0 ? f.receipt[0].why : err.msg);
	conf_case(c, r == 0 && f.s.h.hash_alg == SL_ALG_SHA384, "%s: its envelope", name);
	row.mode = SL_LEAF_CANONICAL;
	r = sl_foreign_check(sl_buf_get(&raw), &env, NULL, 0, &f, &err);
	conf_case(c, r < 0 || f.n_good == 0, "%s: by another leaf mode", name);
	row.mode = SL_LEAF_CCF;
	row.iss = SL_LIT("another.example");
	r = sl_foreign_check(sl_buf_get(&raw), &env, NULL, 0, &f, &err);
	conf_case(c, r < 0 || f.receipt[0].is == SL_JUDGED_UNKNOWN,
		  "%s: of a service that is not listed", name);
}

void
scitt_ccf(struct conf *c)
{
	conf_each(c, "scitt/scitt-ccf-ledger/payloads", payload);
	transparent(c);
}
