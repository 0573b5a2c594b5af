/* bundle_make.c -- a bundle out of the node's own log; see bundle.h.
 *
 * Which statements of the node tree belong to a run is told by kind and subject alone, so
 * that a run whose decision was erased can be exported too. */
#include "base/hex.h"
#include "cose/statement.h"
#include "record/bundle.h"
#include "record/read.h"
#include "record/statement.h"

#include <stdlib.h>

enum { BLOB_MAX = 64 << 20, NODE_MAX = 4096, KEYS_MAX = 1024, PAYLOAD_ITEMS = 4000000 };

static const struct sl_limits payload_limits = { BLOB_MAX, PAYLOAD_ITEMS, 128 };

struct key_row {
	uint8_t pub[32];
	char did[SL_DIDKEY_MAX];
	uint64_t index;
	uint64_t retired; /* index of the statement that says so, or UINT64_MAX */
};

struct tomb_row {
	uint8_t digest[32];
	uint64_t index;
};

struct make {
	struct sl_reader *r;
	struct sl_arena a; /* all bytes of the bundle, until it is encoded */
	struct sl_bundle b;
	struct sl_slice hex; /* what was asked for */
	char run[65];
	struct sl_log_tree tree[SL_BUNDLE_TREES];
	uint64_t node[NODE_MAX]; /* entries of the node tree to take */
	size_t n_node;
	struct key_row key[KEYS_MAX]; /* certified working keys */
	size_t n_keys;
	struct tomb_row *tomb; /* every tombstone of the node */
	size_t n_tombs, cap_tombs;
	uint64_t decision;
	uint8_t policy[32]; /* taken last: the steps of a run have one */
	bool has_policy;
	uint8_t (*ref)[32]; /* digests named, as they come */
	size_t n_refs, cap_refs;
	size_t n_bytes;
};

static int
no_memory(struct sl_err *err)
{
	return SL_ERR(err, NOMEM, "out of memory for a bundle");
}

static bool
is_kind(const struct sl_log_entry *e, const char *kind)
{
	return strcmp(e->kind, kind) == 0;
}

/* The bytes of an entry, in the arena, opened. */
static int
statement_at(struct make *m, uint32_t tree, uint64_t index, struct sl_log_entry *e,
	     struct sl_sign1 *s, struct sl_err *err)
{
	SL_AUTO_BUF bytes = { .max = SL_BUNDLE_STATEMENT_MAX };
	struct sl_slice own;
	int r;

	if ((r = sl_reader_entry(m->r, tree, index, e, err)) < 0 ||
	    (r = sl_reader_statement(m->r, e, &bytes, err)) < 0)
		return r;
	if ((own = sl_arena_dup(&m->a, sl_buf_get(&bytes))).p == NULL)
		return no_memory(err);
	return sl_statement_parse(own, SL_BUNDLE_STATEMENT_MAX, 0, s, err);
}

/* The predicate of a statement that holds its payload itself. */
static int
inline_predicate(struct make *m, const struct sl_sign1 *s, const struct sl_json **ret,
		 struct sl_err *err)
{
	struct sl_json *v = NULL;
	int r;

	if (s->h.has_hash_alg)
		return SL_ERR(err, STORE, "a key, policy or seal in an envelope");
	if ((r = sl_json_parse(s->payload, &payload_limits, &m->a, &v, err)) < 0)
		return r;
	*ret = sl_json_get(v, "predicate");
	return 0;
}

static int
take_node(struct make *m, uint64_t index, struct sl_err *err)
{
	size_t at = m->n_node;

	for (size_t i = 0; i < m->n_node; i++)
		if (m->node[i] == index)
			return 0;
	if (m->n_node == NODE_MAX)
		return SL_ERR(err, LIMIT,
			      "more than %d statements of the node in a bundle",
			      NODE_MAX);
	for (; at > 0 && m->node[at - 1] > index; at--)
		m->node[at] = m->node[at - 1];
	m->node[at] = index;
	m->n_node++;
	return 0;
}

/* --- the run --- */

