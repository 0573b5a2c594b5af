/* gate.c -- opening, the queue, durability, permits.  See gate.h. */
#include "gate/gate.h"

#include "base/auto.h"
#include "base/hex.h"
#include "crypto/sha256.h"
#include "gate/int.h"
#include "grant/permit_mint.h"
#include "log/reader.h"

#include <stdio.h>

static const char policy_file[] = "policy/policy.dl";

static int
cas_name(const uint8_t digest[32], char name[80])
{
	char hex[65];

	sl_hex(hex, digest, 32);
	return snprintf(name, 80, "cas/%s", hex);
}

/* --- the queue --- */

static int
room(struct sl_gate *g, struct sl_err *err)
{
	size_t cap = g->cap_item ? 2 * g->cap_item : 16;
	struct sl_gate_item *p;

	if (g->is_committed)
		return SL_ERR(err, BUG, "a batch is under way");
	if (g->n_item < g->cap_item)
		return 0;
	if ((p = reallocarray(g->item, cap, sizeof(*p))) == NULL)
		return SL_ERR(err, NOMEM, "out of memory");
	g->item = p;
	g->cap_item = cap;
	return 0;
}

int
sl_gate_queue(struct sl_gate *g, const struct sl_stmt *s, struct sl_gate_item item,
	      struct sl_err *err)
{
	int r;

	if ((r = room(g, err)) < 0 || (r = sl_recorder_add(g->rec, s, err)) < 0)
		return r;
	g->item[g->n_item++] = item;
	return 0;
}

/* Queue a statement about a run or a step of it. */
static int
state(struct sl_gate *g, const struct sl_stmt *where, const uint8_t run[32], const uint8_t id[32],
      struct sl_json *predicate, struct sl_entry *ret_entry, struct sl_err *err)
{
	const struct sl_statement_row *row = sl_statement_find(sl_slice_str(where->kind));
	SL_AUTO_ARENA a = { 0 };
	SL_AUTO_BUF out = { .max = SL_BLOB_BYTES };
	struct sl_jb b = { .a = &a };
	char hex[65], name[80], sub[80];
	struct sl_stmt st = *where;
	int r;

	sl_arena_init(&a, SL_BLOB_BYTES);
	sl_hex(hex, id, 32);
	(void)snprintf(name, sizeof(name), "%s:%s", memcmp(id, run, 32) == 0 ? "run" : "step", hex);
	sl_hex(hex, run, 32);
	(void)snprintf(sub, sizeof(sub), "run:%s", hex);
	if ((r = sl_statement_write(&b, (enum sl_statement)(row - sl_statement_row(0)), name, id,
				    predicate, &out, err)) < 0)
		return r;
	st.sub = sl_slice_str(sub);
	st.payload = sl_buf_get(&out);
	st.is_envelope = row->is_envelope;
	return sl_gate_queue(g, &st, (struct sl_gate_item){ .entry = ret_entry }, err);
}

int
sl_gate_state(struct sl_gate *g, const struct sl_decision *d, enum sl_statement s,
	      struct sl_json *predicate, struct sl_entry *ret_entry, struct sl_err *err)
{
	const struct sl_stmt where = { .tree = SL_TREE_RUN, .kind = sl_statement_row(s)->kind,
				       .run = d->view.run };

	return state(g, &where, d->view.run, d->view.id, predicate, ret_entry, err);
}

static int
seal(struct sl_gate *g, const uint8_t run[32], struct sl_entry *ret_entry, struct sl_err *err)
{
	int r;

	if ((r = room(g, err)) < 0 || (r = sl_recorder_seal_run(g->rec, run, err)) < 0)
		return r;
	g->item[g->n_item++] = (struct sl_gate_item){ .entry = ret_entry };
	return 0;
}

int
sl_gate_seal(struct sl_gate *g, const struct sl_decision *d, struct sl_entry *ret_entry,
	     struct sl_err *err)
{
	return seal(g, d->view.run, ret_entry, err);
}

int
sl_gate_close_run(struct sl_gate *g, const uint8_t run[32], struct sl_json *outcome,
		  bool has_open_tree, struct sl_err *err)
{
	const struct sl_stmt where = { .tree = SL_TREE_NODE, .kind = "outcome" };
	int r;

	if ((r = state(g, &where, run, run, outcome, NULL, err)) < 0 ||
	    (has_open_tree && (r = seal(g, run, NULL, err)) < 0))
		return r;
	return sl_gate_sync(g, err);
}

