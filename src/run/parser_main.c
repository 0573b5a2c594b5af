/* parser_main.c -- the jailed side of parser.h: bytes in, plans and results out. */
#include "run/parser_ops.h"

#include "policy/front.h"
#include "run/untar.h"

#include "priv/chan.h"

#include <errno.h>
#include <unistd.h>

const struct sl_limits sl_parser_msg_limits = { SL_PO_MAX, 2000000, 128 };

struct role {
	struct sl_chan chan;
	struct sl_buf room;
	struct sl_engine *engine;
	struct sl_engine_host host;
	struct sl_arena keep;   /* what the engine borrows: source, params */
	uint64_t archives_left; /* bytes */
};

/* What the supervisor may say.  safe because each body is bounded and, but for the raw
 * line, strict CBOR. */
static const struct sl_chan_op ops[] = {
	{ SL_PO_NEW, SL_PO_MAX, 0 }, { SL_PO_NEXT, 0, 0 },
	{ SL_PO_LINE, 1 << 20, 0 },  { SL_PO_DONE, SL_PO_MAX, 0 },
	{ SL_PO_CANCEL, 0, 0 },      { SL_PO_ANSWER, SL_PO_MAX, 0 },
	{ SL_PO_ARCHIVE, 8, 1 },     { SL_PO_POLICY, 2 << 20, 0 },
	{ SL_PO_UNTAR, 8, 1 },
};

static int
send_json(struct role *p, uint16_t op, const struct sl_json *v, struct sl_err *err)
{
	SL_AUTO_BUF out = { .max = SL_PO_MAX };
	int r;

	if (v != NULL && (r = sl_json_cbor(v, &out, err)) < 0)
		return r;
	if (out.is_failed)
		return SL_ERR(err, LIMIT, "the result is too large");
	return sl_chan_send(&p->chan, op, sl_buf_get(&out), NULL, 0, err);
}

/* --- upcalls --- */

static int
ask(struct role *p, uint16_t op, const struct sl_json *q, struct sl_arena *a,
    struct sl_slice *ret, struct sl_err *err)
{
	SL_AUTO_BUF room = { .max = SL_PO_MAX };
	struct sl_json *v = NULL;
	struct sl_msg m;
	int r;

	if ((r = send_json(p, op, q, err)) < 0)
		return r;
	if (sl_chan_recv(&p->chan, &room, &m, -1, err) != 1 || m.op != SL_PO_ANSWER)
		_exit(1); /* the supervisor is gone or out of step: nothing left to do */
	if ((r = sl_json_uncbor(m.body, &sl_parser_msg_limits, a, &v, err)) < 0)
		return r;
	if (sl_json_get(v, "ok") == NULL)
		return sl_err_raise(err, (int)sl_json_get_int(v, "code"), 0, __FILE__,
				    __LINE__, "%.*s", SL_ARG(sl_json_get_str(v, "msg")));
	*ret = sl_json_get_str(v, "ok");
	return 0;
}

static int
read_file(void *arg, struct sl_slice path, struct sl_arena *a, struct sl_slice *ret,
	  struct sl_err *err)
{
	struct sl_jb b = { .a = a };
	struct sl_json *q = sl_json_obj(&b);

	(void)sl_json_set(&b, q, "path", sl_json_str(&b, path));
	if (b.is_failed)
		return SL_ERR(err, NOMEM, "out of memory");
	return ask(arg, SL_PO_READ, q, a, ret, err);
}

static int
hash_files(void *arg, const struct sl_slice *pattern, size_t n, char ret_hex[65],
	   struct sl_err *err)
{
	SL_AUTO_ARENA a = { 0 };
	struct sl_jb b = { .a = &a };
	struct sl_json *q, *list;
	struct sl_slice hex = { 0 };
	int r;

