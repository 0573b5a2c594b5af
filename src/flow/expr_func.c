/* expr_func.c -- the functions of expressions (facts: Sdk/Functions of actions/runner).
 * Arguments are evaluated here, each at most once, and only when they matter. */
#include "flow/expr_int.h"

static const struct sl_value *
text_value(struct sl_eval *ev, struct sl_slice s)
{
	return s.p != NULL ? sl_val_str(ev->a, s) : NULL;
}

/* Both operands of a text test in upper case.  1: done; 0: one is no primitive, so the
 * answer is false; negative: raised. */
static int
two_texts(struct sl_eval *ev, const struct sl_value *x, const struct sl_node *second,
	  struct sl_slice *ret_x, struct sl_slice *ret_y)
{
	const struct sl_value *y;

	if (!sl_val_is_primitive(x))
		return 0;
	if ((y = sl_eval_node(ev, second)) == NULL)
		return ev->err->code;
	if (!sl_val_is_primitive(y))
		return 0;
	*ret_x = sl_val_string(ev->a, x);
	*ret_y = sl_val_string(ev->a, y);
	if (ret_x->len / 2 + ret_y->len / 2 > sl_eval_room(ev) / 2) {
		(void)sl_eval_nomem(ev, second);
		return ev->err->code;
	}
	*ret_x = sl_val_upper(ev->a, *ret_x);
	*ret_y = sl_val_upper(ev->a, *ret_y);
	if (ret_x->p == NULL || ret_y->p == NULL)
		return SL_ERR(ev->err, NOMEM, "out of memory for an expression");
	return 1;
}

static const struct sl_value *
fn_contains(struct sl_eval *ev, const struct sl_node *n)
{
	const struct sl_value *x = sl_eval_node(ev, n->kid), *y;
	struct sl_slice s = { 0 }, t = { 0 };
	int r;

	if (x == NULL)
		return NULL;
	if (x->kind != SL_VAL_ARR) {
		if ((r = two_texts(ev, x, n->last, &s, &t)) < 0)
			return NULL;
		return sl_val_bool(
		    r > 0 && (t.len == 0 || memmem(s.p, s.len, t.p, t.len) != NULL));
	}
	if (x->n == 0)
		return sl_val_bool(false);
	if ((y = sl_eval_node(ev, n->last)) == NULL)
		return NULL;
	for (size_t i = 0; i < x->n; i++) {
		if (sl_val_eq(y, x->m[i].v))
			return sl_val_bool(true);
	}
	return sl_val_bool(false);
}

static const struct sl_value *
fn_starts_with(struct sl_eval *ev, const struct sl_node *n)
{
	const struct sl_value *x = sl_eval_node(ev, n->kid);
	struct sl_slice s = { 0 }, t = { 0 };
	int r = x != NULL ? two_texts(ev, x, n->last, &s, &t) : -1;

	return r < 0 ? NULL : sl_val_bool(r > 0 && sl_slice_starts(s, t));
}

static const struct sl_value *
fn_ends_with(struct sl_eval *ev, const struct sl_node *n)
{
	const struct sl_value *x = sl_eval_node(ev, n->kid);
	struct sl_slice s = { 0 }, t = { 0 };
	int r = x != NULL ? two_texts(ev, x, n->last, &s, &t) : -1;

	if (r < 0)
		return NULL;
	return sl_val_bool(
	    r > 0 && s.len >= t.len &&
	    (t.len == 0 || memcmp(s.p + (s.len - t.len), t.p, t.len) == 0));
}

/* format(): one piece of the format string. */
struct piece {
	struct sl_slice text; /* literal, or the specifiers of an argument */
	bool is_arg;
	size_t arg;
	size_t next; /* where the following piece starts */
};

enum piece_result { PIECE_OK, PIECE_BAD, PIECE_BAD_ARG };

/* End of the specifiers that start at s.p[j]: the first '}' that is not doubled. */
static size_t
specifiers_end(struct sl_slice s, size_t j)
{
	while (j < s.len) {
		if (s.p[j] != '}')
			j++;
		else if (j + 1 < s.len && s.p[j + 1] == '}')
			j += 2;
		else
			break;
	}
	return j;
}