int
sl_gate_commit(struct sl_gate *g, struct sl_err *err)
{
	int r;

	if ((r = sl_recorder_commit(g->rec, err)) < 0)
		return r;
	g->is_committed = true;
	return 0;
}

/* The declarations are in the log now: a file says so to the next start, which needs not
 * queue them.  Written only after the sync, for what it says must be true; best effort,
 * for without it they are queued again and the store keeps one copy. */
static void
keep_cached(struct sl_gate *g)
{
	struct sl_err none = { 0 };
	char name[80];

	if (!g->has_new_decls)
		return;
	g->has_new_decls = false;
	(void)cas_name(g->decls_digest, name);
	if (sl_home_write(g->home, name, sl_policy_decls_text(), false, &none) < 0)
		return;
}

int
sl_gate_wait(struct sl_gate *g, struct sl_err *err)
{
	SL_AUTO_FREE struct sl_entry *e = calloc(g->n_item + 1, sizeof(*e));
	size_t n = 0;
	int r;

	if (!g->is_committed)
		return SL_ERR(err, BUG, "no batch is under way");
	if (e == NULL)
		return SL_ERR(err, NOMEM, "out of memory");
	r = sl_recorder_wait(g->rec, e, g->n_item, &n, err);
	g->is_committed = false;
	if (r < 0) { /* refused as a whole: nothing of it is queued any more */
		g->n_item = 0;
		return r;
	}
	if (n != g->n_item)
		return SL_ERR(err, BUG, "%zu entries for %zu statements", n, g->n_item);
	for (size_t i = 0; i < n; i++) {
		if (g->item[i].entry != NULL)
			*g->item[i].entry = e[i];
		if (g->item[i].decision != NULL)
			g->item[i].decision->view.is_durable = true;
	}
	g->n_item = 0;
	keep_cached(g);
	return 0;
}

int
sl_gate_sync(struct sl_gate *g, struct sl_err *err)
{
	int r = sl_gate_commit(g, err);

	return r < 0 ? r : sl_gate_wait(g, err);
}

/* --- permits --- */

int
sl_gate_permit(struct sl_gate *g, struct sl_decision *d, enum sl_permit_kind kind, unsigned uses,
	       struct sl_permit **ret, struct sl_err *err)
{
	struct sl_permit_view v = { kind, d->view.run, d->view.entry.id, d->view.grant, d->act };
	uint8_t digest[32];
	int r;

	(void)g;
	if (!d->view.is_allowed || !d->view.is_durable)
		return SL_ERR(err, BUG, "a permit for a decision that is not durable or not an allow");
	if (kind == SL_PERMIT_BOX) {
		if ((r = sl_grant_digest(d->view.grant, digest, err)) < 0)
			return r;
		v.act = digest;
	}
	if ((*ret = sl_permit_mint(&v, uses)) == NULL)
		return SL_ERR(err, NOMEM, "out of memory for a permit");
	return 0;
}

/* --- policy --- */

static int
load(struct sl_gate *g, struct sl_slice text, const char *name, const struct sl_policy **ret,
     struct sl_err *err)
{
	struct sl_slice own = sl_arena_dup(&g->policy_a, text);

	if (own.p == NULL)
		return SL_ERR(err, NOMEM, "out of memory for the policy");
	return sl_policy_load(own, name, g->decls, &sl_policy_text_limits, &g->policy_a, ret, err);
}

static int
load_decls(struct sl_gate *g, struct sl_err *err)
{
	static const struct sl_limits lim = { 1 << 20, 100000, 64 };
	struct sl_slice text = sl_policy_decls_text();

	sl_sha256(text, g->decls_digest);
	return sl_decls_parse(text, "facts.decl", &lim, &g->policy_a, &g->decls, err);
}

/* Keep the policy's text where the next start finds it quickly; the log holds it as a
 * blob, so a lost file costs nothing but time. */
static int
remember(struct sl_gate *g, struct sl_slice bytes, uint8_t digest[32], struct sl_err *err)
{
	char name[80];
	int r;

	if ((r = sl_recorder_blob(g->rec, bytes, digest, err)) < 0)
		return r;
	(void)cas_name(digest, name);
	return sl_home_write(g->home, name, bytes, true, err);
}

