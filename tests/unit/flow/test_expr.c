/* test_expr.c -- expressions: values, errors with their places, templates, conditions,
 * references, bounds. */
#include "t.h"

#include "flow/expr.h"
#include "flow/expr_case.h"

#include <math.h>
#include <stdlib.h>

enum { CAP = 64 << 20, EVAL_MAX = 1 << 20 };

static const char *const names[] = { "github",          "env",
				     "secrets",         "matrix",
				     "always(0,0)",     "success(0,MAX)",
				     "failure(0,MAX)",  "cancelled(0,0)",
				     "hashFiles(1,255)" };

struct fix {
	struct sl_arena a;
	struct sl_slice allow[SL_ARRAY_LEN(names)];
	struct sl_expr_why why;
	struct sl_expr_syntax sx;
	struct sl_expr_status st;
	struct sl_expr_env env;
	struct sl_err err;
};

static void
start(struct fix *f)
{
	*f = (struct fix){ 0 };
	sl_arena_init(&f->a, CAP);
	for (size_t i = 0; i < SL_ARRAY_LEN(names); i++)
		f->allow[i] = sl_slice_str(names[i]);
	f->sx = (struct sl_expr_syntax){ f->allow, SL_ARRAY_LEN(names), &f->why };
	f->st.is_success = true;
	f->env = (struct sl_expr_env){ .status = &f->st,
				       .max_memory = EVAL_MAX,
				       .why = &f->why };
}

static void
contexts(struct fix *f, const char *json)
{
	struct sl_limits lim = { CAP, CAP, 100 };
	struct sl_json *j;

	assert_int_equal(sl_json_parse(sl_slice_str(json), &lim, &f->a, &j, &f->err), 0);
	assert_int_equal(sl_val_from_json(&f->a, j, false, &f->env.contexts, &f->err), 0);
}

static int
run(struct fix *f, struct sl_slice src, const struct sl_value **ret)
{
	const struct sl_expr *e;
	int r;

	f->err = (struct sl_err){ 0 };
	f->why = (struct sl_expr_why){ 0 };
	if ((r = sl_expr_parse(src, &f->sx, &f->a, &e, &f->err)) < 0)
		return r;
	return sl_expr_eval(e, &f->env, &f->a, ret, &f->err);
}

/* The value as toJSON writes it. */
static void
expect(struct fix *f, const char *src, const char *json)
{
	SL_AUTO_BUF b = { .max = CAP };
	const struct sl_value *v;
	int r = run(f, sl_slice_str(src), &v);

	if (r < 0)
		print_message("# %s: %s\n", src, f->err.msg);
	assert_int_equal(r, 0);
	assert_int_equal(sl_val_pretty(v, &b, &f->err), 0);
	if (strcmp((char *)b.p, json) != 0)
		print_message("# %s\n", src);
	assert_string_equal((char *)b.p, json);
}

static void
expect_err(struct fix *f, const char *src, const char *msg)
{
	const struct sl_value *v = NULL;
	int r = run(f, sl_slice_str(src), &v);

	if (r == 0)
		print_message("# passed: %s\n", src);
	assert_true(r < 0);
	assert_int_equal(r, f->err.code);
	assert_int_equal(f->why.msg.len, strlen(msg));
	assert_memory_equal(f->why.msg.p, msg, strlen(msg));
	assert_null(v);
}

