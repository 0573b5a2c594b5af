/* conf_actionlint_ok.c -- workflows that are right: clean, or refused for a feature that
 * the table of unsupported ones names. */
#include "flow/unsupported.h"
#include "flow/workflow.h"

#include "../conf.h"

static size_t n_clean;

static bool
is_named(struct sl_slice code)
{
	size_t n;
	const struct sl_unsupported *t = sl_unsupported_table(&n);

	for (size_t i = 0; i < n; i++)
		if (sl_slice_eq(code, sl_slice_str(t[i].code)))
			return true;
	return false;
}

static void
file(struct conf *c, const char *d, const char *name)
{
	const struct sl_workflow *w = NULL;
	struct sl_arena a;
	struct sl_diag_list l = { .a = &a };
	struct sl_flow_parser p = { .a = &a, .l = &l };
	struct sl_err err = { 0 };
	SL_AUTO_BUF src = { .max = 1 << 21 };
	int r;

	if (strstr(name, ".yaml") == NULL && strstr(name, ".yml") == NULL)
		return;
	sl_arena_init(&a, 1 << 25);
	if (!conf_read(c, &src, "%s/%s", d, name)) {
		conf_case(c, false, "%s does not read", name);
	} else {
		r = sl_flow_parse(&p, sl_buf_get(&src), &w, &err);
		for (size_t i = 0; i < l.n; i++) {
			if (!l.d[i].is_refusal)
				sl_buf_printf(&c->lines, "  %s:%zu:%zu: %.*s\n", name,
					      l.d[i].line, l.d[i].col,
					      SL_ARG(l.d[i].msg));
			else
				conf_exclude(c, "%s:%zu:%zu: refused[%.*s]: %.*s", name,
					     l.d[i].line, l.d[i].col, SL_ARG(l.d[i].code),
					     SL_ARG(l.d[i].msg));
			if (l.d[i].is_refusal && !is_named(l.d[i].code))
				r = SL_E(BUG);
		}
		n_clean += r == 0 && l.n == 0;
		conf_case(c, r == 0, "%s: %s", name, err.msg);
	}
	sl_arena_free(&a);
}

int
main(int argc, char **argv)
{
	struct conf c;

	conf_init(&c, "actionlint-ok", argc, argv);
	conf_each(&c, "flow/actionlint/ok", file);
	sl_buf_printf(&c.lines, "clean without any refusal: %zu\n", n_clean);
	return conf_finish(&c);
}
