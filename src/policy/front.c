/* front.c -- see front.h. */
#include "policy/front.h"

#include "codec/yaml.h"
#include "policy/ast.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

const struct sl_limits sl_policy_front_limits = {
	.max_bytes = 1 << 20,
	.max_items = 20000,
	.max_depth = 8,
};

enum { OUT_MAX = 4 << 20, NAME_LEN_MAX = 64 };

struct front {
	const struct sl_decls *decls;
	const char *name;
	struct sl_arena *a;
	struct sl_err *err;
	struct sl_buf out, tests; /* tests: expressions of the condition being read */
	struct sl_front_at *at;
	size_t n, cap;
	unsigned n_vars; /* of the condition */
	bool has_atom;
};

static int fail(struct front *x, const struct sl_yaml *y, int code, const char *fmt, ...)
    SL_PRINTF(4, 5);

static int
fail(struct front *x, const struct sl_yaml *y, int code, const char *fmt, ...)
{
	char msg[300];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	return sl_err_raise(x->err, code, 0, __FILE__, __LINE__, "%s:%zu:%zu: %s",
			    x->name, y->at.line, y->at.col, msg);
}

/* Ends a line of the Datalog, which came of y. */
static int
end_line(struct front *x, const struct sl_yaml *y)
{
	if (x->n == x->cap) {
		size_t cap = 2 * x->cap + 64;
		struct sl_front_at *v = SL_NEW_N(x->a, struct sl_front_at, cap);

		if (v == NULL)
			return SL_ERR(x->err, NOMEM, "%s: out of memory", x->name);
		if (x->n > 0)
			memcpy(v, x->at, x->n * sizeof(*v));
		x->at = v;
		x->cap = cap;
	}
	x->at[x->n++] = (struct sl_front_at){ (uint32_t)y->at.line, (uint32_t)y->at.col };
	sl_buf_byte(&x->out, '\n');
	return 0;
}

static void
put_str(struct sl_buf *out, struct sl_slice s)
{
	struct sl_term t = sl_term_str(s);

	sl_term_print(out, &t);
}

static bool
is_key(const struct sl_yaml *y, const char *name)
{
	return y->key != NULL && sl_slice_eq(y->key->text, sl_slice_str(name));
}

/* ---- values ---- */

static int
put_int(struct front *x, const struct sl_yaml *y, struct sl_buf *out)
{
	char text[32], *end;
	long long v;

	(void)snprintf(text, sizeof(text), "%.*s", SL_ARG(y->text));
	errno = 0;
	v = strtoll(text, &end, 10);
	if (y->kind != SL_YAML_NUM || y->text.len >= sizeof(text) || errno != 0 ||
	    *end != '\0')
		return fail(x, y, SL_E(FORMAT), "expected an integer");
	sl_buf_printf(out, "%lld", v);
	return 0;
}

/* The shape that the Datalog has; whether there is such a day, its parser says. */
static int
put_date(struct front *x, const struct sl_yaml *y, struct sl_buf *out)
{
	static const char shape[] = "dddd-dd-ddTdd:dd:ddZ";
	bool ok = y->text.len == sizeof(shape) - 1;

	for (size_t k = 0; ok && k < y->text.len; k++)
		ok = shape[k] == 'd' ? y->text.p[k] >= '0' && y->text.p[k] <= '9'
				     : y->text.p[k] == (uint8_t)shape[k];
	if (!ok)
		return fail(x, y, SL_E(FORMAT),
			    "expected a date, as 2026-01-31T12:00:00Z");
	sl_buf_slice(out, y->text);
	return 0;
}

static bool
is_scalar(const struct sl_yaml *y)
{
	return y->kind != SL_YAML_SEQ && y->kind != SL_YAML_MAP;
}