static void
test_values(void **state)
{
	static const char *const row[][2] = {
		{ "", "null" },
		{ " \t\n\xc2\xa0 ", "null" },
		{ "'it''s'", "\"it's\"" },
		{ "''", "\"\"" },
		{ "''''", "\"'\"" },
		{ "1e999", "Infinity" },
		{ "-0", "0" },
		{ "5.", "5" },
		{ "1.e2", "100" },
		{ "0xffffffff", "-1" },
		{ "0o37777777777", "-1" },
		{ "00012", "12" },
		{ "123456789012345678", "1.23456789012346E+17" },
		{ "0.00001", "1E-05" },
		{ "0.0001", "0.0001" },
		{ "999999999999999", "999999999999999" },
		{ "1000000000000000", "1E+15" },
		{ "'0x1' == 1", "true" },
		{ "' 12 ' == 12", "true" },
		{ "'1e' == 1", "false" },
		{ "'.' == 0", "false" },
		{ "'' == 0", "true" },
		{ "'\xe3\x80\x80' == 0", "true" },
		{ "null == 0", "true" },
		{ "null >= null", "true" },
		{ "null > null", "false" },
		{ "NaN == NaN", "false" },
		{ "NaN != NaN", "true" },
		{ "'a' < 'B'", "true" },
		{ "'stra\xc3\x9f"
		  "e' == 'STRASSE'",
		  "false" },
		{ "'\xc4\xb1' == 'I'", "false" },
		{ "'\xc5\xbf' == 'S'", "false" },
		{ "'\xf0\x90\x90\xa8' == '\xf0\x90\x90\x80'", "true" },
		{ "'\xf0\x90\x80\x80' < '\xef\xbf\xbd'", "true" },
		{ "!0 && 'x'", "\"x\"" },
		{ "0 || null || ''", "\"\"" },
		{ "1 && (2 && (3 && 4))", "4" },
		{ "1 || nothing.is.read", "" },
		{ "github.LIST[1.9]", "\"b\"" },
		{ "github.list['1']", "\"b\"" },
		{ "github.list[true]", "\"b\"" },
		{ "github.list[-1]", "null" },
		{ "github.list[2147483648]", "null" },
		{ "github.list[github.list]", "null" },
		{ "github.obj.*",
		  "[\n  {\n    \"x\": 1\n  },\n  {\n    \"X\": 2\n  },\n  5\n]" },
		{ "github.obj.*.x", "[\n  1,\n  2\n]" },
		{ "join(github.obj.*.x, ' + ')", "\"1 + 2\"" },
		{ "join(github.obj.*.x, github)", "\"1,2\"" },
		{ "join(github)", "\"\"" },
		{ "join(12)", "\"12\"" },
		{ "contains(github.list, 'B')", "true" },
		{ "contains(github.obj.*.x, '2')", "true" },
		{ "contains('abc', github)", "false" },
		{ "contains('', '')", "true" },
		{ "contains(github, 'x')", "false" },
		{ "startsWith('\xc3\x9cx', '\xc3\xbc')", "true" },
		{ "endsWith('abc', 'abcd')", "false" },
		{ "format('{0}{0}{2}{1}', 1, 'b', null)", "\"11b\"" },
		{ "format('{0:}', 1)", "\"1\"" },
		{ "format('{254}', 1) || 1", "" },
		{ "case(false, 1, true, 2, 3)", "2" },
		{ "case(true, 1, 2)", "1" },
		{ "fromJSON('{\"a\":1,\"A\":2}').a", "2" },
		{ "fromJSON('[[1],[2]]').*.*", "[\n  1,\n  2\n]" },
		{ "toJSON(fromJSON('\"\\u0085\\u2028\\u0001\\n\\/\"'))",
		  "\"\\\"\\\\u0085\\\\u2028\\\\u0001\\\\n/\\\"\"" },
		{ "toJSON(fromJSON('{\"a\":{},\"b\":[]}'))",
		  "\"{\\n  \\\"a\\\": {},\\n  \\\"b\\\": []\\n}\"" },
		{ "success()", "true" },
		{ "SUCCESS() && !failure() && !cancelled() && always()", "true" },
		{ "success('a', 'b')", "false" },
		{ "success('a')", "true" },
		{ "failure('a', 'b')", "true" },
		{ "failure('none')", "false" },
		{ "github == github", "true" },
		{ "github.list == fromJSON('[\"a\",\"b\"]')", "false" },
	};
	struct fix f;

	(void)state;
	start(&f);
	contexts(&f, "{\"github\":{\"list\":[\"a\",\"b\"],\"obj\":{\"p\":{\"x\":1},\"q\":"
		     "{\"X\":2},\"r\":5}},"
		     "\"r\":{\"A\":\"success\",\"b\":\"failure\"}}");
	f.st.results = sl_val_gets(f.env.contexts, "r");
	for (size_t i = 0; i < SL_ARRAY_LEN(row); i++) {
		if (row[i][1][0] != '\0')
			expect(&f, row[i][0], row[i][1]);
	}
	sl_arena_free(&f.a);
}

