/* sluice.c -- see sluice.h: the verifier. */
#include "cose/statement.h"
#include "lib/result.h"

#include <stdio.h>

enum { VERIFIER_MEMORY = 4 << 20, RESULT_MEMORY = (1 << 25) + (1 << 20), ISS_MAX = 8192 };

const char *
sluice_version(void)
{
	return SL_VERSION;
}

sluice_verifier *
sluice_verifier_new(void)
{
	sluice_verifier *v = calloc(1, sizeof(*v));
	struct sl_err none = { 0 };

	if (v == NULL)
		return NULL;
	v->trust = (struct sl_trust)SL_TRUST_NONE;
	sl_arena_init(&v->trust.a, VERIFIER_MEMORY);
	v->trust.key = SL_NEW_N(&v->trust.a, struct sl_trust_key, SLUICE_TRUST_MAX);
	if (v->trust.key == NULL || sl_crypto_init(&none) < 0) {
		sluice_verifier_free(v);
		return NULL;
	}
	return v;
}

void
sluice_verifier_free(sluice_verifier *v)
{
	if (v == NULL)
		return;
	sl_sig_done(&v->sig);
	sl_trust_done(&v->trust);
	free(v);
}

int
sluice_trust_did(sluice_verifier *v, const char *did)
{
	struct sl_pubkey k;
	struct sl_err err = { 0 };
	struct sl_slice own;
	int r;

	if (v == NULL || did == NULL)
		return SLUICE_ERR_USAGE;
	if ((r = sl_pubkey_did(sl_slice_str(did), &k, &err)) < 0)
		return sl_lib_error(r);
	if (!k.is_ed25519)
		return SLUICE_ERR_UNSUPPORTED;
	if (v->n_dids == SLUICE_TRUST_MAX)
		return SLUICE_ERR_LIMIT;
	own = sl_arena_dup(&v->trust.a, sl_slice_str(did));
	if (own.p == NULL)
		return SLUICE_ERR_MEMORY;
	v->did[v->n_dids++] = own;
	return SLUICE_OK;
}

static int
trust(sluice_verifier *v, const char *iss, struct sl_trust_key row, const uint8_t *key)
{
	size_t n = iss != NULL ? strlen(iss) : 0;

	if (v == NULL || key == NULL || (iss != NULL && n == 0))
		return SLUICE_ERR_USAGE;
	if (v->trust.n_keys == SLUICE_TRUST_MAX || n > ISS_MAX)
		return SLUICE_ERR_LIMIT;
	if (iss != NULL) {
		row.iss = sl_arena_dup(&v->trust.a, sl_slice_str(iss));
		if (row.iss.p == NULL)
			return SLUICE_ERR_MEMORY;
	}
	sl_pubkey_ed25519(key, &row.key);
	v->trust.key[v->trust.n_keys++] = row;
	return SLUICE_OK;
}

int
sluice_trust_issuer(sluice_verifier *v, const char *iss,
		    const uint8_t key[SLUICE_KEY_LEN])
{
	if (iss == NULL)
		return SLUICE_ERR_USAGE;
	return trust(v, iss, (struct sl_trust_key){ 0 }, key);
}

int
sluice_trust_service(sluice_verifier *v, const char *iss, enum sluice_leaf leaf,
		     const uint8_t key[SLUICE_KEY_LEN])
{
	static const enum sl_leaf_mode modes[] = {
		[SLUICE_LEAF_SHA256_CANONICAL] = SL_LEAF_CANONICAL,
		[SLUICE_LEAF_SHA256_AS_IS] = SL_LEAF_AS_IS,
		[SLUICE_LEAF_FULL_BYTES] = SL_LEAF_FULL,
		[SLUICE_LEAF_CCF] = SL_LEAF_CCF,
	};

	if ((size_t)leaf >= sizeof(modes) / sizeof(modes[0]))
		return SLUICE_ERR_USAGE;
	return trust(v, iss,
		     (struct sl_trust_key){ .is_service = true, .mode = modes[leaf] },
		     key);
}

/* --- checks --- */

/* Keeps the verdict in the result, which goes to the caller or is freed. */
static int
finish(sluice_result *r, int code, const struct sl_err *err, sluice_result **ret)
{
	int error = sl_lib_error(code);

	r->error = error;
	(void)snprintf(r->text, sizeof(r->text), "%s",
		       error == SLUICE_OK ? "" : err->msg);
	if (ret == NULL || error == SLUICE_ERR_MEMORY)
		sluice_result_free(r);
	else
		*ret = r;
	return error;
}

static sluice_result *
start(const sluice_verifier *v, const void *p, size_t len, sluice_result **ret)
{
	sluice_result *r;

	if (ret != NULL)
		*ret = NULL;
	if (v == NULL || (p == NULL && len > 0) || (r = calloc(1, sizeof(*r))) == NULL)
		return NULL;
	sl_arena_init(&r->a, RESULT_MEMORY);
	return r;
}

