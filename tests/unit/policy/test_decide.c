#include "base/hex.h"
#include "crypto/sha256.h"
#include "lib.h"

#include <stdio.h>

static const struct {
	const char *text, *reason;
	long policy;
	size_t n_failed;
} rows[] = {
	{ "", "none", -1, 0 },
	{ "allow if true;", "allow", 0, 0 },
	{ "deny if true; allow if true;", "deny", 0, 0 },
	{ "deny if a(1); allow if true;", "allow", 1, 0 },
	{ "a(1); deny if a(1); allow if true;", "deny", 0, 0 },
	{ "check if a(1); allow if true;", "check", 0, 1 },
	{ "check if a(1); check if a(2); deny if true;", "check", 0, 2 },
	{ "check if a(1); deny if a(1);", "check", -1, 1 },
	{ "a(1); check if b(1) or a(1); allow if b(1) or a(1);", "allow", 0, 0 },
	{ "a(1); a(2); check all a($x), $x > 0; allow if true;", "allow", 0, 0 },
	{ "a(1); a(2); check all a($x), $x > 1; allow if true;", "check", 0, 1 },
	{ "check all a($x), $x > 1; allow if true;", "check", 0, 1 },
	/* the false one has no match of the later atom, so it does not count */
	{ "a(1); a(2); b(2); check all a($x), $x > 1, b($x); allow if true;", "allow", 0,
	  0 },
	{ "a(1); reject if a(1); allow if true;", "check", 0, 1 },
	{ "a(1); reject if a(2); allow if true;", "allow", 0, 0 },
	{ "a(1); reject if a(2) or a(1); allow if true;", "check", 0, 1 },
	{ "a(1); b($x) <- a($x); c($x) <- b($x), $x > 1; allow if c(1); deny if b(1);",
	  "deny", 1, 0 },
	{ "a(1, 2); allow if a($x, $x);", "none", -1, 0 },
	{ "a(2, 2); allow if a($x, $x);", "allow", 0, 0 },
	{ "a(1); allow if a(\"1\");", "none", -1, 0 },
	{ "a(1); a(1, 2); allow if a($x), $x == 2;", "none", -1, 0 },
	{ "h(1) <- true; allow if h(1);", "allow", 0, 0 },
	{ "h(1) <- false; allow if h(1);", "none", -1, 0 },
	{ "h(1) <- h(1); allow if h(1);", "none", -1, 0 },
	/* what is certain wins over an error, in any order */
	{ "a(1); a(\"x\"); check if a($x), $x < 2; allow if true;", "allow", 0, 0 },
	{ "a(3); a(\"x\"); check if a($x), $x < 2; allow if true;", "error", -1, 0 },
	{ "a(3); a(\"x\"); check all a($x), $x < 2; allow if true;", "check", 0, 1 },
	{ "a(1); a(\"x\"); check all a($x), $x < 2; allow if true;", "error", -1, 0 },
	{ "a(1); a(\"x\"); reject if a($x), $x < 2; allow if true;", "check", 0, 1 },
	{ "a(3); a(\"x\"); reject if a($x), $x < 2; allow if true;", "error", -1, 0 },
	/* no error where the atoms never match as a whole */
	{ "a(\"x\"); check if true or a($x), $x < 2, b($x); allow if true;", "allow", 0,
	  0 },
	{ "a(\"x\"); reject if a($x), $x < 2, b($x); allow if true;", "allow", 0, 0 },
	/* policies: an error behind the match does not matter, one before it does */
	{ "allow if true; deny if 1 === \"a\";", "allow", 0, 0 },
	{ "deny if 1 === \"a\"; allow if true;", "error", -1, 0 },
	/* rules: only demanded ones */
	{ "a(\"x\"); b($x) <- a($x), $x > 1; allow if true;", "allow", 0, 0 },
	{ "a(\"x\"); b($x) <- a($x), $x > 1; allow if true; deny if b(1);", "allow", 0,
	  0 },
	{ "a(\"x\"); b($x) <- a($x), $x > 1; allow if true; deny if b($y);", "error", -1,
	  0 },
};