static void
test_errors(void **state)
{
	static const char *const row[][2] = {
		{ "1 <", "Unexpected end of expression: '<'. Located at position 3 "
			 "within expression: 1 <" },
		{ "nope", "Unrecognized named-value: 'nope'. Located at position 1 "
			  "within expression: nope" },
		{ "'\xf0\x9f\x98\x8a' nope",
		  "Unexpected symbol: 'nope'. Located at position 6 within expression: "
		  "'\xf0\x9f\x98\x8a' nope" },
		{ "nope()", "Unrecognized function: 'nope'. Located at position 1 within "
			    "expression: nope()" },
		{ "github(1)", "Unrecognized function: 'github'. Located at position 1 "
			       "within expression: github(1)" },
		{ "success", "Unrecognized named-value: 'success'. Located at position 1 "
			     "within expression: success" },
		{ "always(1)", "Too many parameters supplied: '('. Located at position 7 "
			       "within expression: always(1)" },
		{ "join()", "Too few parameters supplied: '('. Located at position 5 "
			    "within expression: join()" },
		{ "case(1,2,3,4)", "Even number of parameters supplied, requires an odd "
				   "number of parameters: '('. Located at "
				   "position 5 within expression: case(1,2,3,4)" },
		{ "hashFiles", "Unrecognized named-value: 'hashFiles'. Located at "
			       "position 1 within expression: hashFiles" },
		{ "(1", "Unexpected end of expression: '1'. Located at position 2 within "
			"expression: (1" },
		{ "[1]", "Unexpected symbol: '['. Located at position 1 within "
			 "expression: [1]" },
		{ "github[1)", "Unexpected symbol: ')'. Located at position 9 within "
			       "expression: github[1)" },
		{ "github.", "Unexpected end of expression: '.'. Located at position 7 "
			     "within expression: github." },
		{ "*",
		  "Unexpected symbol: '*'. Located at position 1 within expression: *" },
		{ "1 + 2", "Unexpected symbol: '+'. Located at position 3 within "
			   "expression: 1 + 2" },
		{ "\"x\"", "Unexpected symbol: '\"x\"'. Located at position 1 within "
			   "expression: \"x\"" },
		{ "0x", "Unexpected symbol: '0x'. Located at position 1 within "
			"expression: 0x" },
		{ "0x1ffffffff", "Unexpected symbol: '0x1ffffffff'. Located at position "
				 "1 within expression: 0x1ffffffff" },
		{ "format('{0')", "The following format string is invalid: {0" },
		{ "format('{256}', 1)", "The following format string is invalid: {256}" },
		{ "format('{1}', 1)", "The following format string references more "
				      "arguments than were supplied: {1}" },
		{ "format('{0:x}}y}', 1)", "The format specifiers 'x}y' are not valid "
					   "for objects of type 'Number'" },
		{ "case('x', 1, 2)", "case predicate must evaluate to a boolean value" },
		{ "hashFiles('x')", "hashFiles() is not available here" },
		{ "fromJSON('')", "Error parsing fromJson: JSON: the input is empty" },
	};
	struct fix f;

	(void)state;
	start(&f);
	for (size_t i = 0; i < SL_ARRAY_LEN(row); i++)
		expect_err(&f, row[i][0], row[i][1]);
	assert_true(
	    run(&f, SL_LIT("fromJSON('[1,]')"), &(const struct sl_value *){ NULL }) < 0);
	assert_memory_equal(f.why.msg.p, "Error parsing fromJson", 22);
	assert_true(run(&f, SL_LIT("1 == nope"), &(const struct sl_value *){ NULL }) < 0);
	assert_true(f.why.has_place && f.why.at == 5 && f.why.len == 4);
	sl_arena_free(&f.a);
}

static int
fake_hash(void *arg, const struct sl_slice *p, size_t n, char ret[65], struct sl_err *err)
{
	if (arg == NULL)
		return SL_ERR(err, SYS, "no disk");
	assert_int_equal(n, 2);
	assert_true(sl_slice_eq(p[0], SL_LIT("a*")) && sl_slice_eq(p[1], SL_LIT("true")));
	memset(ret, 'f', 64);
	ret[64] = '\0';
	return 0;
}

static void
test_host(void **state)
{
	const struct sl_value *v;
	struct fix f;
	int calls = 0;

	(void)state;
	start(&f);
	f.env.hash_files = fake_hash;
	f.env.host_arg = &calls;
	assert_int_equal(run(&f, SL_LIT("hashFiles('a*', true)"), &v), 0);
	assert_int_equal(v->s.len, 64);
	f.env.host_arg = NULL;
	assert_int_equal(run(&f, SL_LIT("false || hashFiles('x')"), &v), SL_E(SYS));
	assert_int_equal(run(&f, SL_LIT("false && hashFiles('x')"), &v), 0);
	assert_int_equal(run(&f, SL_LIT("case(true, 1, hashFiles('x'))"), &v), 0);
	assert_int_equal(run(&f, SL_LIT("format('none', hashFiles('x'))"), &v), 0);
	assert_int_equal(run(&f, SL_LIT("join('x', hashFiles('x'))"), &v), 0);
	f.env.status = NULL;
	expect(&f, "success() && !failure()", "true");
	sl_arena_free(&f.a);
}

/* env on Linux keeps the case of its keys; everything around it does not. */
static void
test_exact_keys(void **state)
{
	struct sl_value *ctx, *env;
	struct fix f;

	(void)state;
	start(&f);
	ctx = sl_val_obj(&f.a, false);
	env = sl_val_obj(&f.a, true);
	(void)sl_val_set(&f.a, env, SL_LIT("A"), sl_val_str(&f.a, SL_LIT("upper")));
	(void)sl_val_set(&f.a, env, SL_LIT("a"), sl_val_str(&f.a, SL_LIT("lower")));
	(void)sl_val_set(&f.a, ctx, SL_LIT("env"), env);
	f.env.contexts = ctx;
	expect(&f, "ENV.A", "\"upper\"");
	expect(&f, "env['a']", "\"lower\"");
	expect(&f, "env.b", "null");
	sl_arena_free(&f.a);
}

