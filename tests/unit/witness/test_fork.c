/* test_fork.c -- witness/fork. */
#include "wit_t.h"
#include "witness/fork.h"

static struct tree one, two; /* they share the first 100 leaves */
static struct sl_signer log_k;
static struct sl_vkey log_v;

/* Evidence from checkpoints of `one` at n1 and `two` at n2, with the path that the
 * second tree has. */
static int
make(uint64_t n1, uint64_t n2, struct sl_buf *out, struct sl_err *err)
{
	SL_AUTO_BUF a = { .max = 4096 };
	SL_AUTO_BUF b = { .max = 4096 };
	struct sl_fork f = { .log = log_v };
	int r;

	note_of(&one, n1, &log_v, &log_k, &a);
	note_of(&two, n2, &log_v, &log_k, &b);
	f.older = sl_buf_get(&a);
	f.newer = sl_buf_get(&b);
	if (n1 > 0 && n1 < n2) {
		f.other = root_of(&two, n1);
		must(sl_proof_consistency(sl_leaves_node, &two.l, n1, n2, &f.path, err),
		     err);
	}
	r = sl_fork_judge(&f, err);
	return r < 0 ? r : sl_fork_put(&f, out, err);
}

static struct sl_json *
parsed(struct sl_arena *a, struct sl_slice s)
{
	const struct sl_limits lim = { 1 << 20, 1000, 16 };
	struct sl_json *v = NULL;
	struct sl_err err = { 0 };

	must(sl_json_parse(s, &lim, a, &v, &err), &err);
	return v;
}

static void
shown(void **state)
{
	static const struct {
		uint64_t n1, n2;
		bool is_fork;
	} t[] = {
		{ 300, 300, true },  { 101, 101, true }, { 101, 102, true },
		{ 128, 129, true }, /* a power of two: its root stands in no path */
		{ 256, 300, true },  { 200, 399, true }, { 101, 400, true },
		{ 100, 100, false }, { 50, 60, false },  { 100, 400, false },
		{ 64, 128, false },  { 1, 400, false },
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(t); i++) {
		SL_AUTO_BUF b = { .max = 1 << 16 };
		SL_AUTO_ARENA a = { .cap = 1 << 20 };
		struct sl_err err = { 0 };
		struct sl_fork f;
		int r = make(t[i].n1, t[i].n2, &b, &err);

		if (r != (t[i].is_fork ? 0 : SL_E(NOENT)))
			fail_msg("%zu: %s", i, err.msg);
		if (r < 0)
			continue;
		must(sl_fork_check(parsed(&a, sl_buf_get(&b)), &f, &err), &err);
		assert_int_equal(f.size1, t[i].n1);
		assert_int_equal(f.size2, t[i].n2);
		assert_int_equal(f.has_path, t[i].n1 != t[i].n2);
	}
}

/* A wrong path proves nothing, whoever sends it. */
static void
not_shown(void **state)
{
	SL_AUTO_BUF a = { .max = 4096 };
	SL_AUTO_BUF b = { .max = 4096 };
	struct sl_err err = { 0 };
	struct sl_fork f = { .log = log_v };
	struct sl_vkey other;
	struct sl_signer k;

	(void)state;
	note_of(&one, 150, &log_v, &log_k, &a);
	note_of(&one, 200, &log_v, &log_k, &b);
	for (int i = 0; i < 4; i++) {
		f.older = sl_buf_get(&a);
		f.newer = sl_buf_get(&b);
		must(
		    sl_proof_consistency(sl_leaves_node, &one.l, 150, 200, &f.path, &err),
		    &err);
		f.other = root_of(&one, 150);
		if (i == 1)
			f.other.b[3] ^= 1;
		if (i == 2)
			f.path.h[1].b[0] ^= 1;
		if (i == 3)
			f.path.n = 0;
		assert_int_equal(sl_fork_judge(&f, &err), SL_E(NOENT));
		err = (struct sl_err){ 0 };
	}
	/* notes by another key are none of the log's */
	key_of("log.example/a", SL_VKEY_ED25519, 9, &k, &other);
	f.log = other;
	assert_int_equal(sl_fork_judge(&f, &err), SL_E(SIGNER));
}

/* The order in which two notes come does not matter. */
static void
either_order(void **state)
{
	SL_AUTO_BUF a = { .max = 4096 };
	SL_AUTO_BUF b = { .max = 4096 };
	struct sl_fork f = { .log = log_v };
	struct sl_err err = { 0 };

	(void)state;
	note_of(&one, 150, &log_v, &log_k, &a);
	note_of(&two, 200, &log_v, &log_k, &b);
	f.newer = sl_buf_get(&a);
	f.older = sl_buf_get(&b);
	f.other = root_of(&two, 150);
	must(sl_proof_consistency(sl_leaves_node, &two.l, 150, 200, &f.path, &err), &err);
	must(sl_fork_judge(&f, &err), &err);
	assert_int_equal(f.size1, 150);
	assert_true(f.older.p == a.p);
}