static void
test_verdicts(void **state)
{
	(void)state;
	for (size_t k = 0; k < SL_ARRAY_LEN(rows); k++) {
		struct world w;
		const char *reason = reason_of(&w, rows[k].text);

		if (strcmp(reason, rows[k].reason) != 0 || w.v.policy != rows[k].policy ||
		    w.v.n_failed != rows[k].n_failed)
			fail_msg("%s: %s, policy %ld, %zu failed", rows[k].text, reason,
				 w.v.policy, w.v.n_failed);
		assert_int_equal(w.v.kind == SL_VERDICT_ALLOW,
				 strcmp(reason, "allow") == 0);
		assert_int_equal(w.v.fuel_version, SL_POLICY_FUEL_V1);
		assert_non_null(w.v.proof);
		world_done(&w);
	}
}

/* doc/PROTOCOL.policy section 4: counted by hand. */
static void
test_fuel_by_hand(void **state)
{
	static const struct {
		const char *text;
		uint64_t fuel;
	} cases[] = {
		{ "", 0 },
		{ "allow if true;", 1 },                     /* a firing */
		{ "a(1); allow if true;", 1 },               /* a(1) is not asked for */
		{ "a(1); allow if a(1);", 2 },               /* fact, firing */
		{ "a(1); allow if a(1); deny if a(1);", 3 }, /* the fact once */
		{ "allow if 1 + 1 == 2;", 3 },               /* two operators, a firing */
		{ "a(1); allow if a(2);", 0 },
		/* q(2), goal's firing, p(1), p(2), two comparisons, rule's firing */
		{ "p(1); p(2); q($x) <- p($x), $x > 1; allow if q($x);", 7 },
		/* the call q(2) binds $x: p(2), one comparison */
		{ "p(1); p(2); q($x) <- p($x), $x > 1; allow if q(2);", 5 },
		/* the same instance under two calls counts once: 5 + firing of the second
		 * goal, p(1), its comparison, */
		{ "p(1); p(2); q($x) <- p($x), $x > 1; allow if q(2) or q($y);", 8 },
		/* lazily: || true after one operator */
		{ "allow if true || 1 + 1 == 2;", 2 },
		/* 6,400 bytes in one operand of one operator: 1 + 100, and a firing */
		{ "allow if !(true && false);", 3 },
	};

	(void)state;
	for (size_t k = 0; k < SL_ARRAY_LEN(cases); k++) {
		struct world w;

		(void)reason_of(&w, cases[k].text);
		if (w.v.fuel != cases[k].fuel)
			fail_msg("%s: %llu", cases[k].text, (unsigned long long)w.v.fuel);
		world_done(&w);
	}
}

static const char busy[] =
    "edge(1, 2); edge(2, 3); edge(3, 4); edge(4, 1); edge(4, 5); edge(5, 6);\n"
    "path($x, $y) <- edge($x, $y);\n"
    "path($x, $z) <- path($x, $y), edge($y, $z);\n"
    "far($x) <- path(1, $x), $x > 3 && {4, 5}.contains($x);\n"
    "check if far(4);\n"
    "check all path($x, $y), $x < 10;\n"
    "deny if path($x, 9);\n"
    "allow if far($x), $x * 2 > 7;\n"
    "deny if path($x, $x);\n";

static void
proof_bytes(struct world *w, struct sl_buf *out)
{
	sl_buf_init(out, 1 << 24);
	assert_return_code(sl_json_cbor(w->v.proof, out, &w->err), 0);
}

static void
test_fuel_boundary(void **state)
{
	struct sl_policy_limits lim = sl_policy_default_limits;
	struct sl_buf a, b;
	struct world w;
	uint64_t fuel;

	(void)state;
	assert_string_equal(reason_of(&w, busy), "allow");
	fuel = w.v.fuel;
	assert_true(fuel > 50);
	proof_bytes(&w, &a);
	lim.fuel = fuel;
	world_decide(&w, &lim);
	proof_bytes(&w, &b);
	assert_string_equal(w.v.reason, "allow");
	assert_int_equal(w.v.fuel, fuel);
	assert_true(sl_slice_eq(sl_buf_get(&a), sl_buf_get(&b)));
	for (lim.fuel = 0; lim.fuel < fuel; lim.fuel++) {
		struct sl_policy_rows rows_out;
		struct sl_err err = { 0 };

		world_decide(&w, &lim);
		assert_string_equal(w.v.reason, "fuel");
		assert_int_equal(w.v.kind, SL_VERDICT_DENY);
		assert_int_equal(w.v.fuel, lim.fuel + 1);
		assert_true(w.v.line > 0 && w.v.text.len > 0);
		assert_int_equal(sl_policy_query(&w.v, "far", 1, &rows_out, &err),
				 SL_E(LIMIT));
	}
	sl_buf_done(&a);
	sl_buf_done(&b);
	world_done(&w);
}