/* A value of one of the kinds (bits). */
static int
put_value(struct front *x, const struct sl_yaml *y, uint32_t kinds, struct sl_buf *out)
{
	if (!is_scalar(y) || y->kind == SL_YAML_NULL)
		return fail(x, y, SL_E(FORMAT), "expected a value");
	if ((kinds >> SL_TERM_STR & 1) != 0) {
		if (y->kind != SL_YAML_STR)
			return fail(x, y, SL_E(FORMAT),
				    "expected a string: put it into quotes");
		put_str(out, y->text);
		return 0;
	}
	if ((kinds >> SL_TERM_INT & 1) != 0)
		return put_int(x, y, out);
	if ((kinds >> SL_TERM_DATE & 1) != 0)
		return put_date(x, y, out);
	if ((kinds >> SL_TERM_BOOL & 1) != 0) {
		if (y->kind != SL_YAML_BOOL)
			return fail(x, y, SL_E(FORMAT), "expected true or false");
		sl_buf_str(out, y->b ? "true" : "false");
		return 0;
	}
	return fail(x, y, SL_E(UNSUPPORTED),
		    "terms of this type can only be written in Datalog");
}

static int
put_set(struct front *x, const struct sl_yaml *y, uint32_t kinds, struct sl_buf *out)
{
	const char *sep = "{";
	int r;

	if (y->kind != SL_YAML_SEQ || y->n == 0)
		return fail(x, y, SL_E(FORMAT), "expected a list of values");
	SL_YAML_EACH(m, y)
	{
		sl_buf_str(out, sep);
		sep = ", ";
		if ((r = put_value(x, m, kinds, out)) < 0)
			return r;
	}
	sl_buf_byte(out, '}');
	return 0;
}

/* ---- patterns ---- */

#define STRS (UINT32_C(1) << SL_TERM_STR)
#define ORDERED (UINT32_C(1) << SL_TERM_INT | UINT32_C(1) << SL_TERM_DATE)

static const struct {
	const char *key, *before, *after; /* around the value, behind the variable */
	uint32_t kinds;
} tests[] = {
	{ "not", " != ", "", UINT32_MAX },
	{ "starts_with", ".starts_with(", ")", STRS },
	{ "ends_with", ".ends_with(", ")", STRS },
	{ "contains", ".contains(", ")", STRS },
	{ "matches", ".matches(", ")", STRS },
	{ "below", " < ", "", ORDERED },
	{ "above", " > ", "", ORDERED },
	{ "at_least", " >= ", "", ORDERED },
	{ "at_most", " <= ", "", ORDERED },
};

static int
put_test(struct front *x, const struct sl_yaml *y, unsigned var, uint32_t kinds)
{
	int r;

	if (is_key(y, "in")) {
		sl_buf_str(&x->tests, ", ");
		if ((r = put_set(x, y, kinds, &x->tests)) < 0)
			return r;
		sl_buf_printf(&x->tests, ".contains($_%u)", var);
		return 0;
	}
	for (size_t k = 0; k < sizeof(tests) / sizeof(tests[0]); k++) {
		if (!is_key(y, tests[k].key))
			continue;
		if ((kinds & tests[k].kinds) == 0)
			return fail(x, y->key, SL_E(FORMAT),
				    "'%s' does not go with terms of this type",
				    tests[k].key);
		sl_buf_printf(&x->tests, ", $_%u%s", var, tests[k].before);
		if ((r = put_value(x, y, kinds, &x->tests)) < 0)
			return r;
		sl_buf_str(&x->tests, tests[k].after);
		return 0;
	}
	return fail(x, y->key, SL_E(UNKNOWN),
		    "unknown test '%.*s': not, in, starts_with, ends_with, contains, "
		    "matches, below, above, at_least or at_most",
		    SL_ARG(y->key->text));
}

static bool
is_variable(const struct sl_yaml *y)
{
	return y->kind == SL_YAML_STR && y->style == SL_YAML_PLAIN && y->text.len > 0 &&
	       y->text.p[0] == '$';
}

static int
put_variable(struct front *x, const struct sl_yaml *y)
{
	for (size_t k = 1; k < y->text.len; k++) {
		uint8_t c = y->text.p[k];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		      (c == '_' && k > 1) || (c >= '0' && c <= '9' && k > 1)))
			return fail(
			    x, y, SL_E(FORMAT),
			    "a variable is $ and letters, digits and _, or put it "
			    "into quotes");
	}
	if (y->text.len < 2 || y->text.len > NAME_LEN_MAX)
		return fail(x, y, SL_E(FORMAT), "a variable has 1 to %d letters",
			    NAME_LEN_MAX - 1);
	sl_buf_slice(&x->out, y->text);
	return 0;
}

