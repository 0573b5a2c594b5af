/* parser.c -- the supervisor's side of parser.h. */
#include "run/parser.h"

#include "os/jail.h"
#include "os/proc.h"
#include "priv/chan.h"
#include "run/parser_jail.h"
#include "run/parser_ops.h"
#include "run/untar.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { DEADLINE_MS = 30000, EXIT_JAIL = 70 };

struct sl_parser {
	struct sl_chan chan;
	pid_t pid;
	struct sl_buf room;
	const struct sl_engine_host *host;
	struct sl_err why; /* it is gone */
};

/* What the parser may say.  safe because bodies are bounded and read as strict CBOR. */
static const struct sl_chan_op ops[] = {
	{ SL_PO_OK, SL_PO_MAX, 0 },
	{ SL_PO_FAIL, 4 << 20, 0 },
	{ SL_PO_READ, 1 << 16, 0 },
	{ SL_PO_HASH, 1 << 20, 0 },
	{ SL_PO_MEMBER, sizeof(struct sl_po_member) + 2 * SL_ROOT_PATH_MAX, 0 },
	{ SL_PO_BYTES, SL_UNTAR_CHUNK, 0 },
};

int
sl_parser_start(struct sl_parser **ret, struct sl_err *err)
{
	struct sl_parser *p = calloc(1, sizeof(*p));
	int fd[2], r;

	if (p == NULL)
		return SL_ERR(err, NOMEM, "out of memory");
	if ((r = sl_chan_pair(fd, err)) < 0) {
		free(p);
		return r;
	}
	if ((p->pid = fork()) < 0) {
		r = SL_ERR_SYS(err, -errno, "cannot start the parser");
		(void)close(fd[0]);
		(void)close(fd[1]);
		free(p);
		return r;
	}
	if (p->pid == 0) {
		if (sl_parser_jail(fd[1]) < 0)
			_exit(EXIT_JAIL);
		_exit(sl_parser_main(3)); /* the jail leaves the channel at 3 */
	}
	(void)close(fd[1]);
	p->chan = (struct sl_chan){ .fd = fd[0],
				    .ops = ops,
				    .n_ops = sizeof(ops) / sizeof(ops[0]) };
	p->room.max = SL_PO_MAX;
	*ret = p;
	return 0;
}