static void
add_edges(struct world *w, unsigned seed, bool twice)
{
	static const int edges[][2] = {
		{ 1, 2 }, { 2, 3 }, { 3, 4 }, { 4, 1 }, { 4, 5 },
		{ 5, 6 }, { 7, 1 }, { 2, 7 }, { 8, 8 }, { 6, 8 }
	};
	size_t n = SL_ARRAY_LEN(edges), order[SL_ARRAY_LEN(edges)];

	for (size_t k = 0; k < n; k++)
		order[k] = k;
	for (size_t k = n; k-- > 1;) {
		size_t i = (seed = seed * 1103515245U + 12345U) / 65536 % (k + 1),
		       t = order[k];

		order[k] = order[i];
		order[i] = t;
	}
	for (size_t k = 0; k < n * (twice ? 2 : 1); k++) {
		const int *e = edges[order[k % n]];
		char source[20];

		(void)snprintf(source, sizeof(source), "s%d", e[0] % 3);
		SL_FACT(w->f, source, "edge", sl_term_int(e[0]), sl_term_int(e[1]));
		SL_FACT(w->f, source, "name", sl_term_cstr("x"));
	}
}

static void
test_order_of_facts(void **state)
{
	static const char text[] = "path($x, $y) <- edge($x, $y);\n"
				   "path($x, $z) <- path($x, $y), path($y, $z);\n"
				   "allow if path(1, $x), path($x, 8), name($n);";
	struct sl_buf first = { 0 };
	uint64_t fuel = 0, work = 0;

	(void)state;
	for (unsigned seed = 0; seed < 40; seed++) {
		struct sl_buf b;
		struct world w;

		world_init(&w);
		world_load(&w, text);
		add_edges(&w, seed, seed % 2);
		world_decide(&w, NULL);
		assert_string_equal(w.v.reason, "allow");
		proof_bytes(&w, seed == 0 ? &first : &b);
		if (seed > 0) {
			assert_true(sl_slice_eq(sl_buf_get(&first), sl_buf_get(&b)));
			assert_int_equal(w.v.fuel, fuel);
			assert_int_equal(w.v.run->work, work);
			sl_buf_done(&b);
		}
		fuel = w.v.fuel;
		work = w.v.run->work;
		world_done(&w);
	}
	sl_buf_done(&first);
}

/* Every node's derivation is an instance of its rule, over nodes before it, and of the
 * least height. */
static void
test_proof_shape(void **state)
{
	const struct sl_json *nodes, *p;
	size_t at = 0;
	struct world w;

	(void)state;
	assert_string_equal(reason_of(&w, busy), "allow");
	nodes = sl_json_get(w.v.proof, "nodes");
	assert_true(nodes->n > 4);
	SL_JSON_EACH(m, nodes)
	{
		bool is_fact = sl_json_get(m, "source") != NULL;

		assert_int_equal(is_fact, sl_json_get(m, "rule") == NULL);
		SL_JSON_EACH(f, sl_json_get(m, "from"))
		assert_in_range(f->i, 0, at - 1);
		if (is_fact)
			assert_true(
			    sl_slice_eq(sl_json_get_str(m, "source"), SL_LIT("policy")));
		at++;
	}
	p = sl_json_get(w.v.proof, "policies");
	assert_int_equal(p->n, 2);
	assert_true(sl_slice_eq(sl_json_get_str(p->child, "result"), SL_LIT("no-match")));
	assert_true(sl_slice_eq(sl_json_get_str(p->child, "note"), SL_LIT("replay")));
	assert_true(sl_slice_eq(sl_json_get_str(p->last, "result"), SL_LIT("match")));
	assert_int_equal(sl_json_get(p->last, "from")->n, 1);
	assert_true(sl_json_get_bool(w.v.proof, "replay"));
	world_done(&w);
}

