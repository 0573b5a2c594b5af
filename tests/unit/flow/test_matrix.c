/* test_matrix.c -- products, exclude, include, names, ids. */
#include "t.h"

#include "flow/matrix.h"

#include <stdlib.h>

enum { CAP = 64 << 20 };

struct fix {
	struct sl_arena a;
	struct sl_err err;
	struct sl_matrix m;
	struct sl_matrix_why why;
};

static int
build(struct fix *f, const char *json, size_t max, unsigned long fail_at)
{
	struct sl_limits lim = { CAP, CAP, 100 };
	const struct sl_value *v;
	struct sl_json *j;

	*f = (struct fix){ 0 };
	sl_arena_init(&f->a, CAP);
	assert_int_equal(sl_json_parse(sl_slice_str(json), &lim, &f->a, &j, &f->err), 0);
	assert_int_equal(sl_val_from_json(&f->a, j, false, &v, &f->err), 0);
	f->a.fail_at = fail_at;
	return sl_matrix_build(v, max, &f->a, &f->m, &f->why, &f->err);
}

/* "suffix|id|values" a line. */
static void
expect(const char *json, const char *want)
{
	SL_AUTO_BUF b = { .max = 1 << 20 };
	struct fix f;
	int r = build(&f, json, SL_MATRIX_MAX, 0);

	if (r < 0)
		print_message("# %s: %s\n", json, f.err.msg);
	assert_int_equal(r, 0);
	sl_buf_str(&b, "");
	for (size_t i = 0; i < f.m.n; i++) {
		struct sl_jb jb = { .a = &f.a };
		struct sl_json *j;

		sl_buf_slice(&b, f.m.c[i].suffix);
		sl_buf_byte(&b, '|');
		sl_buf_slice(&b, f.m.c[i].id);
		sl_buf_byte(&b, '|');
		assert_int_equal(sl_val_to_json(&jb, f.m.c[i].values, &j, &f.err), 0);
		assert_int_equal(sl_json_jcs(j, &b, &f.err), 0);
		sl_buf_byte(&b, '\n');
	}
	assert_string_equal((char *)b.p, want);
	sl_arena_free(&f.a);
}

static void
expect_err(const char *json, int code, const char *msg)
{
	struct fix f;

	assert_int_equal(build(&f, json, SL_MATRIX_MAX, 0), code);
	assert_string_equal(f.err.msg, msg);
	if (code == SL_E(FORMAT))
		assert_true(sl_slice_eq(f.why.msg, sl_slice_str(msg)));
	sl_arena_free(&f.a);
}

static void
test_product(void **state)
{
	(void)state;
	expect(
	    "{\"os\":[\"l\",\"w\"],\"v\":[1,2.5]}",
	    "l, 1|l_1|{\"os\":\"l\",\"v\":1}\nl, 2.5|l_2_5|{\"os\":\"l\",\"v\":2.5}\n"
	    "w, 1|w_1|{\"os\":\"w\",\"v\":1}\nw, 2.5|w_2_5|{\"os\":\"w\",\"v\":2.5}\n");
	expect("{\"v\":[true,null,\"\",{\"a\":[1,\"x\"],\"b\":2}]}",
	       "true|true|{\"v\":true}\n|job|{\"v\":null}\n|job_2|{\"v\":\"\"}\n"
	       "1, x, 2|_1_x_2|{\"v\":{\"a\":[1,\"x\"],\"b\":2}}\n");
	expect("{\"v\":[\"a\",\"A\",\"a!\",\"__x\",\"-\"]}",
	       "a|a|{\"v\":\"a\"}\nA|A_2|{\"v\":\"A\"}\na!|a_|{\"v\":\"a!\"}\n__x|_x|{"
	       "\"v\":\"__x\"}\n"
	       "-|_-|{\"v\":\"-\"}\n");
}

static void
test_exclude(void **state)
{
	(void)state;
	expect(
	    "{\"os\":[\"l\",\"w\"],\"v\":[1,2],\"exclude\":[{\"OS\":\"W\",\"v\":\"2\"}]}",
	    "l, 1|l_1|{\"os\":\"l\",\"v\":1}\nl, 2|l_2|{\"os\":\"l\",\"v\":2}\n"
	    "w, 1|w_1|{\"os\":\"w\",\"v\":1}\n");
	expect("{\"a\":[{\"x\":1,\"y\":1},{\"x\":2,\"y\":1}],\"exclude\":[{\"a\":{\"x\":"
	       "2}}]}",
	       "1, 1|_1_1|{\"a\":{\"x\":1,\"y\":1}}\n");
	expect("{\"a\":[[1,2],[1,3]],\"exclude\":[{\"a\":[1,3]}]}",
	       "1, 2|_1_2|{\"a\":[1,2]}\n");
	expect("{\"a\":[[1,2],{\"1\":2}],\"exclude\":[{\"a\":{\"1\":2}}]}", "");
	expect("{\"a\":[{\"0\":1},[1]],\"exclude\":[{\"a\":[1]}]}", "");
	expect("{\"a\":[1],\"exclude\":[{\"a\":1}]}", "");
	expect("{\"a\":[1],\"exclude\":[{\"a\":1}],\"include\":[{\"a\":1}]}",
	       "1|_1|{\"a\":1}\n");
	expect("{\"a\":[null,0],\"exclude\":[{\"a\":null}]}", "");
	expect("{\"a\":[1],\"exclude\":null,\"include\":null}", "1|_1|{\"a\":1}\n");
}

