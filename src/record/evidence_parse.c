/* evidence_parse.c -- see evidence.h: the statements of a bundle, read, each of the form
 * that doc/PROTOCOL.statement gives it, each about what it says that it is about. */
#include "record/evidence_priv.h"

#include "base/hex.h"
#include "cose/statement.h"
#include "crypto/sha256.h"
#include "record/form.h"
#include "record/schema.h"

#include <stdio.h>

static const struct sl_limits payload_limits = { 64 << 20, 4000000, 128 };

static bool
is_row(const struct sl_evident *e, enum sl_statement s)
{
	return e->row == sl_statement_row(s);
}

/* "run:" or "step:" and hex digits. */
static void
put_name(char ret[80], const char *what, struct sl_slice hex)
{
	(void)snprintf(ret, 80, "%s:%.*s", what, (int)(hex.len > 64 ? 64 : hex.len),
		       (const char *)(hex.p != NULL ? hex.p : (const uint8_t *)""));
}

/* What section 2 of doc/PROTOCOL.statement says that a statement is about. */
struct subject {
	char name[SL_ORIGIN_MAX], digest[65], sub[SL_ORIGIN_MAX];
};

static void
of_slice(char *to, size_t n, struct sl_slice s)
{
	if (s.len >= n) /* longer than anything that is due: then equal to nothing */
		s.len = 0;
	if (s.len > 0)
		memcpy(to, s.p, s.len);
	to[s.len] = '\0';
}

static int
about_context(const struct sl_evident *e, struct subject *x, struct sl_err *err)
{
	uint8_t id[32];
	int r;

	if (e->tree == SL_TREE_PLATFORM) {
		of_slice(x->name, sizeof(x->name), SL_LIT("boot"));
		of_slice(x->sub, sizeof(x->sub), SL_LIT("platform"));
		of_slice(x->digest, sizeof(x->digest),
			 sl_json_get_str(sl_json_get(e->predicate, "boot"), "sha256"));
		return 0;
	}
	if ((r = sl_context_id(e->predicate, id, err)) < 0)
		return r;
	of_slice(x->name, sizeof(x->name), SL_LIT("context"));
	sl_hex(x->digest, id, 32);
	return 0;
}

static int
about_key(const struct sl_evident *e, struct subject *x, struct sl_err *err)
{
	struct sl_slice key = sl_json_get_str(e->predicate, "key");
	uint8_t d[32];

	if (!sl_didkey_parse(key, d))
		return SL_ERR(err, VERIFY, "key: no did:key in it");
	sl_sha256((struct sl_slice){ d, 32 }, d);
	sl_hex(x->digest, d, 32);
	of_slice(x->name, sizeof(x->name), key);
	of_slice(x->sub, sizeof(x->sub), key);
	return 0;
}

/* A decision, an outcome, an observation: of the run or of a step. */
static void
about_run(const struct sl_evident *e, struct subject *x)
{
	const struct sl_json *own = sl_json_get(e->predicate, "sluice");
	struct sl_slice id = sl_json_get_str(own, "id");
	char run[80];
	bool is_run;

	put_name(run, "run", sl_json_get_str(own, "run"));
	is_run =
	    is_row(e, SL_STMT_DECISION) || sl_slice_eq(id, sl_json_get_str(own, "run"));
	if (is_run)
		of_slice(x->name, sizeof(x->name), sl_slice_str(run));
	else
		put_name(x->name, "step", id);
	of_slice(x->digest, sizeof(x->digest), id);
}

static int
check_subject(const struct sl_evidence *v, const struct sl_evident *e, struct sl_err *err)
{
	const struct sl_json *one = sl_json_first(sl_json_get(e->statement, "subject"));
	const struct sl_json *p = e->predicate;
	struct subject x = { .name = "" };
	char hex[65];
	int r = 0;

	sl_hex(hex, v->b->run, 32);
	put_name(x.sub, "run", sl_slice_str(hex));
	if (is_row(e, SL_STMT_CONTEXT)) {
		r = about_context(e, &x, err);
	} else if (is_row(e, SL_STMT_KEY)) {
		r = about_key(e, &x, err);
	} else if (is_row(e, SL_STMT_POLICY)) {
		of_slice(x.name, sizeof(x.name), SL_LIT("policy"));
		of_slice(x.sub, sizeof(x.sub), SL_LIT("policy"));
		of_slice(x.digest, sizeof(x.digest), sl_json_get_str(p, "policy"));
	} else if (is_row(e, SL_STMT_TOMBSTONE)) {
		of_slice(x.name, sizeof(x.name), SL_LIT("blob"));
		of_slice(x.digest, sizeof(x.digest),
			 sl_json_get_str(sl_json_get(p, "erased"), "sha256"));
		put_name(x.sub, "blob", sl_slice_str(x.digest));
	} else if (is_row(e, SL_STMT_SEAL)) {
		of_slice(x.name, sizeof(x.name), sl_json_get_str(p, "origin"));
		of_slice(x.sub, sizeof(x.sub), sl_json_get_str(p, "origin"));
		of_slice(x.digest, sizeof(x.digest), sl_json_get_str(p, "root"));
	} else {
		about_run(e, &x);
	}
	if (r < 0)
		return r;
	if (strlen(x.digest) != 64 ||
	    !sl_slice_eq(sl_json_get_str(one, "name"), sl_slice_str(x.name)) ||
	    !sl_slice_eq(sl_json_get_str(sl_json_get(one, "digest"), "sha256"),
			 sl_slice_str(x.digest)))
		return SL_ERR(err, VERIFY, "%s: its subject is not what it is about",
			      e->row->kind);
	if (!sl_slice_eq(e->s.h.sub, sl_slice_str(x.sub)))
		return SL_ERR(err, VERIFY, "%s: its claim 'sub' is not '%s'",
			      e->row->kind, x.sub);
	return 0;
}