/* Why start() gave nothing. */
static int
no_start(const sluice_verifier *v, const void *p, size_t len)
{
	return v == NULL || (p == NULL && len > 0) ? SLUICE_ERR_USAGE : SLUICE_ERR_MEMORY;
}

static int
judge(const struct sl_foreign *f, bool is_transparent, struct sl_err *err)
{
	bool has_bad = false;

	for (size_t i = 0; i < f->n; i++)
		has_bad = has_bad || f->receipt[i].is == SL_JUDGED_BAD;
	if (is_transparent && f->n == 0)
		return SL_ERR(err, VERIFY, "a statement without a receipt");
	if (is_transparent && f->n_good == 0)
		return has_bad ? SL_ERR(err, VERIFY, "no receipt verifies: %s",
					f->receipt[0].why)
			       : SL_ERR(err, SIGNER,
					"no receipt is of a service that is trusted");
	if (!f->who.is_trusted)
		return SL_ERR(err, SIGNER, "the issuer is not trusted: %s", f->who.why);
	return 0;
}

static int
verify(sluice_verifier *v, const void *p, size_t len, bool is_transparent,
       sluice_result **ret)
{
	const struct sl_issuer_env env = {
		.trust = &v->trust, .sig = &v->sig, .did = v->did, .n_dids = v->n_dids
	};
	sluice_result *r = start(v, p, len, ret);
	struct sl_foreign *f = calloc(1, sizeof(*f));
	struct sl_err err = { 0 };
	int code;

	if (r == NULL || f == NULL) {
		free(f);
		sluice_result_free(r);
		return no_start(v, p, len);
	}
	code = sl_foreign_check((struct sl_slice){ p, len }, &env, NULL,
				is_transparent ? 0U : SL_FOREIGN_NO_RECEIPTS, f, &err);
	sl_lib_take_receipts(r, f->receipt, f->n);
	if (code == 0 && !sl_lib_take_statement(r, &f->s, f->who.alg))
		code = SL_ERR(&err, NOMEM, "out of memory for a result");
	if (code == 0)
		code = judge(f, is_transparent, &err);
	free(f);
	return finish(r, code, &err, ret);
}

int
sluice_verify_statement(sluice_verifier *v, const void *statement, size_t len,
			sluice_result **ret)
{
	return v == NULL ? no_start(v, statement, len)
			 : verify(v, statement, len, false, ret);
}

int
sluice_verify_transparent(sluice_verifier *v, const void *statement, size_t len,
			  sluice_result **ret)
{
	return v == NULL ? no_start(v, statement, len)
			 : verify(v, statement, len, true, ret);
}

static int
check_receipt(sluice_verifier *v, struct sl_slice receipt, struct sl_slice statement,
	      sluice_result *r, struct sl_err *err)
{
	const struct sl_issuer_env env = {
		.trust = &v->trust, .sig = &v->sig, .did = v->did, .n_dids = v->n_dids
	};
	struct sl_judged x;
	struct sl_sign1 s;
	int code;

	if ((code = sl_sign1_parse(statement, SLUICE_STATEMENT_MAX, &s, err)) < 0 ||
	    (code = sl_foreign_receipt(receipt, &s, &env, &x, err)) < 0)
		return code;
	sl_lib_take_receipts(r, &x, 1);
	if (x.is == SL_JUDGED_GOOD)
		return 0;
	if (x.is == SL_JUDGED_UNKNOWN)
		return SL_ERR(err, SIGNER, "%s", x.why);
	return x.is_unsupported ? SL_ERR(err, UNSUPPORTED, "%s", x.why)
				: SL_ERR(err, VERIFY, "%s", x.why);
}

int
sluice_verify_receipt(sluice_verifier *v, const void *receipt, size_t receipt_len,
		      const void *statement, size_t statement_len, sluice_result **ret)
{
	sluice_result *r = start(v, receipt, receipt_len, ret);
	struct sl_err err = { 0 };
	int code;

	if (r == NULL)
		return no_start(v, receipt, receipt_len);
	if (statement == NULL)
		code = SL_ERR(&err, USAGE, "no statement");
	else
		code =
		    check_receipt(v, (struct sl_slice){ receipt, receipt_len },
				  (struct sl_slice){ statement, statement_len }, r, &err);
	return finish(r, code, &err, ret);
}

int
sluice_verify_bundle(sluice_verifier *v, const void *bundle, size_t len,
		     sluice_result **ret)
{
	sluice_result *r = start(v, bundle, len, ret);
	struct sl_verify_report *p = calloc(1, sizeof(*p));
	struct sl_err err = { 0 };
	int code;

	if (r == NULL || p == NULL) {
		free(p);
		sluice_result_free(r);
		return no_start(v, bundle, len);
	}
	code = sl_verify_bundle((struct sl_slice){ bundle, len },
				&(struct sl_trusted){ v->did, v->n_dids }, p, &err);
	if (code == 0 || code == SL_E(VERIFY) || code == SL_E(SIGNER))
		sl_lib_take_report(r, p);
	free(p);
	return finish(r, code, &err, ret);
}
