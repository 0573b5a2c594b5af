/* policy_test.c -- sluice policy test: the cases beside a policy file. */
#include "base/auto.h"
#include "cli/input.h"
#include "cli/out.h"
#include "cli/policy_cmds.h"
#include "policy/cases.h"

#include <stdio.h>

enum { MEMORY = 256 << 20, CASE_MEMORY = 256 << 20 };

/* "my.dl" -> "my.test". */
static const char *
cases_of(struct sl_arena *a, const char *policy)
{
	const char *dot = strrchr(policy, '.'), *slash = strrchr(policy, '/');
	size_t n = strlen(policy);

	if (dot != NULL && (slash == NULL || dot > slash))
		n = (size_t)(dot - policy);
	return sl_arena_printf(a, "%.*s.test", (int)n, policy);
}

static int
show_json(const char *file, const struct sl_policy_case *c,
	  const struct sl_policy_case_end *e, struct sl_err *err)
{
	SL_AUTO_OUT o = { 0 };
	struct sl_json *v = sl_out_init(&o);

	(void)sl_json_set(&o.b, v, "file", sl_json_cstr(&o.b, file));
	(void)sl_json_set(&o.b, v, "line", sl_json_int(&o.b, (int64_t)c->line));
	(void)sl_json_set(&o.b, v, "case", sl_json_str(&o.b, c->name));
	(void)sl_json_set(&o.b, v, "ok", sl_json_bool(&o.b, e->is_ok));
	(void)sl_json_set(&o.b, v, "expected", sl_json_str(&o.b, c->expect));
	(void)sl_json_set(&o.b, v, "reason",
			  sl_json_cstr(&o.b, e->v.reason != NULL ? e->v.reason : ""));
	(void)sl_json_set(&o.b, v, "why", sl_json_str(&o.b, e->why));
	return sl_out_json(&o, v, err);
}

static void
show(const char *file, const struct sl_policy_case *c, const struct sl_policy_case_end *e)
{
	if (e->is_ok)
		return;
	printf("%s:%zu: failed: ", file, c->line);
	sl_out_text(c->name);
	printf("\n  expected %.*s%s", SL_ARG(c->expect), c->rule.len > 0 ? ": " : "");
	sl_out_text(c->rule);
	printf("\n  got ");
	for (struct sl_slice s = e->why; s.len > 0;) {
		struct sl_slice line = sl_slice_upto(s, '\n');

		printf("%s%.*s\n", s.p == e->why.p ? "" : "  and ", (int)line.len,
		       (const char *)line.p);
		s = sl_slice_skip(s, line.len + 1);
	}
}

static int
run_cases(const struct sl_policy *p, const char *file, const struct sl_policy_case *c,
	  bool is_json, size_t n[2], struct sl_err *err)
{
	for (; c != NULL; c = c->next) {
		struct sl_policy_case_end e = { 0 };
		SL_AUTO_ARENA a = { 0 };
		int r;

		sl_arena_init(&a, CASE_MEMORY);
		if ((r = sl_policy_case_run(p, c, &a, &e, err)) < 0 ||
		    (is_json && (r = show_json(file, c, &e, err)) < 0))
			return r;
		if (!is_json)
			show(file, c, &e);
		n[e.is_ok]++;
	}
	return 0;
}

int
sl_policy_test(const struct sl_args *args, struct sl_err *err)
{
	SL_AUTO_BUF text = { .max = SL_POLICY_FILE_MAX + 8192 };
	const struct sl_policy_case *cases = NULL;
	const struct sl_decls *decls = NULL;
	const struct sl_policy *p = NULL;
	bool is_json = sl_arg_is(args, SL_PO_JSON);
	SL_AUTO_ARENA a = { 0 };
	const char *file;
	size_t n[2] = { 0 };
	int r;

	if (args->argc < 2)
		return SL_ERR(err, USAGE,
			      "usage: sluice policy test POLICY [CASES.test]");
	sl_arena_init(&a, MEMORY);
	file = args->argc > 2 ? args->argv[2] : cases_of(&a, args->argv[1]);
	if (file == NULL)
		return SL_ERR(err, NOMEM, "out of memory");
	if ((!sl_arg_is(args, SL_PO_UNDECLARED) &&
	     (r = sl_policy_own_decls(&a, &decls, err)) < 0) ||
	    (r = sl_policy_from_file(args->argv[1], decls, &a, &p, err)) < 0 ||
	    (r = sl_input_path(file, SL_POLICY_FILE_MAX, &text, err)) < 0 ||
	    (r = sl_policy_cases_parse(sl_buf_get(&text), file, &sl_policy_cases_limits,
				       &a, &cases, err)) < 0 ||
	    (r = run_cases(p, file, cases, is_json, n, err)) < 0)
		return r;
	if (!is_json)
		printf("%zu passed, %zu failed\n", n[1], n[0]);
	if ((r = sl_out_flush(err)) < 0)
		return r;
	return n[0] > 0;
}
