/* chain.c -- see chain.h. */
#include "record/chain.h"

#include "base/auto.h"
#include "base/hex.h"
#include "cose/checkpoint.h"
#include "cose/statement.h"
#include "crypto/sha256.h"
#include "log/keyring.h"
#include "record/quote.h"
#include "record/read.h"

#include <stdio.h>
#include <stdlib.h>

enum { STATEMENT_MAX = 16 << 20, MEMORY = 256 << 20 };

struct walk {
	struct sl_reader *r;
	const struct sl_chain_fn *fn;
	struct sl_chain_sum *sum;
	struct sl_chain_tree *tree; /* by ID */
	uint8_t (*named)[32];       /* the key that a run's decision names */
	bool *is_named;
	uint8_t (*sealed)[32]; /* root that the last seal has */
	uint32_t n;
	struct sl_keyring ring;
	uint64_t node_size;
};

static void
broken(struct walk *w, uint32_t tree, uint64_t index, const char *what)
{
	w->sum->n_broken++;
	if (tree < w->n)
		w->tree[tree].is_broken = true;
	if (w->fn->broken != NULL)
		w->fn->broken(w->fn->arg, tree, index, what);
}

/* A link: nothing to say where it holds.  What says nothing about the chain (memory, a
 * failing disk) is an error. */
static int
link_of(struct walk *w, uint32_t tree, uint64_t index, int r, struct sl_err *err)
{
	if (r == SL_E(NOMEM) || r == SL_E(SYS) || r == SL_E(BUG))
		return r;
	w->sum->n_links++;
	if (r < 0)
		broken(w, tree, index, err->msg);
	*err = (struct sl_err){ 0 };
	return 0;
}

/* --- the pieces of a link --- */

static int
is_in_log(struct walk *w, uint32_t tree, uint64_t index, struct sl_err *err)
{
	struct sl_proof p;

	return sl_reader_inclusion(w->r, tree, index, 0, &p, err);
}

/* The log's checkpoint as it is now, by the key that may sign it. */
static int
check_head(struct walk *w, const struct sl_log_tree *t, const uint8_t pub[32],
	   struct sl_err *err)
{
	SL_AUTO_BUF note = { .max = 4096 };
	struct sl_checkpoint c;
	struct sl_vkey key;
	struct sl_note n;
	int r;

	if (memcmp(t->key, pub, 32) != 0)
		return SL_ERR(err, VERIFY,
			      "its root is signed by another key than its "
			      "level's");
	if ((r = sl_reader_checkpoint(w->r, t->id, 0, &note, err)) < 0 ||
	    (r = sl_vkey_make(sl_slice_str(t->origin), SL_VKEY_ED25519, pub, &key, err)) <
		0 ||
	    (r = sl_checkpoint_open(sl_buf_get(&note), &key, &c, &n, err)) < 0)
		return r;
	if (c.size != t->size || memcmp(c.root.b, t->root, 32) != 0)
		return SL_ERR(err, VERIFY, "its checkpoint is not of its last entry");
	return 0;
}

/* The checkpoint in a seal: signed by the log's key, and of its history. */
static int
check_sealed(struct walk *w, const struct sl_log_tree *t, const struct sl_json *p,
	     uint64_t *ret_size, uint8_t ret_root[32], struct sl_err *err)
{
	struct sl_checkpoint c;
	struct sl_hash root;
	struct sl_vkey key;
	struct sl_note n;
	int r;

	if ((r = sl_vkey_make(sl_slice_str(t->origin), SL_VKEY_ED25519, t->key, &key,
			      err)) < 0 ||
	    (r = sl_checkpoint_open(sl_json_get_str(p, "checkpoint"), &key, &c, &n,
				    err)) < 0)
		return r;
	if (c.size > t->size)
		return SL_ERR(err, VERIFY,
			      "its seal has more entries than it has itself");
	if ((r = sl_reader_root(w->r, t->id, c.size, &root, err)) < 0)
		return r;
	if (memcmp(root.b, c.root.b, 32) != 0)
		return SL_ERR(err, VERIFY, "its seal is of another history");
	*ret_size = c.size;
	memcpy(ret_root, c.root.b, 32);
	return 0;
}

/* --- statements of the node's log --- */

static int
parse(struct sl_slice bytes, struct sl_sign1 *s, struct sl_err *err)
{
	return sl_statement_parse(bytes, STATEMENT_MAX, 0, s, err);
}

