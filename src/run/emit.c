/* emit.c -- see emit.h. */
#include "run/emit.h"

#include "base/hex.h"

#include <ctype.h>
#include <string.h>

enum { EVENT_MEMORY = 4 << 20, BECAUSE_MAX = 5, REMEDIES_MAX = 5 };

struct sl_json *
sl_emit_new(const struct sl_emit *e, struct sl_jb *b, const char *name)
{
	struct sl_json *o = sl_event_new(b, name);

	(void)sl_json_set(b, o, "job", sl_json_cstr(b, e->job));
	(void)sl_json_set(b, o, "key", sl_json_cstr(b, e->key));
	return o;
}

static struct sl_json *
step_event(const struct sl_emit *e, struct sl_jb *b, const char *name)
{
	struct sl_json *o = sl_emit_new(e, b, name);

	(void)sl_json_set(b, o, "index", sl_json_int(b, e->index));
	return o;
}

void
sl_emit_send(struct sl_emit *e, struct sl_jb *b, const struct sl_json *ev)
{
	struct sl_err err = { 0 };
	int r;

	if (e->listener == NULL)
		return;
	if ((r = sl_event_send(e->listener, b, ev, &err)) < 0 && e->failed == 0) {
		e->failed = r;
		e->err = err;
	}
}

void
sl_emit_begin(struct sl_emit *e)
{
	sl_sha256_init(&e->hash);
	e->len_output = e->n_lines = 0;
}

void
sl_emit_line(struct sl_emit *e, int stream, struct sl_slice text, bool is_partial)
{
	SL_AUTO_ARENA a = { 0 };
	struct sl_jb b = { .a = &a };
	SL_AUTO_BUF out = { .max = (size_t)4 * (SL_LINE_MAX + SL_MASK_MAX) };
	struct sl_json *o;

	sl_sha256_add(&e->hash, text.p, text.len);
	e->len_output += text.len;
	if (!is_partial) {
		sl_sha256_add(&e->hash, "\n", 1);
		e->len_output++;
		e->n_lines++;
	}
	if (e->listener == NULL)
		return;
	sl_arena_init(&a, EVENT_MEMORY);
	sl_output_utf8(text, &out);
	o = step_event(e, &b, "step.output");
	(void)sl_json_set(&b, o, "stream", sl_json_int(&b, stream));
	(void)sl_json_set(&b, o, "text", sl_json_str(&b, sl_buf_get(&out)));
	if (is_partial)
		(void)sl_json_set(&b, o, "is_partial", sl_json_bool(&b, true));
	sl_emit_send(e, &b, o);
}

/* Why a class of act is refused, in a word to a person. */
static const char *
why_of(const char *class)
{
	static const char *const why[][2] = {
		{ "connect", "not granted" },
		{ "bind", "not an address of the box" },
		{ "socket", "not a family of the box" },
		{ "mount", "no mounts in a box" },
		{ "namespace", "no namespaces in a box" },
		{ "ptrace", "no tracing in a box" },
	};

	for (size_t i = 0; i < sizeof(why) / sizeof(why[0]); i++)
		if (strcmp(class, why[i][0]) == 0)
			return why[i][1];
	return NULL;
}

void
sl_emit_observed(struct sl_emit *e, const struct sl_obs *x)
{
	SL_AUTO_ARENA a = { 0 };
	struct sl_jb b = { .a = &a };
	const char *name = strerrorname_np(x->err), *why = why_of(x->class);
	SL_AUTO_BUF object = { .max = 1 << 16 };
	struct sl_json *o;

	if (!x->is_denied)
		return;
	e->n_denials++;
	if (e->listener == NULL)
		return;
	sl_arena_init(&a, EVENT_MEMORY);
	sl_masks_apply(e->masks, x->object, &object);
	o = step_event(e, &b, "denial");
	(void)sl_json_set(&b, o, "class", sl_json_cstr(&b, x->class));
	(void)sl_json_set(&b, o, "act", sl_json_str(&b, x->act));
	(void)sl_json_set(&b, o, "object", sl_json_str(&b, sl_buf_get(&object)));
	(void)sl_json_set(&b, o, "errno", sl_json_cstr(&b, name != NULL ? name : "?"));
	(void)sl_json_set(&b, o, "count", sl_json_int(&b, (int64_t)x->count));
	if (x->rule != NULL)
		(void)sl_json_set(&b, o, "rule", sl_json_cstr(&b, x->rule));
	if (why != NULL)
		(void)sl_json_set(&b, o, "why", sl_json_cstr(&b, why));
	if (e->line > 0) {
		(void)sl_json_set(&b, o, "file", sl_json_cstr(&b, e->file));
		(void)sl_json_set(&b, o, "line", sl_json_int(&b, e->line));
	}
	sl_emit_send(e, &b, o);
}

