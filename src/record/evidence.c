/* evidence.c -- see evidence.h: statements, keys, who may sign; evidence_log.c has
 * receipts, roots and seals. */
#include "record/evidence_priv.h"

#include "base/hex.h"
#include "cose/statement.h"
#include "crypto/sha256.h"

#include <stdio.h>

static const struct sl_limits payload_limits = { 64 << 20, 4000000, 128 };

int
sl_finding_add(struct sl_findings *f, const char *where, int code, struct sl_err *err)
{
	if (code >= 0)
		return 0;
	if (code == SL_E(NOMEM) || code == SL_E(SYS) || code == SL_E(ENV) ||
	    code == SL_E(BUG))
		return code;
	if (f->n < SL_FINDINGS_MAX) {
		(void)snprintf(f->f[f->n].where, sizeof(f->f[0].where), "%s", where);
		(void)snprintf(f->f[f->n].what, sizeof(f->f[0].what), "%s", err->msg);
	}
	f->n++;
	*err = (struct sl_err){ 0 };
	return 0;
}

void
sl_evident_where(const struct sl_evident *e, char ret[48])
{
	static const char *const names[] = { "platform", "node", "run" };

	(void)snprintf(ret, 48, "%s entry %llu", names[e->tree],
		       (unsigned long long)e->index);
}

int
sl_evident_found(struct sl_findings *f, const struct sl_evident *e, int code,
		 struct sl_err *err)
{
	char where[48];

	sl_evident_where(e, where);
	return sl_finding_add(f, where, code, err);
}

/* --- names --- */

static int
check_origins(struct sl_evidence *v, struct sl_err *err)
{
	static const char head[] = "sluice/", tail[] = "/platform";
	struct sl_slice o = v->b->tree[SL_TREE_PLATFORM].origin;
	char want[SL_ORIGIN_MAX];

	if (o.len < sizeof(head) + sizeof(tail) ||
	    !sl_didkey_parse((struct sl_slice){ o.p + sizeof(head) - 1,
						o.len - sizeof(head) - sizeof(tail) + 2 },
			     v->identity))
		return SL_ERR(err, VERIFY, "the platform's origin names no node");
	sl_didkey(v->identity, v->did);
	for (size_t i = 0; i < v->b->n_trees; i++) {
		sl_log_origin(v->did, (uint8_t)i, i == SL_TREE_RUN ? v->b->run : NULL,
			      want);
		if (!sl_slice_eq(v->b->tree[i].origin, sl_slice_str(want)))
			return SL_ERR(err, VERIFY,
				      "tree %zu has the origin '%.*s', not '%s'", i,
				      SL_ARG(v->b->tree[i].origin), want);
	}
	return 0;
}

/* --- statements --- */

static bool
is_row(const struct sl_evident *e, enum sl_statement s)
{
	return e->row == sl_statement_row(s);
}

/* The version that a predicate of ours carries; keys, seals and boots have none yet. */
static int
check_version(const struct sl_evident *e, struct sl_err *err)
{
	const struct sl_json *own = sl_json_get(e->predicate, "sluice");
	const struct sl_json *v = sl_json_get(own != NULL ? own : e->predicate, "v");

	if (v == NULL && (is_row(e, SL_STMT_KEY) || is_row(e, SL_STMT_SEAL) ||
			  (is_row(e, SL_STMT_CONTEXT) && e->tree == SL_TREE_PLATFORM)))
		return 0;
	if (v == NULL || v->kind != SL_JSON_INT || v->i != 1)
		return SL_ERR(err, VERIFY, "%s: its version is not known here",
			      e->row->kind);
	return 0;
}

static int
check_subject(const struct sl_evident *e, struct sl_err *err)
{
	const struct sl_json *subs = sl_json_get(e->statement, "subject");
	const struct sl_json *sub = subs != NULL ? subs->child : NULL;
	const struct sl_json *p = e->predicate, *own = sl_json_get(p, "sluice");
	struct sl_slice said = sl_json_get_str(sl_json_get(sub, "digest"), "sha256"),
			due = { 0 };
	uint8_t d[32];
	char hex[65];
	int r;

	if (is_row(e, SL_STMT_CONTEXT) && e->tree == SL_TREE_PLATFORM) {
		due = sl_json_get_str(sl_json_get(p, "boot"), "sha256");
	} else if (is_row(e, SL_STMT_CONTEXT)) {
		if ((r = sl_context_id(p, d, err)) < 0)
			return r;
		sl_hex(hex, d, 32);
		due = sl_slice_str(hex);
	} else if (is_row(e, SL_STMT_KEY)) {
		if (!sl_didkey_parse(sl_json_get_str(p, "key"), d))
			return SL_ERR(err, VERIFY, "key: no did:key in it");
		sl_sha256((struct sl_slice){ d, 32 }, d);
		sl_hex(hex, d, 32);
		due = sl_slice_str(hex);
	} else if (is_row(e, SL_STMT_POLICY)) {
		due = sl_json_get_str(p, "policy");
	} else if (is_row(e, SL_STMT_SEAL)) {
		due = sl_json_get_str(p, "root");
	} else {
		due = sl_json_get_str(own, "id");
	}
	if (due.len != 64 || subs == NULL || subs->n != 1 || !sl_slice_eq(said, due))
		return SL_ERR(err, VERIFY, "%s: its subject is not what it is about",
			      e->row->kind);
	return 0;
}