static struct sl_json *
at(struct sl_json *v, const char *key)
{
	return (struct sl_json *)(uintptr_t)sl_json_get(v, key);
}

/* Each member changed, left out or added: the evidence is refused. */
static void
forged(void **state)
{
	static const char *const members[] = { "origin",   "key",  "older", "newer",
					       "evidence", "root", "path" };
	SL_AUTO_BUF path = { .max = 1 << 16 }, size = { .max = 1 << 16 };
	struct sl_err err = { 0 };

	(void)state;
	must(make(150, 200, &path, &err), &err);
	must(make(200, 200, &size, &err), &err);
	for (int which = 0; which < 2; which++) {
		struct sl_slice src = sl_buf_get(which == 0 ? &path : &size);

		for (size_t m = 0; m < SL_ARRAY_LEN(members) + 6; m++) {
			SL_AUTO_ARENA a = { .cap = 1 << 20 };
			struct sl_jb jb = { .a = &a };
			struct sl_json *v = parsed(&a, src), *p = at(v, "predicate");
			struct sl_json *other =
			    parsed(&a, sl_buf_get(which == 0 ? &size : &path));
			struct sl_fork f;
			const char *key = m < 7 ? members[m] : NULL;

			err = (struct sl_err){ 0 };
			if (key != NULL && sl_json_get(p, key) == NULL) {
				(void)sl_json_set(&jb, p, key, sl_json_cstr(&jb, "x"));
			} else if (key != NULL) {
				(void)sl_json_set(&jb, p, key,
						  strcmp(key, "evidence") == 0
						      ? sl_json_cstr(&jb, "none")
						      : sl_json_cstr(&jb, ""));
			} else if (m == 7) {
				(void)sl_json_set(&jb, p, "more", sl_json_int(&jb, 1));
			} else if (m == 8) {
				(void)sl_json_set(
				    &jb, v, "predicateType",
				    sl_json_cstr(&jb, "urn:sluice:seal:v1"));
			} else if (m == 9) { /* the notes exchanged */
				struct sl_json *o = sl_json_copy(&jb, at(p, "older"));

				(void)sl_json_set(&jb, p, "older",
						  sl_json_copy(&jb, at(p, "newer")));
				(void)sl_json_set(&jb, p, "newer", o);
			} else if (m == 10) { /* one note twice */
				(void)sl_json_set(&jb, p, "older",
						  sl_json_copy(&jb, at(p, "newer")));
			} else if (m == 11) { /* the subject of other evidence */
				(void)sl_json_set(
				    &jb, v, "subject",
				    sl_json_copy(&jb, at(other, "subject")));
			} else {
				(void)sl_json_set(
				    &jb, p, "evidence",
				    sl_json_cstr(&jb, which == 0 ? "size" : "path"));
			}
			if (sl_fork_check(v, &f, &err) == 0)
				fail_msg("evidence %d: change %zu was taken", which, m);
		}
	}
}

static void
bits(void **state)
{
	SL_AUTO_BUF b = { .max = 1 << 16 };
	struct sl_err err = { 0 };
	size_t taken = 0;

	(void)state;
	must(make(150, 200, &b, &err), &err);
	for (size_t i = 0; i < b.len; i++) {
		const struct sl_limits lim = { 1 << 20, 1000, 16 };
		SL_AUTO_ARENA a = { .cap = 1 << 20 };
		struct sl_json *v = NULL;
		struct sl_fork f;

		err = (struct sl_err){ 0 };
		b.p[i] ^= 1;
		if (sl_json_parse(sl_buf_get(&b), &lim, &a, &v, &err) == 0 &&
		    sl_fork_check(v, &f, &err) == 0)
			taken++;
		b.p[i] ^= 1;
	}
	assert_int_equal(taken, 0);
}

int
main(void)
{
	const struct CMUnitTest t[] = { cmocka_unit_test(shown),
					cmocka_unit_test(not_shown),
					cmocka_unit_test(either_order),
					cmocka_unit_test(forged),
					cmocka_unit_test(bits) };

	tree_make(&one, 1, 100);
	tree_make(&two, 2, 100);
	key_of("log.example/a", SL_VKEY_ED25519, 1, &log_k, &log_v);
	return run_suite("witness-fork", t, SL_ARRAY_LEN(t));
}