	sl_arena_init(&a, 1 << 20);
	q = sl_json_obj(&b);
	list = sl_json_set(&b, q, "patterns", sl_json_arr(&b));
	for (size_t i = 0; i < n; i++)
		(void)sl_json_add(&b, list, sl_json_str(&b, pattern[i]));
	if (b.is_failed)
		return SL_ERR(err, NOMEM, "out of memory");
	if ((r = ask(arg, SL_PO_HASH, q, &a, &hex, err)) < 0)
		return r;
	if (hex.len != 0 && hex.len != 64)
		return SL_ERR(err, BUG, "hashFiles gave no digest");
	if (hex.len > 0)
		memcpy(ret_hex, hex.p, hex.len);
	ret_hex[hex.len] = '\0';
	return 0;
}

/* --- answers --- */

static struct sl_json *
diags_json(struct sl_jb *b, const struct sl_diags *ds)
{
	struct sl_json *arr = sl_json_arr(b), *o;

	for (size_t i = 0; i < ds->n; i++) {
		const struct sl_diag *d = &ds->d[i];

		o = sl_json_add(b, arr, sl_json_obj(b));
		(void)sl_json_set(b, o, "file", sl_json_str(b, d->file));
		(void)sl_json_set(b, o, "line", sl_json_int(b, (int64_t)d->line));
		(void)sl_json_set(b, o, "col", sl_json_int(b, (int64_t)d->col));
		(void)sl_json_set(b, o, "width", sl_json_int(b, (int64_t)d->width));
		(void)sl_json_set(b, o, "refusal", sl_json_bool(b, d->is_refusal));
		(void)sl_json_set(b, o, "code", sl_json_str(b, d->code));
		(void)sl_json_set(b, o, "msg", sl_json_str(b, d->msg));
		(void)sl_json_set(b, o, "hint", sl_json_str(b, d->hint));
		(void)sl_json_set(b, o, "text", sl_json_str(b, d->text));
	}
	return arr;
}

static int
fail(struct role *p, const struct sl_err *why, const struct sl_diags *ds)
{
	SL_AUTO_ARENA a = { 0 };
	struct sl_jb b = { .a = &a };
	struct sl_err err = { 0 };
	struct sl_json *o;

	sl_arena_init(&a, 4 << 20);
	o = sl_json_obj(&b);
	(void)sl_json_set(&b, o, "code", sl_json_int(&b, why->code));
	(void)sl_json_set(&b, o, "msg", sl_json_cstr(&b, why->msg));
	(void)sl_json_set(&b, o, "diags", diags_json(&b, ds));
	(void)sl_json_set(&b, o, "more", sl_json_int(&b, (int64_t)ds->n_more));
	if (b.is_failed) { /* memory is out: the code alone must get through */
		sl_arena_free(&a);
		sl_arena_init(&a, 1 << 16);
		b.is_failed = false;
		o = sl_json_obj(&b);
		(void)sl_json_set(&b, o, "code", sl_json_int(&b, SL_E(NOMEM)));
		(void)sl_json_set(&b, o, "msg", sl_json_cstr(&b, "out of memory"));
	}
	return send_json(p, SL_PO_FAIL, o, &err);
}

static int
make(struct role *p, struct sl_slice body, struct sl_arena *a, const struct sl_json **ret,
     struct sl_diags *ds, struct sl_err *err)
{
	static const struct sl_limits event_limits = { 16 << 20, 500000, 100 };
	struct sl_jb b = { .a = &p->keep };
	struct sl_json *in = NULL, *event = NULL;
	struct sl_engine_opts o = { .host = &p->host, .max_memory = SL_PARSER_MEMORY };
	struct sl_slice text;
	int r;

