/* forge.h -- a bundle taken apart, changed and signed again with the node's own keys, so
 * that it is wrong in one respect and right in all others. */
#ifndef SL_TESTS_GATE_FORGE_H
#define SL_TESTS_GATE_FORGE_H

#include "cose/checkpoint.h"
#include "cose/statement.h"
#include "crypto/sha256.h"
#include "log/keys.h"
#include "node.h"

enum { FORGE_ENTRIES = 32, FORGE_LEAVES = 256 };

struct forged { /* one statement */
	uint64_t index;
	struct sl_slice payload, sub, bytes;
	const struct sl_log_key *by;
	bool is_envelope, is_seal;
	uint8_t was[32], now[32]; /* digest of the statement */
};

struct forge {
	struct sl_arena a;
	struct sl_bundle b;
	struct sl_evidence *v;
	struct sl_node_keys k;
	struct sl_log_key run;
	struct forged e[3][FORGE_ENTRIES];
	size_t n[3];
	struct sl_hash node[FORGE_LEAVES]; /* leaves of the node tree as it is */
	size_t n_node;
};

static inline void
forge_leaves(struct forge *f, struct node *n)
{
	struct sl_reader *r = NULL;
	struct sl_log_tree t;
	struct sl_err err = { 0 };

	must(sl_reader_open(n->home.fd, &r, &err), &err);
	must(sl_reader_tree(r, 1, &t, &err), &err);
	assert_true(t.size < FORGE_LEAVES);
	/* As large as the bundle's tree, which later runs have outgrown. */
	f->n_node = f->v->size[1];
	for (size_t i = 0; i < f->n_node; i++) {
		struct sl_log_entry e;

		must(sl_reader_entry(r, 1, i, &e, &err), &err);
		sl_merkle_leaf((struct sl_slice){ e.id, 32 }, &f->node[i]);
	}
	sl_reader_close(r);
}

static inline struct forge *
forge_open(struct node *n, struct sl_slice bundle)
{
	static const uint8_t build[32] = { 5 };
	struct forge *f = calloc(1, sizeof(*f));
	struct sl_verify_report p;
	struct sl_err err = { 0 };

	f->v = calloc(1, sizeof(*f->v));
	sl_arena_init(&f->a, SL_VERIFY_MEMORY);
	must(sl_verify_open(bundle, &f->a, &f->b, f->v, &p, &err), &err);
	assert_true(p.is_good);
	must(sl_node_keys_load(&f->k, n->home.fd, sl_store_io_sys(), false, build, NULL,
			       &err),
	     &err);
	sl_run_key(f->k.cdi, f->b.run, &f->run);
	for (size_t t = 0; t < f->b.n_trees; t++)
		for (size_t i = 0; i < f->b.tree[t].n; i++) {
			const struct sl_evident *e = &f->v->st[f->v->first[t] + i];
			struct forged *x = &f->e[t][f->n[t]++];

			assert_true(f->n[t] < FORGE_ENTRIES);
			*x =
			    (struct forged){ .index = e->index,
					     .payload = e->s.payload,
					     .sub = e->s.h.sub,
					     .is_envelope = e->s.h.has_hash_alg,
					     .is_seal =
						 e->row == sl_statement_row(SL_STMT_SEAL),
					     .by = e->row == sl_statement_row(SL_STMT_KEY)
						       ? &f->k.identity
						   : t == 0 ? sl_platform_key(&f->k)
						   : t == 1 ? &f->k.working
							    : &f->run };
			memcpy(x->was, e->id, 32);
			if (x->is_envelope)
				x->payload =
				    sl_bundle_blob(&f->b, x->payload.p, NULL)->bytes;
		}
	forge_leaves(f, n);
	return f;
}

static inline void
forge_done(struct forge *f)
{
	sl_arena_free(&f->a);
	sl_node_keys_done(&f->k);
	free(f->v);
	free(f);
}

/* The nth statement of a kind in a tree. */
static inline struct forged *
forge_find(struct forge *f, int tree, enum sl_statement kind, size_t nth)
{
	for (size_t i = 0; i < f->n[tree]; i++)
		if (f->v->st[f->v->first[tree] + i].row == sl_statement_row(kind) &&
		    nth-- == 0)
			return &f->e[tree][i];
	fail_msg("no such statement");
	return NULL;
}

static inline struct sl_json *
forge_json(struct forge *f, struct sl_slice text)
{
	static const struct sl_limits lim = { 1 << 24, 100000, 64 };
	struct sl_json *v = NULL;
	struct sl_err err = { 0 };

	must(sl_json_parse(text, &lim, &f->a, &v, &err), &err);
	return v;
}

static inline void
forge_put(struct forge *f, struct forged *x, const struct sl_json *v)
{
	struct sl_buf out = { .max = 1 << 24 };
	struct sl_err err = { 0 };

	must(sl_json_jcs(v, &out, &err), &err);
	x->payload = sl_arena_dup(&f->a, sl_buf_get(&out));
	sl_buf_done(&out);
}