/* The payload of a statement, parsed into a; NULL where it is erased. */
static int
payload_of(struct make *m, const struct sl_sign1 *s, struct sl_arena *a,
	   struct sl_json **ret, struct sl_err *err)
{
	SL_AUTO_BUF bytes = { .max = BLOB_MAX };
	struct sl_slice payload = s->payload;
	bool is_erased = false;
	int r;

	*ret = NULL;
	if (s->h.has_hash_alg) {
		if (payload.len != 32)
			return SL_ERR(err, STORE, "a hash envelope without a SHA-256");
		r = sl_reader_blob(m->r, payload.p, &bytes, &is_erased, err);
		if (r < 0 && is_erased) {
			*err = (struct sl_err){ 0 };
			return 0;
		}
		if (r < 0)
			return r;
		payload = sl_buf_get(&bytes);
	}
	return sl_json_parse(payload, &payload_limits, a, ret, err);
}

static bool
is_hex_prefix(struct sl_slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!((s.p[i] >= '0' && s.p[i] <= '9') ||
		      (s.p[i] >= 'a' && s.p[i] <= 'f')))
			return false;
	return s.len >= 4 && s.len <= 64;
}

/* Not a decision to cancel one, or about a policy; an erased one may be of a run. */
static int
is_of_run(struct make *m, const struct sl_sign1 *s, bool *ret, struct sl_err *err)
{
	SL_AUTO_ARENA a = { 0 };
	struct sl_json *v = NULL;
	struct sl_slice kind;
	int r;

	sl_arena_init(&a, (size_t)512 << 20);
	if ((r = payload_of(m, s, &a, &v, err)) < 0)
		return r;
	kind =
	    sl_json_get_str(sl_json_get(sl_json_get(v, "predicate"), "sluice"), "kind");
	*ret = v == NULL || sl_slice_eq(kind, SL_LIT("run")) ||
	       sl_slice_eq(kind, SL_LIT("exec"));
	return 0;
}

/* A decision of the node tree has the subject "run:HEX" in its protected header. */
static int
find_decision(struct make *m, struct sl_err *err)
{
	size_t found = 0;
	int r;

	if (!is_hex_prefix(m->hex))
		return SL_ERR(err, FORMAT, "'%.*s' is not the beginning of a run's ID",
			      SL_ARG(m->hex));
	for (uint64_t i = 0; i < m->tree[SL_TREE_NODE].size; i++) {
		SL_AUTO_BUF bytes = { .max = SL_BUNDLE_STATEMENT_MAX };
		struct sl_log_entry e;
		struct sl_sign1 s;
		struct sl_slice id;
		bool is_run = false;

		if ((r = sl_reader_entry(m->r, SL_NODE_TREE, i, &e, err)) < 0)
			return r;
		if (!is_kind(&e, "decision"))
			continue;
		if ((r = sl_reader_statement(m->r, &e, &bytes, err)) < 0 ||
		    (r = sl_statement_parse(sl_buf_get(&bytes), SL_BUNDLE_STATEMENT_MAX,
					    0, &s, err)) < 0)
			return r;
		id = sl_slice_skip(s.h.sub, 4);
		if (!sl_slice_starts(id, m->hex) || id.len != 64)
			continue;
		if ((r = is_of_run(m, &s, &is_run, err)) < 0)
			return r;
		if (!is_run || !sl_unhex(m->b.run, 32, id))
			continue;
		m->decision = i;
		found++;
	}
	if (found == 0)
		return SL_ERR(
		    err, NOENT,
		    "no run '%.*s' in this node's log; 'sluice runs' lists them",
		    SL_ARG(m->hex));
	if (found > 1)
		return SL_ERR(err, LIMIT, "%zu runs begin with '%.*s'", found,
			      SL_ARG(m->hex));
	sl_hex(m->run, m->b.run, 32);
	return m->decision > 0 ? 0 : SL_ERR(err, STORE, "a decision without its context");
}

static int
find_trees(struct make *m, struct sl_err *err)
{
	struct sl_err none = { 0 };
	int r;

	m->b.n_trees = 2;
	r = sl_reader_run(m->r, sl_slice_str(m->run), &m->tree[SL_TREE_RUN], &none);
	if (r < 0 && r != SL_E(NOENT)) {
		*err = none;
		return r;
	}
	if (r == 0 && m->tree[SL_TREE_RUN].size > 0)
		m->b.n_trees = 3;
	return 0;
}

