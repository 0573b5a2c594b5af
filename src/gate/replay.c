/* replay.c -- see replay.h. */
#include "gate/replay.h"

#include "base/hex.h"
#include "gate/int.h"

enum {
	MEMORY = 1 << 30, /* of what is remembered of all fact sets */
	ONE_MEMORY = 512 << 20,
	BUCKETS = 1 << 16,
};

static const struct sl_limits blob_limits = { SL_BLOB_BYTES, 4000000, 64 };

/* What the new policy says of a fact set; remembered, for many decisions share one. */
struct known {
	uint8_t facts[32];
	bool is_failed, is_erased;
	struct sl_replay_side now;
	struct known *next;
};

struct replay {
	struct sl_reader *r;
	const struct sl_policy *p;
	sl_replay_fn *fn;
	void *arg;
	struct sl_replay_stats *s;
	struct sl_arena a;
	struct known *bucket[BUCKETS];
};

static bool
keep(struct replay *x, struct sl_slice s, struct sl_slice *ret)
{
	*ret = sl_arena_dup(&x->a, s);
	return ret->p != NULL;
}

static int
take_verdict(struct replay *x, const struct sl_verdict *v, struct sl_replay_side *ret,
	     struct sl_err *err)
{
	const char *because[SL_REPLAY_BECAUSE];

	ret->is_allowed = v->kind == SL_VERDICT_ALLOW;
	ret->line = (int64_t)(v->n_failed > 0 ? v->failed[0].line : v->line);
	ret->n_because = sl_decision_because(v->proof, &x->a, because, SL_REPLAY_BECAUSE);
	for (size_t k = 0; k < ret->n_because; k++)
		ret->because[k] = because[k];
	if (!keep(x, sl_slice_str(v->reason), &ret->reason) ||
	    !keep(x, v->message, &ret->message) ||
	    !keep(x, v->n_failed > 0 ? v->failed[0].text : v->text, &ret->rule))
		return SL_ERR(err, NOMEM, "out of memory for a replay");
	return 0;
}

static void
note_failure(struct replay *x, struct known *k, const struct sl_err *why)
{
	k->is_failed = true;
	if (x->s->first_failure[0] == '\0')
		(void)snprintf(x->s->first_failure, sizeof(x->s->first_failure), "%.190s",
			       why->msg);
}

/* Decides on the blob; what cannot be decided is a mark on k, not an error. */
static int
decide(struct replay *x, struct known *k, struct sl_slice blob, struct sl_err *err)
{
	SL_AUTO_ARENA a = { 0 };
	struct sl_policy_facts *facts = NULL;
	struct sl_json *stored = NULL;
	struct sl_verdict v = { 0 };
	struct sl_err said = { 0 };
	int r;

	sl_arena_init(&a, ONE_MEMORY);
	x->s->n_decided++;
	if ((r = sl_json_uncbor(blob, &blob_limits, &a, &stored, &said)) == 0 &&
	    (r = sl_policy_facts_from_json(stored, &a, &facts, &said)) == 0)
		r = sl_policy_decide(x->p, facts, &sl_policy_default_limits, &a, &v,
				     &said);
	if (r == SL_E(NOMEM)) {
		*err = said;
		return r;
	}
	if (r < 0) {
		note_failure(x, k, &said);
		return 0;
	}
	return take_verdict(x, &v, &k->now, err);
}

static int
know(struct replay *x, const uint8_t digest[32], const struct known **ret,
     struct sl_err *err)
{
	struct known **at = &x->bucket[(digest[0] << 8 | digest[1]) & (BUCKETS - 1)], *k;
	SL_AUTO_BUF blob = { .max = SL_BLOB_BYTES };
	struct sl_err said = { 0 };
	int r;

	for (k = *at; k != NULL; k = k->next)
		if (memcmp(k->facts, digest, 32) == 0) {
			*ret = k;
			return 0;
		}
	if ((k = SL_NEW(&x->a, struct known)) == NULL)
		return SL_ERR(err, NOMEM, "out of memory for a replay");
	memcpy(k->facts, digest, 32);
	k->next = *at;
	*at = k;
	*ret = k;
	if ((r = sl_reader_blob(x->r, digest, &blob, &k->is_erased, &said)) < 0) {
		if (r == SL_E(NOENT) && !k->is_erased)
			note_failure(x, k, &said);
		else if (!k->is_erased)
			*err = said;
		return k->is_erased || k->is_failed ? 0 : r;
	}
	return decide(x, k, sl_buf_get(&blob), err);
}