/* A context of the platform is another thing than one of a run. */
static int
check_level(const struct sl_evident *e, struct sl_err *err)
{
	static const char *const members[] = { "level", "attestation", "kernel",
					       "machine", "boot" };
	const struct sl_json *p = e->predicate, *level = sl_json_get(p, "level");
	const struct sl_json *v = sl_json_get(p, "v");
	const size_t n = sizeof(members) / sizeof(members[0]);
	bool is_quoted;

	if (!is_row(e, SL_STMT_CONTEXT))
		return 0;
	if (e->tree != SL_TREE_PLATFORM)
		return level->kind == SL_JSON_STR && v != NULL
			   ? 0
			   : SL_ERR(err, VERIFY, "context: not one of a run");
	for (size_t i = 0; i < n; i++)
		if (sl_json_get(p, members[i]) == NULL)
			return SL_ERR(err, VERIFY, "context: no '%s'", members[i]);
	/* A quote is P-256, which is a helper's: its form here, it itself in `log tree`.
	 */
	is_quoted = sl_slice_eq(sl_json_get_str(p, "attestation"), SL_LIT("tpm2"));
	if (is_quoted != (sl_json_get(p, "tpm") != NULL))
		return SL_ERR(err, VERIFY, "context: its attestation and 'tpm' disagree");
	if (level->kind != SL_JSON_INT || p->n != n + is_quoted)
		return SL_ERR(err, VERIFY, "context: not one of the platform");
	return 0;
}

static int
parse_payload(struct sl_evidence *v, struct sl_evident *e,
	      const struct sl_schemas *schemas, struct sl_arena *a, struct sl_err *err)
{
	struct sl_slice payload = e->s.payload;
	struct sl_json *j = NULL;
	bool is_erased = false, is_due;
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
	if ((r = sl_form_jcs(payload, j, err)) < 0 || (r = sl_form_intoto(j, err)) < 0)
		return r;
	e->row = sl_statement_find(sl_json_get_str(j, "predicateType"));
	if (e->row == NULL ||
	    !sl_slice_eq(sl_json_get_str(j, "predicateType"), sl_slice_str(e->row->type)))
		return SL_ERR(err, VERIFY, "not a predicate that is known here");
	e->statement = j;
	e->predicate = sl_json_get(j, "predicate");
	is_due = e->row->is_envelope && e->tree != SL_TREE_PLATFORM;
	if (is_due != e->s.h.has_hash_alg)
		return SL_ERR(err, VERIFY, "%s: %s hash envelope", e->row->kind,
			      is_due ? "not a" : "must not be a");
	if ((r = sl_schema_check(schemas, sl_statement_of(e->row), e->predicate, err)) <
		0 ||
	    (r = check_level(e, err)) < 0)
		return r;
	return check_subject(v, e, err);
}

static int
parse_statement(struct sl_evidence *v, struct sl_evident *e, struct sl_slice bytes,
		const struct sl_schemas *schemas, struct sl_arena *a, struct sl_err *err)
{
	int r;

	if ((r = sl_statement_parse(bytes, SL_BUNDLE_STATEMENT_MAX, 0, &e->s, err)) < 0)
		return r;
	if (e->s.unprot.len != 1)
		return SL_ERR(err, VERIFY, "its unprotected header is not empty");
	sl_sign1_canon(&e->s, e->id);
	if ((r = sl_form_statement(&e->s, e->signer, err)) < 0)
		return r;
	return parse_payload(v, e, schemas, a, err);
}

int
sl_evidence_parse(struct sl_evidence *v, struct sl_arena *a, struct sl_findings *f,
		  struct sl_err *err)
{
	struct sl_schemas schemas;
	size_t n = 0;
	int r = sl_schemas_load(a, &schemas, err);

	if (r < 0)
		return r;
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

			e->tree = (enum sl_tree)t;
			e->index = tree->entry[i].index;
			r = parse_statement(v, e, tree->entry[i].statement, &schemas, a,
					    err);
			if ((r = sl_evident_found(f, e, r, err)) < 0)
				return r;
		}
	}
	v->first[SL_BUNDLE_TREES] = n;
	return 0;
}