static int
parse_payload(struct sl_evidence *v, struct sl_evident *e, struct sl_arena *a,
	      struct sl_err *err)
{
	struct sl_slice payload = e->s.payload;
	struct sl_json *j = NULL;
	bool is_erased = false;
	int r;

	if (e->s.h.has_hash_alg) {
		const struct sl_bundle_blob *b;

		if (payload.len != 32)
			return SL_ERR(err, VERIFY, "a hash envelope without a SHA-256");
		b = sl_bundle_blob(v->b, payload.p, &is_erased);
		if (b == NULL && is_erased) {
			v->n_erased++;
			return 0;
		}
		if (b == NULL)
			return SL_ERR(err, VERIFY, "its payload is not in the bundle");
		payload = b->bytes;
	}
	if ((r = sl_json_parse(payload, &payload_limits, a, &j, err)) < 0)
		return r;
	e->row = sl_statement_find(sl_json_get_str(j, "predicateType"));
	e->statement = j;
	e->predicate = sl_json_get(j, "predicate");
	if (e->row == NULL || e->predicate == NULL ||
	    !sl_slice_eq(sl_json_get_str(j, "_type"),
			 SL_LIT("https://in-toto.io/Statement/v1")) ||
	    !sl_slice_eq(sl_json_get_str(j, "predicateType"), sl_slice_str(e->row->type)))
		return SL_ERR(err, VERIFY, "not an in-toto Statement that is known here");
	if (e->row->is_envelope != e->s.h.has_hash_alg && e->tree != SL_TREE_PLATFORM)
		return SL_ERR(err, VERIFY, "%s: %s hash envelope", e->row->kind,
			      e->row->is_envelope ? "not a" : "must not be a");
	r = check_version(e, err);
	return r < 0 ? r : check_subject(e, err);
}

static int
parse_statement(struct sl_evidence *v, struct sl_evident *e, struct sl_slice bytes,
		struct sl_arena *a, struct sl_err *err)
{
	uint8_t kid[32];
	int r;

	if ((r = sl_statement_parse(bytes, SL_BUNDLE_STATEMENT_MAX, 0, &e->s, err)) < 0)
		return r;
	if (e->s.unprot.len != 1)
		return SL_ERR(err, VERIFY, "its unprotected header is not empty");
	sl_sign1_canon(&e->s, e->id);
	if (!sl_didkey_parse(e->s.h.iss, e->signer))
		return SL_ERR(err, VERIFY, "it names no did:key as its issuer");
	sl_key_thumb(e->signer, kid);
	if (!sl_slice_eq(e->s.h.kid, (struct sl_slice){ kid, 32 }))
		return SL_ERR(err, VERIFY, "its kid is not that of its issuer");
	return parse_payload(v, e, a, err);
}

static int
parse_all(struct sl_evidence *v, struct sl_arena *a, struct sl_findings *f,
	  struct sl_err *err)
{
	size_t n = 0;

	for (size_t t = 0; t < v->b->n_trees; t++)
		n += v->b->tree[t].n;
	if ((v->st = SL_NEW_N(a, struct sl_evident, n + 1)) == NULL)
		return SL_ERR(err, NOMEM, "out of memory for statements");
	n = 0;
	for (size_t t = 0; t < SL_BUNDLE_TREES; t++) {
		const struct sl_bundle_tree *tree = &v->b->tree[t];

		v->first[t] = n;
		for (size_t i = 0; i < tree->n; i++) {
			struct sl_evident *e = &v->st[n++];
			int r;

			e->tree = (enum sl_tree)t;
			e->index = tree->entry[i].index;
			r = parse_statement(v, e, tree->entry[i].statement, a, err);
			if ((r = sl_evident_found(f, e, r, err)) < 0)
				return r;
		}
	}
	v->first[SL_BUNDLE_TREES] = n;
	return 0;
}