/* --- the node's statements about it --- */

static int
note_retired(struct make *m, uint64_t index, const struct sl_json *p)
{
	uint8_t pub[32];

	if (!sl_didkey_parse(sl_json_get_str(p, "key"), pub))
		return 0;
	for (size_t i = 0; i < m->n_keys; i++)
		if (memcmp(m->key[i].pub, pub, 32) == 0)
			m->key[i].retired = index;
	return 0;
}

static int
note_tomb(struct make *m, uint64_t index, const struct sl_json *p, struct sl_err *err)
{
	if (m->n_tombs == m->cap_tombs) {
		size_t cap = m->cap_tombs ? 2 * m->cap_tombs : 64;
		struct tomb_row *t = reallocarray(m->tomb, cap, sizeof(*t));

		if (t == NULL)
			return no_memory(err);
		m->tomb = t;
		m->cap_tombs = cap;
	}
	if (!sl_unhex(m->tomb[m->n_tombs].digest, 32,
		      sl_json_get_str(sl_json_get(p, "erased"), "sha256")))
		return SL_ERR(err, STORE, "a tombstone without a digest");
	m->tomb[m->n_tombs++].index = index;
	return 0;
}

static int
note_key(struct make *m, uint64_t index, const struct sl_json *p, struct sl_err *err)
{
	struct key_row *k = &m->key[m->n_keys];

	/* who the node was, one after the other: all of it */
	if (sl_slice_eq(sl_json_get_str(p, "role"), SL_LIT("identity")))
		return take_node(m, index, err);
	if (sl_slice_eq(sl_json_get_str(p, "role"), SL_LIT("retired")))
		return note_retired(m, index, p);
	if (!sl_slice_eq(sl_json_get_str(p, "role"), SL_LIT("working")))
		return 0;
	for (size_t i = 0; i < m->n_keys; i++)
		if (sl_slice_eq(sl_json_get_str(p, "key"), sl_slice_str(m->key[i].did)))
			return 0;
	if (m->n_keys == KEYS_MAX)
		return SL_ERR(err, LIMIT, "more than %d working keys", KEYS_MAX);
	if (!sl_didkey_parse(sl_json_get_str(p, "key"), k->pub))
		return SL_ERR(err, STORE, "a certificate without a key");
	sl_didkey(k->pub, k->did);
	k->index = index;
	k->retired = UINT64_MAX;
	m->n_keys++;
	return 0;
}

/* Before and behind the decision: keys, seals, outcomes of an interrupted run. */
static int
scan_node(struct make *m, struct sl_err *err)
{
	uint64_t platform = UINT64_MAX;
	int r = 0;

	for (uint64_t i = 0; i < m->tree[SL_TREE_NODE].size && r == 0; i++) {
		const struct sl_json *p = NULL;
		struct sl_log_entry e;
		struct sl_sign1 s;

		if ((r = sl_reader_entry(m->r, SL_NODE_TREE, i, &e, err)) < 0)
			return r;
		if (is_kind(&e, "outcome") && i > m->decision) {
			if ((r = statement_at(m, SL_NODE_TREE, i, &e, &s, err)) == 0 &&
			    sl_slice_starts(s.h.sub, SL_LIT("run:")) &&
			    sl_slice_eq(sl_slice_skip(s.h.sub, 4), sl_slice_str(m->run)))
				r = take_node(m, i, err);
			continue;
		}
		if (!is_kind(&e, "key") && !is_kind(&e, "seal") &&
		    !is_kind(&e, "tombstone"))
			continue;
		if ((r = statement_at(m, SL_NODE_TREE, i, &e, &s, err)) < 0 ||
		    (r = inline_predicate(m, &s, &p, err)) < 0)
			return r;
		if (is_kind(&e, "key"))
			r = note_key(m, i, p, err);
		else if (is_kind(&e, "tombstone"))
			r = note_tomb(m, i, p, err);
		else if (sl_json_get(p, "run") == NULL)
			platform = i;
		else if (sl_slice_eq(sl_json_get_str(p, "run"), sl_slice_str(m->run)))
			r = take_node(m, i, err);
	}
	return r == 0 && platform != UINT64_MAX ? take_node(m, platform, err) : r;
}