	if (p->engine != NULL)
		return SL_ERR(err, BUG, "the parser has a flow already");
	if ((r = sl_json_uncbor(body, &sl_parser_msg_limits, &p->keep, &in, err)) < 0)
		return r;
	/* The message's buffer is reused; the tree may borrow from it: copy. */
	in = sl_json_copy(&b, in);
	text = sl_json_get_str(in, "event");
	if (text.len == 0)
		event = sl_json_obj(&b);
	else if ((r = sl_json_parse(text, &event_limits, &p->keep, &event, err)) < 0)
		return sl_err_ctx(err, "event"), r;
	if (event != NULL && event->kind != SL_JSON_OBJ)
		return SL_ERR(err, FORMAT, "event: not an object");
	o.src = sl_json_get_str(in, "src");
	o.path = sl_json_get_str(in, "path");
	o.params = sl_json_get(in, "params");
	/* NOLINTNEXTLINE(performance-no-int-to-ptr): a part of `in`, our own copy */
	(void)sl_json_set(&b, (struct sl_json *)(uintptr_t)o.params, "event", event);
	if (b.is_failed || o.params == NULL)
		return SL_ERR(err, NOMEM, "out of memory");
	if ((r = sl_engine_new(&o, a, &p->engine, ds, err)) < 0)
		return r;
	return sl_engine_plan(p->engine, a, ret, err);
}

static long
read_at(void *arg, uint64_t off, void *to, size_t n)
{
	const int *fd = arg;

	ssize_t r = pread(*fd, to, n, (off_t)off);

	return r < 0 ? -errno : r;
}

static int
look_into(struct role *p, const struct sl_msg *m, struct sl_arena *a,
	  const struct sl_json **ret, struct sl_err *err)
{
	struct sl_jb b = { .a = a };
	struct sl_json *o = sl_json_obj(&b);
	int fd = m->n_fds == 1 ? m->fds[0] : -1;
	struct sl_archive_src src = { .read_at = read_at, .arg = &fd };
	enum sl_archive verdict;

	if (fd < 0 || m->body.len != sizeof(src.size))
		return SL_ERR(err, BUG, "no archive");
	memcpy(&src.size, m->body.p, sizeof(src.size));
	src.left =
	    p->archives_left < SL_AR_BYTES_MAX ? p->archives_left : SL_AR_BYTES_MAX;
	p->archives_left -= src.left;
	verdict = sl_archive_look(&src);
	p->archives_left += src.left;
	(void)sl_json_set(&b, o, "verdict", sl_json_int(&b, verdict));
	*ret = o;
	return b.is_failed ? SL_ERR(err, NOMEM, "out of memory") : 0;
}

static int
compile_policy(struct sl_slice body, struct sl_arena *a, const struct sl_json **ret,
	       struct sl_err *err)
{
	static const struct sl_limits decl_limits = { 1 << 20, 100000, 64 };
	struct sl_jb b = { .a = a };
	struct sl_json *in = NULL, *o = sl_json_obj(&b), *at;
	const struct sl_decls *decls = NULL;
	struct sl_front_text t = { 0 };
	const char *path;
	int r;

	if ((r = sl_json_uncbor(body, &sl_parser_msg_limits, a, &in, err)) < 0 ||
	    (r = sl_decls_parse(sl_policy_decls_text(), "facts.decl", &decl_limits, a,
				&decls, err)) < 0)
		return r;
	if ((path = sl_arena_str(a, sl_json_get_str(in, "path"))) == NULL)
		return SL_ERR(err, NOMEM, "out of memory");
	if ((r = sl_policy_front(sl_json_get_str(in, "src"), path, decls, a, &t, err)) <
	    0)
		return r;
	(void)sl_json_set(&b, o, "text", sl_json_str(&b, t.text));
	at = sl_json_set(&b, o, "at", sl_json_arr(&b));
	for (size_t k = 0; k < t.n; k++) {
		(void)sl_json_add(&b, at, sl_json_int(&b, t.at[k].line));
		(void)sl_json_add(&b, at, sl_json_int(&b, t.at[k].col));
	}
	*ret = o;
	return b.is_failed ? SL_ERR(err, NOMEM, "out of memory") : 0;
}

