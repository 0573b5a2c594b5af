/* learn.h -- from what a command did in its box, the smallest grant that it needs.
 *
 * It listens to the trace of one act (every name that was opened, changed, looked for);
 * then, told how the act ended, it says a lesson in the vocabulary of exec's options.
 * Where the act failed, the lesson is what to try next: all that was given, and what was
 * missed and is there on this host.  Where it succeeded, the lesson is what it used of
 * that, by the rules of sluice-exec(1), "LEARNING".
 *
 * What it says is a proposal: names come from the box and are foreign, so they are looked
 * at on the host (lstat alone), what nobody should be offered is left out
 * (data/sensitive.tsv), and what cannot be shown on a terminal too.
 *
 * Bounded: SL_LEARN_NAMES_MAX names; of those beyond, the directory counts as a whole.
 * Everything lives in the arena it was made in.
 */
#ifndef SL_RUN_LEARN_H
#define SL_RUN_LEARN_H

#include "box/box.h"
#include "grant/act.h"

enum {
	SL_LEARN_NAMES_MAX = 16384,
	SL_LEARN_BYTES_MAX = 16 << 20, /* of these */
	SL_LEARN_MEMORY = 64 << 20,    /* enough for the arena */
	SL_LEARN_FEW = 3,        /* files of one directory that are given one by one */
	SL_LEARN_READ_MAX = 16,  /* paths to read, before they are merged */
	SL_LEARN_WRITE_MAX = 16, /* paths to write */
	SL_LEARN_LEFT_MAX = 32,  /* that are told; the others are counted */
};

struct sl_learn;

struct sl_learn *sl_learn_new(struct sl_arena *a); /* NULL: no memory */
const struct sl_box_trace *sl_learn_trace(const struct sl_learn *l);
/* Before the box goes: what it connected and refused, and the most it used. */
void sl_learn_observed(struct sl_learn *l, const struct sl_grant *g,
		       const struct sl_obs *obs, size_t n,
		       const struct sl_box_peak *peak);

/* How the act ended, and what it was given. */
struct sl_learn_from {
	const struct sl_grant *want;
	const struct sl_act *act;
	const struct sl_proc_end *end;
	const char *masked;  /* the host path that no grant may reach, or NULL */
	uint64_t len_output; /* bytes */
	const char *home, *path, *cwd; /* the caller's, or NULL */
	const struct sl_slice *env;    /* as on the command line: NAME or NAME=VALUE */
	size_t n_env;
};

struct sl_learn_left {
	struct sl_slice what; /* printable */
	const char *why;
};

struct sl_lesson {
	bool is_last; /* it succeeded: this is the smallest; else what to try next */
	bool is_news; /* else there is nothing to try that was not given */
	size_t n_names, n_lost;
	const struct sl_slice *read, *write; /* printable */
	size_t n_read, n_write;
	const struct sl_slice *env;
	size_t n_env;
	struct sl_slice net[2 * SL_GRANT_NET_MAX];
	size_t n_net;
	struct sl_slice cwd;          /* empty: the default */
	uint64_t limit[SL_LIM_COUNT]; /* 0: not proposed */
	const struct sl_slice *argv;
	size_t n_argv;
	struct sl_learn_left left[SL_LEARN_LEFT_MAX];
	size_t n_left, n_left_more;
};

int sl_learn_derive(struct sl_learn *l, const struct sl_learn_from *f,
		    const struct sl_lesson **ret, struct sl_err *err) SL_MUST_CHECK;

/* The command line, quoted for a shell; without a line's end. */
void sl_lesson_command(const struct sl_lesson *x, struct sl_buf *out);
/* A profile, in the form of data/profiles; the working directory is in a comment. */
void sl_lesson_profile(const struct sl_lesson *x, struct sl_buf *out);
/* Adds the keys of the event "learn" to o. */
void sl_lesson_json(const struct sl_lesson *x, struct sl_jb *b, struct sl_json *o);

#endif