/* The example of GitHub's documentation of `include`. */
static void
test_include(void **state)
{
	(void)state;
	expect(
	    "{\"fruit\":[\"apple\",\"pear\"],\"animal\":[\"cat\",\"dog\"],\"include\":[{"
	    "\"color\":\"green\"},"
	    "{\"color\":\"pink\",\"animal\":\"cat\"},{\"fruit\":\"apple\",\"shape\":"
	    "\"circle\"},"
	    "{\"fruit\":\"banana\"},{\"fruit\":\"banana\",\"animal\":\"cat\"}]}",
	    "apple, "
	    "cat|apple_cat|{\"animal\":\"cat\",\"color\":\"pink\",\"fruit\":\"apple\","
	    "\"shape\":\"circle\"}\n"
	    "apple, "
	    "dog|apple_dog|{\"animal\":\"dog\",\"color\":\"green\",\"fruit\":\"apple\","
	    "\"shape\":\"circle\"}\n"
	    "pear, "
	    "cat|pear_cat|{\"animal\":\"cat\",\"color\":\"pink\",\"fruit\":\"pear\"}\n"
	    "pear, "
	    "dog|pear_dog|{\"animal\":\"dog\",\"color\":\"green\",\"fruit\":\"pear\"}\n"
	    "banana|banana|{\"fruit\":\"banana\"}\n"
	    "banana, cat|banana_cat|{\"animal\":\"cat\",\"fruit\":\"banana\"}\n");
	expect("{\"include\":[{\"site\":\"p\",\"dc\":\"a\"},{\"site\":\"q\"}]}",
	       "p, a|p_a|{\"dc\":\"a\",\"site\":\"p\"}\nq|q|{\"site\":\"q\"}\n");
}

static void
test_wrong(void **state)
{
	(void)state;
	expect_err("{\"os\":[]}", SL_E(FORMAT),
		   "Matrix vector 'os' does not contain any values");
	expect_err("{}", SL_E(FORMAT), "Matrix must define at least one vector");
	expect_err("{\"include\":[]}", SL_E(FORMAT),
		   "Matrix must define at least one vector");
	expect_err("{\"exclude\":[{\"a\":1}]}", SL_E(FORMAT),
		   "Matrix must define at least one vector");
	expect_err("{\"a\":[1],\"exclude\":[{\"b\":1}]}", SL_E(FORMAT),
		   "Matrix exclude key 'b' does not match any key within the matrix");
	expect_err("{\"a\":[1],\"exclude\":[{}]}", SL_E(FORMAT),
		   "Matrix exclude filter must not be empty");
	expect_err("{\"a\":[1],\"include\":[{}]}", SL_E(FORMAT),
		   "Matrix include mapping does not contain any values");
	expect_err("{\"a\":1}", SL_E(FORMAT), "Matrix vector 'a' must be a sequence");
	expect_err("{\"a\":[1],\"include\":[1]}", SL_E(FORMAT), "Expected a mapping");
	expect_err("{\"a\":[1],\"include\":{}}", SL_E(FORMAT),
		   "Matrix include must be a sequence");
	expect_err("[1]", SL_E(FORMAT), "Expected a mapping");
	expect_err("null", SL_E(FORMAT), "Expected a mapping");
}

static void
vector(struct sl_buf *b, const char *key, size_t n)
{
	sl_buf_printf(b, "\"%s\":[0", key);
	for (size_t i = 1; i < n; i++)
		sl_buf_printf(b, ",%zu", i);
	sl_buf_str(b, "]");
}

static void
test_limits(void **state)
{
	SL_AUTO_BUF b = { .max = 1 << 20 };
	struct fix f;

	(void)state;
	sl_buf_str(&b, "{");
	vector(&b, "a", 16);
	sl_buf_str(&b, ",");
	vector(&b, "b", 16);
	sl_buf_str(&b, "}");
	assert_int_equal(build(&f, (char *)b.p, 256, 0), 0);
	assert_int_equal(f.m.n, 256);
	sl_arena_free(&f.a);
	assert_int_equal(build(&f, (char *)b.p, 255, 0), SL_E(LIMIT));
	assert_string_equal(f.err.msg, "matrix has more than 255 configurations");
	sl_arena_free(&f.a);
	sl_buf_clear(&b);
	sl_buf_str(&b, "{");
	for (int i = 0; i < 20; i++) {
		char key[2] = { (char)('a' + i), 0 };

		sl_buf_str(&b, i > 0 ? "," : "");
		vector(&b, key, 1000);
	}
	sl_buf_str(&b, "}");
	assert_int_equal(build(&f, (char *)b.p, 256, 0), SL_E(LIMIT));
	sl_arena_free(&f.a);
}

