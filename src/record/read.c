/* read.c -- see read.h. */
#include "record/read.h"

#include "base/hex.h"
#include "cose/statement.h"

enum { STATEMENT_MAX = 16 << 20, BLOB_MAX = 64 << 20, RUN_MEMORY = 256 << 20 };

static const struct sl_limits payload_limits = { BLOB_MAX, 4000000, 128 };

static int
payload_of(struct sl_reader *r, const struct sl_sign1 *s, struct sl_buf *room,
	   bool *ret_erased, struct sl_slice *ret, struct sl_err *err)
{
	uint8_t digest[32];

	if (!s->h.has_hash_alg) {
		*ret = s->payload;
		return 0;
	}
	if (s->payload.len != 32)
		return SL_ERR(err, STORE, "a hash envelope without a SHA-256");
	memcpy(digest, s->payload.p, 32);
	if (sl_reader_blob(r, digest, room, ret_erased, err) < 0) {
		if (*ret_erased)
			*err = (struct sl_err){ 0 };
		return *ret_erased ? 0 : err->code;
	}
	*ret = sl_buf_get(room);
	return 0;
}

int
sl_stated_read(struct sl_reader *r, const struct sl_log_entry *e, struct sl_arena *a,
	       struct sl_stated *ret, struct sl_err *err)
{
	SL_AUTO_BUF bytes = { .max = STATEMENT_MAX }, blob = { .max = BLOB_MAX };
	struct sl_slice payload = { 0 };
	struct sl_json *v = NULL;
	struct sl_sign1 s;
	int q;

	*ret = (struct sl_stated){ .e = *e };
	if ((q = sl_reader_statement(r, e, &bytes, err)) < 0 ||
	    (q = sl_statement_parse(sl_buf_get(&bytes), STATEMENT_MAX, 0, &s, err)) < 0 ||
	    (q = payload_of(r, &s, &blob, &ret->is_erased, &payload, err)) < 0)
		return q;
	if (s.h.has_hash_alg) {
		ret->is_envelope = true;
		memcpy(ret->payload, s.payload.p, 32);
	}
	ret->iss = sl_arena_dup(a, s.h.iss);
	ret->sub = sl_arena_dup(a, s.h.sub);
	if (ret->iss.p == NULL || ret->sub.p == NULL)
		return SL_ERR(err, NOMEM, "out of memory");
	if (ret->is_erased)
		return 0;
	if ((q = sl_json_parse(payload, &payload_limits, a, &v, err)) < 0)
		return q;
	ret->statement = v;
	ret->predicate = sl_json_get(v, "predicate");
	if (ret->predicate == NULL)
		return SL_ERR(err, STORE, "entry %llu of tree %u is no in-toto Statement",
			      (unsigned long long)e->index, e->tree);
	return 0;
}

int
sl_stated_at(struct sl_reader *r, uint32_t tree, uint64_t index, struct sl_arena *a,
	     struct sl_stated *ret, struct sl_err *err)
{
	struct sl_log_entry e;
	int q = sl_reader_entry(r, tree, index, &e, err);

	return q < 0 ? q : sl_stated_read(r, &e, a, ret, err);
}

static const char *const run_kinds[] = { "run", "exec", NULL };
static const char *const root_kinds[] = { "root-add", "root-drop", NULL };

/* A decision whose text is gone: of a run where its subject names one with a log. */
static int
take_erased(struct sl_reader *r, struct sl_run_info *ret, struct sl_err *err)
{
	struct sl_slice hex = sl_slice_skip(ret->decision.sub, 4);
	struct sl_err why = { 0 };
	int q;

	if (!sl_slice_starts(ret->decision.sub, SL_LIT("run:")) || hex.len != 64 ||
	    !sl_unhex(ret->run, 32, hex))
		return 0;
	if ((q = sl_reader_run(r, hex, &ret->tree, &why)) == SL_E(NOENT))
		return 0;
	if (q < 0) {
		*err = why;
		return q;
	}
	ret->kind = "erased";
	ret->has_tree = ret->is_allowed = true; /* it has begun */
	return 1;
}