/* --- keys --- */

static int
check_key(const struct sl_evidence *v, const struct sl_evident *e, const char *role,
	  uint8_t ret_pub[32], struct sl_err *err)
{
	const struct sl_json *p = e->predicate;
	struct sl_slice did = sl_slice_str(v->did);

	if (!is_row(e, SL_STMT_KEY) ||
	    !sl_slice_eq(sl_json_get_str(p, "role"), sl_slice_str(role)))
		return SL_ERR(err, VERIFY, "it is not the statement of the %s key", role);
	if (!sl_didkey_parse(sl_json_get_str(p, "key"), ret_pub) ||
	    !sl_slice_eq(e->s.h.sub, sl_json_get_str(p, "key")))
		return SL_ERR(err, VERIFY, "the statement of the %s key is about another",
			      role);
	if (!sl_slice_eq(sl_json_get_str(p, "issuer"), did) ||
	    memcmp(e->signer, v->identity, 32) != 0)
		return SL_ERR(err, VERIFY, "the %s key is not certified by %s", role,
			      v->did);
	return 0;
}

/* A statement of the node tree by its subject: the first two of the run are context and
 * decision, also where their payloads are erased. */
static int
place(struct sl_evidence *v, const struct sl_evident *e, struct sl_err *err)
{
	char hex[65];

	sl_hex(hex, v->b->run, 32);
	if (!sl_slice_starts(e->s.h.sub, SL_LIT("run:")) ||
	    !sl_slice_eq(sl_slice_skip(e->s.h.sub, 4), sl_slice_str(hex)))
		return SL_ERR(err, VERIFY, "it does not belong to this run");
	if (v->context == NULL && (e->row == NULL || is_row(e, SL_STMT_CONTEXT))) {
		v->context = e;
		return 0;
	}
	if (v->context != NULL && v->decision == NULL &&
	    (e->row == NULL || is_row(e, SL_STMT_DECISION))) {
		v->decision = e;
		if (e->index != v->context->index + 1)
			return SL_ERR(err, VERIFY,
				      "the decision does not follow its context");
		return 0;
	}
	if (v->decision != NULL && (e->row == NULL || is_row(e, SL_STMT_OUTCOME)))
		return 0;
	return SL_ERR(err, VERIFY, "it has no place here");
}

static int
take_node(struct sl_evidence *v, const struct sl_evident *e, struct sl_err *err)
{
	char hex[65];
	int r;

	if (e->row != NULL && is_row(e, SL_STMT_KEY)) {
		if (e->index == 0)
			return 0; /* the identity's; checked before */
		if (v->n_working == SL_WORKING_MAX)
			return SL_ERR(err, LIMIT, "more than %d working keys",
				      SL_WORKING_MAX);
		if ((r = check_key(v, e, "working", v->working[v->n_working], err)) < 0)
			return r;
		v->certified[v->n_working++] = e->index;
		return 0;
	}
	if (e->row != NULL && is_row(e, SL_STMT_SEAL)) {
		const struct sl_json *run = sl_json_get(e->predicate, "run");

		sl_hex(hex, v->b->run, 32);
		if (run == NULL && v->platform_seal == NULL)
			v->platform_seal = e;
		else if (run != NULL && v->seal == NULL && v->decision != NULL &&
			 sl_slice_eq(run->s, sl_slice_str(hex)))
			v->seal = e;
		else
			return SL_ERR(err, VERIFY,
				      "a seal of something else, or a second one");
		return 0;
	}
	if (e->row != NULL && is_row(e, SL_STMT_POLICY))
		return 0;
	return place(v, e, err);
}

/* The run's key: what the decision says, or, where that is erased, its seal. */
static int
find_run_key(struct sl_evidence *v, struct sl_err *err)
{
	const struct sl_json *own = v->decision->statement != NULL
					? sl_json_get(v->decision->predicate, "sluice")
					: NULL;
	struct sl_slice did = sl_json_get_str(own, "run_key");

	if (v->b->n_trees < SL_BUNDLE_TREES)
		return 0;
	if (own == NULL && v->seal != NULL)
		did = sl_json_get_str(v->seal->predicate, "key");
	if (!sl_didkey_parse(did, v->run_key))
		return SL_ERR(err, VERIFY,
			      "neither decision nor seal names the run's key");
	return 0;
}

