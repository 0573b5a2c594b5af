/* test_verify.c -- bundles of a real node: exported, verified, mutated. */
#include "t.h"

#include "node.h"

static struct node node;
static struct made run1, run2;
static struct sl_buf one, two;
static const char *did;

static int
setup(void **state)
{
	static const struct act_row row[] = { { "exec", "execve", "/usr/bin/cc",
						"allowed" } };
	struct shape s = { .row = row, .n_rows = 1 };

	(void)state;
	node_start(&node);
	did = sl_gate_info(node.gate)->node.did;
	run1 = a_run(&node, &s);
	run2 = a_run(&node, &s);
	one = export_of(&node, run1.hex);
	two = export_of(&node, run2.hex);
	if (getenv("SL_SEED") != NULL) { /* makes a seed for fuzz/record */
		FILE *f = fopen(getenv("SL_SEED"), "w");

		assert_non_null(f);
		fwrite(one.p, 1, one.len, f);
		fclose(f);
	}
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	sl_buf_done(&one);
	sl_buf_done(&two);
	node_stop(&node);
	return 0;
}

static int
verdict(struct sl_slice s, struct sl_verify_report *p)
{
	struct sl_err err;
	int r = verify_as(s, did, p, &err);

	assert_true(r == 0 || err.msg[0] != '\0');
	return r;
}

static void
good(void **state)
{
	struct sl_verify_report p;
	struct sl_err err;

	(void)state;
	must(verify_as(sl_buf_get(&one), did, &p, &err), &err);
	assert_true(p.is_good && p.is_trusted && p.is_sealed && p.has_tree);
	assert_string_equal(p.run, run1.hex);
	assert_string_equal(p.did, did);
	assert_string_equal(p.kind, "run");
	assert_string_equal(p.verdict, "allow");
	assert_int_equal(p.n_decisions, 2);
	assert_int_equal(p.n_rederived, 2);
	assert_int_equal(p.n_outcomes, 2);
	assert_int_equal(p.n_observations, 2);
	assert_int_equal(p.n_acts, 1);
	assert_int_equal(p.n_receipts, p.n_statements);
	assert_int_equal(p.size[SL_TREE_RUN], 6);
}

static void
stranger(void **state)
{
	struct sl_verify_report p;
	struct sl_err err = { 0 };
	struct sl_trusted nobody = { 0 };

	(void)state;
	assert_int_equal(sl_verify_bundle(sl_buf_get(&one), &nobody, &p, &err),
			 SL_E(SIGNER));
	assert_true(p.is_good && !p.is_trusted);
	assert_int_equal(sl_code_exit(err.code), 4);
	/* The working or the run's key is not the identity. */
	assert_int_equal(verify_as(sl_buf_get(&one), p.run_key, &p, &err), SL_E(SIGNER));
}

/* Each byte of a bundle counts; SL_STRIDE leaves some out. */
static void
each_bit(void **state)
{
	struct sl_slice s = sl_buf_get(&one);
	uint8_t *copy = malloc(s.len);
	const char *every = getenv("SL_STRIDE");
	size_t stride = every != NULL ? strtoul(every, NULL, 10) : 1;
	struct sl_verify_report p;

	(void)state;
	memcpy(copy, s.p, s.len);
	for (size_t i = 0; i < s.len; i += stride) {
		copy[i] ^= (uint8_t)(1u << (i % 8));
		if (verdict((struct sl_slice){ copy, s.len }, &p) != SL_E(VERIFY))
			fail_msg("byte %zu of %zu can be changed", i, s.len);
		assert_true(p.findings.n > 0);
		copy[i] = s.p[i];
	}
	free(copy);
}

