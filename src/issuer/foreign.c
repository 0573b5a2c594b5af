/* foreign.c -- see foreign.h. */
#include "issuer/foreign.h"

#include "codec/utf8.h"
#include "cose/statement.h"

#include <stdio.h>

/* Failures that say nothing about the receipt. */
static bool
is_ours(int r)
{
	return r == SL_E(NOMEM) || r == SL_E(ENV) || r == SL_E(SYS) || r == SL_E(BUG);
}

static int
judge(struct sl_judged *x, enum sl_judgement is, int r, struct sl_err *err)
{
	if (is_ours(r))
		return r;
	x->is = is;
	x->is_unsupported = r == SL_E(UNSUPPORTED);
	(void)snprintf(x->why, sizeof(x->why), "%s", err->msg);
	*err = (struct sl_err){ 0 };
	return 0;
}

static int
unknown(struct sl_judged *x, const char *why)
{
	x->is = SL_JUDGED_UNKNOWN;
	(void)snprintf(x->why, sizeof(x->why), "%s", why);
	return 0;
}

/* One key of one service: 1 good, 0 its signature is not there, or an error. */
static int
try_key(const struct sl_receipt *rc, const struct sl_sign1 *s, enum sl_leaf_mode mode,
	const struct sl_pubkey *key, const struct sl_issuer_env *env, struct sl_err *err)
{
	SL_AUTO_BUF tbs = { .max = SL_RECEIPT_BYTES_MAX + 256 };
	struct sl_slice root;
	struct sl_hash h;
	int r;

	if ((r = sl_receipt_root(rc, s, mode, &h, err)) < 0)
		return r;
	root = (struct sl_slice){ h.b, SL_HASH_LEN };
	if ((r = sl_sign1_tbs(&rc->s, root, (struct sl_slice){ 0 }, &tbs, err)) < 0)
		return r;
	r = sl_sig_check(env->sig, key, rc->s.h.alg, sl_buf_get(&tbs), rc->s.sig, err);
	return r < 0 ? r : 1;
}

struct search {
	bool has_service, has_key; /* listed; and one that its kid may mean */
	int r;                     /* of the last key that was tried */
};

/* Tries one key; true when it is the one. */
static bool
try_one(const struct sl_receipt *rc, const struct sl_sign1 *s, enum sl_leaf_mode mode,
	const struct sl_pubkey *key, const struct sl_issuer_env *env, struct search *q,
	struct sl_judged *x, struct sl_err *err)
{
	bool has_kid = rc->s.h.has_kid && !rc->s.h.is_kid_unprotected;

	q->has_service = true;
	/* A key without a name of its own is one that any kid may mean. */
	if (has_kid && key->n_kid > 0 && !sl_pubkey_has_kid(key, rc->s.h.kid))
		return false;
	*err = (struct sl_err){ 0 };
	q->r = try_key(rc, s, mode, key, env, err);
	q->has_key = true;
	x->mode = mode;
	return q->r == 1;
}

static int
search(const struct sl_receipt *rc, const struct sl_sign1 *s,
       const struct sl_issuer_env *env, struct search *q, struct sl_judged *x,
       struct sl_err *err)
{
	const struct sl_trust *t = env->trust;
	struct sl_slice iss = rc->s.h.iss;
	struct sl_pubkey own;

	for (size_t i = 0; t != NULL && i < t->n_keys; i++) {
		const struct sl_trust_key *k = &t->key[i];

		if (!k->is_service || !sl_slice_eq(k->iss, iss))
			continue;
		if (try_one(rc, s, k->mode, &k->key, env, q, x, err))
			return 1;
		if (is_ours(q->r))
			return q->r;
	}
	/* Logs of sluice, by the key itself: their leaf mode is the one of ours. */
	for (size_t i = 0; i < env->n_dids; i++) {
		struct sl_err none = { 0 };

		if (iss.len == 0 || !sl_slice_eq(env->did[i], iss) ||
		    sl_pubkey_did(iss, &own, &none) < 0)
			continue;
		if (try_one(rc, s, SL_LEAF_CANONICAL, &own, env, q, x, err))
			return 1;
		if (is_ours(q->r))
			return q->r;
	}
	return 0;
}

/* As much of the name as there is room for, in whole characters. */
static void
name_of(struct sl_slice iss, char ret[SL_SERVICE_MAX])
{
	if (iss.len >= SL_SERVICE_MAX)
		iss.len = sl_utf8_bad((struct sl_slice){ iss.p, SL_SERVICE_MAX - 1 });
	memcpy(ret, iss.p, iss.len);
	ret[iss.len] = '\0';
}

int
sl_foreign_receipt(struct sl_slice receipt, const struct sl_sign1 *s,
		   const struct sl_issuer_env *env, struct sl_judged *ret,
		   struct sl_err *err)
{
	struct sl_judged x = { .service = "-" };
	struct search q = { 0 };
	struct sl_receipt rc;
	int r;