/* "{12}" or "{12:spec}" at s.p[i] == '{'. */
static enum piece_result
read_arg(struct sl_slice s, size_t i, size_t n_args, struct piece *ret)
{
	size_t j = i + 1, from, v = 0;

	for (; j < s.len && s.p[j] >= '0' && s.p[j] <= '9'; j++) {
		if ((v = v * 10 + (s.p[j] - '0')) > UINT8_MAX)
			return PIECE_BAD;
	}
	if (j == i + 1 || j == s.len || (s.p[j] != '}' && s.p[j] != ':'))
		return PIECE_BAD;
	from = s.p[j] == ':' ? j + 1 : j;
	j = s.p[j] == ':' ? specifiers_end(s, from) : j;
	if (j >= s.len)
		return PIECE_BAD;
	if (v >= n_args)
		return PIECE_BAD_ARG;
	*ret = (struct piece){ .is_arg = true, .arg = v, .next = j + 1 };
	ret->text = (struct sl_slice){ s.p + from, j - from };
	return PIECE_OK;
}

static enum piece_result
read_piece(struct sl_slice s, size_t i, size_t n_args, struct piece *ret)
{
	size_t j = i;

	while (j < s.len && s.p[j] != '{' && s.p[j] != '}')
		j++;
	*ret = (struct piece){ .text = { s.p + i, j - i }, .next = j };
	if (j > i || j == s.len)
		return PIECE_OK;
	if (j + 1 < s.len && s.p[j + 1] == s.p[j]) {
		ret->text.len = 1;
		ret->next = j + 2;
		return PIECE_OK;
	}
	return s.p[j] == '{' ? read_arg(s, j, n_args, ret) : PIECE_BAD;
}

struct formatter {
	struct sl_eval *ev;
	const struct sl_node *call;
	struct sl_slice *args; /* evaluated ones; p == NULL: not yet */
	struct sl_buf *out;
};

/* The kind names the value, for GitHub refuses every specifier. */
static int
bad_specifiers(struct formatter *f, struct sl_slice spec, enum sl_value_kind kind)
{
	SL_AUTO_BUF b = { .max = spec.len + 128 };

	sl_buf_byte(&b, '\'');
	for (size_t i = 0; i < spec.len; i++) {
		sl_buf_byte(&b, spec.p[i]);
		if (spec.p[i] == '}')
			i++;
	}
	sl_buf_printf(&b, "' are not valid for objects of type '%s'",
		      sl_val_kind_name(kind));
	(void)sl_eval_fail(f->ev, "The format specifiers ", sl_buf_get(&b));
	return f->ev->err->code;
}

static int
put_piece(struct formatter *f, const struct piece *p)
{
	const struct sl_node *k = f->call->kid->next;
	const struct sl_value *v;

	if (!p->is_arg) {
		sl_buf_slice(f->out, p->text);
		return 0;
	}
	if (f->args[p->arg].p == NULL || p->text.len > 0) {
		for (size_t i = 0; i < p->arg; i++)
			k = k->next;
		if ((v = sl_eval_node(f->ev, k)) == NULL)
			return f->ev->err->code;
		if (p->text.len > 0)
			return bad_specifiers(f, p->text, v->kind);
		f->args[p->arg] = sl_val_string(f->ev->a, v);
		if (f->args[p->arg].p == NULL)
			return SL_ERR(f->ev->err, NOMEM,
				      "out of memory for an expression");
	}
	sl_buf_slice(f->out, f->args[p->arg]);
	return 0;
}

/* The text of a buffer that was bounded by sl_eval_room, as a value. */
static const struct sl_value *
buf_value(struct sl_eval *ev, const struct sl_node *n, const struct sl_buf *b)
{
	if (b->is_failed || b->len > sl_eval_room(ev))
		return sl_eval_nomem(ev, n);
	return text_value(ev, sl_arena_dup(ev->a, sl_buf_get(b)));
}

