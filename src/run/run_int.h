/* run_int.h -- the state of one run, shared by run.c, job.c and step.c. */
#ifndef SL_RUN_RUN_INT_H
#define SL_RUN_RUN_INT_H

#include "proxy/role.h"
#include "run/carry.h"
#include "run/emit.h"
#include "run/mark.h"
#include "run/outcome.h"
#include "run/run.h"
#include "run/sandbox.h"
#include "run/taint_say.h"
#include "run/workspace.h"

enum {
	RUN_MEMORY = 512 << 20,
	JOB_DIR_MAX = 64, /* "runs/ID" needs more: see names below */
	DRIFT_MAX = 20,
	GET_MAX = 10 << 20, /* bytes of one GITHUB_* file of a step */
};

struct job {
	const char *job, *key, *name; /* in the run's arena */
	int64_t leg, timeout_s, cancel_timeout_s;
	int64_t started_mono;
	int64_t over_mono; /* when its time was over or it was cancelled; 0: not yet */
	unsigned n;        /* counts the run's boxes from 0: names its directory */
	int dir_fd;        /* runs/ID/N */
	struct sl_grant grant;  /* of its box: within the run's */
	struct sl_proxy *proxy; /* of its box; NULL: it has no network */
	struct sl_box_vector vector;
	bool is_open, has_event; /* the event's file was put into the box */
};

struct frozen_file {
	struct frozen_file *next;
	struct sl_slice path;
	uint8_t digest[32];
};

struct run {
	const struct sl_run_opts *o;
	struct sl_arena *a; /* the caller's: lives as long as the run */
	struct sl_run_result *ret;
	struct sl_gate *gate;
	struct sl_signals sig;
	struct sl_mark mark;
	struct sl_masks masks;
	struct sl_output out;
	struct sl_emit emit;
	struct sl_engine_host host;
	int ws_fd;
	struct sl_arena ws_a;
	const struct sl_ws_manifest *ws;
	struct frozen_file *files;
	struct sl_grant given; /* to the run, whatever the flow says */
	struct sl_sandboxes boxes;
	const struct sl_json *plan;
	struct sl_decision *d; /* the run's */
	char hex[65];
	int dir_fd; /* runs/ID */
	struct sl_carry carry;
	struct job job;
	unsigned n_jobs, n_jobs_ok, n_steps, n_decisions, n_statements;
	uint64_t n_changes;
	struct sl_taint_rules taint_rules; /* of the policy, with the run's decision */
	struct sl_taint_said taint;        /* in jb */
	struct sl_json *drift;             /* list of paths that changed underneath */
	struct sl_jb jb;                   /* over a */
	int64_t started_ms, started_mono;
	bool is_cancelled;
	int64_t step_shown; /* index of the step whose start was announced, -1 */
};

/* job.c */
int sl_run_job_open(struct run *w, const struct sl_json *action, struct sl_err *err);
int sl_run_job_close(struct run *w, const struct sl_json *action, struct sl_err *err);
void sl_run_job_drop(struct run *w); /* whatever is open, without a word */
/* step.c */
int sl_run_step(struct run *w, const struct sl_json *action, struct sl_err *err);
void sl_run_skip(struct run *w, const struct sl_json *action);
void sl_run_note(struct run *w, const struct sl_json *action);
void sl_run_group(struct run *w, const struct sl_json *action);
int sl_run_on_line(void *run, int stream, struct sl_slice text, bool is_partial);

/* The grant of an action of the engine, its limits held as the run's decision asks. */
int sl_run_grant(struct run *w, const struct sl_json *action, struct sl_grant *ret,
		 struct sl_err *err);

/* run_file.c: sl_engine_host.read_file */
int sl_run_read_file(void *run, struct sl_slice path, struct sl_arena *a,
		     struct sl_slice *ret, struct sl_err *err);

/* The value of a key as a C string in the run's arena ("" when absent or out of memory).
 */
const char *sl_run_str(struct run *w, const struct sl_json *o, const char *key);
/* The same with every mask replaced: for whatever is shown or stated. */
const char *sl_run_text(struct run *w, const struct sl_json *o, const char *key);
struct sl_slice sl_run_masked(struct run *w, struct sl_arena *a, struct sl_slice s);

#endif