static void
cut(void **state)
{
	struct sl_slice s = sl_buf_get(&one);
	struct sl_verify_report p;
	struct sl_buf longer = { .max = SIZE_MAX / 4 };

	(void)state;
	for (size_t n = 0; n < s.len; n += n < 600 ? 1 : 97) {
		uint8_t *e = at_edge(s.p, n);

		assert_int_equal(verdict((struct sl_slice){ e, n }, &p), SL_E(VERIFY));
	}
	sl_buf_slice(&longer, s);
	sl_buf_byte(&longer, 0);
	assert_int_equal(verdict(sl_buf_get(&longer), &p), SL_E(VERIFY));
	sl_buf_done(&longer);
}

/* --- edited bundles --- */

typedef void edit_fn(struct sl_bundle *b, const struct sl_bundle *other);

static int
edited(edit_fn *edit, struct sl_verify_report *p)
{
	struct sl_arena a = { 0 };
	struct sl_bundle b, c;
	struct sl_err err = { 0 };
	struct sl_buf out = { .max = SIZE_MAX / 4 };
	int r;

	sl_arena_init(&a, 64 << 20);
	must(sl_bundle_decode(sl_buf_get(&one), &a, &b, &err), &err);
	must(sl_bundle_decode(sl_buf_get(&two), &a, &c, &err), &err);
	edit(&b, &c);
	sl_bundle_encode(&b, &out);
	r = verdict(sl_buf_get(&out), p);
	sl_buf_done(&out);
	sl_arena_free(&a);
	return r;
}

static void
as_is(struct sl_bundle *b, const struct sl_bundle *c)
{
	(void)b;
	(void)c;
}

static void
swap_order(struct sl_bundle *b, const struct sl_bundle *c)
{
	struct sl_bundle_entry e = b->tree[2].entry[1];

	(void)c;
	b->tree[2].entry[1] = b->tree[2].entry[2];
	b->tree[2].entry[2] = e;
}

static void
swap_order_and_index(struct sl_bundle *b, const struct sl_bundle *c)
{
	swap_order(b, c);
	b->tree[2].entry[1].index = 1;
	b->tree[2].entry[2].index = 2;
}

static void
statement_of_other(struct sl_bundle *b, const struct sl_bundle *c)
{
	b->tree[2].entry[3].statement = c->tree[2].entry[3].statement;
}

static void
entry_of_other(struct sl_bundle *b, const struct sl_bundle *c)
{
	b->tree[2].entry[3] = c->tree[2].entry[3];
}

static void
receipt_of_other(struct sl_bundle *b, const struct sl_bundle *c)
{
	b->tree[2].entry[3].receipt = c->tree[2].entry[3].receipt;
}

static void
tree_of_other(struct sl_bundle *b, const struct sl_bundle *c)
{
	b->tree[2] = c->tree[2];
}

static void
name_of_other(struct sl_bundle *b, const struct sl_bundle *c)
{
	memcpy(b->run, c->run, 32);
}

static void
without_tree(struct sl_bundle *b, const struct sl_bundle *c)
{
	(void)c;
	b->n_trees = 2;
}

static void
without_last(struct sl_bundle *b, const struct sl_bundle *c)
{
	(void)c;
	b->tree[2].n--;
}

static void
without_identity(struct sl_bundle *b, const struct sl_bundle *c)
{
	(void)c;
	b->tree[1].entry++;
	b->tree[1].n--;
}

static void
without_certificate(struct sl_bundle *b, const struct sl_bundle *c)
{
	(void)c;
	memmove(&b->tree[1].entry[1], &b->tree[1].entry[2],
		(b->tree[1].n - 2) * sizeof(*b->tree[1].entry));
	b->tree[1].n--;
}

static void
without_blob(struct sl_bundle *b, const struct sl_bundle *c)
{
	(void)c;
	b->n_blobs--;
}

/* The seal is last; its run's outcome, of the same batch, is there. */
static void
unsealed(struct sl_bundle *b, const struct sl_bundle *c)
{
	(void)c;
	b->tree[1].n--;
}