/* Keys by the thousand: hashed, in order, replaced in place, case ignored or not. */
static void
test_large_object(void **state)
{
	struct sl_arena a = { .cap = CAP };
	char key[32];

	(void)state;
	for (int exact = 0; exact < 2; exact++) {
		struct sl_value *o = sl_val_obj(&a, exact != 0), *copy;

		for (int i = 0; i < 5000; i++) {
			int n = snprintf(key, sizeof(key), "Key%d", i);

			assert_non_null(sl_val_set(
			    &a, o,
			    sl_arena_dup(&a, (struct sl_slice){ (uint8_t *)key, n }),
			    sl_val_num(&a, i)));
		}
		assert_int_equal(o->n, 5000);
		copy = sl_val_copy(&a, o);
		assert_non_null(
		    sl_val_set(&a, copy, SL_LIT("kEY4711"), sl_val_num(&a, -1)));
		assert_int_equal(copy->n, exact ? 5001 : 5000);
		assert_true(sl_val_gets(copy, "Key4711")->d == (exact ? 4711 : -1));
		assert_true(sl_val_gets(o, "Key4711")->d == 4711);
		assert_true((sl_val_gets(o, "key17") == NULL) == (exact != 0));
		assert_null(sl_val_gets(o, "Key5000"));
		assert_true(sl_slice_eq(o->m[4999].key, SL_LIT("Key4999")));
	}
	sl_arena_free(&a);
}

static void
template_is(struct fix *f, const char *src, const char *text, bool is_whole)
{
	struct sl_template t;
	int r;

	f->err = (struct sl_err){ 0 };
	r = sl_expr_template(sl_slice_str(src), &f->sx, &f->a, &t, &f->err);
	if (r < 0)
		print_message("# %s: %s\n", src, f->err.msg);
	assert_int_equal(r, 0);
	assert_int_equal(t.kind, SL_TEMPLATE_EXPR);
	assert_int_equal(t.is_whole, is_whole);
	assert_int_equal(sl_expr_text(t.expr).len, strlen(text));
	assert_memory_equal(sl_expr_text(t.expr).p, text, strlen(text));
}

static void
literal_is(struct fix *f, const char *src, const char *text)
{
	struct sl_template t;

	f->err = (struct sl_err){ 0 };
	assert_int_equal(sl_expr_template(sl_slice_str(src), &f->sx, &f->a, &t, &f->err),
			 0);
	assert_int_equal(t.kind, SL_TEMPLATE_LITERAL);
	assert_true(sl_slice_eq(t.text, sl_slice_str(text)));
}

static void
template_fails(struct fix *f, const char *src, const char *msg)
{
	struct sl_template t;

	f->err = (struct sl_err){ 0 };
	assert_int_equal(sl_expr_template(sl_slice_str(src), &f->sx, &f->a, &t, &f->err),
			 SL_E(FORMAT));
	assert_memory_equal(f->err.msg, msg, strlen(msg));
}

static void
test_templates(void **state)
{
	const struct sl_value *v;
	struct sl_template t;
	struct fix f;

	(void)state;
	start(&f);
	template_is(&f, "${{ github.sha }}", "github.sha", true);
	template_is(&f, "${{github}}", "github", true);
	template_is(&f, "a${{ 1 }}b", "format('a{0}b', 1)", false);
	template_is(&f, " ${{ 1 }}", "format(' {0}', 1)", false);
	template_is(&f, "${{ 1 }}${{ 2 }}", "format('{0}{1}', 1, 2)", false);
	template_is(&f, "it's {x} ${{ '}}' }}", "format('it''s {{x}} {0}', '}}')", false);
	template_is(&f, "${{ '}}' == github }}", "'}}' == github", true);
	template_is(&f, "${{ 'a' || 'b' }}", "'a' || 'b'", true);
	literal_is(&f, "", "");
	literal_is(&f, "$ {{ x }} }}", "$ {{ x }} }}");
	literal_is(&f, "${{ 'a''b' }}", "a'b");
	literal_is(&f, "${{ '${{ x }}' }}", "${{ x }}");
	template_fails(&f, "${{ 1 }",
		       "The expression is not closed. An unescaped ${{ sequence");
	template_fails(&f, "${{ '}}", "The expression is not closed.");
	template_fails(&f, "${{ 1 }} ${{", "The expression is not closed.");
	template_fails(&f, "${{}}", "An expression was expected");
	template_fails(&f, "x ${{ \t }}", "An expression was expected");
	template_fails(&f, "${{ insert }} x",
		       "The directive 'insert' is not allowed in this context.");
	template_fails(&f, "${{ insert a (b c) }}",
		       "Exactly 0 parameter(s) were expected following the directive "
		       "'insert'. Actual "
		       "parameter count: 2");
	template_fails(&f, "${{ inserted }}", "Unrecognized named-value: 'inserted'");
	template_fails(&f, "ab ${{ github == nope }}",
		       "Unrecognized named-value: 'nope'. Located at position 11");
	assert_true(f.why.has_place && f.why.at == 17 && f.why.len == 4);
	f.err = (struct sl_err){ 0 };
	assert_int_equal(sl_expr_template(SL_LIT("${{insert}}"), &f.sx, &f.a, &t, &f.err),
			 0);
	assert_int_equal(t.kind, SL_TEMPLATE_INSERT);
	assert_int_equal(sl_expr_template(SL_LIT("{${{ 1 }}}"), &f.sx, &f.a, &t, &f.err),
			 0);
	assert_int_equal(sl_expr_eval(t.expr, &f.env, &f.a, &v, &f.err), 0);
	assert_true(sl_slice_eq(v->s, SL_LIT("{1}")));
	sl_arena_free(&f.a);
}