void
sl_emit_job_start(struct sl_emit *e, const char *name, int64_t steps,
		  const struct sl_box_vector *v)
{
	SL_AUTO_ARENA a = { 0 };
	struct sl_jb b = { .a = &a };
	struct sl_json *o, *l;

	if (e->listener == NULL)
		return;
	sl_arena_init(&a, EVENT_MEMORY);
	o = sl_emit_new(e, &b, "job.start");
	if (name != NULL)
		(void)sl_json_set(&b, o, "name", sl_json_cstr(&b, name));
	(void)sl_json_set(&b, o, "steps", sl_json_int(&b, steps));
	l = sl_json_set(&b, o, "layers", sl_json_arr(&b));
	for (size_t i = 0; i < v->n_layers; i++)
		(void)sl_json_add(&b, l, sl_json_str(&b, v->layers[i]));
	l = sl_json_set(&b, o, "limits", sl_json_obj(&b));
	for (int i = 0; i < SL_LIM_COUNT; i++)
		(void)sl_json_set(&b, l, sl_limit_name((enum sl_limit)i),
				  sl_json_cstr(&b, sl_limit_class_name(v->limit[i])));
	sl_emit_send(e, &b, o);
}

static void
put_step(const struct sl_emit *e, struct sl_jb *b, struct sl_json *o)
{
	(void)sl_json_set(b, o, "step", sl_json_cstr(b, e->step));
	(void)sl_json_set(b, o, "depth", sl_json_int(b, e->depth));
}

void
sl_emit_step_start(struct sl_emit *e, const uint8_t decision[32])
{
	SL_AUTO_ARENA a = { 0 };
	struct sl_jb b = { .a = &a };
	struct sl_json *o;

	if (e->listener == NULL)
		return;
	sl_arena_init(&a, EVENT_MEMORY);
	o = step_event(e, &b, "step.start");
	put_step(e, &b, o);
	if (e->id != NULL && e->id[0] != '\0')
		(void)sl_json_set(&b, o, "id", sl_json_cstr(&b, e->id));
	(void)sl_json_set(&b, o, "decision", sl_json_hex(&b, decision, 32));
	sl_emit_send(e, &b, o);
}

void
sl_emit_step_done(struct sl_emit *e, const struct sl_emit_end *x)
{
	SL_AUTO_ARENA a = { 0 };
	struct sl_jb b = { .a = &a };
	struct sl_json *o;

	if (e->listener == NULL)
		return;
	sl_arena_init(&a, EVENT_MEMORY);
	o = step_event(e, &b, "step.done");
	put_step(e, &b, o);
	(void)sl_json_set(&b, o, "outcome", sl_json_cstr(&b, x->outcome));
	(void)sl_json_set(&b, o, "conclusion", sl_json_cstr(&b, x->conclusion));
	if (x->end != NULL && x->end->signal != 0)
		(void)sl_json_set(&b, o, "signal", sl_json_int(&b, x->end->signal));
	else if (x->end != NULL)
		(void)sl_json_set(&b, o, "exit", sl_json_int(&b, x->end->status));
	if (x->limit != NULL)
		(void)sl_json_set(&b, o, "limit", sl_json_cstr(&b, x->limit));
	if (x->refused != NULL)
		(void)sl_json_set(&b, o, "refused", sl_json_cstr(&b, x->refused));
	(void)sl_json_set(&b, o, "wall_ms", sl_json_int(&b, x->wall_ms));
	(void)sl_json_set(&b, o, "lines", sl_json_int(&b, (int64_t)e->n_lines));
	sl_emit_send(e, &b, o);
}

void
sl_emit_job_done(struct sl_emit *e, const char *name, const char *result, int64_t wall_ms)
{
	SL_AUTO_ARENA a = { 0 };
	struct sl_jb b = { .a = &a };
	struct sl_json *o;

	if (e->listener == NULL)
		return;
	sl_arena_init(&a, EVENT_MEMORY);
	o = sl_emit_new(e, &b, "job.done");
	if (name != NULL)
		(void)sl_json_set(&b, o, "name", sl_json_cstr(&b, name));
	(void)sl_json_set(&b, o, "result", sl_json_cstr(&b, result));
	(void)sl_json_set(&b, o, "wall_ms", sl_json_int(&b, wall_ms));
	sl_emit_send(e, &b, o);
}