static void
refused(void **state)
{
	static edit_fn *const edits[] = {
		swap_order,       swap_order_and_index, statement_of_other,
		entry_of_other,   receipt_of_other,     tree_of_other,
		name_of_other,    without_tree,         without_last,
		without_identity, without_certificate,  without_blob,
		unsealed
	};
	struct sl_verify_report p;

	(void)state;
	assert_int_equal(edited(as_is, &p), 0);
	for (size_t i = 0; i < SL_ARRAY_LEN(edits); i++)
		if (edited(edits[i], &p) != SL_E(VERIFY))
			fail_msg("edit %zu was not noticed", i);
}

static struct sl_bundle_blob gone[64], kept[64];

/* Every blob is called erased. */
static void
all_erased(struct sl_bundle *b, const struct sl_bundle *c)
{
	(void)c;
	/* What an erased decision names is not named: only payloads and the policy's
	 * remain. */
	size_t n = 0;

	for (size_t t = 0; t < 3; t++)
		for (size_t i = 0; i < b->tree[t].n; i++) {
			struct sl_err err = { 0 };
			struct sl_sign1 s;

			must(sl_sign1_parse(b->tree[t].entry[i].statement, 1 << 24, &s,
					    &err),
			     &err);
			if (s.h.has_hash_alg)
				memcpy(gone[n++].digest, s.payload.p, 32);
		}
	for (size_t i = 1; i < n; i++)
		for (size_t k = i;
		     k > 0 && memcmp(gone[k - 1].digest, gone[k].digest, 32) > 0; k--) {
			struct sl_bundle_blob x = gone[k];

			gone[k] = gone[k - 1];
			gone[k - 1] = x;
		}
	b->erased = gone;
	b->n_erased = n;
	b->n_blobs = 0;
	/* and with them the policy, which nothing names any more */
	for (size_t i = 0; i < b->tree[1].n; i++) {
		struct sl_err err = { 0 };
		struct sl_sign1 s;

		must(sl_sign1_parse(b->tree[1].entry[i].statement, 1 << 24, &s, &err),
		     &err);
		if (!sl_slice_eq(s.h.sub, SL_LIT("policy")))
			continue;
		memmove(&b->tree[1].entry[i], &b->tree[1].entry[i + 1],
			(b->tree[1].n - i - 1) * sizeof(*b->tree[1].entry));
		b->tree[1].n--;
	}
}

/* Facts and proofs alone are erased: the largest two blobs that are no payload. */
static void
proofs_erased(struct sl_bundle *b, const struct sl_bundle *c)
{
	size_t n = 0, m = 0;

	(void)c;
	for (size_t i = 0; i < b->n_blobs; i++)
		if (b->blob[i].bytes.p[0] >> 5 == 5) /* CBOR map: facts, proofs */
			gone[n++] = b->blob[i];
		else
			kept[m++] = b->blob[i];
	b->erased = gone;
	b->n_erased = n;
	b->blob = kept;
	b->n_blobs = m;
}

static void
less_is_said(void **state)
{
	struct sl_verify_report p;

	(void)state;
	assert_int_equal(edited(all_erased, &p), 0);
	assert_int_equal(p.n_rederived, 0);
	assert_int_equal(p.n_erased, 8);
	assert_string_equal(p.verdict, "");
	assert_int_equal(edited(proofs_erased, &p), 0);
	assert_int_equal(p.n_decisions, 2);
	assert_int_equal(p.n_rederived, 0);
}

/* What the keys of the node themselves signed, but that does not follow. */
static void
forged(void **state)
{
	struct shape s = { .is_forged_about = true };
	struct made m = a_run(&node, &s);
	struct sl_buf b = export_of(&node, m.hex);
	struct sl_verify_report p;

	(void)state;
	assert_int_equal(verdict(sl_buf_get(&b), &p), SL_E(VERIFY));
	assert_string_equal(p.findings.f[0].where, "run entry 2");
	sl_buf_done(&b);
}