static int
on_key(struct walk *w, const struct sl_log_entry *e, struct sl_slice bytes,
       struct sl_err *err)
{
	struct sl_sign1 s;
	int r;

	if ((r = parse(bytes, &s, err)) == 0 &&
	    (r = sl_keyring_add(&w->ring, e->index, &s, err)) == 0)
		r = is_in_log(w, SL_NODE_TREE, e->index, err);
	return link_of(w, SL_NODE_TREE, e->index, r, err);
}

/* The tree that a statement's subject "run:HEX" or a seal's run names; or n. */
static uint32_t
tree_of(struct walk *w, struct sl_slice hex)
{
	struct sl_err none = { 0 };
	struct sl_log_tree t;

	if (hex.len != 64 || sl_reader_run(w->r, hex, &t, &none) < 0)
		return w->n;
	return t.id;
}

static int
on_seal(struct walk *w, const struct sl_log_entry *e, struct sl_slice bytes,
	struct sl_err *err)
{
	const struct sl_slice none = { 0 };
	uint8_t iss[32], root[32] = { 0 };
	SL_AUTO_ARENA a = { 0 };
	struct sl_chain_tree *t;
	const struct sl_json *run;
	struct sl_stated st;
	struct sl_sign1 s;
	uint64_t size = 0;
	uint32_t id;
	int r;

	sl_arena_init(&a, MEMORY);
	if ((r = parse(bytes, &s, err)) < 0 ||
	    (r = sl_stated_read(w->r, e, &a, &st, err)) < 0)
		return link_of(w, SL_NODE_TREE, e->index, r, err);
	run = sl_json_get(st.predicate, "run");
	id = run == NULL ? 0 : tree_of(w, run->s);
	if (id >= w->n)
		return link_of(w, SL_NODE_TREE, e->index,
			       SL_ERR(err, VERIFY, "a seal of a log that is not here"),
			       err);
	t = &w->tree[id];
	if (!sl_didkey_parse(s.h.iss, iss) || !sl_keyring_signs(&w->ring, iss, e->index))
		r = SL_ERR(err, VERIFY,
			   "its seal is not by a working key that was in use then");
	else if ((r = sl_sign1_verify(&s, none, none, iss, err)) == 0 &&
		 !sl_slice_eq(sl_json_get_str(st.predicate, "origin"),
			      sl_slice_str(t->t.origin)))
		r = SL_ERR(err, VERIFY, "its seal is of another log");
	if (r == 0 && (r = is_in_log(w, SL_NODE_TREE, e->index, err)) == 0)
		r = check_sealed(w, &t->t, st.predicate, &size, root, err);
	if (r == 0) {
		t->seal = e->index;
		t->seal_size = size;
		memcpy(w->sealed[id], root, 32);
	}
	return link_of(w, id, e->index, r, err);
}

static int
on_decision(struct walk *w, const struct sl_log_entry *e, struct sl_slice bytes,
	    struct sl_err *err)
{
	const struct sl_json *own;
	struct sl_err none = { 0 };
	SL_AUTO_ARENA a = { 0 };
	struct sl_stated st;
	struct sl_slice kind;
	struct sl_sign1 s;
	uint32_t id;
	int r;

	sl_arena_init(&a, MEMORY);
	if (parse(bytes, &s, &none) < 0) /* not a link: log check is for that */
		return 0;
	id = sl_slice_starts(s.h.sub, SL_LIT("run:"))
		 ? tree_of(w, sl_slice_skip(s.h.sub, 4))
		 : w->n;
	if (id >= w->n || w->tree[id].decision != UINT64_MAX)
		return 0;
	if ((r = sl_stated_read(w->r, e, &a, &st, err)) < 0)
		return link_of(w, id, e->index, r, err);
	own = sl_json_get(st.predicate, "sluice");
	kind = sl_json_get_str(own, "kind");
	if (st.statement != NULL && !sl_slice_eq(kind, SL_LIT("run")) &&
	    !sl_slice_eq(kind, SL_LIT("exec")))
		return 0; /* about the run: to cancel it, to apply what it changed */
	w->tree[id].decision = e->index;
	(void)snprintf(w->tree[id].kind, sizeof(w->tree[id].kind), "%.*s", SL_ARG(kind));
	w->tree[id].is_allowed =
	    sl_slice_eq(sl_json_get_str(own, "verdict"), SL_LIT("allow"));
	w->is_named[id] = sl_didkey_parse(sl_json_get_str(own, "run_key"), w->named[id]);
	return 0;
}