static void
put_because(struct sl_jb *b, struct sl_json *o, const struct sl_decision_view *d)
{
	const char *fact[BECAUSE_MAX];
	struct sl_json *list = sl_json_set(b, o, "because", sl_json_arr(b)), *f;
	size_t n = sl_decision_because(d->proof, b->a, fact, BECAUSE_MAX);

	for (size_t i = 0; i < n; i++) {
		f = sl_json_add(b, list, sl_json_obj(b));
		(void)sl_json_set(b, f, "fact", sl_json_cstr(b, fact[i]));
	}
	if (n > 0)
		return;
	f = sl_json_add(b, list, sl_json_obj(b));
	(void)sl_json_set(b, f, "fact", sl_json_cstr(b, d->message));
}

/* What takes a fact of the request away: to leave out what asked for it. */
static const struct {
	const char *fact, *kind, *text;
	bool is_direct; /* only where the run writes in place */
} leave_out[] = {
	{ "want_write(", "run",
	  "without --direct: changes then wait for 'sluice changes --apply'", true },
	{ "want_workspace(", "run",
	  "without --direct: changes then wait for 'sluice changes --apply'", true },
	{ "want_secret(", "run", "without --secret ", false },
	{ "want_write(", "exec", "without --write ", false },
	{ "want_read(", "exec", "without --read ", false },
	{ "want_env(", "exec", "without --env ", false },
	{ "want_net(", "exec", "without --net ", false },
	{ "want_net(", "run", "without the network ", false },
	/* A flow's own want is the owner's once an option says so. */
	{ "flow_want(\"read\", ", "run", "if you mean it: with --read ", false },
	{ "flow_want(\"write\", ", "run", "if you mean it: with --write ", false },
	{ "flow_want(\"net\", ", "run", "if you mean it: with --net ", false },
	{ "flow_want(\"env\", ", "run", "if you mean it: with --env ", false },
	{ "flow_want(\"memory\", ", "run", "if you mean it: with --memory ", false },
	{ "flow_want(\"pids\", ", "run", "if you mean it: with --pids ", false },
	{ "flow_want(\"cpu\", ", "run", "if you mean it: with --cpu ", false },
	{ "flow_want(\"wall\", ", "run", "if you mean it: with --time ", false },
	{ "flow_want(\"disk\", ", "run", "if you mean it: with --disk ", false },
	{ "flow_want(\"file_size\", ", "run", "if you mean it: with --file-size ",
	  false },
	{ "flow_want(\"output\", ", "run", "if you mean it: with --output ", false },
	{ "flow_want(\"nofile\", ", "run", "if you mean it: with --open-files ", false },
};

/* A string of a fact as a word that can be given to a shell as it stands: who wrote the
 * flow wrote this too. */
static const char *
shell_word(struct sl_arena *a, struct sl_slice s)
{
	bool is_plain = true;

	if (s.len < 3 || s.p[0] != '"' || s.p[s.len - 1] != '"')
		return "what is named above";
	s = (struct sl_slice){ s.p + 1, s.len - 2 };
	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] == '\'' || s.p[i] == '\\') /* an escape of the policy's */
			return "what is named above";
		is_plain &= s.p[i] != '\0' && s.p[i] < 0x80 &&
			    (isalnum(s.p[i]) != 0 || strchr("/._-:", s.p[i]) != NULL);
	}
	return sl_arena_printf(a, is_plain ? "%.*s" : "'%.*s'", SL_ARG(s));
}

/* `"HOST", PORT` as an option has it. */
static const char *
host_port(struct sl_arena *a, const struct sl_json *change)
{
	const struct sl_json *host = sl_json_first(sl_json_get(change, "args"));
	const char *word;

	if (host == NULL || host->kind != SL_JSON_STR || host->next == NULL)
		return "what is named above";
	word = sl_arena_printf(a, "\"%.*s:%lld\"", (int)host->s.len,
			       (const char *)host->s.p, (long long)host->next->i);
	return word != NULL ? shell_word(a, sl_slice_str(word)) : NULL;
}

/* How to leave out a want, as an option where there is one. */
static const char *
left_out(bool is_direct, struct sl_jb *b, const char *kind, const struct sl_json *change,
	 const char *fact)
{
	for (size_t k = 0; k < sizeof(leave_out) / sizeof(leave_out[0]); k++) {
		size_t len = strlen(leave_out[k].fact), all = strlen(fact);

		if (strcmp(kind, leave_out[k].kind) != 0 ||
		    (leave_out[k].is_direct && !is_direct) ||
		    strncmp(fact, leave_out[k].fact, len) != 0)
			continue;
		if (leave_out[k].text[strlen(leave_out[k].text) - 1] != ' ')
			return leave_out[k].text;
		return sl_arena_printf(
		    b->a, "%s%s", leave_out[k].text,
		    strncmp(fact, "want_net(", 9) == 0
			? host_port(b->a, change)
			: shell_word(b->a, (struct sl_slice){ (const uint8_t *)fact + len,
							      all - len - 1 }));
	}
	return sl_arena_printf(b->a, "without %s", fact);
}

