/* test_yaml.c -- YAML trees: types, places, and all that is refused. */
#include "t.h"

#include "base/buf.h"
#include "codec/yaml.h"

#include <math.h>
#include <stdio.h>

struct doc {
	struct sl_arena a;
	const struct sl_yaml *y;
	struct sl_yaml_at at;
	struct sl_err err;
	int r;
};

static struct doc
read_lim(const void *p, size_t n, struct sl_limits lim)
{
	struct doc d = { 0 };
	const struct sl_yaml_opts o = { lim, true };

	sl_arena_init(&d.a, 1 << 24);
	d.r = sl_yaml_parse((struct sl_slice){ at_edge(p, n), n }, &o, &d.a, &d.y, &d.at,
			    &d.err);
	return d;
}

static struct doc
read_text(const char *s)
{
	return read_lim(s, strlen(s), (struct sl_limits){ 1 << 20, 50000, 50 });
}

static void
types(void **state)
{
	static const struct {
		const char *text;
		enum sl_yaml_kind kind;
		double num;
	} t[] = {
		{ "~", SL_YAML_NULL, 0 },
		{ "null", SL_YAML_NULL, 0 },
		{ "NULL", SL_YAML_NULL, 0 },
		{ "nULL", SL_YAML_STR, 0 },
		{ "true", SL_YAML_BOOL, 0 },
		{ "False", SL_YAML_BOOL, 0 },
		{ "yes", SL_YAML_STR, 0 },
		{ "on", SL_YAML_STR, 0 },
		{ "0755", SL_YAML_NUM, 755 },
		{ "-12", SL_YAML_NUM, -12 },
		{ "+3", SL_YAML_NUM, 3 },
		{ "0x1F", SL_YAML_NUM, 31 },
		{ "0X1F", SL_YAML_STR, 0 },
		{ "0xFFFFFFFF", SL_YAML_NUM, -1 },
		{ "0x1FFFFFFFF", SL_YAML_STR, 0 },
		{ "0o17", SL_YAML_NUM, 15 },
		{ "0o18", SL_YAML_STR, 0 },
		{ "1.5", SL_YAML_NUM, 1.5 },
		{ "1.", SL_YAML_NUM, 1 },
		{ ".5", SL_YAML_NUM, .5 },
		{ "1e3", SL_YAML_NUM, 1000 },
		{ "1e", SL_YAML_STR, 0 },
		{ "1e999", SL_YAML_NUM, HUGE_VAL },
		{ "-.inf", SL_YAML_NUM, -HUGE_VAL },
		{ ".", SL_YAML_STR, 0 },
		{ "-", SL_YAML_STR, 0 },
		{ "12_345", SL_YAML_STR, 0 },
		{ "1:30", SL_YAML_STR, 0 },
		{ "2001-01-01", SL_YAML_STR, 0 },
		{ "\"1\"", SL_YAML_STR, 0 },
		{ "'true'", SL_YAML_STR, 0 },
		{ "!!str 1", SL_YAML_STR, 0 },
		{ "! 1", SL_YAML_STR, 0 },
		{ "!!float 1", SL_YAML_NUM, 1 },
	};
	(void)state;

	for (size_t i = 0; i < SL_ARRAY_LEN(t); i++) {
		char src[64];
		struct doc d;

		(void)snprintf(src, sizeof(src), "k: %s\n", t[i].text);
		d = read_text(strcmp(t[i].text, "-") == 0 ? "k: \"-\"\n" : src);
		assert_int_equal(d.r, 0);
		assert_int_equal(d.y->child->kind, t[i].kind);
		if (t[i].kind == SL_YAML_NUM)
			assert_true(d.y->child->num == t[i].num);
		sl_arena_free(&d.a);
	}
}