/* The statement that put a policy in force: the last one before the decision. */
static int
take_policy(struct make *m, const uint8_t digest[32], struct sl_err *err)
{
	char hex[65];

	if (m->has_policy && memcmp(m->policy, digest, 32) == 0)
		return 0;
	memcpy(m->policy, digest, 32);
	m->has_policy = true;
	sl_hex(hex, digest, 32);
	for (uint64_t i = m->decision; i-- > 0;) {
		const struct sl_json *p = NULL;
		struct sl_log_entry e;
		struct sl_sign1 s;
		int r;

		if ((r = sl_reader_entry(m->r, SL_NODE_TREE, i, &e, err)) < 0)
			return r;
		if (!is_kind(&e, "policy"))
			continue;
		if ((r = statement_at(m, SL_NODE_TREE, i, &e, &s, err)) < 0 ||
		    (r = inline_predicate(m, &s, &p, err)) < 0)
			return r;
		if (sl_slice_eq(sl_json_get_str(p, "policy"), sl_slice_str(hex)))
			return take_node(m, i, err);
	}
	return SL_ERR(err, STORE, "policy %s was never put in force", hex);
}

/* The certificate of whoever signed, where it is a working key. */
static int
take_signer(struct make *m, const uint8_t pub[32], struct sl_err *err)
{
	for (size_t i = 0; i < m->n_keys; i++)
		if (memcmp(m->key[i].pub, pub, 32) == 0) {
			int r = take_node(m, m->key[i].index, err);

			return r < 0 || m->key[i].retired == UINT64_MAX
				   ? r
				   : take_node(m, m->key[i].retired, err);
		}
	return 0;
}

/* --- entries, receipts, blobs --- */

static int
add_ref(struct make *m, const uint8_t digest[32], struct sl_err *err)
{
	if (m->n_refs == m->cap_refs) {
		size_t cap = m->cap_refs ? 2 * m->cap_refs : 256;
		uint8_t(*p)[32] = reallocarray(m->ref, cap, 32);

		if (p == NULL)
			return no_memory(err);
		m->ref = p;
		m->cap_refs = cap;
	}
	memcpy(m->ref[m->n_refs++], digest, 32);
	return 0;
}

/* Notes what the statement names, and, of a decision, its policy. */
static int
follow(struct make *m, const struct sl_sign1 *s, struct sl_err *err)
{
	uint8_t ref[SL_BUNDLE_REFS_MAX][32], policy[32];
	SL_AUTO_ARENA a = { 0 };
	struct sl_json *v = NULL;
	size_t n;
	int r;

	sl_arena_init(&a, (size_t)512 << 20);
	if ((r = payload_of(m, s, &a, &v, err)) < 0)
		return r;
	n = sl_bundle_refs(v, s->h.has_hash_alg ? s->payload.p : NULL, ref);
	for (size_t i = 0; i < n && r == 0; i++)
		r = add_ref(m, ref[i], err);
	if (r == 0 &&
	    sl_statement_find(sl_json_get_str(v, "predicateType")) ==
		sl_statement_row(SL_STMT_DECISION) &&
	    sl_unhex(policy, 32,
		     sl_json_get_str(sl_json_get(sl_json_get(v, "predicate"), "sluice"),
				     "policy")))
		r = take_policy(m, policy, err);
	return r;
}