static int
put_pattern(struct front *x, const struct sl_yaml *y, uint32_t kinds)
{
	unsigned var = x->n_vars;
	int r;

	if (is_variable(y))
		return put_variable(x, y);
	if (is_scalar(y) && y->kind != SL_YAML_NULL)
		return put_value(x, y, kinds, &x->out);
	if (y->kind == SL_YAML_SEQ || (y->kind == SL_YAML_MAP && y->n == 0))
		return fail(x, y, SL_E(FORMAT),
			    "expected a value, $name, null or tests as {in: [a, b]}");
	x->n_vars++;
	sl_buf_printf(&x->out, "$_%u", var);
	SL_YAML_EACH(m, y)
	if ((r = put_test(x, m, var, kinds)) < 0)
		return r;
	return 0;
}

/* ---- conditions ---- */

static void
begin_atom(struct front *x, const char *name)
{
	sl_buf_printf(&x->out, "%s%s(", x->has_atom ? ", " : "", name);
	x->has_atom = true;
}

static int
put_for(struct front *x, const struct sl_yaml *y)
{
	int r;

	begin_atom(x, "request");
	if (y->kind != SL_YAML_SEQ) {
		if ((r = put_value(x, y, STRS, &x->out)) < 0)
			return r;
	} else {
		sl_buf_str(&x->out, "$_for");
		sl_buf_str(&x->tests, ", ");
		if ((r = put_set(x, y, STRS, &x->tests)) < 0)
			return r;
		sl_buf_str(&x->tests, ".contains($_for)");
	}
	sl_buf_byte(&x->out, ')');
	return 0;
}

static int
put_owner(struct front *x, const struct sl_yaml *y)
{
	if (y->kind != SL_YAML_BOOL || !y->b)
		return fail(x, y, SL_E(FORMAT), "'owner' is true, or is left out");
	begin_atom(x, "requester");
	sl_buf_str(&x->out, "$_who), owner($_who)");
	return 0;
}

static uint32_t
arity(const struct front *x, struct sl_slice pred)
{
	uint32_t n = 0;

	while (sl_decls_kinds(x->decls, pred, n) != 0)
		n++;
	return n;
}

static int
unknown(struct front *x, const struct sl_yaml *key)
{
	struct sl_slice near = sl_decls_nearest(x->decls, key->text);

	if (near.len > 0)
		return fail(x, key, SL_E(UNKNOWN), "unknown '%.*s'; did you mean '%.*s'?",
			    SL_ARG(key->text), SL_ARG(near));
	return fail(x, key, SL_E(UNKNOWN),
		    "unknown '%.*s': for, owner, or a predicate of data/facts.decl",
		    SL_ARG(key->text));
}

static int
put_predicate(struct front *x, const struct sl_yaml *y)
{
	uint32_t n = arity(x, y->key->text), k = 0;
	char name[NAME_LEN_MAX + 1];
	int r;

	if (n == 0 || y->key->text.len > NAME_LEN_MAX)
		return unknown(x, y->key);
	(void)snprintf(name, sizeof(name), "%.*s", SL_ARG(y->key->text));
	begin_atom(x, name);
	if (n == 1 && y->kind != SL_YAML_SEQ) {
		r = put_pattern(x, y, sl_decls_kinds(x->decls, y->key->text, 0));
		sl_buf_byte(&x->out, ')');
		return r;
	}
	if (y->kind != SL_YAML_SEQ || y->n != n)
		return fail(x, y, SL_E(FORMAT), "'%s' takes a list of %u patterns", name,
			    (unsigned)n);
	SL_YAML_EACH(m, y)
	{
		sl_buf_str(&x->out, k > 0 ? ", " : "");
		if ((r = put_pattern(x, m, sl_decls_kinds(x->decls, y->key->text, k++))) <
		    0)
			return r;
	}
	sl_buf_byte(&x->out, ')');
	return 0;
}