/* What the stored proof stands on; without it the flip is told all the same. */
static void
old_because(struct replay *x, const struct sl_json *own, struct sl_arena *a,
	    struct sl_replay_side *ret)
{
	SL_AUTO_BUF blob = { .max = SL_BLOB_BYTES };
	struct sl_json *proof = NULL;
	bool is_erased = false;
	struct sl_err none = { 0 };
	uint8_t digest[32];

	if (!sl_unhex(digest, 32, sl_json_get_str(own, "proof")) ||
	    sl_reader_blob(x->r, digest, &blob, &is_erased, &none) < 0 ||
	    sl_json_uncbor(sl_buf_get(&blob), &blob_limits, a, &proof, &none) < 0)
		return;
	ret->n_because = sl_decision_because(proof, a, ret->because, SL_REPLAY_BECAUSE);
}

static int
flip(struct replay *x, const struct sl_stated *d, const struct sl_json *own,
     const struct known *k, struct sl_arena *a, struct sl_err *err)
{
	const struct sl_json *rule = sl_json_get(own, "rule");
	struct sl_replay_flip f = {
		.decision = d,
		.kind = sl_json_get_str(own, "kind"),
		.run = sl_json_get_str(own, "run"),
		.now = k->now,
		.was = { .is_allowed = !k->now.is_allowed,
			 .reason = sl_json_get_str(own, "reason"),
			 .message = sl_json_get_str(own, "message"),
			 .rule = sl_json_get_str(rule, "text"),
			 .line = sl_json_get_int(rule, "line") },
	};

	old_because(x, own, a, &f.was);
	x->s->n_allowed += k->now.is_allowed;
	x->s->n_denied += !k->now.is_allowed;
	return x->fn(x->arg, &f, err);
}

static int
one(struct replay *x, const struct sl_log_entry *e, struct sl_err *err)
{
	SL_AUTO_ARENA a = { 0 };
	const struct known *k = NULL;
	const struct sl_json *own;
	struct sl_stated d;
	uint8_t digest[32];
	bool was_allowed;
	int r;

	sl_arena_init(&a, ONE_MEMORY);
	if ((r = sl_stated_read(x->r, e, &a, &d, err)) < 0)
		return r;
	x->s->n_decisions++;
	own = sl_json_get(d.predicate, "sluice");
	if (d.is_erased) {
		x->s->n_erased++;
		return 0;
	}
	if (!sl_unhex(digest, 32, sl_json_get_str(own, "facts")))
		return SL_ERR(err, STORE, "the decision at entry %llu names no facts",
			      (unsigned long long)e->index);
	if ((r = know(x, digest, &k, err)) < 0)
		return r;
	was_allowed = sl_slice_eq(sl_json_get_str(own, "verdict"), SL_LIT("allow"));
	if (k->is_erased || k->is_failed) {
		x->s->n_erased += k->is_erased;
		x->s->n_failed += !k->is_erased;
	} else if (k->now.is_allowed == was_allowed ||
		   sl_slice_eq(sl_json_get_str(own, "reason"), SL_LIT("outer"))) {
		x->s->n_same++;
	} else {
		return flip(x, &d, own, k, &a, err);
	}
	return 0;
}

static int
one_tree(struct replay *x, uint32_t id, struct sl_err *err)
{
	struct sl_log_tree t;
	int r = sl_reader_tree(x->r, id, &t, err);

	for (uint64_t k = 0; r == 0 && k < t.size; k++) {
		struct sl_log_entry e;

		if ((r = sl_reader_entry(x->r, id, k, &e, err)) < 0)
			return r;
		if (strcmp(e.kind, "decision") == 0)
			r = one(x, &e, err);
	}
	return r;
}

int
sl_gate_replay(struct sl_reader *r, const struct sl_policy *p, sl_replay_fn *fn,
	       void *arg, struct sl_replay_stats *ret, struct sl_err *err)
{
	struct replay *x = calloc(1, sizeof(*x));
	struct sl_log_head head;
	int q = 0;

	if (x == NULL)
		return SL_ERR(err, NOMEM, "out of memory for a replay");
	*ret = (struct sl_replay_stats){ 0 };
	x->r = r;
	x->p = p;
	x->fn = fn;
	x->arg = arg;
	x->s = ret;
	sl_arena_init(&x->a, MEMORY);
	sl_reader_head(r, &head);
	for (uint32_t id = 0; q == 0 && id < head.n_trees; id++)
		q = one_tree(x, id, err);
	sl_arena_free(&x->a);
	free(x);
	return q;
}