static void
places(void **state)
{
	struct doc d = read_text(
	    "on: push\njobs:\n  \xc3\xa4: {b: \"x y\"}\n  s: |\n    t\n    u\n");
	const struct sl_yaml *jobs = sl_yaml_get(d.y, "jobs"), *b;
	(void)state;

	assert_int_equal(d.r, 0);
	assert_non_null(jobs);
	b = jobs->child->child;
	assert_int_equal(jobs->key->at.line, 2);
	assert_int_equal(jobs->child->key->at.col, 3);
	assert_int_equal(b->at.line, 3);
	assert_int_equal(b->at.col, 10); /* characters, not bytes */
	assert_int_equal(jobs->last->style, SL_YAML_LITERAL);
	assert_int_equal(jobs->last->at.line, 4); /* the indicator */
	assert_int_equal(jobs->last->at.col, 6);
	assert_int_equal(jobs->last->text.len, 4);
	assert_null(sl_yaml_get(NULL, "x"));
	assert_null(sl_yaml_get(b, "x"));
	sl_arena_free(&d.a);
}

static void
aliases(void **state)
{
	struct doc d = read_text("a: &x {k: [1, 2]}\nb: *x\nc: &x z\nd: *x\n");
	const struct sl_yaml *b = sl_yaml_get(d.y, "b");
	(void)state;

	assert_int_equal(d.r, 0);
	assert_int_equal(b->kind, SL_YAML_MAP);
	assert_int_equal(b->child->n, 2);
	assert_ptr_not_equal(b, sl_yaml_get(d.y, "a"));
	assert_true(sl_slice_eq(sl_yaml_get(d.y, "d")->text, SL_LIT("z")));
	sl_arena_free(&d.a);
}

static void
refused(void **state)
{
	static const struct {
		const char *src, *msg;
		size_t line, col;
	} t[] = {
		{ "", "holds no YAML document", 0, 0 },
		{ "# only\n", "holds no YAML document", 0, 0 },
		{ "a: 1\nA: 2\n", "'A' is already defined", 2, 1 },
		{ "{a: 1, a: 2}\n", "'a' is already defined", 1, 8 },
		{ "a: 1\n---\nb: 2\n", "only one document", 2, 1 },
		{ "? [a]\n: b\n", "a key must be a scalar", 1, 3 },
		{ "a: *b\n", "Unknown anchor 'b'", 1, 4 },
		{ "a: &b [*b]\n", "inside its own anchor", 1, 8 },
		{ "a: !foo b\n", "Unexpected tag '!foo'", 1, 0 },
		{ "a: !!map {}\n", "Unexpected tag", 1, 0 },
		{ "a: !!int x\n", "is invalid for the type 'tag:yaml.org,2002:int'", 1,
		  0 },
		{ "a: !!int \"1\"\n", "The scalar style 'DoubleQuoted'", 1, 0 },
		{ "a: \"\\0\"\n", "a NUL character", 1, 4 },
		{ "a: [\n", "", 0, 0 },
		{ "a: b: c\n", "", 1, 0 },
		{ "\ta: b\n", "", 0, 0 },
		{ "a: \"b\n", "", 0, 0 },
		{ "a: b\n c: d\n", "", 0, 0 },
	};
	(void)state;

	for (size_t i = 0; i < SL_ARRAY_LEN(t); i++) {
		struct doc d = read_text(t[i].src);

		assert_int_not_equal(d.r, 0);
		assert_null(d.y);
		assert_non_null(strstr(d.err.msg, t[i].msg));
		assert_null(strstr(d.err.msg, "memory-@"));
		if (t[i].line != 0)
			assert_int_equal(d.at.line, t[i].line);
		if (t[i].col != 0)
			assert_int_equal(d.at.col, t[i].col);
		sl_arena_free(&d.a);
	}
}

static void
bad_bytes(void **state)
{
	static const struct {
		const char *src;
		size_t n;
	} t[] = { { "a: \0b", 5 },
		  { "a: \xff", 4 },
		  { "a: \xc0\x80", 5 },
		  { "a: \xe2\x82", 5 },
		  { "a: \xed\xa0\x80", 6 },
		  { "a: \xf4\x90\x80\x80", 7 },
		  { "\x80", 1 } };
	(void)state;

	for (size_t i = 0; i < SL_ARRAY_LEN(t); i++) {
		struct doc d =
		    read_lim(t[i].src, t[i].n, (struct sl_limits){ 100, 100, 10 });

		assert_int_equal(d.r, SL_E(FORMAT));
		assert_int_equal(d.at.line, 1);
		sl_arena_free(&d.a);
	}
}