/* The members that are not left out, as a body. */
static int
put_condition(struct front *x, const struct sl_yaml *y, bool has_for)
{
	int r;

	x->n_vars = 0;
	x->has_atom = false;
	sl_buf_clear(&x->tests);
	if (y->kind != SL_YAML_MAP || y->n == 0)
		return fail(x, y, SL_E(FORMAT),
			    "expected a condition, as {for: run, owner: true}");
	SL_YAML_EACH(m, y)
	{
		if (is_key(m, "for") && !has_for)
			continue;
		if ((r = is_key(m, "for")     ? put_for(x, m)
			 : is_key(m, "owner") ? put_owner(x, m)
					      : put_predicate(x, m)) < 0)
			return r;
	}
	if (!x->has_atom)
		return fail(x, y, SL_E(FORMAT), "nothing is required");
	sl_buf_slice(&x->out, sl_buf_get(&x->tests));
	return 0;
}

static int
put_policies(struct front *x, const struct sl_yaml *list, const char *head)
{
	int r;

	SL_YAML_EACH(m, list)
	{
		sl_buf_str(&x->out, head);
		if ((r = put_condition(x, m, true)) < 0)
			return r;
		sl_buf_byte(&x->out, ';');
		if ((r = end_line(x, m)) < 0)
			return r;
	}
	return 0;
}

/* With `for`, a request of another kind passes. */
static int
put_requires(struct front *x, const struct sl_yaml *list)
{
	int r;

	SL_YAML_EACH(m, list)
	{
		const struct sl_yaml *only = sl_yaml_get(m, "for");

		sl_buf_str(&x->out, "check if ");
		if (only != NULL) {
			sl_buf_str(&x->out, "request($_for), ");
			if (only->kind == SL_YAML_SEQ) {
				sl_buf_byte(&x->out, '!');
				if ((r = put_set(x, only, STRS, &x->out)) < 0)
					return r;
				sl_buf_str(&x->out, ".contains($_for) or ");
			} else {
				sl_buf_str(&x->out, "$_for != ");
				if ((r = put_value(x, only, STRS, &x->out)) < 0)
					return r;
				sl_buf_str(&x->out, " or ");
			}
		}
		if ((r = put_condition(x, m, false)) < 0)
			return r;
		sl_buf_byte(&x->out, ';');
		if ((r = end_line(x, m)) < 0)
			return r;
	}
	return 0;
}

/* ---- owners, principles ---- */

static int
put_owners(struct front *x, const struct sl_yaml *list, const struct sl_yaml *top)
{
	int r;

	sl_buf_str(&x->out, "owner($who) <- node($who), requester($who);");
	if ((r = end_line(x, list != NULL ? list : top)) < 0)
		return r;
	SL_YAML_EACH(m, list)
	{
		if (m->kind != SL_YAML_STR || !sl_slice_starts(m->text, SL_LIT("did:")))
			return fail(x, m, SL_E(FORMAT), "expected a key: did:key:...");
		sl_buf_str(&x->out, "owner(");
		put_str(&x->out, m->text);
		sl_buf_str(&x->out, ") <- requester(");
		put_str(&x->out, m->text);
		sl_buf_str(&x->out, ");");
		if ((r = end_line(x, m)) < 0)
			return r;
	}
	return 0;
}

static int
put_principle(struct front *x, const struct sl_yaml *y)
{
	const struct sl_yaml *id = sl_yaml_get(y, "id"), *text = sl_yaml_get(y, "text"),
			     *priority = sl_yaml_get(y, "priority");
	int r;

	if (y->kind != SL_YAML_MAP || id == NULL || priority == NULL)
		return fail(x, y, SL_E(FORMAT), "a principle has an id and a priority");
	SL_YAML_EACH(m, y)
	if (m != id && m != text && m != priority)
		return fail(x, m->key, SL_E(UNKNOWN),
			    "unknown '%.*s' in a principle: id, priority, text",
			    SL_ARG(m->key->text));
	sl_buf_str(&x->out, "principle(");
	if ((r = put_value(x, id, STRS, &x->out)) < 0)
		return r;
	sl_buf_str(&x->out, ", ");
	if ((r = put_int(x, priority, &x->out)) < 0)
		return r;
	sl_buf_str(&x->out, ", ");
	if (text == NULL)
		sl_buf_str(&x->out, "\"\"");
	else if ((r = put_value(x, text, STRS, &x->out)) < 0)
		return r;
	sl_buf_str(&x->out, ");");
	return end_line(x, y);
}