static void
test_if(void **state)
{
	static const char *const row[][2] = {
		{ "", "success()" },
		{ "  ", "success()" },
		{ "github.x", "success() && (github.x)" },
		{ "${{ github.x }}", "success() && (github.x)" },
		{ "${{ github.x || Failure() }}", "github.x || Failure()" },
		{ "always()", "always()" },
		{ "contains(format('{0}', cancelled()), 'x')",
		  "contains(format('{0}', cancelled()), 'x')" },
		{ "'success()'", "success() && ('success()')" },
		{ "a ${{ github.x }}", "success() && (format('a {0}', github.x))" },
	};
	const struct sl_expr *e;
	struct fix f;

	(void)state;
	start(&f);
	for (size_t i = 0; i < SL_ARRAY_LEN(row); i++) {
		assert_int_equal(
		    sl_expr_if(sl_slice_str(row[i][0]), &f.sx, &f.a, &e, &f.err), 0);
		assert_true(sl_slice_eq(sl_expr_text(e), sl_slice_str(row[i][1])));
		assert_true(sl_expr_has_status(e));
	}
	assert_int_equal(sl_expr_if(SL_LIT("secret.x"), &f.sx, &f.a, &e, &f.err),
			 SL_E(FORMAT));
	f.err = (struct sl_err){ 0 };
	assert_int_equal(sl_expr_if(SL_LIT("${{ insert }}"), &f.sx, &f.a, &e, &f.err),
			 SL_E(FORMAT));
	f.err = (struct sl_err){ 0 };
	assert_int_equal(
	    sl_expr_parse(SL_LIT("toJSON(hashfiles('x'))"), &f.sx, &f.a, &e, &f.err), 0);
	assert_true(sl_expr_calls(e, "hashFiles") && !sl_expr_calls(e, "join") &&
		    !sl_expr_has_status(e));
	sl_arena_free(&f.a);
}

/* "context.path...[!]", ! for all, joined by a blank. */
static void
refs_are(struct fix *f, const char *src, const char *want)
{
	SL_AUTO_BUF b = { .max = 1 << 16 };
	const struct sl_expr_ref *ref;
	const struct sl_expr *e;
	size_t n;

	assert_int_equal(sl_expr_parse(sl_slice_str(src), &f->sx, &f->a, &e, &f->err), 0);
	assert_int_equal(sl_expr_refs(e, &f->a, &ref, &n, &f->err), 0);
	for (size_t i = 0; i < n; i++) {
		sl_buf_str(&b, i > 0 ? " " : "");
		sl_buf_slice(&b, ref[i].context);
		for (size_t k = 0; k < ref[i].n_path; k++) {
			sl_buf_byte(&b, '.');
			sl_buf_slice(&b, ref[i].path[k]);
		}
		sl_buf_str(&b, ref[i].is_all ? "!" : "");
	}
	sl_buf_str(&b, "");
	assert_string_equal((char *)b.p, want);
}

static void
test_refs(void **state)
{
	struct fix f;

	(void)state;
	start(&f);
	refs_are(&f, "1 == 'secrets.A'", "");
	refs_are(&f, "secrets.A", "secrets.A");
	refs_are(&f, "Secrets['A'] || secrets.A || secrets.B", "Secrets.A secrets.B");
	refs_are(&f, "secrets[matrix.x]", "secrets! matrix.x");
	refs_are(&f, "toJSON(secrets)", "secrets!");
	refs_are(&f, "secrets.*", "secrets!");
	refs_are(&f, "(secrets).A", "secrets.A");
	refs_are(&f, "(secrets || env).A", "secrets! env!");
	refs_are(&f, "case(true, secrets, env).A", "secrets! env!");
	refs_are(&f, "github.event[env.X].y[secrets[github.z]]",
		 "github.event! secrets! github.z env.X");
	refs_are(&f, "format('{0}', env.A.b[1])", "env.A.b.1");
	sl_arena_free(&f.a);
}

static struct sl_slice
repeat(struct fix *f, const char *head, const char *unit, size_t n, const char *tail)
{
	size_t h = strlen(head), u = strlen(unit), t = strlen(tail);
	uint8_t *p = sl_arena_alloc(&f->a, h + n * u + t, 1);

	assert_non_null(p);
	memcpy(p, head, h);
	for (size_t i = 0; i < n; i++)
		memcpy(p + h + i * u, unit, u);
	memcpy(p + h + n * u, tail, t);
	return (struct sl_slice){ p, h + n * u + t };
}