static int
put_entry(struct make *m, enum sl_tree kind, uint64_t index, struct sl_err *err)
{
	struct sl_bundle_tree *t = &m->b.tree[kind];
	SL_AUTO_BUF receipt = { .max = 1 << 16 };
	struct sl_bundle_entry *e = &t->entry[t->n];
	struct sl_log_entry le;
	struct sl_sign1 s;
	int r;

	if ((r = statement_at(m, m->tree[kind].id, index, &le, &s, err)) < 0 ||
	    (r = follow(m, &s, err)) < 0 ||
	    (r = sl_reader_receipt(m->r, m->tree[kind].id, index, m->tree[kind].size,
				   &receipt, err)) < 0)
		return r;
	*e = (struct sl_bundle_entry){ index, s.bytes,
				       sl_arena_dup(&m->a, sl_buf_get(&receipt)) };
	if (e->receipt.p == NULL)
		return no_memory(err);
	t->n++;
	m->n_bytes += e->statement.len + e->receipt.len;
	return m->n_bytes <= SL_BUNDLE_BYTES_MAX
		   ? 0
		   : SL_ERR(err, LIMIT, "the run's evidence is larger than %d bytes",
			    SL_BUNDLE_BYTES_MAX);
}

static int
start_tree(struct make *m, enum sl_tree kind, size_t room, struct sl_err *err)
{
	struct sl_bundle_tree *t = &m->b.tree[kind];
	SL_AUTO_BUF note = { .max = SL_BUNDLE_NOTE_MAX };
	int r;

	if (room > SL_BUNDLE_ENTRIES_MAX)
		return SL_ERR(err, LIMIT, "more than %d statements",
			      SL_BUNDLE_ENTRIES_MAX);
	if ((r = sl_reader_checkpoint(m->r, m->tree[kind].id, m->tree[kind].size, &note,
				      err)) < 0)
		return r;
	t->origin = sl_slice_str(m->tree[kind].origin);
	t->checkpoint = sl_arena_dup(&m->a, sl_buf_get(&note));
	t->entry = SL_NEW_N(&m->a, struct sl_bundle_entry, room + 1);
	return t->checkpoint.p != NULL && t->entry != NULL ? 0 : no_memory(err);
}

static int
whole_tree(struct make *m, enum sl_tree kind, struct sl_err *err)
{
	uint64_t n = m->tree[kind].size;
	int r = start_tree(m, kind, n > SIZE_MAX / 2 ? SIZE_MAX / 2 : (size_t)n, err);

	for (uint64_t i = 0; i < n && r == 0; i++)
		r = put_entry(m, kind, i, err);
	return r;
}

/* The tombstones of what is named here and is no longer there: the last of each. */
static int
take_tombs(struct make *m, struct sl_err *err)
{
	int r = 0;

	for (size_t i = 0; i < m->n_tombs && r == 0; i++) {
		const uint8_t *d = m->tomb[i].digest;
		SL_AUTO_BUF bytes = { .max = BLOB_MAX };
		bool is_named = false, is_last = true, is_erased = false;

		for (size_t k = 0; k < m->n_refs && !is_named; k++)
			is_named = memcmp(m->ref[k], d, 32) == 0;
		for (size_t k = i + 1; k < m->n_tombs && is_last; k++)
			is_last = memcmp(m->tomb[k].digest, d, 32) != 0;
		if (!is_named || !is_last)
			continue;
		r = sl_reader_blob(m->r, d, &bytes, &is_erased, err);
		if (r < 0 && is_erased) {
			*err = (struct sl_err){ 0 };
			r = take_node(m, m->tomb[i].index, err);
		}
	}
	return r;
}

/* Of statements already taken: their signers and policies, which take more. */
static int
follow_node(struct make *m, struct sl_err *err)
{
	int r;

	for (size_t done = 0; done < m->n_node;) {
		done = m->n_node;
		for (size_t i = 0; i < m->n_node; i++) {
			struct sl_log_entry e;
			struct sl_sign1 s;
			uint8_t pub[32];

			if ((r = statement_at(m, SL_NODE_TREE, m->node[i], &e, &s, err)) <
				0 ||
			    (r = follow(m, &s, err)) < 0)
				return r;
			if (sl_didkey_parse(s.h.iss, pub) &&
			    (r = take_signer(m, pub, err)) < 0)
				return r;
		}
	}
	return 0;
}

