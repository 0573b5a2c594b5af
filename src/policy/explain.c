/* explain.c -- a proof as text for people.  See policy.h.
 *
 * The proof may come from a bundle: every reference is checked, a node stands only on
 * nodes before it, and each node is shown in full once, so the text is linear in it.
 */
#include "policy/ast.h"

#include <inttypes.h>

enum { DEPTH_MAX = 64 };

struct view {
	struct sl_buf *out;
	struct sl_arena a;
	const struct sl_json **node; /* n of them */
	bool *is_shown;
	size_t n;
	const struct sl_json *rules;
	struct sl_err *err;
};

static int
malformed(struct view *w, const char *what)
{
	return SL_ERR(w->err, FORMAT, "proof: %s", what);
}

/* Text from the proof: printable ASCII only, cut. */
static void
put_text(struct sl_buf *out, struct sl_slice s)
{
	for (size_t k = 0; k < s.len && k < 2100; k++) {
		uint8_t c = s.p[k];

		if (c >= 0x20 && c < 0x7f)
			sl_buf_byte(out, c);
		else
			sl_buf_printf(out, "\\x%02x", c);
	}
}

static void
put_indent(struct sl_buf *out, unsigned depth)
{
	for (unsigned k = 0; k < depth; k++)
		sl_buf_str(out, "  ");
}

static int
put_atom(struct view *w, const struct sl_json *node)
{
	const struct sl_json *args = sl_json_get(node, "args");
	struct sl_term t;
	const char *sep = "(";
	int r;

	if (args == NULL || args->kind != SL_JSON_ARR || args->n == 0)
		return malformed(w, "a node without terms");
	put_text(w->out, sl_json_get_str(node, "pred"));
	SL_JSON_EACH(m, args)
	{
		if ((r = sl_term_from_json(m, &w->a, 0, &t, w->err)) < 0)
			return r;
		sl_buf_str(w->out, sep);
		sl_term_print(w->out, &t);
		sep = ", ";
	}
	sl_buf_byte(w->out, ')');
	return 0;
}

static int64_t
rule_line(const struct view *w, int64_t id)
{
	SL_JSON_EACH(m, w->rules)
	if (sl_json_get_int(m, "id") == id)
		return sl_json_get_int(m, "line");
	return 0;
}

static int put_node(struct view *w, const struct sl_json *ref, size_t limit,
		    unsigned depth);

static int
put_list(struct view *w, const struct sl_json *list, size_t limit, unsigned depth)
{
	int r;

	if (list == NULL || list->kind != SL_JSON_ARR)
		return malformed(w, "a derivation without its list");
	SL_JSON_EACH(m, list)
	if ((r = put_node(w, m, limit, depth)) < 0)
		return r;
	return 0;
}

/* At most DEPTH_MAX deep; ref must be below limit. */
static int
put_node(struct view *w, const struct sl_json *ref, size_t limit, unsigned depth)
{
	const struct sl_json *node;
	bool was_shown;
	int r;

	if (ref->kind != SL_JSON_INT || ref->i < 0 || (uint64_t)ref->i >= limit)
		return malformed(w, "a reference to a node that is not before it");
	node = w->node[ref->i];
	was_shown = w->is_shown[ref->i];
	w->is_shown[ref->i] = true;
	put_indent(w->out, depth);
	if ((r = put_atom(w, node)) < 0)
		return r;
	if (sl_json_get(node, "rule") == NULL) {
		sl_buf_str(w->out, "   [fact, stated by ");
		put_text(w->out, sl_json_get_str(node, "source"));
		sl_buf_str(w->out, "]\n");
		return 0;
	}
	sl_buf_printf(w->out, "   [rule in line %" PRId64 "%s]\n",
		      rule_line(w, sl_json_get_int(node, "rule")),
		      was_shown ? ", see above" : "");
	if (was_shown)
		return 0;
	if (depth >= DEPTH_MAX) {
		put_indent(w->out, depth + 1);
		sl_buf_str(w->out, "... deeper than shown\n");
		return 0;
	}
	return put_list(w, sl_json_get(node, "from"), (size_t)ref->i, depth + 1);
}

