/* taint_say.c -- see taint_say.h. */
#include "run/taint_say.h"

#include <string.h>

int
sl_taint_rules(const struct sl_slice *pair, size_t n, struct sl_arena *a,
	       struct sl_taint_rules *ret, struct sl_err *err)
{
	struct sl_taint_rule *rule = SL_NEW_N(a, struct sl_taint_rule, n + 1);

	if (rule == NULL)
		return SL_ERR(err, NOMEM, "out of memory for rules");
	for (size_t i = 0; i < n; i++) {
		struct sl_slice kind = pair[2 * i], action = pair[2 * i + 1];

		rule[i].kind = kind;
		rule[i].action = sl_taint_action_by_name(action);
		if (!sl_taint_is_kind(kind) || rule[i].action >= SL_TA_COUNT ||
		    rule[i].action == SL_TA_PASS)
			return SL_ERR(err, FORMAT,
				      "policy: taint_action(\"%.*s\", \"%.*s\") names no "
				      "kind or no action (sluice limits lists them)",
				      SL_ARG(kind), SL_ARG(action));
	}
	*ret = (struct sl_taint_rules){ .rule = rule, .n = n };
	return 0;
}

/* The action by table and policy, as if it could still be held back. */
static enum sl_taint_action
asked_of(const struct sl_taint_row *row, const struct sl_taint_rules *rules)
{
	return sl_taint_action_under(row, rules != NULL ? rules->rule : NULL,
				     rules != NULL ? rules->n : 0);
}

static enum sl_taint_action
in_effect(enum sl_taint_action a, const struct sl_taint_rules *rules)
{
	return rules != NULL && rules->is_in_place && a > SL_TA_NAMED ? SL_TA_NAMED : a;
}

/* The strictest action that its taint asks for: PASS where it has none. */
static enum sl_taint_action
verdict(const struct sl_ws_change *c, const struct sl_taint_rules *rules)
{
	enum sl_taint_action a = SL_TA_PASS;
	size_t n_rows;
	const struct sl_taint_row *row = sl_taint_rows(&n_rows);

	for (size_t i = 0; i < c->taint.n; i++) {
		enum sl_taint_action b = asked_of(&row[c->taint.row[i]], rules);

		a = b > a ? b : a;
	}
	return a;
}

static int64_t
count_kind(const struct sl_ws_changes *c, const char *kind)
{
	size_t n_rows;
	const struct sl_taint_row *row = sl_taint_rows(&n_rows);
	int64_t n = 0;

	for (size_t i = 0; i < c->n; i++)
		for (size_t k = 0; k < c->item[i].taint.n; k++)
			n += strcmp(row[c->item[i].taint.row[k]].kind, kind) == 0;
	return n;
}

/* The first row of the same kind stands for it. */
static size_t
kind_of(const struct sl_taint_row *row, size_t i)
{
	size_t k = 0;

	while (strcmp(row[k].kind, row[i].kind) != 0)
		k++;
	return k;
}

void
sl_taint_facts(struct sl_policy_facts *f, const struct sl_ws_changes *const *set,
	       size_t n)
{
	size_t n_rows;
	const struct sl_taint_row *row = sl_taint_rows(&n_rows);

	for (size_t k = 0; n > 0 && k < n_rows; k++) {
		int64_t count = 0;

		if (kind_of(row, k) != k)
			continue;
		for (size_t s = 0; s < n; s++)
			count += count_kind(set[s], row[k].kind);
		if (count > 0)
			SL_FACT(f, "changes", "tainted", sl_term_cstr(row[k].kind),
				sl_term_int(count));
	}
}

struct sl_json *
sl_taint_json(struct sl_jb *b, const struct sl_taints *t,
	      const struct sl_taint_rules *rules)
{
	struct sl_json *list = sl_json_arr(b), *o;
	size_t n_rows;
	const struct sl_taint_row *row = sl_taint_rows(&n_rows);

	for (size_t i = 0; i < t->n; i++) {
		const struct sl_taint_row *x = &row[t->row[i]];

		o = sl_json_add(b, list, sl_json_obj(b));
		(void)sl_json_set(b, o, "kind", sl_json_cstr(b, x->kind));
		(void)sl_json_set(b, o, "obeyed_by", sl_json_cstr(b, x->obeyed_by));
		(void)sl_json_set(b, o, "action",
				  sl_json_cstr(b, sl_taint_action_name(in_effect(
						      asked_of(x, rules), rules))));
		if (strcmp(x->kind, "look-alike") == 0 && t->like < n_rows)
			(void)sl_json_set(b, o, "like",
					  sl_json_cstr(b, row[t->like].pattern));
	}
	return list;
}

void
sl_taint_say(struct sl_taint_said *s, struct sl_jb *b, const char *job,
	     const struct sl_ws_changes *c, const struct sl_taint_rules *rules,
	     struct sl_slice (*text)(void *, struct sl_slice), void *arg)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct sl_ws_change *x = &c->item[i];
		enum sl_taint_action a = verdict(x, rules);
		struct sl_json **list = a >= SL_TA_HELD ? &s->strict : &s->named, *o;

		if (a == SL_TA_PASS)
			continue;
		s->n[in_effect(a, rules)]++;
		if (*list == NULL)
			*list = sl_json_arr(b);
		if (*list == NULL || (*list)->n >= SL_TAINT_SAID_MAX)
			continue;
		o = sl_json_add(b, *list, sl_json_obj(b));
		if (job != NULL)
			(void)sl_json_set(b, o, "job", sl_json_cstr(b, job));
		(void)sl_json_set(b, o, "path", sl_json_str(b, text(arg, x->path)));
		(void)sl_json_set(b, o, "change",
				  sl_json_cstr(b, sl_ws_kind_name(x->kind)));
		(void)sl_json_set(b, o, "why", sl_taint_json(b, &x->taint, rules));
	}
}

static bool
is_clean(const struct sl_taint_said *s)
{
	return s->n[SL_TA_NAMED] + s->n[SL_TA_HELD] + s->n[SL_TA_BLOCKED] == 0;
}

void
sl_taint_put_counts(const struct sl_taint_said *s, struct sl_jb *b, struct sl_json *o)
{
	struct sl_json *n;

	if (is_clean(s))
		return;
	n = sl_json_set(b, o, "tainted", sl_json_obj(b));
	for (enum sl_taint_action a = SL_TA_NAMED; a < SL_TA_COUNT; a++)
		(void)sl_json_set(b, n, sl_taint_action_name(a),
				  sl_json_int(b, (int64_t)s->n[a]));
}

void
sl_taint_put(const struct sl_taint_said *s, struct sl_jb *b, struct sl_json *outcome)
{
	struct sl_json *list;

	if (is_clean(s))
		return;
	sl_taint_put_counts(s, b, outcome);
	list = sl_json_set(b, outcome, "taint", sl_json_arr(b));
	SL_JSON_EACH(m, s->strict)
	(void)sl_json_add(b, list, sl_json_copy(b, m));
	SL_JSON_EACH(m, s->named)
	(void)sl_json_add(b, list, sl_json_copy(b, m));
}