	if ((r = sl_receipt_parse(receipt, SL_RECEIPT_ANY_CLAIMS | SL_RECEIPT_CCF, &rc,
				  err)) == 0)
		r = sl_sig_known(&rc.s.h, err);
	if (r == 0 && rc.s.h.iss.len > 0 &&
	    memchr(rc.s.h.iss.p, 0, rc.s.h.iss.len) != NULL)
		r = SL_ERR(err, FORMAT, "receipt: iss holds a NUL");
	if (r < 0) {
		r = judge(&x, SL_JUDGED_BAD, r, err);
		*ret = x;
		return r;
	}
	if (rc.s.h.iss.len > 0)
		name_of(rc.s.h.iss, x.service);
	x.has_place = !rc.is_ccf && !rc.is_consistency;
	x.index = rc.index;
	x.size = rc.size;
	x.has_time = rc.s.h.has_iat;
	x.time = rc.s.h.iat;
	r = search(&rc, s, env, &q, &x, err);
	if (r == 1) {
		x.is = SL_JUDGED_GOOD;
		*err = (struct sl_err){ 0 };
		r = 0;
	} else if (r == 0 && !q.has_service) {
		r = unknown(&x, "its service is not in the list of those trusted");
	} else if (r == 0 && !q.has_key) {
		*err = (struct sl_err){ 0 };
		r = unknown(&x, "none of the service's keys has its kid");
	} else if (r == 0) {
		r = judge(&x, SL_JUDGED_BAD, q.r, err);
	}
	*ret = x;
	return r;
}

/* A receipt of the log at hand needs no list. */
static void
try_local(struct sl_slice receipt, const struct sl_sign1 *s, struct sl_reader *r,
	  const uint8_t id[32], struct sl_judged *x)
{
	struct sl_transparent_receipt t = { .origin = "" };
	struct sl_err none = { 0 };

	if (r == NULL || sl_transparent_receipt(receipt, s, r, id, &t, &none) < 0 ||
	    !t.is_local)
		return;
	x->is = SL_JUDGED_GOOD;
	x->mode = SL_LEAF_CANONICAL;
	(void)snprintf(x->service, sizeof(x->service), "%s", t.origin);
}

static int
judge_all(const struct sl_issuer_env *env, struct sl_reader *r, struct sl_foreign *f,
	  struct sl_err *err)
{
	size_t n = 0;
	int q = sl_statement_receipts(&f->s, &n, err);

	if (q < 0)
		return q;
	if (n > SL_TRANSPARENT_RECEIPTS)
		return SL_ERR(err, LIMIT, "a statement with %zu receipts, %d allowed", n,
			      SL_TRANSPARENT_RECEIPTS);
	for (size_t i = 0; i < n; i++) {
		struct sl_slice receipt = sl_statement_receipt(&f->s, i);
		struct sl_judged *x = &f->receipt[i];

		if ((q = sl_foreign_receipt(receipt, &f->s, env, x, err)) < 0)
			return q;
		if (x->is == SL_JUDGED_UNKNOWN)
			try_local(receipt, &f->s, r, f->id, x);
		f->n_good += x->is == SL_JUDGED_GOOD;
	}
	f->n = n;
	return 0;
}

int
sl_foreign_check(struct sl_slice src, const struct sl_issuer_env *env,
		 struct sl_reader *r, unsigned flags, struct sl_foreign *ret,
		 struct sl_err *err)
{
	/* A verifier judges what is there; who registers is stricter (issuer.h). */
	const unsigned lenient =
	    SL_STATEMENT_ANY_KEY | SL_STATEMENT_DETACHED | SL_STATEMENT_ANY_SUB;
	struct sl_issuer_env own = *env;
	struct sl_foreign *f = ret;
	bool has_time = false;
	int q;

	*f = (struct sl_foreign){ 0 };
	if ((q = sl_statement_parse(src, SL_TRANSPARENT_MAX, lenient, &f->s, err)) < 0)
		return q;
	if (f->s.is_detached && env->detached.p == NULL)
		return SL_ERR(
		    err, USAGE,
		    "statement: it holds no payload (detached), and none is given");
	if (!f->s.is_detached)
		own.detached = (struct sl_slice){ 0 };
	sl_sign1_canon(&f->s, f->id);
	if ((flags & SL_FOREIGN_NO_RECEIPTS) == 0 && (q = judge_all(env, r, f, err)) < 0)
		return q;
	for (size_t i = 0; i < f->n && (flags & SL_FOREIGN_TIME) == 0; i++) {
		const struct sl_judged *x = &f->receipt[i];

		if (x->is != SL_JUDGED_GOOD || !x->has_time ||
		    (has_time && x->time >= own.time))
			continue;
		own.time = x->time;
		has_time = true;
	}
	f->time = own.time;
	if (sl_issuer_check(&f->s, &own, &f->who, err) < 0)
		return sl_err_ctx(err, "statement");
	return 0;
}