/* Fills in ret from a decision; 1 when it is one of these kinds, else 0. */
static int
take_decision(struct sl_reader *r, const struct sl_log_entry *e, const char *const *kinds,
	      struct sl_arena *a, struct sl_run_info *ret, struct sl_err *err)
{
	const struct sl_json *own;
	struct sl_err none = { 0 };
	char hex[65];
	int q;

	if (strcmp(e->kind, "decision") != 0)
		return 0;
	*ret = (struct sl_run_info){ .seal = UINT64_MAX };
	if ((q = sl_stated_read(r, e, a, &ret->decision, err)) < 0)
		return q;
	if (ret->decision.is_erased)
		return kinds == root_kinds ? 0 : take_erased(r, ret, err);
	own = sl_json_get(ret->decision.predicate, "sluice");
	while (*kinds != NULL &&
	       !sl_slice_eq(sl_json_get_str(own, "kind"), sl_slice_str(*kinds)))
		kinds++;
	if (*kinds == NULL || !sl_unhex(ret->run, 32, sl_json_get_str(own, "run")))
		return 0;
	ret->kind = *kinds;
	ret->is_allowed = sl_slice_eq(sl_json_get_str(own, "verdict"), SL_LIT("allow"));
	sl_hex(hex, ret->run, 32);
	ret->has_tree = sl_reader_run(r, sl_slice_str(hex), &ret->tree, &none) == 0;
	return 1;
}

static int
node_size(struct sl_reader *r, uint64_t *ret, struct sl_err *err)
{
	struct sl_log_tree t;
	int q = sl_reader_tree(r, SL_NODE_TREE, &t, err);

	if (q == 0)
		*ret = t.size;
	return q;
}

int
sl_run_each(struct sl_reader *r, size_t max,
	    int (*each)(void *arg, const struct sl_run_info *i, struct sl_err *err),
	    void *arg, struct sl_err *err)
{
	uint64_t n = 0;
	int q = node_size(r, &n, err);

	while (q >= 0 && n-- > 0 && max > 0) {
		SL_AUTO_ARENA a = { 0 };
		struct sl_log_entry e;
		struct sl_run_info i;

		sl_arena_init(&a, RUN_MEMORY);
		if ((q = sl_reader_entry(r, SL_NODE_TREE, n, &e, err)) < 0 ||
		    (q = take_decision(r, &e, run_kinds, &a, &i, err)) <= 0)
			continue;
		max--;
		if ((q = each(arg, &i, err)) != 0)
			return q;
	}
	return q < 0 ? q : 0;
}

/* The seal of a run stands behind its decision in the node tree. */
static int
find_seal(struct sl_reader *r, struct sl_run_info *i, struct sl_arena *a,
	  struct sl_err *err)
{
	uint64_t n = 0;
	char hex[65];
	int q = node_size(r, &n, err);

	sl_hex(hex, i->run, 32);
	for (uint64_t k = i->decision.e.index + 1; q == 0 && k < n; k++) {
		struct sl_log_entry e;
		struct sl_stated s;

		if ((q = sl_reader_entry(r, SL_NODE_TREE, k, &e, err)) < 0 ||
		    strcmp(e.kind, "seal") != 0)
			continue;
		if ((q = sl_stated_read(r, &e, a, &s, err)) < 0)
			return q;
		if (sl_slice_eq(sl_json_get_str(s.predicate, "run"), sl_slice_str(hex))) {
			i->seal = k;
			return 0;
		}
	}
	return q;
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

/* All decisions are looked at: an ambiguous prefix must not pick the newest silently. */
static int
scan_for(struct sl_reader *r, struct sl_slice hex, const char *const *kinds,
	 uint64_t *ret_index, struct sl_err *err)
{
	size_t found = 0;
	uint64_t n = 0;
	int q = node_size(r, &n, err);

	while (q >= 0 && n-- > 0) {
		SL_AUTO_ARENA a = { 0 };
		struct sl_log_entry e;
		struct sl_run_info i;
		char run[65];

		sl_arena_init(&a, RUN_MEMORY);
		if ((q = sl_reader_entry(r, SL_NODE_TREE, n, &e, err)) < 0 ||
		    (q = take_decision(r, &e, kinds, &a, &i, err)) <= 0)
			continue;
		sl_hex(run, i.run, 32);
		if (sl_slice_starts(sl_slice_str(run), hex)) {
			*ret_index = n;
			found++;
		}
	}
	if (q < 0)
		return q;
	if (found == 0)
		return SL_ERR(
		    err, NOENT,
		    "no run '%.*s' in this node's log; 'sluice runs' lists them",
		    SL_ARG(hex));
	if (found > 1)
		return SL_ERR(err, LIMIT, "%zu runs begin with '%.*s'", found,
			      SL_ARG(hex));
	return 0;
}

static int
lookup(struct sl_reader *r, struct sl_slice hex, const char *const *kinds,
       struct sl_arena *a, struct sl_run_info *ret, struct sl_err *err)
{
	struct sl_log_entry e;
	uint64_t index = 0;
	int q;