/* A decision that the gate never made, appended under the run's own key. */
static void
forged_decision(void **state)
{
	struct shape s = { .is_open = true };
	struct made m = a_run(&node, &s);
	const struct sl_decision_view *d = sl_decision_view(m.run);
	struct sl_arena a = { 0 };
	struct sl_jb b = { .a = &a };
	struct sl_json *p, *o;
	struct sl_err err = { 0 };
	struct sl_buf out;
	struct sl_verify_report rep;

	(void)state;
	sl_arena_init(&a, 1 << 20);
	p = sl_json_obj(&b);
	o = sl_json_set(&b, p, "sluice", sl_json_obj(&b));
	(void)sl_json_set(&b, o, "v", sl_json_int(&b, 1));
	(void)sl_json_set(&b, o, "kind", sl_json_cstr(&b, "step"));
	(void)sl_json_set(&b, o, "id", sl_json_hex(&b, d->id, 32));
	(void)sl_json_set(&b, o, "run", sl_json_hex(&b, d->run, 32));
	(void)sl_json_set(&b, o, "verdict", sl_json_cstr(&b, "allow"));
	must(sl_gate_state(node.gate, m.run, SL_STMT_DECISION, p, NULL, &err), &err);
	must(sl_gate_sync(node.gate, &err), &err);
	out = export_of(&node, m.hex);
	assert_int_equal(verdict(sl_buf_get(&out), &rep), SL_E(VERIFY));
	assert_string_equal(rep.findings.f[0].where, "run entry 4");
	sl_buf_done(&out);
	sl_arena_free(&a);
}

/* Only the state of memory decides whether a bundle decodes. */
static void
nth_allocation(void **state)
{
	(void)state;
	for (unsigned long n = 1; n < 100000; n += n < 40 ? 1 : 61 + n / 8) {
		struct sl_evidence *v = calloc(1, sizeof(*v));
		struct sl_arena a = { 0 };
		struct sl_bundle b = { 0 };
		struct sl_verify_report p;
		struct sl_err err = { 0 };
		int r;

		sl_arena_init(&a, SL_VERIFY_MEMORY);
		a.fail_at = n;
		r = sl_verify_open(sl_buf_get(&one), &a, &b, v, &p, &err);
		assert_true(r == SL_E(NOMEM) || (r == 0 && p.is_good));
		sl_arena_free(&a);
		free(v);
		if (r == 0)
			return;
	}
	fail_msg("it never succeeds");
}

static void
no_such_run(void **state)
{
	static const struct {
		const char *hex;
		int code;
	} bad[] = { { "ffffffffffff", SL_E(NOENT) },
		    { "ab", SL_E(FORMAT) },
		    { "xyzw", SL_E(FORMAT) },
		    { "", SL_E(FORMAT) } };
	struct sl_reader *r = NULL;
	struct sl_err err = { 0 };

	(void)state;
	must(sl_reader_open(node.home.fd, &r, &err), &err);
	for (size_t i = 0; i < SL_ARRAY_LEN(bad); i++) {
		struct sl_buf out = { .max = SL_BUNDLE_BYTES_MAX };

		assert_int_equal(sl_bundle_make(r, sl_slice_str(bad[i].hex), &out, &err),
				 bad[i].code);
		err = (struct sl_err){ 0 };
		sl_buf_done(&out);
	}
	sl_reader_close(r);
}

int
main(void)
{
	const struct CMUnitTest t[] = {
		cmocka_unit_test(good),           cmocka_unit_test(stranger),
		cmocka_unit_test(each_bit),       cmocka_unit_test(cut),
		cmocka_unit_test(refused),        cmocka_unit_test(less_is_said),
		cmocka_unit_test(forged),         cmocka_unit_test(forged_decision),
		cmocka_unit_test(nth_allocation), cmocka_unit_test(no_such_run),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("verify", t, setup, teardown);
}
