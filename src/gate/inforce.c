/* inforce.c -- the policy in force and the declarations it is checked against: found,
 * kept, replaced.  See gate.h. */
#include "base/auto.h"
#include "base/hex.h"
#include "crypto/sha256.h"
#include "gate/int.h"
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

/* The declarations are in the log now: a file says so to the next start, which needs not
 * queue them.  Written only after the sync, for what it says must be true; best effort,
 * for without it they are queued again and the store keeps one copy. */
void
sl_gate_keep_cached(struct sl_gate *g)
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

static int
load(struct sl_gate *g, struct sl_slice text, const char *name,
     const struct sl_policy **ret, struct sl_err *err)
{
	struct sl_slice own = sl_arena_dup(&g->policy_a, text);

	if (own.p == NULL || sl_gate_admit_look(g, own, err) < 0)
		return SL_ERR(err, NOMEM, "out of memory for the policy");
	return sl_policy_load(own, name, g->decls, &sl_policy_text_limits, &g->policy_a,
			      ret, err);
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
register_policy(struct sl_gate *g, struct sl_slice text, const char *why,
		uint8_t digest[32], struct sl_err *err)
{
	SL_AUTO_ARENA a = { 0 };
	SL_AUTO_BUF out = { .max = SL_POLICY_BYTES };
	struct sl_jb b = { .a = &a };
	struct sl_json *p;
	struct sl_stmt st = { .tree = SL_TREE_NODE,
			      .kind = "policy",
			      .sub = SL_LIT("policy") };
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
	if ((r = sl_statement_write(&b, SL_STMT_POLICY, "policy", digest, p, &out, err)) <
	    0)
		return r;
	st.payload = sl_buf_get(&out);
	if ((r = sl_gate_queue(g, &st, (struct sl_gate_item){ 0 }, err)) < 0)
		return r;
	return sl_recorder_set_policy(g->rec, digest, err);
}

static struct sl_json *
change_of_policy(const struct sl_gate *g, struct sl_jb *b, const uint8_t digest[32])
{
	struct sl_json *c = sl_json_obj(b);

	(void)sl_json_set(b, c, "v", sl_json_int(b, 1));
	(void)sl_json_set(b, c, "level", sl_json_cstr(b, "node"));
	(void)sl_json_set(b, c, "policy", sl_json_hex(b, g->info.policy, 32));
	(void)sl_json_set(b, c, "new_policy", sl_json_hex(b, digest, 32));
	return c;
}

/* Under a policy that denies every change of policy a node could never be mended. */
static int
refuse_last(struct sl_gate *g, const struct sl_policy *p, const char *name,
	    struct sl_err *err)
{
	static const uint8_t any[32] = { 0 };
	struct sl_gate_request q = { .kind = "policy" };
	SL_AUTO_ARENA a = { 0 };
	struct sl_jb b = { .a = &a };
	bool is_allowed = false;
	int r;

	sl_arena_init(&a, 1 << 16);
	q.context = change_of_policy(g, &b, any);
	if (b.is_failed)
		return SL_ERR(err, NOMEM, "out of memory");
	if ((r = sl_gate_would_allow(g, p, &q, &is_allowed, err)) < 0 || is_allowed)
		return r;
	return SL_ERR(
	    err, FORMAT,
	    "%s: under it no later policy could be registered, not even by the owner; "
	    "it needs: allow if request(\"policy\"), requester($who), node($who);",
	    name);
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
	    (r = refuse_last(g, g->policy, policy_file, err)) < 0 ||
	    (r = register_policy(g, sl_buf_get(&text), "first", digest, err)) < 0 ||
	    (r = sl_gate_sync(g, err)) < 0)
		return r;
	memcpy(g->info.policy, digest, 32);
	g->info.is_policy_new = true;
	return 0;
}

/* The file that the last registration left, else (lost, cut off, changed) the log's blob.
 */
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
	SL_AUTO_BUF text = { .max = SL_POLICY_BYTES },
		    edited = { .max = SL_POLICY_BYTES };
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

/* The declarations that this build decides by are in the log before its first decision.
 */
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

int
sl_gate_open_policy(struct sl_gate *g, struct sl_err *err)
{
	static const uint8_t zero[32];
	int r;

	if ((r = load_decls(g, err)) < 0 || (r = keep_decls(g, err)) < 0)
		return r;
	memcpy(g->info.policy, g->info.node.policy, 32);
	if (memcmp(g->info.policy, zero, 32) == 0)
		return first_policy(g, err);
	return policy_in_force(g, err);
}

static int
ask_for_policy(struct sl_gate *g, const uint8_t digest[32], struct sl_err *err)
{
	struct sl_gate_request q = { .kind = "policy" };
	struct sl_decision *d = NULL;
	SL_AUTO_ARENA a = { 0 };
	struct sl_jb b = { .a = &a };
	int r;

	sl_arena_init(&a, 1 << 16);
	q.context = change_of_policy(g, &b, digest);
	if (b.is_failed)
		return SL_ERR(err, NOMEM, "out of memory");
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
	if ((r = refuse_last(g, p, name, err)) < 0)
		return r;
	if ((r = ask_for_policy(g, ret_digest, err)) < 0 ||
	    (r = register_policy(g, text, "owner", ret_digest, err)) < 0 ||
	    (r = sl_gate_sync(g, err)) < 0)
		return r;
	memcpy(g->info.policy, ret_digest, 32);
	g->policy = p;
	return 0;
}

int
sl_gate_refresh(struct sl_gate *g, struct sl_err *err)
{
	struct sl_node_info now;
	size_t unused;
	int r = sl_recorder_again(g->rec, &now, err);

	if (r < 0)
		return r;
	if (memcmp(now.policy, g->info.policy, 32) == 0)
		return 0;
	/* what the old one refused is stated as its decision */
	if ((r = sl_gate_state_refusals(g, &unused, err)) < 0)
		return r;
	sl_gate_admit_forget(g);
	sl_arena_free(&g->policy_a);
	sl_arena_init(&g->policy_a, SL_GATE_MEMORY);
	g->info.node = now;
	return sl_gate_open_policy(g, err);
}