static const struct sl_value *
fn_format(struct sl_eval *ev, const struct sl_node *n)
{
	const struct sl_value *v = sl_eval_node(ev, n->kid);
	SL_AUTO_BUF b = { .max = sl_eval_room(ev) };
	struct formatter f = { .ev = ev, .call = n, .out = &b };
	struct sl_slice s;
	struct piece p;

	if (v == NULL || (s = sl_val_string(ev->a, v)).p == NULL)
		return NULL;
	/* The whole string is checked before any argument is evaluated. */
	for (size_t i = 0; i < s.len; i = p.next) {
		enum piece_result r = read_piece(s, i, n->n - 1, &p);

		if (r == PIECE_BAD)
			return sl_eval_fail(
			    ev, "The following format string is invalid: ", s);
		if (r == PIECE_BAD_ARG)
			return sl_eval_fail(ev,
					    "The following format string references more "
					    "arguments than were supplied: ",
					    s);
	}
	if ((f.args = SL_NEW_N(ev->a, struct sl_slice, n->n)) == NULL)
		return NULL;
	for (size_t i = 0; i < s.len && !b.is_failed; i = p.next) {
		(void)read_piece(s, i, n->n - 1, &p);
		if (put_piece(&f, &p) < 0)
			return NULL;
	}
	return buf_value(ev, n, &b);
}

static const struct sl_value *
fn_join(struct sl_eval *ev, const struct sl_node *n)
{
	const struct sl_value *x = sl_eval_node(ev, n->kid), *y;
	SL_AUTO_BUF b = { .max = sl_eval_room(ev) };
	struct sl_slice sep = SL_LIT(","), s;

	if (x == NULL)
		return NULL;
	if (x->kind != SL_VAL_ARR)
		return text_value(ev, sl_val_is_primitive(x) ? sl_val_string(ev->a, x)
							     : SL_LIT(""));
	if (x->n > 1 && n->n > 1) {
		if ((y = sl_eval_node(ev, n->last)) == NULL)
			return NULL;
		if (sl_val_is_primitive(y))
			sep = sl_val_string(ev->a, y);
	}
	for (size_t i = 0; i < x->n && !b.is_failed; i++) {
		if (i > 0)
			sl_buf_slice(&b, sep);
		if ((s = sl_val_string(ev->a, x->m[i].v)).p == NULL)
			return NULL;
		sl_buf_slice(&b, s);
	}
	return buf_value(ev, n, &b);
}

static const struct sl_value *
fn_to_json(struct sl_eval *ev, const struct sl_node *n)
{
	const struct sl_value *v = sl_eval_node(ev, n->kid);
	SL_AUTO_BUF b = { .max = sl_eval_room(ev) };
	struct sl_err e = { 0 };

	if (v == NULL)
		return NULL;
	if (sl_val_pretty(v, &b, &e) < 0 && !b.is_failed)
		return sl_eval_fail(ev, "toJSON: ", sl_slice_str(e.msg));
	return buf_value(ev, n, &b);
}

static const struct sl_value *
fn_from_json(struct sl_eval *ev, const struct sl_node *n)
{
	const struct sl_value *v = sl_eval_node(ev, n->kid), *ret = NULL;
	struct sl_limits lim = { .max_depth = SL_VALUE_DEPTH_MAX };
	struct sl_err e = { 0 };
	struct sl_slice s;
	struct sl_json *j;
	int r;

	if (v == NULL || (s = sl_val_string(ev->a, v)).p == NULL)
		return NULL;
	/* A node takes this much of the arena twice over: as JSON and as a value. */
	lim.max_items = sl_eval_room(ev) / (sizeof(*j) + sizeof(*v));
	lim.max_bytes = SIZE_MAX;
	r = sl_json_parse(s, &lim, ev->a, &j, &e);
	if (r == 0)
		r = sl_val_from_json(ev->a, j, false, &ret, &e);
	if (r == 0)
		return ret;
	if (r == SL_E(NOMEM))
		return sl_eval_done(ev, n, NULL);
	if (s.len / 2 > lim.max_items && r == SL_E(LIMIT)) /* could be too many values */
		return sl_eval_nomem(ev, n);
	return sl_eval_fail(ev, "Error parsing fromJson: ", sl_slice_str(e.msg));
}

static const struct sl_value *
fn_case(struct sl_eval *ev, const struct sl_node *n)
{
	const struct sl_node *k = n->kid;

	for (; k->next != NULL; k = k->next->next) {
		const struct sl_value *v = sl_eval_node(ev, k);

		if (v == NULL)
			return NULL;
		if (v->kind != SL_VAL_BOOL)
			return sl_eval_fail(
			    ev, "case predicate must evaluate to a boolean value",
			    SL_LIT(""));
		if (v->b)
			return sl_eval_node(ev, k->next);
	}
	return sl_eval_node(ev, k);
}

