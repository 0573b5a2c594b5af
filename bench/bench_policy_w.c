/* bench_policy_w.c -- workload W, cold and warm, and a million facts. */
#include "bench_policy.h"

#include <stdio.h>
#include <stdlib.h>

enum { REQUESTS = 360, USERS = 60, FLOWS = 60, EVERY = 10 };

static int
cold_once(struct sl_slice text, double *ret_us)
{
	const struct sl_policy *p = NULL;
	struct sl_verdict v = { 0 };
	struct sl_err err = { 0 };
	SL_AUTO_ARENA a = { 0 };
	double t0 = bp_now_us();

	sl_arena_init(&a, (size_t)256 << 20);
	if (sl_policy_load(text, "W", NULL, &sl_policy_text_limits, &a, &p, &err) < 0 ||
	    sl_policy_decide(p, sl_policy_facts_new(&a), &sl_policy_default_limits, &a,
			     &v, &err) < 0)
		return -1;
	*ret_us = bp_now_us() - t0;
	return v.kind == SL_VERDICT_DENY && v.policy == 1 ? 0 : -1;
}

static void
cold(struct bp *b, struct sl_slice text)
{
	double t[1001], one;

	for (int k = 0; k < b->n; k++) {
		if (cold_once(text, &one) < 0) {
			bp_fail(b, "W cold", "not the verdict that is expected");
			return;
		}
		t[k] = one;
	}
	bp_row(b, "W cold", "us", bp_median(t, b->n), 0, NULL, b->n);
}

/* The proof of W's allow (a review by a trusted user, which mends the deny), against the
 * evaluation that it stands for: deciding from the loaded policy. */
static void
proof_check(struct bp *b, struct sl_slice text)
{
	double t[1001], whole[1001];
	const struct sl_policy *p = NULL;
	struct sl_err err = { 0 };
	SL_AUTO_ARENA a = { 0 };

	sl_arena_init(&a, (size_t)256 << 20);
	if (sl_policy_load(text, "W", NULL, &sl_policy_text_limits, &a, &p, &err) < 0) {
		bp_fail(b, "proof check", "does not load");
		return;
	}
	for (int k = 0; k < b->n; k++) {
		SL_AUTO_ARENA out = { 0 };
		struct sl_policy_facts *f;
		struct sl_verdict v = { 0 };
		bool is_whole = false;
		double t0, t1, t2;

		sl_arena_init(&out, (size_t)256 << 20);
		f = sl_policy_facts_new(&out);
		SL_FACT(f, "bench", "reviewed", sl_term_cstr("f5"), sl_term_cstr("u19"));
		t0 = bp_now_us();
		if (sl_policy_decide_by(SL_POLICY_WHOLE, p, f, &sl_policy_default_limits,
					&out, &v, &err) < 0)
			v.kind = SL_VERDICT_NONE;
		t1 = bp_now_us();
		if (v.kind != SL_VERDICT_ALLOW ||
		    sl_policy_check_proof(p, f, v.proof, &is_whole, &err) < 0 ||
		    !is_whole) {
			bp_fail(b, "proof check", "not a whole proof of an allow");
			return;
		}
		t2 = bp_now_us();
		whole[k] = t1 - t0;
		t[k] = t2 - t1;
	}
	bp_row(b, "proof check", "us", bp_median(t, b->n), bp_median(whole, b->n),
	       "whole evaluation", b->n);
}

/* W's rules and goals without its facts. */
static const struct sl_policy *
rules_of(struct sl_slice text, struct sl_arena *a)
{
	struct sl_buf rules = { .max = 1 << 20 };
	const struct sl_policy *p = NULL;
	struct sl_err err = { 0 };
	struct sl_slice own;

	while (text.len > 0) {
		struct sl_slice line = sl_slice_upto(text, '\n');

		text = sl_slice_skip(text, line.len + 1);
		if (memmem(line.p, line.len, "<-", 2) != NULL ||
		    memmem(line.p, line.len, " if ", 4) != NULL) {
			sl_buf_slice(&rules, line);
			sl_buf_byte(&rules, '\n');
		}
	}
	own = sl_arena_dup(a, sl_buf_get(&rules));
	sl_buf_done(&rules);
	return sl_policy_load(own, "W", NULL, &sl_policy_text_limits, a, &p, &err) < 0
		   ? NULL
		   : p;
}