static int
put_principles(struct front *x, const struct sl_yaml *list)
{
	int r;

	SL_YAML_EACH(m, list)
	{
		SL_YAML_EACH(o, list)
		{
			const struct sl_yaml *a = sl_yaml_get(m, "id"),
					     *b = sl_yaml_get(o, "id");

			if (o == m)
				break;
			if (a != NULL && b != NULL && sl_slice_eq(a->text, b->text))
				return fail(x, a, SL_E(FORMAT),
					    "a second principle '%.*s'", SL_ARG(a->text));
		}
		if ((r = put_principle(x, m)) < 0)
			return r;
	}
	return 0;
}

/* ---- all of it ---- */

static int
check_top(struct front *x, const struct sl_yaml *top)
{
	static const char *const keys[] = { "owners", "principles", "require", "deny",
					    "allow" };

	if (top->kind != SL_YAML_MAP)
		return fail(x, top, SL_E(FORMAT),
			    "expected owners, principles, require, deny or allow");
	SL_YAML_EACH(m, top)
	{
		bool is_known = false;

		for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++)
			is_known |= is_key(m, keys[k]);
		if (!is_known)
			return fail(x, m->key, SL_E(UNKNOWN),
				    "unknown key '%.*s': owners, principles, require, "
				    "deny, allow",
				    SL_ARG(m->key->text));
		if (m->kind != SL_YAML_SEQ)
			return fail(x, m, SL_E(FORMAT), "expected a list");
	}
	return 0;
}

static int
compile(struct front *x, const struct sl_yaml *top)
{
	bool is_policy =
	    sl_yaml_get(top, "allow") != NULL || sl_yaml_get(top, "deny") != NULL ||
	    sl_yaml_get(top, "require") != NULL || sl_yaml_get(top, "owners") != NULL;
	int r;

	if ((r = check_top(x, top)) < 0 ||
	    (r = put_principles(x, sl_yaml_get(top, "principles"))) < 0)
		return r;
	if (!is_policy) /* principles alone, to be put to a policy */
		return 0;
	if ((r = put_owners(x, sl_yaml_get(top, "owners"), top)) < 0 ||
	    (r = put_requires(x, sl_yaml_get(top, "require"))) < 0 ||
	    (r = put_policies(x, sl_yaml_get(top, "deny"), "deny if ")) < 0)
		return r;
	return put_policies(x, sl_yaml_get(top, "allow"), "allow if ");
}

int
sl_policy_front(struct sl_slice yaml, const char *name, const struct sl_decls *decls,
		struct sl_arena *a, struct sl_front_text *ret, struct sl_err *err)
{
	struct front x = { .decls = decls, .name = name, .a = a, .err = err };
	struct sl_yaml_opts o = { .lim = sl_policy_front_limits };
	const struct sl_yaml *top = NULL;
	struct sl_yaml_at at = { 0 };
	int r = sl_yaml_parse(yaml, &o, a, &top, &at, err);

	if (r < 0)
		return sl_err_ctx(err, "%s:%zu:%zu", name, at.line > 0 ? at.line : 1,
				  at.col > 0 ? at.col : 1),
		       r;
	sl_buf_init(&x.out, OUT_MAX);
	sl_buf_init(&x.tests, OUT_MAX);
	if (top == NULL)
		r = SL_ERR(err, FORMAT, "%s:1:1: nothing in it", name);
	else
		r = compile(&x, top);
	if (r == 0 && (x.out.is_failed || x.tests.is_failed))
		r = SL_ERR(err, LIMIT, "%s: more than %d bytes of rules", name, OUT_MAX);
	if (r == 0) {
		ret->text = sl_arena_dup(a, sl_buf_get(&x.out));
		ret->at = x.at;
		ret->n = x.n;
		r = ret->text.p != NULL ? 0 : SL_ERR(err, NOMEM, "out of memory");
	}
	sl_buf_done(&x.out);
	sl_buf_done(&x.tests);
	return r;
}