/* Every argument as text. */
static struct sl_slice *
text_args(struct sl_eval *ev, const struct sl_node *n)
{
	struct sl_slice *s = SL_NEW_N(ev->a, struct sl_slice, n->n + 1);
	size_t i = 0;

	for (const struct sl_node *k = n->kid; s != NULL && k != NULL; k = k->next) {
		const struct sl_value *v = sl_eval_node(ev, k);

		if (v == NULL || (s[i] = sl_val_string(ev->a, v)).p == NULL)
			return NULL;
		i++;
	}
	return s;
}

static const struct sl_value *
fn_hash_files(struct sl_eval *ev, const struct sl_node *n)
{
	struct sl_slice *s = text_args(ev, n);
	char hex[65] = "";

	if (s == NULL)
		return NULL;
	if (ev->env->hash_files == NULL)
		return sl_eval_fail(ev, "hashFiles() is not available here", SL_LIT(""));
	if (ev->env->hash_files(ev->env->host_arg, s, n->n, hex, ev->err) < 0)
		return NULL;
	return sl_val_dup(ev->a,
			  (struct sl_slice){ (const uint8_t *)hex, strnlen(hex, 64) });
}

/* success('a', 'b'): all of them are `want`; failure('a', 'b'): one of them is. */
static const struct sl_value *
named_jobs(struct sl_eval *ev, const struct sl_node *n, struct sl_slice want, bool all)
{
	const struct sl_expr_status *st = ev->env->status;
	struct sl_slice *s = text_args(ev, n);

	if (s == NULL)
		return NULL;
	for (size_t i = 0; i < n->n; i++) {
		const struct sl_value *v =
		    sl_val_get(st != NULL ? st->results : NULL, s[i]);
		bool is = v != NULL && v->kind == SL_VAL_STR && sl_val_caseeq(v->s, want);

		if (is != all)
			return sl_val_bool(is);
	}
	return sl_val_bool(all);
}

static const struct sl_value *
fn_success(struct sl_eval *ev, const struct sl_node *n)
{
	if (n->n > 0)
		return named_jobs(ev, n, SL_LIT("success"), true);
	return sl_val_bool(ev->env->status == NULL || ev->env->status->is_success);
}

static const struct sl_value *
fn_failure(struct sl_eval *ev, const struct sl_node *n)
{
	if (n->n > 0)
		return named_jobs(ev, n, SL_LIT("failure"), false);
	return sl_val_bool(ev->env->status != NULL && ev->env->status->is_failure);
}

static const struct sl_value *
fn_cancelled(struct sl_eval *ev, const struct sl_node *n)
{
	(void)n;
	return sl_val_bool(ev->env->status != NULL && ev->env->status->is_cancelled);
}

static const struct sl_value *
fn_always(struct sl_eval *ev, const struct sl_node *n)
{
	(void)ev;
	(void)n;
	return sl_val_bool(true);
}

const struct sl_expr_function *
sl_expr_function(struct sl_slice name)
{
	static const struct sl_expr_function table[] = {
		{ "contains", 2, 2, true, false, fn_contains },
		{ "endsWith", 2, 2, true, false, fn_ends_with },
		{ "format", 1, SL_EXPR_ARGS_MAX, true, false, fn_format },
		{ "join", 1, 2, true, false, fn_join },
		{ "startsWith", 2, 2, true, false, fn_starts_with },
		{ "toJson", 1, 1, true, false, fn_to_json },
		{ "fromJson", 1, 1, true, false, fn_from_json },
		{ "case", 3, SL_EXPR_ARGS_MAX, true, false, fn_case },
		{ "hashFiles", 1, SL_EXPR_ARGS_MAX, false, false, fn_hash_files },
		{ "always", 0, 0, false, true, fn_always },
		{ "success", 0, SL_EXPR_ARGS_MAX, false, true, fn_success },
		{ "failure", 0, SL_EXPR_ARGS_MAX, false, true, fn_failure },
		{ "cancelled", 0, 0, false, true, fn_cancelled },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (sl_val_caseeq(name, sl_slice_str(table[i].name)))
			return &table[i];
	}
	return NULL;
}