/* W's facts but for the request, and one a time that comes and goes. */
static bool
facts_of(struct sl_json *w, struct sl_policy_facts *f)
{
	SL_JSON_EACH(m, sl_json_get(w, "facts"))
	{
		struct sl_term t[4];
		char pred[64];
		size_t n = 0;

		if (sl_slice_eq(m->child->s, SL_LIT("request")))
			continue;
		for (const struct sl_json *k = m->child->next; k != NULL; k = k->next)
			t[n++] = sl_term_str(k->s);
		(void)snprintf(pred, sizeof(pred), "%.*s", SL_ARG(m->child->s));
		sl_policy_fact(f, "bench", pred, t, n);
	}
	return f->failed == 0;
}

static struct sl_policy_facts *
request(struct sl_arena *a, int k, char text[2][16])
{
	struct sl_policy_facts *f = sl_policy_facts_new(a);

	(void)snprintf(text[0], 16, "u%d", k % USERS);
	(void)snprintf(text[1], 16, "f%d", (k * 7 + k / USERS) % FLOWS);
	SL_FACT(f, "request", "request", sl_term_cstr(text[0]), sl_term_cstr(text[1]));
	return f;
}

/* The fact that changes: u3, the root, vouches for somebody else, or no longer. */
static struct sl_policy_facts *
changing(struct sl_arena *a, int k)
{
	struct sl_policy_facts *f = sl_policy_facts_new(a);
	char who[16];

	(void)snprintf(who, sizeof(who), "u%d", 100 + k);
	SL_FACT(f, "bench", "vouch", sl_term_cstr("u3"), sl_term_cstr(who));
	SL_FACT(f, "bench", "reviewed", sl_term_cstr("f9"), sl_term_cstr(who));
	return f;
}

/* What a request gets from the kept model is what it gets from nothing. */
static bool
same_from_nothing(const struct sl_policy *p, const struct sl_policy_facts *standing,
		  int k, const struct sl_verdict *v)
{
	SL_AUTO_BUF x = { .max = 1 << 24 }, y = { .max = 1 << 24 };
	struct sl_policy_facts *f;
	struct sl_err err = { 0 };
	struct sl_verdict u = { 0 };
	SL_AUTO_ARENA a = { 0 };
	char text[2][16];

	sl_arena_init(&a, (size_t)256 << 20);
	f = sl_policy_facts_copy(&a, standing);
	if (f == NULL || sl_policy_facts_insert(f, request(&a, k, text), &err) < 0 ||
	    sl_policy_decide(p, f, &sl_policy_default_limits, &a, &u, &err) < 0 ||
	    sl_json_cbor(u.proof, &x, &err) < 0 || sl_json_cbor(v->proof, &y, &err) < 0)
		return false;
	return sl_slice_eq(sl_buf_get(&x), sl_buf_get(&y));
}

static int
warm_round(struct sl_policy_world *w, const struct sl_policy *p,
	   struct sl_policy_facts *standing, bool is_checked, double *t)
{
	struct sl_err err = { 0 };
	SL_AUTO_ARENA keep = { 0 };
	struct sl_policy_facts *last = NULL;
	int n_allowed = 0;

	sl_arena_init(&keep, 1 << 20);
	for (int k = 0; k < REQUESTS; k++) {
		struct sl_policy_facts *come = NULL, *gone = NULL;
		struct sl_verdict v = { 0 };
		SL_AUTO_ARENA a = { 0 };
		char text[2][16];
		double t0;

		sl_arena_init(&a, (size_t)64 << 20);
		if (k % EVERY == EVERY - 1) {
			gone = last;
			come = last = last == NULL ? changing(&keep, k) : NULL;
			if ((gone != NULL && sl_policy_facts_sort(gone, &err) < 0) ||
			    (come != NULL && sl_policy_facts_sort(come, &err) < 0))
				return -1;
		}
		t0 = bp_now_us();
		if (((gone != NULL || come != NULL) &&
		     sl_policy_world_change(w, gone, come, &err) < 0) ||
		    sl_policy_world_decide(w, request(&a, k, text), &a, &v, &err) < 0)
			return -1;
		t[k] = bp_now_us() - t0;
		n_allowed += v.kind == SL_VERDICT_ALLOW;
		if (is_checked &&
		    ((come != NULL && sl_policy_facts_insert(standing, come, &err) < 0) ||
		     (gone != NULL && sl_policy_facts_drop(standing, gone, &err) < 0) ||
		     !same_from_nothing(p, standing, k, &v)))
			return -1;
	}
	return n_allowed > 0 && n_allowed < REQUESTS &&
		       (last == NULL || sl_policy_world_change(w, last, NULL, &err) == 0)
		   ? 0
		   : -1;
}

