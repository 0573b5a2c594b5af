/* root_change.c -- see root_change.h. */
#include "run/root_change.h"

#include "run/context.h"
#include "run/mark.h"
#include "run/outcome.h"

#include <stdio.h>
#include <unistd.h>

enum { MEMORY = 4 << 20 };

struct change {
	struct sl_gate *gate;
	const struct sl_home *home;
	const char *kind;
	const struct sl_root_change *what; /* while it is asked for */
	struct sl_decision *d;             /* NULL: it came to none */
	struct sl_mark mark;
	int64_t started_ms;
	char name[SL_ROOT_NAME_MAX + 1], root[72]; /* "sha256:HEX" */
};

static int
facts(void *arg, struct sl_policy_facts *f, struct sl_err *err)
{
	const struct change *c = arg;

	(void)err;
	SL_FACT(f, "store", "store_root", sl_term_cstr(c->name), sl_term_cstr(c->root));
	if (c->what->source != NULL)
		SL_FACT(f, "store", "root_source", sl_term_cstr(c->what->source_kind),
			sl_term_cstr(c->what->source));
	return 0;
}

static void
put_root(const struct change *c, struct sl_jb *b, struct sl_json *o)
{
	struct sl_json *e = sl_json_set(b, o, "store_root", sl_json_obj(b));

	if (c->name[0] != '\0')
		(void)sl_json_set(b, e, "name", sl_json_cstr(b, c->name));
	(void)sl_json_set(b, e, "root", sl_json_cstr(b, c->root));
}

static struct sl_json *
context(const struct change *c, struct sl_jb *b)
{
	struct sl_json *o = sl_context_new(b, "node", NULL, sl_gate_info(c->gate)), *e;

	(void)sl_json_set(b, o, "kind", sl_json_cstr(b, c->kind));
	put_root(c, b, o);
	if (c->what->source == NULL) {
		(void)sl_json_set(b, o, "is_gone", sl_json_bool(b, c->what->is_gone));
		return o;
	}
	e = sl_json_set(b, o, "source", sl_json_obj(b));
	(void)sl_json_set(b, e, "kind", sl_json_cstr(b, c->what->source_kind));
	(void)sl_json_set(b, e, "path", sl_json_cstr(b, c->what->source));
	return o;
}

/* The roots' own lock may be held meanwhile. */
static int
ask(void *arg, const struct sl_root_change *what, struct sl_err *err)
{
	struct change *c = arg;
	SL_AUTO_ARENA a = { 0 };
	struct sl_jb b = { .a = &a };
	struct sl_gate_source source = { facts, c };
	struct sl_gate_request q = { .kind = c->kind,
				     .sources = &source,
				     .n_sources = 1 };
	const struct sl_decision_view *v;
	int r;

	sl_arena_init(&a, MEMORY);
	c->what = what;
	(void)snprintf(c->name, sizeof(c->name), "%s", what->root->name);
	(void)snprintf(c->root, sizeof(c->root), "sha256:%s", what->root->hex);
	q.context = context(c, &b);
	if (b.is_failed)
		return SL_ERR(err, FORMAT, "its path cannot be stated: it is not UTF-8");
	if ((r = sl_gate_decide(c->gate, &q, &c->d, err)) < 0)
		return r;
	v = sl_decision_view(c->d);
	if (v->is_allowed && (r = sl_mark_set(c->home, v->run, &c->mark, err)) < 0)
		return r;
	if ((r = sl_gate_sync(c->gate, err)) < 0)
		return r;
	return v->is_allowed ? 0
			     : SL_ERR(err, DENIED, "policy denies this: %s", v->message);
}

/* What became of it, where it was allowed; r is what did. */
static int
state(struct change *c, int r, struct sl_err *err)
{
	const struct sl_decision_view *v = c->d != NULL ? sl_decision_view(c->d) : NULL;
	SL_AUTO_ARENA a = { 0 };
	struct sl_jb b = { .a = &a };
	struct sl_outcome o = { .conclusion = r < 0 ? "failure" : "success",
				.why = r < 0 ? err->msg : NULL,
				.started_ms = c->started_ms,
				.finished_ms = sl_time_now_ms() };
	struct sl_err second = { 0 };
	int q;

	if (v == NULL || !v->is_allowed || !v->is_durable)
		return r;
	sl_arena_init(&a, MEMORY);
	o.more = sl_json_obj(&b);
	put_root(c, &b, o.more);
	q = sl_gate_close_run(c->gate, v->run,
			      sl_outcome_json(&b, v, sl_gate_info(c->gate)->node.did, &o),
			      false, &second);
	if (q == 0) {
		sl_mark_clear(c->home, &c->mark);
		return r;
	}
	if (r < 0)
		return r;
	*err = second;
	return sl_err_ctx(err, "it is done, but its outcome is not in the log"), q;
}

static int
end(struct change *c, int r, struct sl_err *err)
{
	r = state(c, r, err);
	if (c->mark.fd >= 0)
		(void)close(c->mark.fd);
	return r;
}

static int
unpack(void *parser, int fd, uint64_t size, struct sl_unpack *to, struct sl_err *err)
{
	return sl_parser_untar(parser, fd, size, to, err);
}

int
sl_root_change_add(struct sl_gate *g, const struct sl_home *h, const char *name,
		   const char *source, struct sl_parser *parser, struct sl_root *ret,
		   struct sl_err *err)
{
	const struct sl_root_reader reader = { unpack, parser };
	struct change c = { .gate = g,
			    .home = h,
			    .kind = "root-add",
			    .mark.fd = -1,
			    .started_ms = sl_time_now_ms() };
	const struct sl_root_permit permit = { ask, &c };

	return end(&c, sl_root_add(h, name, source, &reader, &permit, ret, err), err);
}

int
sl_root_change_drop(struct sl_gate *g, const struct sl_home *h, const char *which,
		    bool *ret_gone, struct sl_err *err)
{
	struct change c = { .gate = g,
			    .home = h,
			    .kind = "root-drop",
			    .mark.fd = -1,
			    .started_ms = sl_time_now_ms() };
	const struct sl_root_permit permit = { ask, &c };

	return end(&c, sl_root_drop(h, which, &permit, ret_gone, err), err);
}