static void
test_proof_minimal(void **state)
{
	struct world w;

	(void)state;
	/* Two ways to c(1): by b, longer and first in the text, and at once. */
	assert_string_equal(
	    reason_of(&w, "a(1); b($x) <- a($x); c($x) <- b($x); c($x) <- a($x);"
			  "allow if c(1);"),
	    "allow");
	assert_int_equal(sl_json_get(w.v.proof, "nodes")->n, 2);
	assert_int_equal(sl_json_get_int(sl_json_get(w.v.proof, "nodes")->last, "rule"),
			 2);
	assert_false(sl_json_get_bool(w.v.proof, "replay"));
	world_done(&w);
}

static void
test_deep_chain(void **state)
{
	struct sl_policy_limits lim = sl_policy_default_limits;
	struct world w;
	SL_AUTO_BUF out = { .max = 64 << 20 };

	(void)state;
	world_init(&w);
	world_load(
	    &w, "r(0) <- s(0); r($y) <- r($x), next($x, $y); s(0); allow if r(20000);");
	for (int k = 0; k < 20000; k++)
		SL_FACT(w.f, "test", "next", sl_term_int(k), sl_term_int(k + 1));
	world_decide(&w, &lim);
	assert_string_equal(w.v.reason, "allow");
	assert_int_equal(sl_json_get(w.v.proof, "nodes")->n, 40002);
	assert_return_code(sl_policy_explain(w.v.proof, &out, &w.err), 0);
	world_done(&w);
}

static void
test_limits(void **state)
{
	static const char square[] = "p($x, $y) <- n($x), n($y); "
				     "allow if p($x, $y), $x == 1;";
	static const char cube[] = "allow if n($a), n($b), n($c), n($d), n($e), m($a);";
	struct sl_policy_limits lim = sl_policy_default_limits;
	struct world w;

	(void)state;
	world_init(&w);
	world_load(&w, square);
	for (int k = 0; k < 100; k++)
		SL_FACT(w.f, "test", "n", sl_term_int(k));
	lim.max_facts = 5000;
	world_decide(&w, &lim);
	assert_string_equal(w.v.reason, "limit");
	assert_int_equal(w.v.kind, SL_VERDICT_DENY);
	assert_int_equal(w.v.line, 1);
	assert_true(slice_has(w.v.text, "p($x, $y) <- "));
	lim.max_facts = 10100;
	world_decide(&w, &lim);
	assert_string_equal(w.v.reason, "allow");
	lim.max_facts = 50; /* the facts alone */
	world_decide(&w, &lim);
	assert_string_equal(w.v.reason, "limit");
	lim = sl_policy_default_limits;
	lim.max_work = 1000;
	world_decide(&w, &lim);
	assert_string_equal(w.v.reason, "limit");
	world_load(&w, cube);
	lim.max_work = 2000000;
	world_decide(&w, &lim);
	assert_string_equal(w.v.reason, "limit");
	world_done(&w);
}

static void
test_query(void **state)
{
	struct sl_policy_rows q;
	struct world w;

	(void)state;
	(void)reason_of(&w,
			"a(2); a(1); a(\"x\"); b($x) <- a($x), $x.type() == \"integer\";"
			"c($x) <- a($x), $x > 0; allow if true;");
	assert_return_code(sl_policy_query(&w.v, "b", 1, &q, &w.err), 0);
	assert_int_equal(q.n, 2);
	assert_int_equal(q.arity, 1);
	assert_int_equal(q.t[0].i, 1);
	assert_int_equal(q.t[1].i, 2);
	assert_return_code(sl_policy_query(&w.v, "none", 1, &q, &w.err), 0);
	assert_int_equal(q.n, 0);
	assert_return_code(sl_policy_query(&w.v, "b", 2, &q, &w.err), 0);
	assert_int_equal(q.n, 0);
	assert_return_code(sl_policy_query(&w.v, "b", 1, &q, &w.err), 0);
	/* a requirement that cannot be computed is not an empty one */
	assert_int_equal(sl_policy_query(&w.v, "c", 1, &q, &w.err), SL_E(FORMAT));
	world_done(&w);
}

static void
test_no_memory(void **state)
{
	(void)state;
	for (unsigned long n = 1;; n++) {
		SL_AUTO_ARENA a = { .cap = 64 << 20 };
		struct sl_verdict v = { .reason = "untouched" };
		struct sl_policy_facts *f;
		struct world w;
		int r;

		world_init(&w);
		world_load(&w, busy);
		f = sl_policy_facts_new(&w.a);
		SL_FACT(f, "test", "edge", sl_term_int(6), sl_term_int(7));
		a.fail_at = n;
		r = sl_policy_decide(w.p, f, &sl_policy_default_limits, &a, &v, &w.err);
		world_done(&w);
		if (r == 0) {
			assert_string_equal(v.reason, "allow");
			assert_true(n > 50);
			return;
		}
		assert_int_equal(r, SL_E(NOMEM));
		assert_string_equal(v.reason, "untouched");
	}
}