static void
warm(struct bp *b, struct sl_slice text, struct sl_json *json)
{
	static double t[3 * REQUESTS], changed[3 * REQUESTS];
	struct sl_policy_world *w = NULL;
	struct sl_policy_facts *f;
	const struct sl_policy *p;
	struct sl_err err = { 0 };
	SL_AUTO_ARENA a = { 0 };
	int n = 0, m = 0;

	sl_arena_init(&a, (size_t)256 << 20);
	f = sl_policy_facts_new(&a);
	if ((p = rules_of(text, &a)) == NULL || f == NULL || !facts_of(json, f) ||
	    sl_policy_world_open(p, f, &sl_policy_default_limits, (size_t)256 << 20, &w,
				 &err) < 0 ||
	    warm_round(w, p, f, true, t) < 0) {
		bp_fail(b, "W warm", "a verdict is not the one from nothing");
		return;
	}
	for (int k = 0; k < 3; k++, n += REQUESTS)
		if (warm_round(w, p, f, false, t + n) < 0) {
			bp_fail(b, "W warm", "failed");
			break;
		}
	for (int k = 0; k < n; k++)
		if (k % EVERY == EVERY - 1)
			changed[m++] = t[k];
	bp_row(b, "W warm", "us", bp_median(t, n), 0, NULL, n);
	bp_row(b, "W warm p99", "us", t[n * 99 / 100], 0, NULL, n);
	bp_row(b, "W warm after a change", "us", bp_median(changed, m), 0, NULL, m);
	sl_policy_world_close(w);
}

void
bp_w(struct bp *b)
{
	static const struct sl_limits lim = { 8 << 20, 1000000, 64 };
	SL_AUTO_BUF text = { .max = 8 << 20 }, data = { .max = 8 << 20 };
	struct sl_json *json = NULL;
	struct sl_err err = { 0 };
	SL_AUTO_ARENA a = { 0 };

	sl_arena_init(&a, (size_t)64 << 20);
	if (!bp_read(b, "w/w.datalog", &text) || !bp_read(b, "w/w.json", &data) ||
	    sl_json_parse(sl_buf_get(&data), &lim, &a, &json, &err) < 0) {
		bp_fail(b, "W", "no data");
		return;
	}
	cold(b, sl_buf_get(&text));
	proof_check(b, sl_buf_get(&text));
	warm(b, sl_buf_get(&text), json);
}

/* ---- a million facts ---- */

static int
load_once(double *ret_ms)
{
	struct sl_policy_limits lim = { 1, 20000000, 20000000, 1 << 20 };
	const struct sl_policy *p = NULL;
	struct sl_policy_facts *f;
	struct sl_err err = { 0 };
	SL_AUTO_ARENA a = { 0 };
	struct sl_policy_run *r;
	uint32_t x = 1;
	double t0;

	sl_arena_init(&a, (size_t)2 << 30);
	if (sl_policy_load(SL_LIT("allow if e(1, 2);"), "load", NULL,
			   &sl_policy_text_limits, &a, &p, &err) < 0)
		return -1;
	t0 = bp_now_us();
	f = sl_policy_facts_new(&a);
	for (int k = 0; k < 1000000; k++) { /* in no order */
		x = x * 1664525 + 1013904223;
		SL_FACT(f, "bench", "e", sl_term_int(x >> 12), sl_term_int(k));
	}
	if (sl_policy_facts_check(p, f, &err) < 0 ||
	    (r = sl_prun_new(p, &lim, &a)) == NULL)
		return -1;
	sl_prun_facts(r, f);
	*ret_ms = (bp_now_us() - t0) / 1e3;
	return r->stop == SL_PSTOP_NO && r->n_facts == 1000000 ? 0 : -1;
}

void
bp_load(struct bp *b)
{
	double t[3];

	for (int k = 0; k < 3; k++)
		if (load_once(&t[k]) < 0) {
			bp_fail(b, "1M facts loaded", "failed");
			return;
		}
	bp_row(b, "1M facts loaded", "ms", bp_median(t, 3), 0, NULL, 3);
}