void
sl_parser_stop(struct sl_parser *p)
{
	if (p == NULL)
		return;
	(void)close(p->chan.fd);
	if (p->pid > 0) {
		(void)kill(p->pid, SIGKILL);
		while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	if (p->room.p != NULL)
		explicit_bzero(p->room.p,
			       p->room.cap); /* steps' environments may hold secrets */
	sl_buf_done(&p->room);
	free(p);
}

int
sl_parser_pid(const struct sl_parser *p)
{
	return p->pid;
}

int
sl_parser_fd(const struct sl_parser *p)
{
	return p->chan.is_dead || p->chan.is_mute ? -1 : p->chan.fd;
}

void
sl_parser_host(struct sl_parser *p, const struct sl_engine_host *host)
{
	p->host = host;
}

/* Its channel broke: once it is reaped, how it ended says whose fault that is. */
static int
gone(struct sl_parser *p, struct sl_err *err)
{
	int st = 0, r;

	if (p->why.code != 0) {
		*err = p->why;
		return err->code;
	}
	*err = (struct sl_err){ 0 };
	p->chan.is_dead = true;
	(void)shutdown(p->chan.fd, SHUT_RDWR); /* so that one that is alive ends too */
	while ((r = waitpid(p->pid, &st, 0)) < 0 && errno == EINTR)
		;
	p->pid = r == p->pid ? -1 : p->pid;
	if (r > 0 && WIFEXITED(st) && WEXITSTATUS(st) == EXIT_JAIL)
		(void)SL_ERR(err, ENV, "the parser cannot strip itself of its rights");
	else if (r > 0 && WIFSIGNALED(st) && WTERMSIG(st) == SIGKILL)
		(void)SL_ERR(err, SYS, "the parser was killed");
	else if (r > 0 && WIFSIGNALED(st))
		(void)SL_ERR(err, FORMAT, "the parser died of this input (signal %d)",
			     WTERMSIG(st));
	else
		(void)SL_ERR(err, SYS, "the parser ended before its time");
	p->why = *err;
	return err->code;
}

static int
sent(struct sl_parser *p, int r, struct sl_err *err)
{
	return r < 0 && (p->chan.is_dead || p->chan.is_mute) ? gone(p, err) : r;
}

static int
send_json(struct sl_parser *p, uint16_t op, const struct sl_json *v, struct sl_err *err)
{
	SL_AUTO_BUF out = { .max = SL_PO_MAX };
	int r;

	if (v != NULL && (r = sl_json_cbor(v, &out, err)) < 0)
		return r;
	if (out.is_failed)
		return SL_ERR(err, LIMIT, "the input is too large for the parser");
	r = sl_chan_send(&p->chan, op, sl_buf_get(&out), NULL, 0, err);
	if (out.p != NULL)
		explicit_bzero(out.p, out.cap);
	return sent(p, r, err);
}

/* --- upcalls: the parser asks in the middle of a call --- */

static int
serve_read(struct sl_parser *p, const struct sl_json *q, struct sl_arena *a,
	   struct sl_slice *ret, struct sl_err *err)
{
	if (p->host == NULL || p->host->read_file == NULL)
		return SL_ERR(err, NOENT, "no workspace");
	return p->host->read_file(p->host->arg, sl_json_get_str(q, "path"), a, ret, err);
}

static int
serve_hash(struct sl_parser *p, const struct sl_json *q, struct sl_arena *a,
	   struct sl_slice *ret, struct sl_err *err)
{
	const struct sl_json *list = sl_json_get(q, "patterns");
	struct sl_slice *pattern;
	char hex[65] = "";
	size_t n = 0;
	int r;

	if (p->host == NULL || p->host->hash_files == NULL)
		return SL_ERR(err, NOENT, "hashFiles needs a step's workspace");
	if (list == NULL || list->kind != SL_JSON_ARR ||
	    (pattern = SL_NEW_N(a, struct sl_slice, list->n + 1)) == NULL)
		return SL_ERR(err, FORMAT, "no patterns");
	SL_JSON_EACH(m, list)
	pattern[n++] = m->s;
	if ((r = p->host->hash_files(p->host->arg, pattern, n, hex, err)) < 0)
		return r;
	*ret = sl_arena_dup(a, sl_slice_str(hex));
	return ret->p != NULL ? 0 : SL_ERR(err, NOMEM, "out of memory");
}

static int
answer(struct sl_parser *p, const struct sl_msg *m, struct sl_err *err)
{
	SL_AUTO_ARENA a = { 0 };
	struct sl_jb b = { .a = &a };
	struct sl_slice got = { 0 };
	struct sl_json *q = NULL, *o;
	struct sl_err why = { 0 };
	int r;

	if (m->op != SL_PO_READ && m->op != SL_PO_HASH)
		return SL_ERR(err, FORMAT, "the parser is out of step");
	sl_arena_init(&a, SL_PARSER_MEMORY);
	if ((r = sl_json_uncbor(m->body, &sl_parser_msg_limits, &a, &q, err)) < 0)
		return r;
	r = m->op == SL_PO_READ ? serve_read(p, q, &a, &got, &why)
				: serve_hash(p, q, &a, &got, &why);
	o = sl_json_obj(&b);
	if (r == 0) {
		(void)sl_json_set(&b, o, "ok", sl_json_str(&b, got));
	} else {
		(void)sl_json_set(&b, o, "code", sl_json_int(&b, why.code));
		(void)sl_json_set(&b, o, "msg", sl_json_cstr(&b, why.msg));
	}
	if (b.is_failed)
		return SL_ERR(err, NOMEM, "out of memory");
	return send_json(p, SL_PO_ANSWER, o, err);
}

/* --- calls --- */

static struct sl_slice
keep(struct sl_arena *a, const struct sl_json *o, const char *key)
{
	return sl_arena_dup(a, sl_json_get_str(o, key));
}

static int
take_diags(const struct sl_json *v, struct sl_arena *a, struct sl_diags *ret,
	   struct sl_err *err)
{
	const struct sl_json *list = sl_json_get(v, "diags");
	struct sl_diag *d;
	size_t n = 0;

	*ret = (struct sl_diags){ 0 };
	if (list == NULL || list->n == 0)
		return 0;
	if ((d = SL_NEW_N(a, struct sl_diag, list->n)) == NULL)
		return SL_ERR(err, NOMEM, "out of memory");
	SL_JSON_EACH(m, list)
	{
		d[n].file = keep(a, m, "file");
		d[n].line = (size_t)sl_json_get_int(m, "line");
		d[n].col = (size_t)sl_json_get_int(m, "col");
		d[n].width = (size_t)sl_json_get_int(m, "width");
		d[n].is_refusal = sl_json_get_bool(m, "refusal");
		d[n].code = keep(a, m, "code");
		d[n].msg = keep(a, m, "msg");
		d[n].hint = keep(a, m, "hint");
		d[n].text = keep(a, m, "text");
		n++;
	}
	*ret = (struct sl_diags){ d, n, (size_t)sl_json_get_int(v, "more") };
	return 0;
}

static int
failed(const struct sl_json *v, struct sl_arena *a, struct sl_diags *ds,
       struct sl_err *err)
{
	int64_t code = sl_json_get_int(v, "code");
	int r;

	if (ds != NULL && (r = take_diags(v, a, ds, err)) < 0)
		return r;
	/* safe because any code that is not one of ours becomes FORMAT */
	if (code >= 0 || code <= -SL_E_NUM_COUNT)
		code = SL_E(FORMAT);
	return sl_err_raise(err, (int)code, 0, __FILE__, __LINE__, "%.*s",
			    SL_ARG(sl_json_get_str(v, "msg")));
}

/* Wait for the result of a call, answering what the parser asks meanwhile. */
static int
result(struct sl_parser *p, struct sl_arena *a, const struct sl_json **ret,
       struct sl_diags *ds, struct sl_err *err)
{
	struct sl_json *v = NULL;
	struct sl_msg m;
	int r;

	for (;;) {
		r = sl_chan_recv(&p->chan, &p->room, &m, DEADLINE_MS, err);
		if (r == 0 || (r < 0 && err->sys != 0)) /* it is gone, not out of step */
			return gone(p, err);
		if (r < 0)
			return r;
		if (m.op == SL_PO_OK || m.op == SL_PO_FAIL)
			break;
		if ((r = answer(p, &m, err)) < 0)
			return r;
	}
	if (m.op == SL_PO_OK && m.body.len == 0) {
		*ret = NULL;
		return 0;
	}
	if ((r = sl_json_uncbor(m.body, &sl_parser_msg_limits, a, &v, err)) < 0)
		return r;
	if (m.op == SL_PO_FAIL)
		return failed(v, a, ds, err);
	/* The room is reused by the next call: what the caller keeps is its own. */
	*ret = sl_json_copy(&(struct sl_jb){ .a = a }, v);
	return *ret != NULL ? 0 : SL_ERR(err, NOMEM, "out of memory");
}

int
sl_parser_new(struct sl_parser *p, const struct sl_parser_in *in, struct sl_arena *a,
	      const struct sl_json **ret_plan, struct sl_diags *ret_diags,
	      struct sl_err *err)
{
	struct sl_jb b = { .a = a };
	struct sl_json *o = sl_json_obj(&b);
	int r;

	(void)sl_json_set(&b, o, "src", sl_json_str(&b, in->src));
	(void)sl_json_set(&b, o, "path", sl_json_str(&b, in->path));
	(void)sl_json_set(&b, o, "event", sl_json_str(&b, in->event));
	(void)sl_json_set(&b, o, "params", sl_json_copy(&b, in->params));
	if (b.is_failed)
		return SL_ERR(err, NOMEM, "out of memory");
	if ((r = send_json(p, SL_PO_NEW, o, err)) < 0)
		return r;
	return result(p, a, ret_plan, ret_diags, err);
}

int
sl_parser_next(struct sl_parser *p, struct sl_arena *a, const struct sl_json **ret,
	       struct sl_err *err)
{
	int r = send_json(p, SL_PO_NEXT, NULL, err);

	return r < 0 ? r : result(p, a, ret, NULL, err);
}

int
sl_parser_line(struct sl_parser *p, struct sl_slice line, struct sl_arena *a,
	       const struct sl_json **ret, struct sl_err *err)
{
	int r = sent(p, sl_chan_send(&p->chan, SL_PO_LINE, line, NULL, 0, err), err);

	return r < 0 ? r : result(p, a, ret, NULL, err);
}

int
sl_parser_done(struct sl_parser *p, const struct sl_json *how, struct sl_arena *a,
	       const struct sl_json **ret, struct sl_err *err)
{
	int r = send_json(p, SL_PO_DONE, how, err);

	return r < 0 ? r : result(p, a, ret, NULL, err);
}

int
sl_parser_archive(struct sl_parser *p, int fd, uint64_t size, enum sl_archive *ret,
		  struct sl_err *err)
{
	const struct sl_json *v = NULL;
	SL_AUTO_ARENA a = { 0 };
	uint8_t body[8];
	int64_t verdict;
	int r;

	sl_arena_init(&a, 1 << 20);
	memcpy(body, &size, sizeof(size));
	r = sl_chan_send(&p->chan, SL_PO_ARCHIVE, (struct sl_slice){ body, sizeof(body) },
			 &fd, 1, err);
	if ((r = sent(p, r, err)) < 0 || (r = result(p, &a, &v, NULL, err)) < 0)
		return r;
	verdict = sl_json_get_int(v, "verdict");
	/* safe because whatever is none of them is the one that says least */
	*ret = verdict == SL_AR_PLAIN || verdict == SL_AR_ESCAPES
		   ? (enum sl_archive)verdict
		   : SL_AR_UNKNOWN;
	return 0;
}

/* safe because sl_unpack_member() trusts nothing of it. */
static int
take_member(struct sl_unpack *to, struct sl_slice body, struct sl_err *err)
{
	struct sl_po_member h;
	struct sl_unpack_member m;

	if (body.len < sizeof(h))
		return SL_ERR(err, FORMAT, "the parser told half a member");
	memcpy(&h, body.p, sizeof(h));
	body = sl_slice_skip(body, sizeof(h));
	if (body.len != (size_t)h.n_name + h.n_target || h.type >= SL_UNPACK_TYPES)
		return SL_ERR(err, FORMAT, "the parser told half a member");
	m = (struct sl_unpack_member){ .type = (enum sl_unpack_type)h.type,
				       .is_exec = h.is_exec != 0,
				       .has_set_id = h.has_set_id != 0,
				       .size = h.size,
				       .name = { body.p, h.n_name },
				       .target = sl_slice_skip(body, h.n_name) };
	return sl_unpack_member(to, &m, err);
}

/* One message of it: 1, there are more; 0, that was all. */
static int
take_untar(struct sl_parser *p, struct sl_unpack *to, struct sl_err *err)
{
	struct sl_msg m;
	int r = sl_chan_recv(&p->chan, &p->room, &m, DEADLINE_MS, err);

	if (r == 0 || (r < 0 && err->sys != 0))
		return gone(p, err);
	if (r < 0)
		return r;
	if (m.op == SL_PO_MEMBER)
		return (r = take_member(to, m.body, err)) < 0 ? r : 1;
	if (m.op == SL_PO_BYTES)
		return (r = sl_unpack_bytes(to, m.body, err)) < 0 ? r : 1;
	if (m.op == SL_PO_FAIL) {
		SL_AUTO_ARENA a = { 0 };
		struct sl_json *v = NULL;

		sl_arena_init(&a, 1 << 20);
		r = sl_json_uncbor(m.body, &sl_parser_msg_limits, &a, &v, err);
		return r < 0 ? r : failed(v, &a, NULL, err);
	}
	return m.op == SL_PO_OK ? 0 : SL_ERR(err, FORMAT, "the parser is out of step");
}

int
sl_parser_untar(struct sl_parser *p, int fd, uint64_t size, struct sl_unpack *to,
		struct sl_err *err)
{
	struct sl_err none = { 0 };
	uint8_t body[8];
	int r;

	memcpy(body, &size, sizeof(size));
	r = sl_chan_send(&p->chan, SL_PO_UNTAR, (struct sl_slice){ body, sizeof(body) },
			 &fd, 1, err);
	if ((r = sent(p, r, err)) < 0)
		return r;
	while ((r = take_untar(p, to, err)) > 0)
		;
	/* What it still tells of the archive is nobody's answer to anything else. */
	if (r < 0 && p->why.code == 0) {
		(void)SL_ERR(&none, SYS, "the parser was stopped");
		p->why = none;
		p->chan.is_dead = true;
	}
	return r;
}

int
sl_parser_policy(struct sl_parser *p, struct sl_slice src, const char *path,
		 struct sl_arena *a, struct sl_front_text *ret, struct sl_err *err)
{
	struct sl_jb b = { .a = a };
	struct sl_json *o = sl_json_obj(&b);
	const struct sl_json *v = NULL, *at;
	struct sl_front_at *places;
	int r;

	(void)sl_json_set(&b, o, "src", sl_json_str(&b, src));
	(void)sl_json_set(&b, o, "path", sl_json_cstr(&b, path));
	if (b.is_failed)
		return SL_ERR(err, NOMEM, "out of memory");
	if ((r = send_json(p, SL_PO_POLICY, o, err)) < 0 ||
	    (r = result(p, a, &v, NULL, err)) < 0)
		return r;
	at = sl_json_get(v, "at");
	if (at == NULL || at->kind != SL_JSON_ARR || at->n % 2 != 0)
		return SL_ERR(err, FORMAT, "the parser gave no policy");
	*ret = (struct sl_front_text){ .text = keep(a, v, "text") };
	if ((places = SL_NEW_N(a, struct sl_front_at, at->n / 2 + 1)) == NULL ||
	    ret->text.p == NULL)
		return SL_ERR(err, NOMEM, "out of memory");
	for (const struct sl_json *m = at->child; m != NULL; m = m->next->next) {
		/* safe because a place is only shown */
		places[ret->n].line = (uint32_t)m->i;
		places[ret->n++].col = (uint32_t)m->next->i;
	}
	ret->at = places;
	return 0;
}

int
sl_parser_cancel(struct sl_parser *p, struct sl_err *err)
{
	const struct sl_json *none = NULL;
	SL_AUTO_ARENA a = { 0 };
	int r = send_json(p, SL_PO_CANCEL, NULL, err);

	sl_arena_init(&a, 1 << 20);
	return r < 0 ? r : result(p, &a, &none, NULL, err);
}