static bool
read_corpus(const char *name, struct sl_buf *out)
{
	const char *root = getenv("SL_CORPORA");
	char path[1000], block[4096];
	size_t n;
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", root ? root : "../shared/corpora",
		       name);
	if ((f = fopen(path, "re")) == NULL)
		return false;
	while ((n = fread(block, 1, sizeof(block), f)) > 0)
		sl_buf_put(out, block, n);
	(void)fclose(f);
	return true;
}

/* Workload W: verdict and the size of every relation, as two other engines give them. */
/* Decides again from the whole model: verdict, fuel and proof byte by byte the same. */
static void
same_by_whole(struct world *w)
{
	SL_AUTO_BUF x = { .max = 64 << 20 }, y = { .max = 64 << 20 };

	assert_return_code(sl_json_cbor(w->v.proof, &x, &w->err), 0);
	assert_return_code(sl_policy_decide_by(SL_POLICY_WHOLE, w->p, w->f,
					       &sl_policy_default_limits, &w->a, &w->v,
					       &w->err),
			   0);
	assert_return_code(sl_json_cbor(w->v.proof, &y, &w->err), 0);
	assert_true(sl_slice_eq(sl_buf_get(&x), sl_buf_get(&y)));
}

static void
test_workload(void **state)
{
	static const struct sl_limits lim = { 1 << 20, 100000, 20 };
	SL_AUTO_BUF text = { .max = 1 << 20 }, want = { .max = 1 << 20 };
	SL_AUTO_BUF proof = { .max = 1 << 20 };
	struct sl_json *v = NULL;
	uint8_t digest[32];
	struct world w;
	char hex[65];

	(void)state;
	if (!read_corpus("policy/w/w.datalog", &text) ||
	    !read_corpus("policy/w/expected.json", &want)) {
		print_message("# skipped: no corpora/policy/w\n");
		skip();
	}
	assert_string_equal(reason_of(&w, (const char *)text.p), "deny");
	assert_int_equal(w.v.policy, 1);
	same_by_whole(&w);
	assert_return_code(sl_json_parse(sl_buf_get(&want), &lim, &w.a, &v, &w.err), 0);
	SL_JSON_EACH(m, sl_json_get(v, "relation_sizes"))
	{
		size_t n = 0;

		for (uint32_t k = 0; k < w.p->n_preds; k++)
			if (sl_slice_eq(w.p->preds[k].name, m->key))
				n += w.v.run->rel[k].n;
		assert_int_equal(n, m->i);
	}
	assert_int_equal(w.v.run->n_facts, sl_json_get_int(v, "total_atoms"));
	/* A review by a trusted user is one of the minimal repairs. */
	SL_FACT(w.f, "test", "reviewed", sl_term_cstr("f5"), sl_term_cstr("u19"));
	world_decide(&w, NULL);
	assert_string_equal(w.v.reason, "allow");
	/* What decisions of every version have named: fuel version 1, proof version 1. */
	assert_int_equal(w.v.fuel, 19);
	assert_return_code(sl_json_cbor(w.v.proof, &proof, &w.err), 0);
	sl_sha256(sl_buf_get(&proof), digest);
	sl_hex(hex, digest, 32);
	assert_string_equal(
	    hex, "96e15059b390270bb10a19895ab2e44ae1cb0d9a2e9055788d799c2f5a57e5b6");
	world_done(&w);
}

static void
test_megabyte(void **state)
{
	SL_AUTO_BUF b = { .max = 1 << 20 };
	struct world w;

	(void)state;
	for (int k = 0; b.len < (1 << 20) - 200; k++)
		sl_buf_printf(
		    &b, "a%d($x) <- a%d($x), b($x, \"some text to fill\", %d), $x > 1;\n",
		    k + 1, k, k);
	sl_buf_str(&b, "a0(1); allow if true;");
	assert_false(b.is_failed);
	assert_string_equal(reason_of(&w, (const char *)b.p), "allow");
	world_done(&w);
}