/* What the node says is known only when everything else was followed. */
static int
node_tree(struct make *m, struct sl_err *err)
{
	int r;

	if ((r = take_node(m, 0, err)) < 0 ||
	    (r = take_node(m, m->decision - 1, err)) < 0 ||
	    (r = take_node(m, m->decision, err)) < 0 || (r = scan_node(m, err)) < 0 ||
	    (r = take_signer(m, m->tree[SL_TREE_NODE].key, err)) < 0)
		return r;
	/* tombstones may be signed by keys that nothing else here needs */
	if ((r = follow_node(m, err)) < 0 || (r = take_tombs(m, err)) < 0 ||
	    (r = follow_node(m, err)) < 0)
		return r;
	if ((r = start_tree(m, SL_TREE_NODE, m->n_node, err)) < 0)
		return r;
	for (size_t i = 0; i < m->n_node && r == 0; i++)
		r = put_entry(m, SL_TREE_NODE, m->node[i], err);
	return r;
}

static int
by_bytes(const void *a, const void *b)
{
	return memcmp(a, b, 32);
}

static int
blobs(struct make *m, struct sl_err *err)
{
	struct sl_bundle_blob *have, *gone;
	size_t n_have = 0, n_gone = 0;

	if (m->n_refs > 0)
		qsort(m->ref, m->n_refs, 32, by_bytes);
	have = SL_NEW_N(&m->a, struct sl_bundle_blob, m->n_refs + 1);
	gone = SL_NEW_N(&m->a, struct sl_bundle_blob, m->n_refs + 1);
	if (have == NULL || gone == NULL)
		return no_memory(err);
	for (size_t i = 0; i < m->n_refs; i++) {
		SL_AUTO_BUF bytes = { .max = BLOB_MAX };
		bool is_erased = false;
		struct sl_bundle_blob *to;
		int r;

		if (i > 0 && memcmp(m->ref[i - 1], m->ref[i], 32) == 0)
			continue;
		r = sl_reader_blob(m->r, m->ref[i], &bytes, &is_erased, err);
		if (r < 0 && !is_erased)
			return r;
		if (is_erased)
			*err = (struct sl_err){ 0 };
		to = is_erased ? &gone[n_gone++] : &have[n_have++];
		memcpy(to->digest, m->ref[i], 32);
		if (!is_erased &&
		    (to->bytes = sl_arena_dup(&m->a, sl_buf_get(&bytes))).p == NULL)
			return no_memory(err);
	}
	m->b.blob = have;
	m->b.erased = gone;
	m->b.n_blobs = n_have;
	m->b.n_erased = n_gone;
	return 0;
}

static int
make(struct make *m, struct sl_buf *out, struct sl_err *err)
{
	int r;

	if ((r = sl_reader_tree(m->r, 0, &m->tree[SL_TREE_PLATFORM], err)) < 0 ||
	    (r = sl_reader_tree(m->r, SL_NODE_TREE, &m->tree[SL_TREE_NODE], err)) < 0 ||
	    (r = find_decision(m, err)) < 0 || (r = find_trees(m, err)) < 0 ||
	    (r = whole_tree(m, SL_TREE_PLATFORM, err)) < 0 ||
	    (m->b.n_trees == 3 && (r = whole_tree(m, SL_TREE_RUN, err)) < 0) ||
	    (r = node_tree(m, err)) < 0 || (r = blobs(m, err)) < 0)
		return r;
	sl_bundle_encode(&m->b, out);
	return out->is_failed || out->len > SL_BUNDLE_BYTES_MAX
		   ? SL_ERR(err, LIMIT, "the run's evidence is larger than %d bytes",
			    SL_BUNDLE_BYTES_MAX)
		   : 0;
}

int
sl_bundle_make(struct sl_reader *r, struct sl_slice hex, struct sl_buf *out,
	       struct sl_err *err)
{
	struct make *m = calloc(1, sizeof(*m));
	int e;

	if (m == NULL)
		return no_memory(err);
	m->r = r;
	m->hex = hex;
	sl_arena_init(&m->a, 4 * (size_t)SL_BUNDLE_BYTES_MAX);
	e = make(m, out, err);
	sl_arena_free(&m->a);
	free(m->ref);
	free(m->tomb);
	free(m);
	return e;
}