static void
test_bounds(void **state)
{
	const struct sl_value *v;
	struct fix f;

	(void)state;
	start(&f);
	assert_int_equal(run(&f, repeat(&f, "", " ", 1 << 20, "1"), &v), SL_E(FORMAT));
	assert_string_equal(f.err.msg, "Exceeded max expression length 21000");
	assert_int_equal(run(&f, repeat(&f, "'", "x", 20998, "'"), &v), 0);
	assert_int_equal(run(&f, repeat(&f, "'", "x", 20999, "'"), &v), SL_E(FORMAT));
	assert_int_equal(run(&f, repeat(&f, "'", "\xf0\x9f\x98\x8a", 10499, "'"), &v), 0);
	assert_int_equal(run(&f, repeat(&f, "'", "\xf0\x9f\x98\x8a", 10500, "'"), &v),
			 SL_E(FORMAT));
	assert_int_equal(run(&f, repeat(&f, "", "!", 20000, "1"), &v), SL_E(FORMAT));
	assert_string_equal(f.err.msg, "Exceeded max expression depth 50");
	assert_int_equal(run(&f, repeat(&f, "", "(", 20999, "1"), &v), SL_E(FORMAT));
	assert_int_equal(run(&f, repeat(&f, "github", ".a", 10000, ""), &v),
			 SL_E(FORMAT));
	assert_int_equal(run(&f, repeat(&f, "github", "[github", 2900, ""), &v),
			 SL_E(FORMAT));
	assert_int_equal(run(&f, repeat(&f, "1", "||1", 6900, ""), &v), 0);
	assert_int_equal(run(&f, repeat(&f, "1", "==1", 6900, ""), &v), SL_E(FORMAT));
	assert_int_equal(run(&f, repeat(&f, "format(''", ",1", 254, ")"), &v), 0);
	assert_int_equal(run(&f, repeat(&f, "format(''", ",1", 255, ")"), &v),
			 SL_E(FORMAT));
	sl_arena_free(&f.a);
}

static void
test_memory(void **state)
{
	static const char *const bombs[] = {
		"format('{0}{0}{0}{0}', %s)",
		"join(fromJSON(format('[{0},{0},{0},{0}]', toJSON(%s))), "
		"'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx')",
		"toJSON(toJSON(toJSON(toJSON(%s))))",
	};
	const struct sl_value *v;
	struct fix f;

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(bombs); i++) {
		SL_AUTO_BUF b = { .max = 1 << 16 };
		char *text;

		start(&f);
		text = sl_arena_str(&f.a, SL_LIT("'0123456789\"'"));
		for (int k = 0; k < 12; k++) {
			char *p = strstr(bombs[i], "%s");

			sl_buf_clear(&b);
			sl_buf_put(&b, bombs[i], (size_t)(p - bombs[i]));
			sl_buf_str(&b, text);
			sl_buf_str(&b, p + 2);
			text = sl_arena_str(&f.a, sl_buf_get(&b));
		}
		assert_true(run(&f, sl_slice_str(text), &v) < 0);
		if (i == 0) {
			assert_int_equal(f.err.code, SL_E(LIMIT));
			assert_memory_equal(
			    f.why.msg.p, "The maximum allowed memory size was exceeded",
			    44);
		}
		sl_arena_free(&f.a);
	}
	start(&f);
	f.env.max_memory = 0;
	assert_int_equal(run(&f, SL_LIT("toJSON(1)"), &v), SL_E(LIMIT));
	assert_int_equal(run(&f, SL_LIT("1"), &v), 0);
	sl_arena_free(&f.a);
}

/* Two long texts whose naive search takes 2^40 steps. */
static void
test_search(void **state)
{
	struct sl_value *ctx, *gh;
	struct fix f;

	(void)state;
	start(&f);
	f.env.max_memory = CAP / 2;
	ctx = sl_val_obj(&f.a, false);
	gh = sl_val_obj(&f.a, false);
	(void)sl_val_set(&f.a, gh, SL_LIT("a"),
			 sl_val_str(&f.a, repeat(&f, "", "a", 1 << 20, "")));
	(void)sl_val_set(&f.a, gh, SL_LIT("b"),
			 sl_val_str(&f.a, repeat(&f, "", "a", 1 << 19, "b")));
	(void)sl_val_set(&f.a, ctx, SL_LIT("github"), gh);
	f.env.contexts = ctx;
	expect(&f, "contains(github.a, github.b)", "false");
	expect(&f, "github.a == 1", "false");
	sl_arena_free(&f.a);
}