/* A second matcher, by nested loops and nothing else, as the judge of models. */
struct naive {
	struct sl_policy_run *r;
	const struct sl_prule *q;
	uint32_t val[SL_PVARS_MAX];
	uint64_t bound;
	uint32_t max_height;  /* only rows lower than it */
	const uint32_t *want; /* the head to be found, or NULL: count those missing */
	size_t n_found, n_missing;
};

static uint32_t
naive_arg(struct naive *n, const struct sl_parg *g)
{
	return g->is_var ? n->val[g->var] : n->r->con[g->con];
}

static void
naive_head(struct naive *n)
{
	const struct sl_prel *l = &n->r->rel[n->q->head.pred];
	uint32_t cell[SL_PARITY_MAX];
	bool is_there = false;

	for (uint32_t k = 0; k < n->q->head.n; k++)
		cell[k] = naive_arg(n, &n->q->head.args[k]);
	if (n->want != NULL) {
		n->n_found += memcmp(cell, n->want, l->arity * sizeof(*cell)) == 0;
		return;
	}
	for (uint32_t k = 0; k < l->n; k++)
		is_there |=
		    memcmp(cell, l->cell + k * l->arity, l->arity * sizeof(*cell)) == 0;
	n->n_missing += !is_there;
}

static void
naive_match(struct naive *n, uint32_t at)
{
	const struct sl_patom *m = &n->q->body.atoms[at];
	const struct sl_prel *l;

	if (at == n->q->body.n_atoms) {
		naive_head(n);
		return;
	}
	l = &n->r->rel[m->pred];
	for (uint32_t row = 0; row < l->n; row++) {
		uint64_t before = n->bound;
		bool ok = sl_prel_height(l, row) < n->max_height;

		for (uint32_t k = 0; ok && k < m->n; k++) {
			uint32_t have = l->cell[row * l->arity + k];

			if (m->args[k].is_var && (n->bound >> m->args[k].var & 1) == 0) {
				n->bound |= UINT64_C(1) << m->args[k].var;
				n->val[m->args[k].var] = have;
			}
			ok = naive_arg(n, &m->args[k]) == have;
		}
		if (ok)
			naive_match(n, at + 1);
		n->bound = before;
	}
}

/* Closed under the rules, and every derived tuple has a derivation from lower ones, but
 * none from tuples lower by two: it is the least model, and heights are the least. */
static void
judge_model(struct world *w)
{
	struct sl_policy_run *r = w->v.run;

	for (const struct sl_prule *q = w->p->rules; q != NULL; q = q->next) {
		struct naive n = { .r = r, .q = q, .max_height = UINT32_MAX };

		naive_match(&n, 0);
		assert_int_equal(n.n_missing, 0);
	}
	for (uint32_t k = 0; k < w->p->n_preds; k++)
		for (uint32_t row = 0; row < r->rel[k].n; row++) {
			uint32_t h = sl_prel_height(&r->rel[k], row);
			size_t n_at = 0, n_below = 0;

			for (const struct sl_prule *q = w->p->preds[k].rules;
			     h > 0 && q != NULL; q = q->next_of_pred) {
				struct naive n = { .r = r,
						   .q = q,
						   .max_height = h,
						   .want = r->rel[k].cell +
							   row * r->rel[k].arity };

				naive_match(&n, 0);
				n_at += n.n_found;
				n.n_found = 0;
				n.max_height = h - 1;
				naive_match(&n, 0);
				n_below += n.n_found;
			}
			assert_true(h == 0 || n_at > 0);
			assert_int_equal(n_below, 0);
		}
}

static unsigned
rnd(unsigned *seed, unsigned n)
{
	*seed = *seed * 1103515245U + 12345U;
	return *seed / 65536 % n;
}

/* Changes one thing in a proof, but for what a proof does not show; false: nothing to
 * change there. */
static bool
mutate_one(struct sl_json *v, unsigned *seed)
{
	if (sl_slice_eq(v->key, SL_LIT("fuel")) || sl_slice_eq(v->key, SL_LIT("message")))
		return false;
	switch (v->kind) {
	case SL_JSON_BOOL:
		v->b = !v->b;
		return true;
	case SL_JSON_INT:
		v->i += rnd(seed, 2) ? 1 + (int)rnd(seed, 3) : -1 - (int)rnd(seed, 3);
		return true;
	case SL_JSON_STR:
		if (v->s.len == 0)
			return false;
		v->s.len--;
		return true;
	case SL_JSON_ARR:
	case SL_JSON_OBJ:
		if (v->n == 0)
			return false;
		v->child = v->child->next; /* the first member goes */
		v->n--;
		return true;
	case SL_JSON_NULL:
	case SL_JSON_REAL:
		break;
	}
	return false;
}