static int
check_keys(struct sl_evidence *v, struct sl_findings *f, struct sl_err *err)
{
	const struct sl_evident *platform = &v->st[v->first[SL_TREE_PLATFORM]];
	const struct sl_evident *node = &v->st[v->first[SL_TREE_NODE]];
	uint8_t pub[32];
	int r;

	r = platform->index == 0
		? check_key(v, platform, "platform", v->platform, err)
		: SL_ERR(err, VERIFY, "the platform's key statement is missing");
	if ((r = sl_evident_found(f, platform, r, err)) < 0)
		return r;
	r = node->index == 0
		? check_key(v, node, "identity", pub, err)
		: SL_ERR(err, VERIFY, "the identity's key statement is missing");
	if (r == 0 && memcmp(pub, v->identity, 32) != 0)
		r = SL_ERR(err, VERIFY,
			   "the identity is not the one that the origins name");
	if ((r = sl_evident_found(f, node, r, err)) < 0)
		return r;
	for (size_t i = v->first[SL_TREE_NODE]; i < v->first[SL_TREE_RUN]; i++)
		if ((r = sl_evident_found(f, &v->st[i], take_node(v, &v->st[i], err),
					  err)) < 0)
			return r;
	r = v->decision == NULL ? SL_ERR(err, VERIFY, "the run's decision is missing")
				: find_run_key(v, err);
	return sl_finding_add(f, "bundle", r, err);
}

/* --- signatures --- */

/* The working key pub, certified before index; UINT64_MAX: by any certificate here. */
static bool
use_working(struct sl_evidence *v, const uint8_t pub[32], uint64_t index)
{
	for (size_t i = 0; i < v->n_working; i++)
		if (v->certified[i] < index && memcmp(v->working[i], pub, 32) == 0) {
			v->is_used[i] = true;
			return true;
		}
	return false;
}

bool
sl_evidence_may_sign(struct sl_evidence *v, enum sl_tree tree, const uint8_t pub[32],
		     uint64_t index)
{
	switch (tree) {
	case SL_TREE_PLATFORM:
		return memcmp(pub, v->platform, 32) == 0;
	case SL_TREE_NODE:
		return use_working(v, pub, index);
	case SL_TREE_RUN:
		return memcmp(pub, v->run_key, 32) == 0;
	}
	return false;
}

/* What may stand in the other two trees. */
static bool
has_place(const struct sl_evident *e)
{
	if (e->tree == SL_TREE_PLATFORM)
		return e->row != NULL &&
		       is_row(e, e->index == 0 ? SL_STMT_KEY : SL_STMT_CONTEXT);
	if (e->tree == SL_TREE_RUN)
		return e->row == NULL || is_row(e, SL_STMT_CONTEXT) ||
		       is_row(e, SL_STMT_DECISION) || is_row(e, SL_STMT_OUTCOME) ||
		       is_row(e, SL_STMT_OBSERVATION);
	return true; /* placed by take_node() */
}

static int
check_signature(struct sl_evidence *v, const struct sl_evident *e, struct sl_err *err)
{
	const struct sl_slice none = { 0 };
	bool is_key = e->row != NULL && is_row(e, SL_STMT_KEY);
	int r;

	if (!has_place(e))
		return SL_ERR(err, VERIFY, "such a statement has no place here");
	if (is_key ? memcmp(e->signer, v->identity, 32) != 0
		   : !sl_evidence_may_sign(v, e->tree, e->signer, e->index))
		return SL_ERR(err, VERIFY, "signed by a key that may not sign here");
	if ((r = sl_sign1_verify(&e->s, none, none, e->signer, err)) < 0)
		return sl_err_ctx(err, "statement");
	return 0;
}

int
sl_evidence_check(const struct sl_bundle *b, struct sl_arena *a, struct sl_evidence *ret,
		  struct sl_findings *f, struct sl_err *err)
{
	struct sl_evidence *v = ret;
	int r;

	*v = (struct sl_evidence){ .b = b };
	r = sl_finding_add(f, "bundle", check_origins(v, err), err);
	if (r < 0 || f->n > 0)
		return r;
	if ((r = parse_all(v, a, f, err)) < 0 || f->n > 0 ||
	    (r = check_keys(v, f, err)) < 0 || f->n > 0)
		return r;
	for (size_t i = 0; i < v->first[SL_BUNDLE_TREES]; i++) {
		r = sl_evident_found(f, &v->st[i], check_signature(v, &v->st[i], err),
				     err);
		if (r < 0)
			return r;
	}
	return f->n > 0 ? 0 : sl_evidence_log(v, f, err);
}