/* Queue the statement that puts text in force. */
static int
register_policy(struct sl_gate *g, struct sl_slice text, const char *why, uint8_t digest[32],
		struct sl_err *err)
{
	SL_AUTO_ARENA a = { 0 };
	SL_AUTO_BUF out = { .max = SL_POLICY_BYTES };
	struct sl_jb b = { .a = &a };
	struct sl_json *p;
	struct sl_stmt st = { .tree = SL_TREE_NODE, .kind = "policy", .sub = SL_LIT("policy") };
	int r;

	sl_arena_init(&a, SL_POLICY_BYTES);
	p = sl_json_obj(&b);
	if ((r = remember(g, text, digest, err)) < 0)
		return r;
	(void)sl_json_set(&b, p, "v", sl_json_int(&b, 1));
	(void)sl_json_set(&b, p, "policy", sl_json_hex(&b, digest, 32));
	(void)sl_json_set(&b, p, "replaces", sl_json_hex(&b, g->info.policy, 32));
	(void)sl_json_set(&b, p, "decls", sl_json_hex(&b, g->decls_digest, 32));
	(void)sl_json_set(&b, p, "why", sl_json_cstr(&b, why));
	if ((r = sl_statement_write(&b, SL_STMT_POLICY, "policy", digest, p, &out, err)) < 0)
		return r;
	st.payload = sl_buf_get(&out);
	if ((r = sl_gate_queue(g, &st, (struct sl_gate_item){ 0 }, err)) < 0)
		return r;
	return sl_recorder_set_policy(g->rec, digest, err);
}

/* No policy yet: the owner's file where there is one, else the default, written there. */
static int
first_policy(struct sl_gate *g, struct sl_err *err)
{
	SL_AUTO_BUF text = { .max = SL_POLICY_BYTES };
	struct sl_err none = { 0 };
	uint8_t digest[32];
	int r;

	r = sl_home_read(g->home, policy_file, SL_POLICY_BYTES, &text, &none);
	if (r == SL_E(NOENT)) {
		sl_buf_slice(&text, sl_policy_default_text());
		r = sl_home_write(g->home, policy_file, sl_buf_get(&text), true, err);
	} else if (r < 0) {
		*err = none;
	}
	if (r < 0 || (r = load(g, sl_buf_get(&text), policy_file, &g->policy, err)) < 0 ||
	    (r = register_policy(g, sl_buf_get(&text), "first", digest, err)) < 0 ||
	    (r = sl_gate_sync(g, err)) < 0)
		return r;
	memcpy(g->info.policy, digest, 32);
	g->info.is_policy_new = true;
	return 0;
}

/* The file that the last registration left, else (lost, cut off, changed) the log's blob. */
static int
text_in_force(struct sl_gate *g, struct sl_buf *out, struct sl_err *err)
{
	struct sl_reader *reader = NULL;
	struct sl_err none = { 0 };
	bool is_erased = false;
	uint8_t digest[32];
	char name[80];
	int r;

	(void)cas_name(g->info.policy, name);
	if (sl_home_read(g->home, name, SL_POLICY_BYTES, out, &none) == 0) {
		sl_sha256(sl_buf_get(out), digest);
		if (memcmp(digest, g->info.policy, 32) == 0)
			return 0;
	}
	sl_buf_clear(out);
	if ((r = sl_reader_open(g->home->fd, &reader, err)) < 0)
		return r;
	r = sl_reader_blob(reader, g->info.policy, out, &is_erased, err);
	sl_reader_close(reader);
	if (r < 0)
		return r;
	/* Best effort: without the file the next start reads the log again. */
	if (sl_home_write(g->home, name, sl_buf_get(out), false, &none) < 0)
		return 0;
	return 0;
}

static int
policy_in_force(struct sl_gate *g, struct sl_err *err)
{
	SL_AUTO_BUF text = { .max = SL_POLICY_BYTES }, edited = { .max = SL_POLICY_BYTES };
	struct sl_err none = { 0 };
	uint8_t digest[32];
	int r;

	if ((r = text_in_force(g, &text, err)) < 0)
		return sl_err_ctx(err, "the policy in force"), r;
	if ((r = load(g, sl_buf_get(&text), "policy in force", &g->policy, err)) < 0)
		return r;
	if (sl_home_read(g->home, policy_file, SL_POLICY_BYTES, &edited, &none) == 0) {
		sl_sha256(sl_buf_get(&edited), digest);
		g->info.is_policy_edited = memcmp(digest, g->info.policy, 32) != 0;
	}
	return 0;
}