/* o without the member key. */
static inline void
forge_drop(struct sl_json *o, struct sl_slice key)
{
	struct sl_json **at = &o->child;

	while (*at != NULL && !sl_slice_eq((*at)->key, key))
		at = &(*at)->next;
	assert_non_null(*at);
	*at = (*at)->next;
	o->n--;
}

/* Sets a.b.0.c to the JSON value in text; NULL takes it out. */
static inline void
forge_edit(struct forge *f, struct forged *x, const char *path, const char *text)
{
	struct sl_json *top = forge_json(f, x->payload), *at = top;
	struct sl_jb b = { .a = &f->a };
	struct sl_slice rest = sl_slice_str(path), key;

	for (;;) {
		key = sl_slice_upto(rest, '.');
		rest = sl_slice_skip(rest, key.len + 1);
		if (rest.len == 0)
			break;
		at = at->kind == SL_JSON_ARR
			 ? at->child
			 : (struct sl_json *)(uintptr_t)sl_json_gets(at, key);
		assert_non_null(at);
	}
	if (text == NULL)
		forge_drop(at, key);
	else if (at->kind == SL_JSON_ARR)
		(void)sl_json_add(&b, at, forge_json(f, sl_slice_str(text)));
	else
		(void)sl_json_sets(&b, at, key, forge_json(f, sl_slice_str(text)));
	assert_false(b.is_failed);
	forge_put(f, x, top);
}

/* A copy of an entry behind all others of a tree. */
static inline struct forged *
forge_copy(struct forge *f, const struct forged *x, int tree)
{
	struct forged *to = &f->e[tree][f->n[tree]++];

	assert_true(f->n[tree] < FORGE_ENTRIES);
	*to = *x;
	to->index = to[-1].index + 1;
	return to;
}

/* --- together again --- */

/* Digests of statements that changed, wherever a payload names them. */
static inline void
forge_rename(struct forge *f, struct forged *x)
{
	for (int t = 1; t < 3; t++)
		for (size_t i = 0; i < f->n[t]; i++) {
			char was[65], now[65];
			uint8_t *p = NULL;

			if (memcmp(f->e[t][i].was, f->e[t][i].now, 32) == 0 ||
			    f->e[t][i].bytes.p == NULL)
				continue;
			sl_hex(was, f->e[t][i].was, 32);
			sl_hex(now, f->e[t][i].now, 32);
			for (size_t k = 0; k + 64 <= x->payload.len; k++)
				if (memcmp(x->payload.p + k, was, 64) == 0) {
					if (p == NULL) {
						x->payload =
						    sl_arena_dup(&f->a, x->payload);
						p = (uint8_t *)(uintptr_t)x->payload.p;
					}
					memcpy(p + k, now, 64);
				}
		}
}

static inline void
forge_sign(struct forge *f, struct forged *x)
{
	struct sl_buf out = { .max = 1 << 24 };
	struct sl_err err = { 0 };
	uint8_t unused[32];

	forge_rename(f, x);
	must(sl_log_statement(x->by, x->sub, x->payload, x->is_envelope, unused, &out,
			      &err),
	     &err);
	x->bytes = sl_arena_dup(&f->a, sl_buf_get(&out));
	sl_sha256(x->bytes, x->now);
	sl_buf_done(&out);
}

/* Checkpoint and receipts of a tree with these leaves. */
static inline void
forge_tree(struct forge *f, int t, const struct sl_log_key *key, struct sl_hash *leaf,
	   size_t n)
{
	struct sl_bundle_tree *out = &f->b.tree[t];
	struct sl_buf b = { .max = 1 << 16 };
	struct sl_tree_state s = { 0 };
	struct sl_leaves leaves = { leaf, n };
	struct sl_hash root;
	struct sl_err err = { 0 };
	char origin[SL_ORIGIN_MAX];

	snprintf(origin, sizeof(origin), "%.*s", SL_ARG(out->origin));
	for (size_t i = 0; i < n; i++)
		sl_edge_add(&s.edge, &leaf[i], NULL, NULL);
	sl_edge_root(&s.edge, &root);
	memcpy(s.root, root.b, 32);
	must(sl_log_sign_root(key, origin, &s, &err), &err);
	must(sl_log_note(&s, origin, &b, &err), &err);
	out->checkpoint = sl_arena_dup(&f->a, sl_buf_get(&b));
	out->n = f->n[t];
	out->entry = SL_NEW_N(&f->a, struct sl_bundle_entry, out->n);
	for (size_t i = 0; i < out->n; i++) {
		struct sl_proof path;

		sl_buf_clear(&b);
		must(sl_proof_inclusion(sl_leaves_node, &leaves, f->e[t][i].index, n,
					&path, &err),
		     &err);
		must(sl_log_receipt(&s, origin, f->e[t][i].index, &path, &b, &err), &err);
		out->entry[i] =
		    (struct sl_bundle_entry){ f->e[t][i].index, f->e[t][i].bytes,
					      sl_arena_dup(&f->a, sl_buf_get(&b)) };
	}
	sl_buf_done(&b);
}