static void
test_bytes(void **state)
{
	static const uint8_t nul[] = "'a\0b' == 'A\0B'",
			     bad[] = "'\xff\xc3' == '\xff\xc3'",
			     sur[] = "'\xed\xa0\x80' != '\xed\xa0\x81'",
			     mid[] = "git\0hub";
	const struct sl_value *v;
	struct fix f;

	(void)state;
	start(&f);
	assert_int_equal(run(&f, (struct sl_slice){ nul, sizeof(nul) - 1 }, &v), 0);
	assert_true(v->b);
	assert_int_equal(run(&f, (struct sl_slice){ bad, sizeof(bad) - 1 }, &v), 0);
	assert_true(v->b);
	assert_int_equal(run(&f, (struct sl_slice){ sur, sizeof(sur) - 1 }, &v), 0);
	assert_true(v->b);
	assert_int_equal(run(&f, (struct sl_slice){ mid, sizeof(mid) - 1 }, &v),
			 SL_E(FORMAT));
	assert_null(strchr(f.err.msg, '\n'));
	assert_true(memchr(f.err.msg, 0, sizeof(f.err.msg)) != NULL);
	sl_arena_free(&f.a);
}

/* Every prefix of every text, flush against an unreadable page. */
static void
test_edge(void **state)
{
	static const char *const src[] = { "format('{0} {{', github['a'].*.b) != 0x1f",
					   "x ${{ 'it''s' }} ${{ github }}",
					   "!success('\xe2\x82\xac') || -1.5e+3" };
	const struct sl_value *v;
	const struct sl_expr *e;
	struct sl_template t;
	struct fix f;

	(void)state;
	start(&f);
	for (size_t i = 0; i < SL_ARRAY_LEN(src); i++) {
		for (size_t n = 0; n <= strlen(src[i]); n++) {
			struct sl_slice s = { at_edge(src[i], n), n };

			(void)!run(&f, s, &v);
			f.err = (struct sl_err){ 0 };
			(void)!sl_expr_template(s, &f.sx, &f.a, &t, &f.err);
			f.err = (struct sl_err){ 0 };
			(void)!sl_expr_if(s, &f.sx, &f.a, &e, &f.err);
		}
	}
	sl_arena_free(&f.a);
}

static void
test_allocation(void **state)
{
	static const char src[] =
	    "a ${{ format('{0}{1}', join(fromJSON('[1,\"b\"]').*, '+'), toJSON(github)) "
	    "}} "
	    "${{ contains('it''s', secrets.x) && case(true, startsWith('a', 'b'), 1) }}";
	const struct sl_expr_ref *ref;
	const struct sl_value *v;
	struct sl_template t;
	struct fix f;
	size_t n_ref;
	unsigned long n = 0;
	int r;

	(void)state;
	do {
		start(&f);
		contexts(&f, "{\"github\":{\"a\":[1,2]}}");
		f.a.fail_at = ++n;
		if ((r = sl_expr_template(sl_slice_str(src), &f.sx, &f.a, &t, &f.err)) ==
			0 &&
		    (r = sl_expr_refs(t.expr, &f.a, &ref, &n_ref, &f.err)) == 0)
			r = sl_expr_eval(t.expr, &f.env, &f.a, &v, &f.err);
		assert_true(r == 0 || r == SL_E(NOMEM));
		assert_int_equal(r, f.err.code);
		sl_arena_free(&f.a);
	} while (r != 0 && n < 10000);
	assert_int_equal(r, 0);
	assert_true(n > 50);
}

static void
test_numbers(void **state)
{
	static const struct {
		const char *s;
		double d;
	} row[] = { { "1", 1 },
		    { "  -1.50 ", -1.5 },
		    { "1E2", 100 },
		    { "+.5e-1", .05 },
		    { "0.1", 0.1 },
		    { "9007199254740993", 9007199254740992.0 },
		    { "5e-324", 5e-324 },
		    { "1e-999", 0 },
		    { "2.2250738585072011e-308", 2.2250738585072011e-308 },
		    { "0e99999999999999999999", 0 },
		    { "1e-99999999999999999999", 0 },
		    { "0x7fffffff", 2147483647.0 },
		    { "0o17", 15 } };
	static const char *const nan[] = { "x",   "1x",          "1 2",     "--1", "1e",
					   "1e+", ".",           "e1",      "0x",  "0xg",
					   "0X1", "-0x1",        "0o8",     "Inf", "1,5",
					   "1_0", "0x100000000", "\xd9\xa1" };
	char out[SL_NUM_TEXT];
	struct fix f;

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(row); i++)
		assert_true(sl_val_parse_number(sl_slice_str(row[i].s)) == row[i].d);
	for (size_t i = 0; i < SL_ARRAY_LEN(nan); i++)
		assert_true(isnan(sl_val_parse_number(sl_slice_str(nan[i]))));
	assert_true(isinf(sl_val_parse_number(SL_LIT("infinity"))));
	start(&f);
	assert_true(sl_val_parse_number(repeat(&f, "0.", "0", 1 << 20, "1e1048577")) ==
		    1);
	assert_true(sl_val_parse_number(repeat(&f, "1", "0", 100, "e-100")) == 1);
	/* A tie that only the last of a thousand digits breaks. */
	assert_true(sl_val_parse_number(repeat(&f, "9007199254740993.", "0", 1000, "")) ==
		    9007199254740992.0);
	assert_true(sl_val_parse_number(repeat(&f, "9007199254740993.", "0", 1000,
					       "1")) == 9007199254740994.0);
	assert_int_equal(sl_val_format_number(out, 1e20), 5);
	assert_string_equal(out, "1E+20");
	assert_int_equal(sl_val_format_number(out, -0.0), 1);
	assert_string_equal(out, "0");
	(void)sl_val_format_number(out, -1.7976931348623157e308);
	assert_string_equal(out, "-1.79769313486232E+308");
	sl_arena_free(&f.a);
}