static size_t
count_values(const struct sl_json *v)
{
	size_t n = 1;

	SL_JSON_EACH(m, v)
	n += count_values(m);
	return n;
}

/* The k-th value below v, itself being 0, and the key of what it is in. */
static struct sl_json *
value_at(struct sl_json *v, size_t *k, struct sl_slice *in)
{
	struct sl_json *found;

	if ((*k)-- == 0)
		return v;
	for (struct sl_json *m = v->child; m != NULL; m = m->next) {
		*in = v->key;
		if ((found = value_at(m, k, in)) != NULL)
			return found;
	}
	return NULL;
}

/* Our proof is accepted, and n of its changes are not.  Returns how many were tried. */
static size_t
judge_proof(struct world *w, unsigned *seed, size_t n, size_t *ret_n_other)
{
	struct sl_jb b = { .a = &w->a };
	size_t n_values = count_values(w->v.proof), n_tried = 0;
	bool is_whole = false;
	struct sl_err err;

	assert_return_code(
	    sl_policy_check_proof(w->p, w->f, w->v.proof, &is_whole, &w->err), 0);
	assert_int_equal(is_whole, !sl_json_get_bool(w->v.proof, "replay"));
	while (n-- > 0) {
		struct sl_json *m = sl_json_copy(&b, w->v.proof);
		size_t k = rnd(seed, (unsigned)n_values);
		struct sl_slice in = { 0 };
		struct sl_json *at;
		bool is_choice;

		assert_non_null(m);
		at = value_at(m, &k, &in);
		is_choice =
		    at->kind == SL_JSON_INT &&
		    (sl_slice_eq(in, SL_LIT("from")) || sl_slice_eq(in, SL_LIT("args")) ||
		     sl_slice_eq(at->key, SL_LIT("rule")));
		if (!mutate_one(at, seed))
			continue;
		n_tried++;
		if (sl_policy_check_proof(w->p, w->f, m, &is_whole, &err) == 0) {
			/* Another tuple, fact or rule that does as well: a proof, too. */
			assert_true(is_choice);
			++*ret_n_other;
		}
	}
	return n_tried;
}

static void
random_atom(struct sl_buf *b, unsigned *seed, unsigned n_vars)
{
	sl_buf_printf(b, "p%u(", rnd(seed, 4));
	for (int k = 0; k < 2; k++) {
		if (rnd(seed, 5) == 0)
			sl_buf_printf(b, "%s%u", k ? ", " : "", rnd(seed, 5));
		else
			sl_buf_printf(b, "%s$v%u", k ? ", " : "", rnd(seed, n_vars));
	}
	sl_buf_byte(b, ')');
}

/* The same program a third way: its facts split at random into those that stand, some of
 * which come and go again first, and those of the request. */
static void
same_in_world(struct world *w, const struct sl_policy *rules, unsigned *seed)
{
	SL_AUTO_BUF x = { .max = 64 << 20 }, y = { .max = 64 << 20 };
	struct sl_policy_facts *part[3], *none = sl_policy_facts_new(&w->a);
	struct sl_policy_world *m = NULL;
	struct sl_verdict v = { 0 };

	for (int k = 0; k < 3; k++)
		assert_non_null(part[k] = sl_policy_facts_new(&w->a));
	for (size_t k = 0; k < w->f->n; k++) {
		char pred[16];

		(void)snprintf(pred, sizeof(pred), "%.*s", SL_ARG(w->f->v[k].pred));
		sl_policy_fact(part[rnd(seed, 3)], "test", pred, w->f->v[k].args,
			       w->f->v[k].n);
	}
	assert_return_code(
	    sl_policy_decide(rules, w->f, &sl_policy_default_limits, &w->a, &v, &w->err),
	    0);
	assert_return_code(sl_json_cbor(v.proof, &x, &w->err), 0);
	assert_return_code(sl_policy_world_open(rules, part[0], &sl_policy_default_limits,
						(size_t)64 << 20, &m, &w->err),
			   0);
	assert_return_code(sl_policy_world_change(m, NULL, part[1], &w->err), 0);
	assert_return_code(sl_policy_world_decide(m, none, &w->a, &v, &w->err), 0);
	if (part[0]->n > 0 && rnd(seed, 2) == 0) {
		assert_return_code(sl_policy_world_change(m, part[0], NULL, &w->err), 0);
		assert_return_code(sl_policy_world_decide(m, part[2], &w->a, &v, &w->err),
				   0);
		assert_return_code(sl_policy_world_change(m, NULL, part[0], &w->err), 0);
	}
	for (int k = 0; k < 2; k++) { /* the second on what the first left behind */
		sl_buf_clear(&y);
		assert_return_code(sl_policy_world_decide(m, part[2], &w->a, &v, &w->err),
				   0);
		assert_return_code(sl_json_cbor(v.proof, &y, &w->err), 0);
		assert_true(sl_slice_eq(sl_buf_get(&x), sl_buf_get(&y)));
	}
	sl_policy_world_close(m);
}