static int
on_entry(void *arg, const struct sl_log_entry *e, struct sl_slice bytes,
	 struct sl_err *err)
{
	struct walk *w = arg;
	uint8_t d[32];

	if (e->tree != SL_NODE_TREE || e->index >= w->node_size ||
	    (strcmp(e->kind, "key") != 0 && strcmp(e->kind, "seal") != 0 &&
	     strcmp(e->kind, "decision") != 0))
		return 0;
	sl_sha256(bytes, d);
	if (memcmp(d, e->id, 32) != 0)
		return link_of(w, SL_NODE_TREE, e->index,
			       SL_ERR(err, VERIFY, "not the statement with its digest"),
			       err);
	if (strcmp(e->kind, "key") == 0)
		return on_key(w, e, bytes, err);
	if (strcmp(e->kind, "seal") == 0)
		return on_seal(w, e, bytes, err);
	return on_decision(w, e, bytes, err);
}

/* --- the levels --- */

/* Entry 0 of the platform's log is its key, certified by the node's first identity. */
static int
platform_key(struct walk *w, uint8_t ret_pub[32], struct sl_err *err)
{
	const struct sl_slice none = { 0 };
	SL_AUTO_BUF b = { .max = STATEMENT_MAX };
	struct sl_log_entry e;
	struct sl_key_said k;
	struct sl_sign1 s;
	uint8_t iss[32];
	int r;

	if ((r = sl_reader_entry(w->r, 0, 0, &e, err)) < 0 ||
	    (r = sl_reader_statement(w->r, &e, &b, err)) < 0 ||
	    (r = parse(sl_buf_get(&b), &s, err)) < 0 ||
	    (r = sl_key_said(s.payload, &k, err)) < 0)
		return r;
	if (k.role != SL_KEY_PLATFORM || !sl_didkey_parse(s.h.iss, iss) ||
	    memcmp(iss, w->ring.first, 32) != 0)
		return SL_ERR(err, VERIFY,
			      "its key is not certified by the node's identity");
	if ((r = sl_sign1_verify(&s, none, none, iss, err)) < 0)
		return r;
	memcpy(ret_pub, k.pub, 32);
	return is_in_log(w, 0, 0, err);
}

static int
platform(struct walk *w, struct sl_err *err)
{
	struct sl_chain_tree *t = &w->tree[0];
	SL_AUTO_ARENA a = { 0 };
	char did[SL_DIDKEY_MAX];
	struct sl_stated st;
	uint8_t pub[32];
	int r = platform_key(w, pub, err);

	if (r == 0)
		r = check_head(w, &t->t, pub, err);
	if ((r = link_of(w, 0, UINT64_MAX, r, err)) < 0)
		return r;
	if (t->seal == UINT64_MAX)
		r = SL_ERR(err, VERIFY, "the node's log has no seal of it");
	else if (t->seal_size != t->t.size)
		r = SL_ERR(err, VERIFY,
			   "what it says since its last seal is in no log "
			   "above");
	if ((r = link_of(w, 0, t->seal, r, err)) < 0)
		return r;
	sl_arena_init(&a, MEMORY);
	if (t->t.size == 0 || sl_stated_at(w->r, 0, t->t.size - 1, &a, &st, err) < 0) {
		*err = (struct sl_err){ 0 };
		return 0;
	}
	(void)snprintf(t->attestation, sizeof(t->attestation), "%.*s",
		       SL_ARG(sl_json_get_str(st.predicate, "attestation")));
	if (strcmp(t->attestation, "tpm2") != 0)
		return 0;
	sl_didkey(w->ring.first, did);
	return link_of(w, 0, UINT64_MAX, sl_quote_check(st.predicate, did, err), err);
}

static int
node(struct walk *w, struct sl_err *err)
{
	const struct sl_log_tree *t = &w->tree[SL_NODE_TREE].t;
	int r = check_head(w, t, t->key, err);

	if (r == 0 && !sl_keyring_signs_root(&w->ring, t->key, t->size))
		r = SL_ERR(err, VERIFY,
			   "its root is signed by a key that no identity of the node "
			   "certifies");
	return link_of(w, SL_NODE_TREE, UINT64_MAX, r, err);
}