static void
test_json(void **state)
{
	struct sl_arena a = { .cap = CAP };
	struct sl_jb jb = { .a = &a };
	struct sl_value *v = sl_val_arr(&a), *top = v;
	const struct sl_value *back;
	struct sl_err err = { 0 };
	struct sl_json *j;

	(void)state;
	(void)sl_val_add(&a, v, sl_val_num(&a, 3));
	(void)sl_val_add(&a, v, sl_val_num(&a, 0.5));
	(void)sl_val_add(&a, v, sl_val_num(&a, (double)NAN));
	(void)sl_val_add(&a, v, sl_val_bool(true));
	assert_int_equal(sl_val_to_json(&jb, v, &j, &err), 0);
	assert_int_equal(j->n, 4);
	assert_int_equal(j->child->kind, SL_JSON_INT);
	assert_int_equal(j->child->next->kind, SL_JSON_REAL);
	assert_true(sl_slice_eq(j->child->next->next->s, SL_LIT("NaN")));
	assert_int_equal(sl_val_from_json(&a, j, false, &back, &err), 0);
	assert_int_equal(back->n, 4);
	for (int i = 0; i < SL_VALUE_DEPTH_MAX + 1; i++) {
		struct sl_value *outer = sl_val_arr(&a);

		(void)sl_val_add(&a, outer, top);
		top = outer;
	}
	assert_int_equal(sl_val_to_json(&jb, top, &j, &err), SL_E(LIMIT));
	sl_arena_free(&a);
}

static void
test_case_folding(void **state)
{
	uint8_t buf[4];
	uint32_t c, back;

	(void)state;
	for (c = 1; c < 0x110000; c++) {
		size_t n;

		if (c >= 0xd800 && c < 0xe000)
			continue;
		n = sl_case_put(buf, c);
		assert_int_equal(sl_case_next((struct sl_slice){ buf, n }, 0, &back), n);
		assert_int_equal(back, c);
		assert_int_equal(sl_case_upper(sl_case_upper(c)), sl_case_upper(c));
	}
	assert_int_equal(sl_case_upper(0xff), 0x178);
	assert_int_equal(sl_case_upper(0x3c2), 0x3a3);
	assert_int_equal(sl_case_upper(0x3c3), 0x3a3);
	assert_int_equal(sl_case_upper(0x1c6), 0x1c4);
	assert_int_equal(sl_case_upper(0x1c5), 0x1c4);
	assert_int_equal(sl_case_upper(0x1e9b), 0x1e60);
	assert_int_equal(sl_case_upper(0x10428), 0x10400);
	assert_int_equal(sl_case_upper(0x1e943), 0x1e921);
	assert_int_equal(sl_case_upper(0x131), 0x131);
	assert_int_equal(sl_case_upper(0xdf), 0xdf);
	assert_int_equal(sl_case_next(SL_LIT("\xc0\x80"), 0, &c), 1);
	assert_int_equal(c, 0xdcc0);
	assert_int_equal(sl_case_next(SL_LIT("\xf4\x90\x80\x80"), 0, &c), 1);
	assert_int_equal(sl_case_trim(SL_LIT(" \xe2\x80\x89x\xe3\x80\x80")).len, 1);
	assert_int_equal(sl_case_trim(SL_LIT("\xa0")).len, 1);
}

int
main(void)
{
	const struct CMUnitTest t[] = {
		cmocka_unit_test(test_values),       cmocka_unit_test(test_errors),
		cmocka_unit_test(test_host),         cmocka_unit_test(test_exact_keys),
		cmocka_unit_test(test_large_object), cmocka_unit_test(test_templates),
		cmocka_unit_test(test_if),           cmocka_unit_test(test_refs),
		cmocka_unit_test(test_bounds),       cmocka_unit_test(test_memory),
		cmocka_unit_test(test_search),       cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_edge),         cmocka_unit_test(test_allocation),
		cmocka_unit_test(test_numbers),      cmocka_unit_test(test_json),
		cmocka_unit_test(test_case_folding),
	};

	return run_suite("flow-expr", t, SL_ARRAY_LEN(t));
}
