/* evidence.c -- see evidence.h: keys and who may sign; evidence_parse.c has the
 * statements' form, evidence_log.c receipts, roots and seals. */
#include "record/evidence_priv.h"

#include "base/hex.h"
#include "crypto/sha256.h"

#include <stdio.h>

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

static bool
is_row(const struct sl_evident *e, enum sl_statement s)
{
	return e->row == sl_statement_row(s);
}

/* --- keys --- */

static int
check_key(const struct sl_evidence *v, const struct sl_evident *e, const char *role,
	  uint8_t ret_pub[32], struct sl_err *err)
{
	const struct sl_json *p = e->predicate;
	char now[SL_DIDKEY_MAX];
	bool is_identity;

	if (!is_row(e, SL_STMT_KEY) ||
	    !sl_slice_eq(sl_json_get_str(p, "role"), sl_slice_str(role)))
		return SL_ERR(err, VERIFY, "it is not the statement of the %s key", role);
	if (!sl_didkey_parse(sl_json_get_str(p, "key"), ret_pub) ||
	    !sl_slice_eq(e->s.h.sub, sl_json_get_str(p, "key")))
		return SL_ERR(err, VERIFY, "the statement of the %s key is about another",
			      role);
	sl_didkey(v->now, now);
	if (!sl_slice_eq(sl_json_get_str(p, "issuer"), sl_slice_str(now)) ||
	    memcmp(e->signer, v->now, 32) != 0)
		return SL_ERR(err, VERIFY, "the %s key is not certified by %s", role,
			      now);
	is_identity = strcmp(role, "identity") == 0;
	if ((sl_json_get(p, "next") != NULL) != is_identity ||
	    (sl_json_get(p, "build") != NULL) != (strcmp(role, "working") == 0) ||
	    (sl_json_get(p, "after") != NULL) != (strcmp(role, "retired") == 0) ||
	    (!is_identity && memcmp(ret_pub, v->now, 32) == 0))
		return SL_ERR(err, VERIFY, "it says what no %s key has", role);
	return 0;
}

static bool
is_of_run(const struct sl_evidence *v, const struct sl_evident *e)
{
	char hex[65];

	sl_hex(hex, v->b->run, 32);
	return sl_slice_starts(e->s.h.sub, SL_LIT("run:")) &&
	       sl_slice_eq(sl_slice_skip(e->s.h.sub, 4), sl_slice_str(hex));
}

/* A statement of the node tree by its subject: the first two of the run are context and
 * decision, also where their payloads are erased. */
static int
place(struct sl_evidence *v, const struct sl_evident *e, struct sl_err *err)
{
	if (!is_of_run(v, e))
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
	if (v->decision != NULL && v->late == NULL && v->seal == NULL &&
	    (e->row == NULL || is_row(e, SL_STMT_OUTCOME))) {
		v->late = e;
		return 0;
	}
	return SL_ERR(err, VERIFY, "it has no place here");
}

static bool
is_working(const struct sl_evidence *v, const uint8_t pub[32])
{
	for (size_t i = 0; i < v->n_working; i++)
		if (memcmp(v->working[i], pub, 32) == 0)
			return true;
	return false;
}

/* Another identity follows by announcement alone, and ends the working keys before it. */
static int
take_identity(struct sl_evidence *v, const struct sl_evident *e, struct sl_err *err)
{
	uint8_t pub[32], d[32], next[32];
	bool is_same;
	int r = check_key(v, e, "identity", pub, err);

	if (r < 0)
		return r;
	if (!sl_unhex(next, 32,
		      sl_json_get_str(sl_json_get(e->predicate, "next"), "sha256")))
		return SL_ERR(err, VERIFY, "an identity that announces nothing");
	sl_sha256((struct sl_slice){ pub, 32 }, d);
	is_same = memcmp(pub, v->now, 32) == 0;
	if (is_same ? v->has_next : !v->has_next || memcmp(d, v->next, 32) != 0)
		return SL_ERR(
		    err, VERIFY,
		    "the identity is not the one that was announced beforehand");
	for (size_t i = 0; !is_same && i < v->n_working; i++)
		if (v->until[i] == UINT64_MAX)
			v->until[i] = e->index;
	memcpy(v->now, pub, 32);
	memcpy(v->next, next, 32);
	v->has_next = true;
	return 0;
}