/* One repair in words: its changes, joined. */
static const char *
remedy(bool is_direct, struct sl_jb *b, const char *kind, const struct sl_json *repair)
{
	const char *s = NULL;

	SL_JSON_EACH(c, sl_json_get(repair, "changes"))
	{
		const char *fact = sl_arena_str(b->a, sl_json_get_str(c, "text")), *one;

		if (fact == NULL)
			return NULL;
		one = sl_slice_eq(sl_json_get_str(c, "change"), SL_LIT("withhold"))
			  ? left_out(is_direct, b, kind, c, fact)
			  : sl_arena_printf(b->a, "if it were stated: %s", fact);
		if (one == NULL)
			return NULL;
		if (s != NULL && strcmp(s, one) == 0)
			continue; /* two facts of one option */
		s = s == NULL ? one : sl_arena_printf(b->a, "%s, and %s", s, one);
	}
	return s;
}

size_t
sl_emit_remedies(const struct sl_decision_view *d, bool is_direct, struct sl_jb *b,
		 const char **ret, size_t max)
{
	const char *s;
	size_t n = 0;

	SL_JSON_EACH(r, sl_json_get(d->offer, "repairs"))
	if (n < max && (s = remedy(is_direct, b, d->kind, r)) != NULL)
		ret[n++] = s;
	return n;
}

static void
put_remedies(const struct sl_emit *e, struct sl_jb *b, struct sl_json *o,
	     const struct sl_decision_view *d)
{
	struct sl_json *list = sl_json_set(b, o, "remedies", sl_json_arr(b));
	const char *text[REMEDIES_MAX], *s;
	size_t n = sl_emit_remedies(d, e->is_direct, b, text, REMEDIES_MAX);

	for (size_t i = 0; i < n; i++)
		(void)sl_json_add(b, list, sl_json_cstr(b, text[i]));
	s = d->rule_line == 0
		? "a policy that allows it: 'sluice policy show', 'register'"
		: sl_arena_printf(b->a,
				  "a policy without line %zu: 'sluice policy show', "
				  "'register'",
				  d->rule_line);
	if (s != NULL)
		(void)sl_json_add(b, list, sl_json_cstr(b, s));
	if (d->offer != NULL)
		(void)sl_json_set(b, o, "offer", sl_json_copy(b, d->offer));
}

void
sl_emit_decision(struct sl_emit *e, const struct sl_decision_view *d,
		 const uint8_t policy[32], bool is_step)
{
	SL_AUTO_ARENA a = { 0 };
	struct sl_jb b = { .a = &a };
	struct sl_json *o, *l;

	if (e->listener == NULL)
		return;
	sl_arena_init(&a, EVENT_MEMORY);
	o = is_step ? step_event(e, &b, "decision") : sl_event_new(&b, "decision");
	(void)sl_json_set(&b, o, "run", sl_json_hex(&b, d->run, 32));
	(void)sl_json_set(&b, o, "decision", sl_json_hex(&b, d->entry.id, 32));
	(void)sl_json_set(&b, o, "verdict",
			  sl_json_cstr(&b, d->is_allowed ? "allow" : "deny"));
	(void)sl_json_set(&b, o, "policy", sl_json_hex(&b, policy, 32));
	(void)sl_json_set(&b, o, "facts", sl_json_int(&b, (int64_t)d->n_facts));
	if (is_step)
		(void)sl_json_set(&b, o, "step", sl_json_cstr(&b, e->step));
	if (d->rule[0] != '\0') {
		l = sl_json_set(&b, o, "rule", sl_json_obj(&b));
		(void)sl_json_set(&b, l, "text", sl_json_cstr(&b, d->rule));
		(void)sl_json_set(&b, l, "file", sl_json_cstr(&b, "policy/policy.dl"));
		(void)sl_json_set(&b, l, "line", sl_json_int(&b, (int64_t)d->rule_line));
	}
	if (!d->is_allowed) {
		put_because(&b, o, d);
		put_remedies(e, &b, o, d);
	}
	sl_emit_send(e, &b, o);
}

void
sl_emit_notice(struct sl_emit *e, const char *level, struct sl_slice msg)
{
	SL_AUTO_ARENA a = { 0 };
	struct sl_jb b = { .a = &a };
	struct sl_json *o;

	sl_arena_init(&a, EVENT_MEMORY);
	o = sl_event_new(&b, "notice");
	(void)sl_json_set(&b, o, "level", sl_json_cstr(&b, level));
	(void)sl_json_set(&b, o, "msg", sl_json_str(&b, msg));
	sl_emit_send(e, &b, o);
}