static int
tell_member(void *arg, const struct sl_unpack_member *m, struct sl_err *err)
{
	struct role *p = arg;
	SL_AUTO_BUF out = { .max = sizeof(struct sl_po_member) + 2 * SL_ROOT_PATH_MAX };
	struct sl_po_member h = { .size = m->size,
				  .type = (uint8_t)m->type,
				  .is_exec = m->is_exec,
				  .has_set_id = m->has_set_id,
				  .n_name = (uint16_t)m->name.len,
				  .n_target = (uint16_t)m->target.len };

	sl_buf_put(&out, &h, sizeof(h));
	sl_buf_slice(&out, m->name);
	sl_buf_slice(&out, m->target);
	if (out.is_failed)
		return SL_ERR(err, LIMIT, "member '%.*s': its link is too long",
			      SL_ARG(m->name));
	return sl_chan_send(&p->chan, SL_PO_MEMBER, sl_buf_get(&out), NULL, 0, err);
}

static int
tell_bytes(void *arg, struct sl_slice bytes, struct sl_err *err)
{
	struct role *p = arg;

	return sl_chan_send(&p->chan, SL_PO_BYTES, bytes, NULL, 0, err);
}

static int
untar(struct role *p, const struct sl_msg *m, struct sl_err *err)
{
	const struct sl_untar_out out = { tell_member, tell_bytes, p };
	int fd = m->n_fds == 1 ? m->fds[0] : -1;
	struct sl_archive_src src = { .read_at = read_at, .arg = &fd };

	if (fd < 0 || m->body.len != sizeof(src.size))
		return SL_ERR(err, BUG, "no archive");
	memcpy(&src.size, m->body.p, sizeof(src.size));
	return sl_untar(&src, &out, err);
}

static int
serve_one(struct role *p, const struct sl_msg *m, struct sl_arena *a, struct sl_diags *ds,
	  const struct sl_json **ret, struct sl_err *err)
{
	struct sl_json *how = NULL;
	int r;

	if (m->op == SL_PO_NEW)
		return make(p, m->body, a, ret, ds, err);
	if (m->op == SL_PO_ARCHIVE)
		return look_into(p, m, a, ret, err);
	if (m->op == SL_PO_POLICY)
		return compile_policy(m->body, a, ret, err);
	if (m->op == SL_PO_UNTAR)
		return untar(p, m, err);
	if (p->engine == NULL)
		return SL_ERR(err, BUG, "the parser has no flow");
	switch (m->op) {
	case SL_PO_NEXT:
		return sl_engine_next(p->engine, a, ret, err);
	case SL_PO_LINE:
		return sl_engine_line(p->engine, m->body, a, ret, err);
	case SL_PO_DONE:
		if ((r = sl_json_uncbor(m->body, &sl_parser_msg_limits, a, &how, err)) <
		    0)
			return r;
		return sl_engine_done(p->engine, how, a, ret, err);
	case SL_PO_CANCEL:
		sl_engine_cancel(p->engine);
		return 0;
	default:
		return SL_ERR(err, BUG, "operation %u out of place", m->op);
	}
}

int
sl_parser_main(int fd)
{
	struct role p = {
		.chan = { .fd = fd, .ops = ops, .n_ops = sizeof(ops) / sizeof(ops[0]) },
		.room = { .max = SL_PO_MAX },
		.archives_left = SL_AR_TOTAL_MAX
	};
	struct sl_msg m;
	struct sl_err err = { 0 };

	p.host = (struct sl_engine_host){ &p, read_file, hash_files };
	sl_arena_init(&p.keep, SL_PARSER_MEMORY);
	while (sl_chan_recv(&p.chan, &p.room, &m, -1, &err) == 1) {
		SL_AUTO_ARENA a = { 0 };
		const struct sl_json *v = NULL;
		struct sl_diags ds = { 0 };
		struct sl_err why = { 0 };
		int r;

		sl_arena_init(&a, SL_PARSER_MEMORY);
		r = serve_one(&p, &m, &a, &ds, &v, &why);
		for (size_t i = 0; i < m.n_fds; i++)
			(void)close(m.fds[i]);
		if (r == 0)
			r = send_json(&p, SL_PO_OK, v, &why);
		if (r < 0 &&
		    (p.chan.is_dead || p.chan.is_mute || fail(&p, &why, &ds) < 0))
			return 1;
	}
	return 0;
}