/* A text repeated until it is n bytes, after a beginning. */
static struct doc
read_long(const char *begin, const char *part, size_t n)
{
	SL_AUTO_BUF b = { .max = 1 << 22 };

	sl_buf_str(&b, begin);
	while (b.len < n)
		sl_buf_str(&b, part);
	return read_lim(b.p, b.len, (struct sl_limits){ 1 << 20, 50000, 50 });
}

static void
bombs(void **state)
{
	static const char *const t[][2] = {
		{ "", "[" },
		{ "", "{a: " },
		{ "", "- " },
		{ "", "[a," },
		{ "", "[\n" },
		{ "[", "1," },
		{ "", "&a " },
		{ "", "%a b\n" },
		{ "[\"x\n \", ", "[" },
		{ "[\"x\n # \" , ", "[" },
		{ "x: a\n  'b\ny: ", "[" },
		{ "- x: |\n   a\n  y: ", "[" },
		{ "--- ", "[" },
		{ "\xef\xbb\xbf", "[" },
		{ "k: &a ", "[" },
		{ "k: !t ", "[" },
		{ "? ", "[" },
		{ "a\r", "[" },
		{ "", "- a\n" },
		{ "[", "&a [" },
		{ "", "{? " },
	};
	struct doc d;
	(void)state;

	for (size_t i = 0; i < SL_ARRAY_LEN(t); i++) {
		d = read_long(t[i][0], t[i][1], 1000000);
		assert_int_equal(d.r, SL_E(LIMIT));
		assert_true(d.a.used < 16 << 20);
		sl_arena_free(&d.a);
	}
	/* as many brackets that open nothing are fine */
	d = read_long("a: |\n ", "[", 1000000);
	assert_int_equal(d.r, 0);
	sl_arena_free(&d.a);
	d = read_long("a: x", "[,", 500000);
	assert_int_equal(d.r, 0);
	sl_arena_free(&d.a);
	d = read_long("", "a", (1 << 20) + 1);
	assert_int_equal(d.r, SL_E(LIMIT));
	sl_arena_free(&d.a);
}

static void
laughs(void **state)
{
	struct doc d = read_text(
	    "a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
	    "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
	    "d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\n"
	    "e: [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\n");
	(void)state;

	assert_int_equal(d.r, SL_E(LIMIT));
	sl_arena_free(&d.a);
}

/* Depth counts through aliases too. */
static void
deep_alias(void **state)
{
	struct doc d =
	    read_lim("a: &a [[[x]]]\nb: [[*a]]\n", 24, (struct sl_limits){ 100, 100, 4 });
	(void)state;

	assert_int_equal(d.r, SL_E(LIMIT));
	assert_int_equal(d.at.line, 2);
	sl_arena_free(&d.a);
}

static void
out_of_memory(void **state)
{
	static const char src[] =
	    "a: &x {k: [1, ~, true, \"s\"]}\nb: *x\nc: {d: e, f: g, h: i, j: k, l: m}\n";
	const struct sl_yaml_opts o = { { 1000, 100, 10 }, false };
	(void)state;

	for (unsigned long n = 1; n < 500; n++) {
		struct sl_arena a;
		const struct sl_yaml *y = NULL;
		struct sl_yaml_at at;
		struct sl_err err = { 0 };
		int r;

		sl_arena_init(&a, 1 << 20);
		a.fail_at = n;
		r = sl_yaml_parse(sl_slice_str(src), &o, &a, &y, &at, &err);
		sl_arena_free(&a);
		if (r == 0)
			return;
		assert_null(y);
	}
	fail_msg("never succeeded");
}

int
main(void)
{
	const struct CMUnitTest t[] = {
		cmocka_unit_test(types),         cmocka_unit_test(places),
		cmocka_unit_test(aliases),       cmocka_unit_test(refused),
		cmocka_unit_test(bad_bytes),     cmocka_unit_test(bombs),
		cmocka_unit_test(laughs),        cmocka_unit_test(deep_alias),
		cmocka_unit_test(out_of_memory),
	};

	return run_suite("yaml", t, SL_ARRAY_LEN(t));
}