/* A seal says what its tree's checkpoint says now. */
static inline void
forge_seal(struct forge *f, struct forged *x)
{
	for (int t = 0; t < 3; t += 2) {
		const struct sl_bundle_tree *tree = &f->b.tree[t];
		struct sl_checkpoint c;
		struct sl_note note;
		struct sl_vkey key;
		struct sl_jb b = { .a = &f->a };
		struct sl_json *v, *p;
		struct sl_err err = { 0 };

		if (!sl_slice_eq(x->sub, tree->origin))
			continue;
		must(sl_vkey_make(tree->origin, SL_VKEY_ED25519,
				  t == 0 ? sl_platform_key(&f->k)->s.pub : f->run.s.pub,
				  &key, &err),
		     &err);
		must(sl_checkpoint_open(tree->checkpoint, &key, &c, &note, &err), &err);
		v = forge_json(f, x->payload);
		p = (struct sl_json *)(uintptr_t)sl_json_get(v, "predicate");
		(void)sl_json_set(&b, p, "checkpoint", sl_json_str(&b, tree->checkpoint));
		(void)sl_json_set(&b, p, "size", sl_json_int(&b, (int64_t)c.size));
		(void)sl_json_set(&b, p, "root", sl_json_hex(&b, c.root.b, 32));
		p = (struct sl_json *)(uintptr_t)sl_json_get(
		    sl_json_get(v, "subject")->child, "digest");
		(void)sl_json_set(&b, p, "sha256", sl_json_hex(&b, c.root.b, 32));
		forge_put(f, x, v);
	}
}

static inline int
forge_by_digest(const void *x, const void *y)
{
	const struct sl_bundle_blob *a = x, *b = y;

	return memcmp(a->digest, b->digest, 32);
}

/* The payloads as they are now, and what else was there. */
static inline void
forge_blobs(struct forge *f)
{
	struct sl_bundle_blob *v =
	    SL_NEW_N(&f->a, struct sl_bundle_blob, f->b.n_blobs + 3 * FORGE_ENTRIES);
	size_t n = 0, m = 0;

	for (size_t i = 0; i < f->b.n_blobs; i++) {
		bool is_payload = false;

		for (size_t k = 0; k < f->v->first[3]; k++)
			is_payload = is_payload || (f->v->st[k].s.h.has_hash_alg &&
						    memcmp(f->v->st[k].s.payload.p,
							   f->b.blob[i].digest, 32) == 0);
		if (!is_payload)
			v[n++] = f->b.blob[i];
	}
	for (int t = 0; t < 3; t++)
		for (size_t i = 0; i < f->n[t]; i++)
			if (f->e[t][i].is_envelope) {
				v[n].bytes = f->e[t][i].payload;
				sl_sha256(v[n].bytes, v[n].digest);
				n++;
			}
	qsort(v, n, sizeof(*v), forge_by_digest);
	for (size_t i = 0; i < n; i++)
		if (m == 0 || memcmp(v[m - 1].digest, v[i].digest, 32) != 0)
			v[m++] = v[i];
	f->b.blob = v;
	f->b.n_blobs = m;
}

static inline struct sl_buf
forge_bytes(struct forge *f)
{
	struct sl_buf out = { .max = SL_BUNDLE_BYTES_MAX };
	struct sl_hash leaf[FORGE_LEAVES];

	for (int t = 0; t < 3; t++)
		for (size_t i = 0; i < f->n[t]; i++)
			if (!f->e[t][i].is_seal)
				forge_sign(f, &f->e[t][i]);
	for (int t = 0; t < 3; t += 2) {
		for (size_t i = 0; i < f->n[t]; i++)
			sl_merkle_leaf((struct sl_slice){ f->e[t][i].now, 32 }, &leaf[i]);
		forge_tree(f, t, t == 0 ? sl_platform_key(&f->k) : &f->run, leaf,
			   f->n[t]);
	}
	for (size_t i = 0; i < f->n[1]; i++) {
		struct forged *x = &f->e[1][i];

		if (x->is_seal) {
			forge_seal(f, x);
			forge_sign(f, x);
		}
		while (f->n_node <= x->index)
			f->node[f->n_node++] = (struct sl_hash){ { 7 } };
		sl_merkle_leaf((struct sl_slice){ x->now, 32 }, &f->node[x->index]);
	}
	forge_tree(f, 1, &f->k.working, f->node, f->n_node);
	forge_blobs(f);
	sl_bundle_encode(&f->b, &out);
	assert_false(out.is_failed);
	return out;
}

#endif