	if (!is_hex_prefix(hex))
		return SL_ERR(err, FORMAT, "'%.*s' is not the beginning of a run's ID",
			      SL_ARG(hex));
	if ((q = scan_for(r, hex, kinds, &index, err)) < 0 ||
	    (q = sl_reader_entry(r, SL_NODE_TREE, index, &e, err)) < 0 ||
	    (q = take_decision(r, &e, kinds, a, ret, err)) < 0)
		return q;
	return find_seal(r, ret, a, err);
}

int
sl_run_lookup(struct sl_reader *r, struct sl_slice hex, struct sl_arena *a,
	      struct sl_run_info *ret, struct sl_err *err)
{
	return lookup(r, hex, run_kinds, a, ret, err);
}

int
sl_root_request_lookup(struct sl_reader *r, struct sl_slice hex, struct sl_arena *a,
		       struct sl_run_info *ret, struct sl_err *err)
{
	return lookup(r, hex, root_kinds, a, ret, err);
}

/* The last outcome in the run's tree that is about the run itself. */
int
sl_run_outcome(struct sl_reader *r, const struct sl_run_info *i, struct sl_arena *a,
	       struct sl_stated *ret, bool *ret_has, struct sl_err *err)
{
	char hex[65];

	*ret_has = false;
	sl_hex(hex, i->run, 32);
	for (uint64_t n = i->has_tree ? i->tree.size : 0; n-- > 0;) {
		struct sl_log_entry e;
		int q;

		if ((q = sl_reader_entry(r, i->tree.id, n, &e, err)) < 0)
			return q;
		if (strcmp(e.kind, "outcome") != 0)
			continue;
		if ((q = sl_stated_read(r, &e, a, ret, err)) < 0)
			return q;
		if (ret->is_erased ||
		    sl_slice_eq(
			sl_json_get_str(sl_json_get(ret->predicate, "sluice"), "id"),
			sl_slice_str(hex))) {
			*ret_has = true;
			return 0;
		}
	}
	return 0;
}

int
sl_tombstone_find(struct sl_reader *r, const uint8_t digest[32], struct sl_log_entry *ret,
		  struct sl_err *err)
{
	char want[5 + 65] = "blob:";
	uint64_t n = 0;
	int q = node_size(r, &n, err);

	sl_hex(want + 5, digest, 32);
	while (q == 0 && n-- > 0) {
		SL_AUTO_BUF bytes = { .max = STATEMENT_MAX };
		struct sl_sign1 s;

		if ((q = sl_reader_entry(r, SL_NODE_TREE, n, ret, err)) < 0 ||
		    strcmp(ret->kind, "tombstone") != 0)
			continue;
		if ((q = sl_reader_statement(r, ret, &bytes, err)) < 0 ||
		    (q = sl_statement_parse(sl_buf_get(&bytes), STATEMENT_MAX, 0, &s,
					    err)) < 0)
			return q;
		if (sl_slice_eq(s.h.sub, sl_slice_str(want)))
			return 1;
	}
	return q;
}