static int
run_tree(struct walk *w, uint32_t id, struct sl_err *err)
{
	struct sl_chain_tree *t = &w->tree[id];
	int r = 0;

	if (t->decision == UINT64_MAX)
		r = SL_ERR(err, VERIFY, "no decision of the node began it");
	else if (w->is_named[id] && memcmp(w->named[id], t->t.key, 32) != 0)
		r = SL_ERR(err, VERIFY, "its key is not the one that its decision names");
	else if (!w->is_named[id] && t->kind[0] != '\0')
		r = SL_ERR(err, VERIFY, "its decision names no key");
	else
		r = check_head(w, &t->t, t->t.key, err);
	if ((r = link_of(w, id, t->decision, r, err)) < 0)
		return r;
	if (t->t.is_open && t->seal == UINT64_MAX)
		return 0; /* under way */
	if (t->seal == UINT64_MAX)
		r = SL_ERR(err, VERIFY,
			   "it is closed, and the node's log has no seal of "
			   "it");
	else if (t->t.is_open || t->seal_size != t->t.size ||
		 memcmp(w->sealed[id], t->t.root, 32) != 0)
		r = SL_ERR(err, VERIFY, "it is not as it was sealed");
	return link_of(w, id, t->seal, r, err);
}

static int
levels(struct walk *w, struct sl_err *err)
{
	int r;

	if ((r = platform(w, err)) < 0 || (r = node(w, err)) < 0)
		return r;
	for (uint32_t i = 2; i < w->n && r >= 0; i++)
		r = run_tree(w, i, err);
	return r;
}

static int
prepare(struct walk *w, struct sl_err *err)
{
	struct sl_log_head h;
	int r;

	sl_reader_head(w->r, &h);
	if (h.n_trees < 2)
		return SL_ERR(err, STORE, "the store has no log of the node");
	w->n = h.n_trees;
	w->tree = calloc(w->n, sizeof(*w->tree));
	w->named = calloc(w->n, 32);
	w->sealed = calloc(w->n, 32);
	w->is_named = calloc(w->n, sizeof(*w->is_named));
	if (w->tree == NULL || w->named == NULL || w->sealed == NULL ||
	    w->is_named == NULL)
		return SL_ERR(err, NOMEM, "no memory for %u logs", w->n);
	for (uint32_t i = 0; i < w->n; i++) {
		struct sl_chain_tree *t = &w->tree[i];

		if ((r = sl_reader_tree(w->r, i, &t->t, err)) < 0)
			return r;
		t->level = i < 2 ? i : 2;
		t->decision = t->seal = UINT64_MAX;
	}
	w->node_size = w->tree[SL_NODE_TREE].t.size;
	return 0;
}

static int
first_key(struct walk *w, struct sl_err *err)
{
	static const char head[] = "sluice/", tail[] = "/node";
	const char *o = w->tree[SL_NODE_TREE].t.origin;
	size_t n = strlen(o);
	uint8_t first[32];

	if (n < sizeof(head) + sizeof(tail) ||
	    !sl_didkey_parse((struct sl_slice){ (const uint8_t *)o + sizeof(head) - 1,
						n - sizeof(head) - sizeof(tail) + 2 },
			     first))
		return SL_ERR(err, STORE, "the node's log is called after no key");
	sl_keyring_init(&w->ring, first);
	return 0;
}

static void
sum_up(struct walk *w)
{
	struct sl_chain_sum *s = w->sum;

	s->n_trees = w->n;
	s->n_identities = w->ring.n_ids;
	s->n_working = w->ring.n;
	for (size_t i = 0; i < w->ring.n; i++)
		s->n_ended += w->ring.key[i].until != UINT64_MAX;
	sl_didkey(w->ring.first, s->did);
	sl_didkey(w->ring.identity, s->identity);
}

int
sl_chain_walk(struct sl_reader *r, const struct sl_chain_fn *fn, struct sl_chain_sum *ret,
	      struct sl_err *err)
{
	struct walk w = { .r = r, .fn = fn, .sum = ret };
	int e;

	*ret = (struct sl_chain_sum){ 0 };
	if ((e = prepare(&w, err)) == 0 && (e = first_key(&w, err)) == 0 &&
	    (e = sl_reader_each(r, 0, on_entry, &w, err)) == 0 &&
	    (e = levels(&w, err)) == 0) {
		sum_up(&w);
		for (uint32_t i = 0; i < w.n && e == 0; i++)
			e = fn->tree(fn->arg, &w.tree[i], err);
	}
	sl_keyring_done(&w.ring);
	free(w.tree);
	free(w.named);
	free(w.sealed);
	free(w.is_named);
	return e;
}