/* Neither held anything up nor decided: of interest after what did. */
static bool
is_aside(const struct sl_json *m)
{
	return sl_slice_eq(sl_json_get_str(m, "result"), SL_LIT("no-match"));
}

static int
put_goals(struct view *w, const struct sl_json *list, const char *what)
{
	int r;

	if (list == NULL || list->kind != SL_JSON_ARR)
		return malformed(w, "no list of checks or policies");
	SL_JSON_EACH(m, list)
	{
		if (is_aside(m))
			continue;
		sl_buf_printf(w->out, "%s in line %" PRId64 ": ", what,
			      sl_json_get_int(m, "line"));
		put_text(w->out, sl_json_get_str(m, "result"));
		sl_buf_str(w->out, "\n  ");
		put_text(w->out, sl_json_get_str(m, "text"));
		sl_buf_byte(w->out, '\n');
		if (sl_json_get(m, "note") != NULL) {
			sl_buf_str(w->out, "  (says something about all facts: shown by "
					   "deciding again)\n");
			continue;
		}
		if ((r = put_list(w, sl_json_get(m, "from"), w->n, 2)) < 0)
			return r;
	}
	return 0;
}

static int
put_rules(struct view *w)
{
	if (w->rules == NULL || w->rules->kind != SL_JSON_ARR)
		return malformed(w, "no list of rules");
	if (w->rules->n > 0)
		sl_buf_str(w->out, "rules used\n");
	SL_JSON_EACH(m, w->rules)
	{
		sl_buf_printf(w->out, "  line %" PRId64 ": ", sl_json_get_int(m, "line"));
		put_text(w->out, sl_json_get_str(m, "text"));
		sl_buf_byte(w->out, '\n');
	}
	return 0;
}

static void
put_aside(struct view *w, const struct sl_json *list)
{
	bool is_first = true;

	SL_JSON_EACH(m, list)
	{
		if (!is_aside(m))
			continue;
		if (is_first)
			sl_buf_str(w->out, "asked as well, without a match\n");
		is_first = false;
		sl_buf_printf(w->out, "  line %" PRId64 ": ", sl_json_get_int(m, "line"));
		put_text(w->out, sl_json_get_str(m, "text"));
		sl_buf_byte(w->out, '\n');
	}
}

static int
explain(struct view *w, const struct sl_json *proof)
{
	const struct sl_json *nodes = sl_json_get(proof, "nodes");
	size_t k = 0;
	int r;

	if (nodes == NULL || nodes->kind != SL_JSON_ARR ||
	    sl_json_get_int(proof, "v") != 1)
		return malformed(w, "not of version 1");
	w->n = nodes->n;
	w->node = SL_NEW_N(&w->a, const struct sl_json *, w->n + 1);
	w->is_shown = SL_NEW_N(&w->a, bool, w->n + 1);
	if (w->node == NULL || w->is_shown == NULL)
		return SL_ERR(w->err, NOMEM, "proof: out of memory");
	SL_JSON_EACH(m, nodes)
	w->node[k++] = m;
	put_text(w->out, sl_json_get_str(proof, "verdict"));
	sl_buf_str(w->out, ": ");
	put_text(w->out, sl_json_get_str(proof, "message"));
	sl_buf_printf(w->out, "\nfuel: %" PRId64 " (version %" PRId64 ")\n",
		      sl_json_get_int(proof, "fuel"),
		      sl_json_get_int(proof, "fuel-version"));
	w->rules = sl_json_get(proof, "rules");
	if ((r = put_goals(w, sl_json_get(proof, "checks"), "check")) < 0 ||
	    (r = put_goals(w, sl_json_get(proof, "policies"), "policy")) < 0 ||
	    (r = put_rules(w)) < 0)
		return r;
	put_aside(w, sl_json_get(proof, "policies"));
	return 0;
}

int
sl_policy_explain(const struct sl_json *proof, struct sl_buf *out, struct sl_err *err)
{
	struct view w = { .out = out, .err = err };
	int r;

	sl_arena_init(&w.a, 256 << 20);
	r = explain(&w, proof);
	sl_arena_free(&w.a);
	if (r == 0 && out->is_failed)
		r = SL_ERR(err, LIMIT, "proof: the text is too long");
	return r;
}