static int
take_retired(struct sl_evidence *v, const struct sl_evident *e, struct sl_err *err)
{
	uint8_t pub[32];
	int r = check_key(v, e, "retired", pub, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < v->n_working; i++)
		if (memcmp(v->working[i], pub, 32) == 0 && v->until[i] == UINT64_MAX &&
		    sl_json_get_int(e->predicate, "after") == (int64_t)e->index) {
			v->until[i] = e->index;
			return 0;
		}
	return SL_ERR(err, VERIFY,
		      "it retires what is no working key in use here, or not from here "
		      "on");
}

static int
take_key(struct sl_evidence *v, const struct sl_evident *e, struct sl_err *err)
{
	struct sl_slice role = sl_json_get_str(e->predicate, "role");
	int r;

	if (e->index == 0)
		return 0; /* the identity's; checked before */
	if (sl_slice_eq(role, SL_LIT("identity")))
		return take_identity(v, e, err);
	if (sl_slice_eq(role, SL_LIT("retired")))
		return take_retired(v, e, err);
	if (v->n_working == SL_WORKING_MAX)
		return SL_ERR(err, LIMIT, "more than %d working keys", SL_WORKING_MAX);
	if ((r = check_key(v, e, "working", v->working[v->n_working], err)) < 0)
		return r;
	if (is_working(v, v->working[v->n_working]))
		return SL_ERR(err, VERIFY, "a second certificate of one key");
	v->certified[v->n_working] = e->index;
	v->until[v->n_working++] = UINT64_MAX;
	return 0;
}

/* Of bytes that this bundle calls erased, and one of each. */
static int
take_tombstone(struct sl_evidence *v, const struct sl_evident *e, struct sl_err *err)
{
	bool is_erased = false;
	uint8_t *d;

	if (v->n_tombs == SL_TOMBS_MAX)
		return SL_ERR(err, LIMIT, "more than %d tombstones", SL_TOMBS_MAX);
	d = v->tomb[v->n_tombs];
	if (!sl_unhex(d, 32,
		      sl_json_get_str(sl_json_get(e->predicate, "erased"), "sha256")) ||
	    sl_bundle_blob(v->b, d, &is_erased) != NULL || !is_erased)
		return SL_ERR(err, VERIFY, "a tombstone of what is not erased here");
	for (size_t i = 0; i < v->n_tombs; i++)
		if (memcmp(v->tomb[i], d, 32) == 0)
			return SL_ERR(err, VERIFY, "two tombstones of one digest");
	v->n_tombs++;
	return 0;
}

static int
take_node(struct sl_evidence *v, const struct sl_evident *e, struct sl_err *err)
{
	char hex[65];

	if (e->row != NULL && is_row(e, SL_STMT_KEY))
		return take_key(v, e, err);
	if (e->row != NULL && is_row(e, SL_STMT_TOMBSTONE))
		return take_tombstone(v, e, err);
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
	if (memcmp(v->run_key, v->identity, 32) == 0 ||
	    memcmp(v->run_key, v->platform, 32) == 0 || is_working(v, v->run_key))
		return SL_ERR(err, VERIFY, "the run's key is one of the node's");
	return 0;
}

static int
check_keys(struct sl_evidence *v, struct sl_findings *f, struct sl_err *err)
{
	const struct sl_evident *platform = &v->st[v->first[SL_TREE_PLATFORM]];
	const struct sl_evident *node = &v->st[v->first[SL_TREE_NODE]];
	const struct sl_json *next;
	uint8_t pub[32];
	int r;

	memcpy(v->now, v->identity, 32);
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
	next = r == 0 ? sl_json_get(node->predicate, "next") : NULL;
	v->has_next =
	    next != NULL && sl_unhex(v->next, 32, sl_json_get_str(next, "sha256"));
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

/* The working key pub, certified before index and not ended there. */
static bool
use_working(struct sl_evidence *v, const uint8_t pub[32], uint64_t index)
{
	for (size_t i = 0; i < v->n_working; i++)
		if (v->certified[i] < index && index < v->until[i] &&
		    memcmp(v->working[i], pub, 32) == 0) {
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

	if (!has_place(e))
		return SL_ERR(err, VERIFY, "such a statement has no place here");
	if (e->row == NULL && !is_of_run(v, e))
		return SL_ERR(err, VERIFY, "it does not belong to this run");
	/* that an identity in force signs for keys was seen when they were taken */
	if (!is_key && !sl_evidence_may_sign(v, e->tree, e->signer, e->index))
		return SL_ERR(err, VERIFY, "signed by a key that may not sign here");
	if (sl_sign1_verify(&e->s, none, none, e->signer, err) < 0)
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
	if ((r = sl_evidence_parse(v, a, f, err)) < 0 || f->n > 0 ||
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