static void
test_names(void **state)
{
	struct sl_arena a = { .cap = CAP };
	char job[101];
	struct sl_slice s;

	(void)state;
	s = sl_matrix_job_name(&a, SL_LIT("job"), SL_LIT("a, b"));
	assert_true(sl_slice_eq(s, SL_LIT("job (a, b)")));
	assert_true(sl_slice_eq(sl_matrix_job_name(&a, SL_LIT("job"), SL_LIT("")),
				SL_LIT("job")));
	memset(job, 'x', 100);
	job[100] = '\0';
	assert_int_equal(sl_matrix_job_name(&a, sl_slice_str(job), SL_LIT("")).len, 100);
	s = sl_matrix_job_name(&a, sl_slice_str(job), SL_LIT("y"));
	assert_int_equal(s.len, 100);
	assert_memory_equal(s.p + 97, "...", 3);
	sl_arena_free(&a);
}

static void
test_ids(void **state)
{
	static const char *const bad[] = { "", "1a", "-a", "a b", "a.b", "\xc3\xa9" };
	struct sl_arena a = { .cap = CAP };
	struct sl_ids ids = { .a = &a };
	char name[101];
	struct sl_slice s, seg;
	struct sl_err err = { 0 };
	int r = 0, n = 0;

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(bad); i++) {
		err = (struct sl_err){ 0 };
		assert_int_equal(sl_ids_add(&ids, sl_slice_str(bad[i]), &err),
				 SL_E(FORMAT));
	}
	err = (struct sl_err){ 0 };
	assert_int_equal(sl_ids_add(&ids, SL_LIT("__a"), &err), SL_E(FORMAT));
	assert_string_equal(
	    err.msg,
	    "The identifier '__a' is invalid. IDs starting with '__' are reserved.");
	err = (struct sl_err){ 0 };
	memset(name, 'x', 100);
	assert_int_equal(
	    sl_ids_add(&ids, (struct sl_slice){ (uint8_t *)name, 100 }, &err),
	    SL_E(FORMAT));
	err = (struct sl_err){ 0 };
	assert_int_equal(sl_ids_add(&ids, (struct sl_slice){ (uint8_t *)name, 99 }, &err),
			 0);
	assert_int_equal(sl_ids_add(&ids, SL_LIT("a-_9"), &err), 0);
	assert_int_equal(sl_ids_add(&ids, SL_LIT("A-_9"), &err), SL_E(FORMAT));
	assert_string_equal(err.msg, "The identifier 'A-_9' may not be used more than "
				     "once within the same scope.");
	err = (struct sl_err){ 0 };
	seg = SL_LIT("__run");
	assert_int_equal(sl_ids_build(&ids, &seg, 1, true, &s, &err), 0);
	assert_true(sl_slice_eq(s, SL_LIT("__run")));
	assert_int_equal(sl_ids_build(&ids, &seg, 1, true, &s, &err), 0);
	assert_true(sl_slice_eq(s, SL_LIT("__run_2")));
	seg = SL_LIT("_");
	assert_int_equal(sl_ids_build(&ids, &seg, 1, false, &s, &err), 0);
	assert_int_equal(sl_ids_build(&ids, &seg, 1, false, &s, &err), 0);
	assert_true(sl_slice_eq(s, SL_LIT("_2")));
	seg = (struct sl_slice){ at_edge(name, 100), 100 };
	for (; r == 0 && n < 2000; n++) {
		if ((r = sl_ids_build(&ids, &seg, 1, false, &s, &err)) == 0)
			assert_int_equal(s.len, 100);
	}
	assert_int_equal(r, SL_E(LIMIT));
	assert_int_equal(n, 1000);
	sl_arena_free(&a);
}

static void
test_allocation(void **state)
{
	unsigned long n = 0;
	struct fix f;
	int r;

	(void)state;
	do {
		r = build(&f,
			  "{\"a\":[1,{\"x\":\"y\"}],\"b\":[1,2],\"include\":[{\"a\":1,"
			  "\"c\":3},{\"a\":9}],"
			  "\"exclude\":[{\"b\":2,\"a\":1}]}",
			  256, ++n);
		assert_true(r == 0 || r == SL_E(NOMEM));
		sl_arena_free(&f.a);
	} while (r != 0 && n < 10000);
	assert_int_equal(r, 0);
	assert_true(n > 20);
}

int
main(void)
{
	const struct CMUnitTest t[] = {
		cmocka_unit_test(test_product), cmocka_unit_test(test_exclude),
		cmocka_unit_test(test_include), cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_limits),  cmocka_unit_test(test_names),
		cmocka_unit_test(test_ids),     cmocka_unit_test(test_allocation),
	};

	return run_suite("flow-matrix", t, SL_ARRAY_LEN(t));
}