/* The program's facts become facts of a request, its rules a policy of their own. */
static void
split_world(struct world *w, const char *text, size_t n_facts, unsigned *seed)
{
	const struct sl_policy *rules = NULL;
	struct sl_policy_facts *old = w->f;

	assert_return_code(sl_policy_load(sl_slice_str(text + n_facts), "t", NULL,
					  &sl_policy_text_limits, &w->a, &rules, &w->err),
			   0);
	assert_non_null(w->f = sl_policy_facts_new(&w->a));
	for (const struct sl_pfact *f = w->p->facts; f != NULL; f = f->next) {
		struct sl_term t[2] = { *f->atom.args[0].t, *f->atom.args[1].t };
		char pred[16];

		(void)snprintf(pred, sizeof(pred), "%.*s", SL_ARG(f->atom.name));
		sl_policy_fact(w->f, "test", pred, t, 2);
	}
	assert_return_code(sl_policy_facts_sort(w->f, &w->err), 0);
	same_in_world(w, rules, seed);
	w->f = old;
}

static void
test_random_programs(void **state)
{
	size_t n_derived = 0, n_mutated = 0, n_other = 0;

	(void)state;
	for (unsigned round = 0; round < 5000; round++) {
		SL_AUTO_BUF b = { .max = 1 << 16 };
		unsigned seed = round * 7919 + 1;
		struct world w;

		size_t n_facts;

		for (int k = 0; k < 8; k++)
			sl_buf_printf(&b, "p%u(%u, %u); ", rnd(&seed, 2), rnd(&seed, 5),
				      rnd(&seed, 5));
		n_facts = b.len;
		for (int k = 0; k < 6; k++) {
			unsigned n_atoms = 1 + rnd(&seed, 3);

			/* v0 and v1 are bound by the first atom */
			sl_buf_printf(&b, "p%u($v0, $v%u) <- p%u($v0, $v1)",
				      1 + rnd(&seed, 3), rnd(&seed, 2), rnd(&seed, 4));
			while (n_atoms-- > 1) {
				sl_buf_str(&b, ", ");
				random_atom(&b, &seed, 4);
			}
			sl_buf_str(&b, ";\n");
		}
		sl_buf_str(&b, "allow if p3($x, $y); deny if p2($x, $x);");
		(void)reason_of(&w, (const char *)b.p);
		same_by_whole(&w);
		judge_model(&w);
		split_world(&w, (const char *)b.p, n_facts, &seed);
		n_mutated += judge_proof(&w, &seed, 80, &n_other);
		n_derived += w.v.run->n_facts;
		world_done(&w);
	}
	assert_true(n_derived > 3000);
	assert_true(n_mutated > 20000);
	assert_true(n_other < n_mutated / 100);
	print_message("# %zu mutants, %zu of them other proofs\n", n_mutated, n_other);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_fuel_by_hand),
		cmocka_unit_test(test_fuel_boundary),
		cmocka_unit_test(test_order_of_facts),
		cmocka_unit_test(test_proof_shape),
		cmocka_unit_test(test_proof_minimal),
		cmocka_unit_test(test_deep_chain),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_query),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_workload),
		cmocka_unit_test(test_megabyte),
		cmocka_unit_test(test_random_programs),
	};

	return run_suite("policy-decide", tests, SL_ARRAY_LEN(tests));
}