/* The declarations that this build decides by are in the log before its first decision. */
static int
keep_decls(struct sl_gate *g, struct sl_err *err)
{
	struct sl_err none = { 0 };
	SL_AUTO_BUF have = { .max = SL_POLICY_BYTES };
	uint8_t digest[32];
	char name[80];
	int r;

	(void)cas_name(g->decls_digest, name);
	if (sl_home_read(g->home, name, SL_POLICY_BYTES, &have, &none) == 0)
		return 0;
	if ((r = sl_recorder_blob(g->rec, sl_policy_decls_text(), digest, err)) < 0)
		return r;
	g->has_new_decls = true;
	return 0;
}

static int
open_it(struct sl_gate *g, struct sl_err *err)
{
	static const uint8_t zero[32];
	int r;

	if ((r = sl_recorder_info(g->rec, &g->info.node, err)) < 0 ||
	    (r = load_decls(g, err)) < 0 || (r = keep_decls(g, err)) < 0)
		return r;
	memcpy(g->info.policy, g->info.node.policy, 32);
	if (memcmp(g->info.policy, zero, 32) == 0)
		return first_policy(g, err);
	return policy_in_force(g, err);
}

int
sl_gate_open(const struct sl_gate_opts *o, struct sl_gate **ret, struct sl_err *err)
{
	struct sl_gate *g = calloc(1, sizeof(*g));
	int r;

	if (g == NULL)
		return SL_ERR(err, NOMEM, "out of memory");
	g->home = o->home;
	g->rec = o->recorder;
	sl_arena_init(&g->a, SL_GATE_MEMORY);
	sl_arena_init(&g->policy_a, SL_GATE_MEMORY);
	if ((r = open_it(g, err)) < 0) {
		sl_gate_free(g);
		return r;
	}
	*ret = g;
	return 0;
}

void
sl_gate_free(struct sl_gate *g)
{
	if (g == NULL)
		return;
	sl_arena_free(&g->a);
	sl_arena_free(&g->policy_a);
	free(g->item);
	free(g);
}

const struct sl_gate_info *
sl_gate_info(const struct sl_gate *g)
{
	return &g->info;
}

int
sl_gate_fd(const struct sl_gate *g)
{
	return sl_recorder_fd(g->rec);
}

const struct sl_decision_view *
sl_decision_view(const struct sl_decision *d)
{
	return &d->view;
}

static int
ask_for_policy(struct sl_gate *g, const uint8_t digest[32], struct sl_err *err)
{
	struct sl_gate_request q = { .kind = "policy" };
	struct sl_decision *d = NULL;
	SL_AUTO_ARENA a = { 0 };
	struct sl_jb b = { .a = &a };
	struct sl_json *c;
	int r;

	sl_arena_init(&a, 1 << 16);
	c = sl_json_obj(&b);
	(void)sl_json_set(&b, c, "v", sl_json_int(&b, 1));
	(void)sl_json_set(&b, c, "level", sl_json_cstr(&b, "node"));
	(void)sl_json_set(&b, c, "policy", sl_json_hex(&b, g->info.policy, 32));
	(void)sl_json_set(&b, c, "new_policy", sl_json_hex(&b, digest, 32));
	q.context = c;
	if ((r = sl_gate_decide(g, &q, &d, err)) < 0)
		return r;
	if (d->view.is_allowed)
		return 0;
	if ((r = sl_gate_sync(g, err)) < 0)
		return r;
	return SL_ERR(err, DENIED, "the policy in force does not allow the change: %s",
		      d->view.message);
}

int
sl_gate_set_policy(struct sl_gate *g, struct sl_slice text, const char *name,
		   uint8_t ret_digest[32], struct sl_err *err)
{
	const struct sl_policy *p = NULL;
	int r;

	sl_sha256(text, ret_digest);
	if ((r = load(g, text, name, &p, err)) < 0)
		return r;
	if (memcmp(ret_digest, g->info.policy, 32) == 0)
		return 0;
	if ((r = ask_for_policy(g, ret_digest, err)) < 0 ||
	    (r = register_policy(g, text, "owner", ret_digest, err)) < 0 ||
	    (r = sl_gate_sync(g, err)) < 0)
		return r;
	memcpy(g->info.policy, ret_digest, 32);
	g->policy = p;
	return 0;
}
