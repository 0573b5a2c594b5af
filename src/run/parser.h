/* parser.h -- the parser role: the jailed process in which everything foreign of a
 * flow is parsed, planned and evaluated (flow/engine.h), and the supervisor's side of it.
 *
 * It is forked first of all, before a key or a foreign byte is in memory, has no files,
 * no network and no keys, and answers one call at a time.  What it says is untrusted:
 * bounded frames, strict CBOR, a deadline.  While it works it may ask for a file of the
 * frozen workspace or for hashFiles(): the host's callbacks answer.  If it dies, the
 * call fails (FORMAT: the input did it; SYS: it was killed; ENV: it could not strip
 * itself) and so does every later one.
 */
#ifndef SL_RUN_PARSER_H
#define SL_RUN_PARSER_H

#include "flow/engine.h"
#include "policy/front.h"
#include "roots/unpack.h"
#include "run/archive.h"

struct sl_parser;

/* The input of a run, as bytes: nothing of it is parsed by the caller. */
struct sl_parser_in {
	struct sl_slice src, path;
	struct sl_slice event;        /* JSON text of the event, or empty: {} */
	const struct sl_json *params; /* the rest of sl_engine_opts.params; no reals */
};

int sl_parser_start(struct sl_parser **ret, struct sl_err *err) SL_MUST_CHECK;
void sl_parser_stop(struct sl_parser *p); /* kills, reaps; accepts NULL */
int sl_parser_pid(const struct sl_parser *p);
int
sl_parser_fd(const struct sl_parser *p); /* of its channel: hangs up when it is gone */
void sl_parser_host(struct sl_parser *p,
		    const struct sl_engine_host *host); /* borrowed */

/* As sl_engine_new + sl_engine_plan; results live in a. */
int sl_parser_new(struct sl_parser *p, const struct sl_parser_in *in, struct sl_arena *a,
		  const struct sl_json **ret_plan, struct sl_diags *ret_diags,
		  struct sl_err *err) SL_MUST_CHECK;
int sl_parser_next(struct sl_parser *p, struct sl_arena *a, const struct sl_json **ret,
		   struct sl_err *err) SL_MUST_CHECK;
int sl_parser_line(struct sl_parser *p, struct sl_slice line, struct sl_arena *a,
		   const struct sl_json **ret, struct sl_err *err) SL_MUST_CHECK;
int sl_parser_done(struct sl_parser *p, const struct sl_json *how, struct sl_arena *a,
		   const struct sl_json **ret, struct sl_err *err) SL_MUST_CHECK;
/* As sl_archive_look() of the file behind fd, which is read by pread alone.  Needs no
 * run: a parser that is started for it does. */
int sl_parser_archive(struct sl_parser *p, int fd, uint64_t size, enum sl_archive *ret,
		      struct sl_err *err) SL_MUST_CHECK;
/* A policy in YAML as Datalog (policy/front.h); results live in a.  Needs no run. */
int sl_parser_policy(struct sl_parser *p, struct sl_slice src, const char *path,
		     struct sl_arena *a, struct sl_front_text *ret,
		     struct sl_err *err) SL_MUST_CHECK;
/* The members of the archive behind fd, as sl_untar() tells them, written by to. */
int sl_parser_untar(struct sl_parser *p, int fd, uint64_t size, struct sl_unpack *to,
		    struct sl_err *err) SL_MUST_CHECK;
int sl_parser_cancel(struct sl_parser *p, struct sl_err *err) SL_MUST_CHECK;

#endif
