/* engine.h -- one run of a workflow as a state machine: given what has happened, what
 * is to be done next.  Runs nothing, reads nothing, knows no clock.
 *
 * It lives in the parser role, for everything it handles is foreign: YAML,
 * expressions, event JSON, the files and lines that steps write.  The supervisor
 * drives it: new -> (next -> act -> done)* until run.done.  Everything crosses as JSON
 * trees (deterministic CBOR on the channel); doc/PROTOCOL.engine lists every key.
 *
 * Ownership: results live in the arena passed to the call; state in the engine.
 */
#ifndef SL_FLOW_ENGINE_H
#define SL_FLOW_ENGINE_H

#include "codec/json.h"

struct sl_engine;

struct sl_engine_host {
	void *arg;
	/* A file of the workspace as frozen (local actions).  NOENT if it is absent. */
	int (*read_file)(void *arg, struct sl_slice path, struct sl_arena *a,
			 struct sl_slice *ret, struct sl_err *err);
	/* hashFiles(): the hex digest, or "" when nothing matches. */
	int (*hash_files)(void *arg, const struct sl_slice *pattern, size_t n,
			  char ret_hex[65], struct sl_err *err);
};

/* One problem of the input, for people: file:line:column, the text, a hint. */
struct sl_diag {
	struct sl_slice file; /* "" for the flow itself */
	size_t line, col;     /* 1-based; 0: the whole file */
	size_t width;         /* columns under the caret, at least 1 */
	bool is_refusal;      /* valid, but not supported yet (exit 2, by name) */
	struct sl_slice
	    code; /* refusals: "F-RUNNER", ... as facts/flow.md 9.1; else "" */
	struct sl_slice msg;
	struct sl_slice hint; /* "did you mean 'steps'?", or empty */
	struct sl_slice text; /* the source line, or empty */
};

struct sl_diags {
	const struct sl_diag *d; /* in order of place */
	size_t n, n_more;        /* n <= 10; how many more there were */
};

struct sl_engine_opts {
	struct sl_slice src;  /* the flow's bytes as received */
	struct sl_slice path; /* for messages and github.workflow_ref */
	/* {"event_name", "event":{}, "inputs":{}, "secrets":{}, "vars":{}, "env":{},
	 * "github":{}, "runner":{}, "shells":["bash","sh","python"]} */
	const struct sl_json *params;
	const struct sl_engine_host *host;
	size_t
	    max_memory; /* bytes of all the engine's arenas together; 48 MiB serves any
			 * workflow that the limits of doc/PROTOCOL.engine let through */
};

/* 0 with *ret set; or an SL_E(...) code, where FORMAT/UNKNOWN/UNSUPPORTED come with
 * diagnostics in *ret_diags (in a). */
int sl_engine_new(const struct sl_engine_opts *o, struct sl_arena *a,
		  struct sl_engine **ret, struct sl_diags *ret_diags,
		  struct sl_err *err) SL_MUST_CHECK;
void sl_engine_free(struct sl_engine *e);

/* What is known before anything runs: {"name", "run_name", "event_name",
 * "jobs":[{"id","name","needs":[...],"steps","has_matrix"}], "n_steps",
 * "secrets":[names referenced], "secrets_all", "mask":[...], "files":[{"path","sha256"}],
 * "notices":[{"line","col","msg"}], "event":{"path","json"}, "sandboxes":[{"level",
 * "parent",...}]}. */
int sl_engine_plan(struct sl_engine *e, struct sl_arena *a, const struct sl_json **ret,
		   struct sl_err *err) SL_MUST_CHECK;

/* The next action; every key is in doc/PROTOCOL.engine:
 *  {"do":"job","job","leg","key":"build (gcc)","name","steps":n,"timeout_s",
 *    "cancel_timeout_s"}
 *  {"do":"step","job","leg","index","id"?,"name","depth","argv":[...],"script","script_path",
 *    "env":{...},"cwd","timeout_s"?,"files":{"GITHUB_ENV":path,...}}  run this, then
 * done()
 *  {"do":"skip",...,"index","name","outcome","conclusion","msg"?}    nothing to run
 *  {"do":"note",...,"index"?,"level":"notice|warning|error","msg"}   show
 *  {"do":"group",...,"index","name","depth","is_end","outcome"?,"conclusion"?}
 *  {"do":"job.done","job","leg","key","result","outputs":{},"continued"?}
 *  {"do":"run.done","conclusion":"success|failure|cancelled|skipped"}
 * BUG while a step runs. */
int sl_engine_next(struct sl_engine *e, struct sl_arena *a, const struct sl_json **ret,
		   struct sl_err *err) SL_MUST_CHECK;

/* One line of a step's output that may hold a workflow command ("::" first after
 * blanks, or "##[" anywhere).  {"show":text or absent, "mask":[...], "level","msg",
 * "file","line","end_line","col","end_col","title" (annotation), "debug", "group":name,
 * "endgroup":true, "warning"} */
int sl_engine_line(struct sl_engine *e, struct sl_slice line, struct sl_arena *a,
		   const struct sl_json **ret, struct sl_err *err) SL_MUST_CHECK;

/* How the step that next() gave ended: {"exit":n | "signal":n | "timeout":true |
 * "job_timeout":true | "cancelled":true | "refused":text,
 * "files":{"GITHUB_ENV":bytes,...}}. Gives
 * {"outcome","conclusion","errors":[...],"summary":text or absent}. */
int sl_engine_done(struct sl_engine *e, const struct sl_json *how, struct sl_arena *a,
		   const struct sl_json **ret, struct sl_err *err) SL_MUST_CHECK;

/* From now on cancelled() holds; next() gives only what still runs then. */
void sl_engine_cancel(struct sl_engine *e);

#endif
