/* engine_int.h -- the engine's state, shared by its files only.
 *
 * Four lifetimes, each with an arena: the run, the job (its matrix), the leg (its
 * environment and outputs), the step.  A value that outlives its arena is copied.
 */
#ifndef SL_FLOW_ENGINE_INT_H
#define SL_FLOW_ENGINE_INT_H

#include "flow/command.h"
#include "flow/filecmd.h"
#include "flow/matrix.h"
#include "flow/workflow.h"

#define SL_BOX_WORKSPACE "/workspace"
#define SL_BOX_TEMP "/tmp/runner"
#define SL_BOX_HOME "/home/runner"
#define SL_BOX_TOOLS "/opt/hostedtoolcache"
#define SL_BOX_EVENT "/tmp/runner/_event.json"
#define SL_BOX_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

enum {
	SL_ANNOTATIONS_MAX = 10,         /* of each type in a step */
	SL_SUMMARY_MAX = 1048576,        /* bytes of a step */
	SL_FILECMD_BYTES_MAX = 10485760, /* of one file */
	SL_FILECMD_PAIRS_MAX = 10000,
	SL_EXPR_MEMORY_MAX = 10485760, /* of one evaluation */
	SL_NOTES_MAX = 64
};

enum result { RES_SUCCESS, RES_FAILURE, RES_CANCELLED, RES_SKIPPED };

enum phase {
	PH_JOB,  /* the next job is due */
	PH_LEG,  /* its next leg */
	PH_STEP, /* the next step of the innermost scope */
	PH_WAIT, /* done() is due */
	PH_LEG_END,
	PH_END
};

struct job_state {
	enum result result; /* as others see it */
	bool is_done;
	struct sl_value *outputs;                      /* in the run's arena */
	size_t n_failed, n_cancelled, n_ok, n_skipped; /* legs */
};

struct note {
	const char *level;
	struct sl_slice msg;
	size_t leg, index;
	bool has_index; /* it concerns a step */
};

/* A step that was begun. */
struct step_run {
	const struct sl_step *s;
	size_t index;
	struct sl_slice name;
	bool go_on;
	int64_t limit_s;          /* of its time; 0: none */
	struct sl_value *outputs; /* leg's arena */
};

/* The steps of a job, or of a composite action within it. */
struct scope {
	struct sl_steps steps;
	size_t next;
	const struct sl_action *action; /* NULL: the job itself */
	struct step_run caller;         /* the step that called the action */
	struct sl_value *contexts;      /* leg's arena; env is added for each step */
	struct sl_value *github, *step_results;
	struct sl_value *env; /* what the callers' `env` say */
	enum result status;
	int64_t limit_s;                  /* the least of the callers' limits; 0: none */
	const struct sl_sandbox *sandbox; /* around its steps, or NULL */
};

struct leg {
	struct sl_slice key, name; /* "build (gcc)"; for people */
	struct sl_value *env;      /* workflow, job, GITHUB_ENV: exact keys */
	struct sl_slice path[64];  /* GITHUB_PATH, the last added first */
	size_t n_path;
	struct sl_value *job; /* the job context */
	bool is_cancelled;
	size_t n_index; /* steps seen so far */
	struct scope scope[SL_FLOW_NEST_MAX + 1];
	size_t depth; /* of the innermost scope */
};

struct local_action {
	struct local_action *next;
	struct sl_slice path;
	const struct sl_action *action; /* NULL: it is not there */
	char sha256[65];
};

struct sl_engine {
	struct sl_arena run_a, job_a, leg_a, step_a;
	size_t max_memory;
	struct sl_engine_host host;
	const struct sl_json *params;
	struct sl_slice path, src_name;
	const struct sl_workflow *w;
	struct sl_flow_parser parser;
	struct sl_diag_list diags;
	struct local_action *actions; /* those that were there at first */
	size_t n_made;                /* read while the run went on */
	struct sl_slice shells[16];
	size_t n_shells;

	const struct sl_value *github, *inputs, *vars, *secrets, *runner;
	struct sl_slice event_json, run_name;
	struct sl_slice mask[256];
	size_t n_masks;

	enum phase phase;
	bool is_cancelled;
	struct job_state *state; /* of each job */
	size_t at_order, at_job; /* position in the order; that job */
	struct sl_matrix matrix;
	size_t n_legs, at_leg;
	bool has_matrix, fail_fast, is_stopped; /* a leg failed: the rest is cancelled */
	bool saw_cancel;                        /* the job began after the cancellation */
	const struct sl_value
	    *job_contexts; /* github inputs vars needs secrets strategy */
	struct leg leg;
	struct step_run cur;
	struct sl_value *step_contexts;
	struct sl_command_state cmd;
	struct sl_slice cmd_error;
	size_t n_annotations[3];

	struct note note[SL_NOTES_MAX];
	size_t n_notes, at_note;
	const struct sl_json *deferred; /* an action that its notes go before */
	struct sl_arena note_a;         /* of notes and the deferred action */
};

/* engine_ctx.c */
int sl_eng_contexts(struct sl_engine *e, struct sl_diag_list *l, struct sl_err *err);
struct sl_value *sl_eng_github_for(const struct sl_engine *e, const struct sl_value *base,
				   struct sl_arena *a);
int sl_eng_needs(struct sl_engine *e, const struct sl_job *j, struct sl_arena *a,
		 const struct sl_value **ret, struct sl_err *err);
/* NAME=value pairs of a mapping token into obj. */
int sl_eng_env(const struct sl_tok *t, const struct sl_expr_env *x, struct sl_arena *a,
	       struct sl_value *obj, struct sl_yaml_at *at, struct sl_err *err);
bool sl_eng_put(struct sl_arena *a, struct sl_value *obj, const char *key,
		struct sl_slice v);
bool sl_eng_puts(struct sl_arena *a, struct sl_value *obj, const char *key,
		 const char *v);
const char *sl_eng_result(enum result r);

/* engine_event.c */
struct sl_slice sl_eng_event_name(const struct sl_engine *e);
/* A notice where `on` does not ask for the event that was named. */
void sl_eng_check_event(struct sl_engine *e);
/* What the payload says of actor, repository, ref and sha, into the github context. */
int sl_eng_from_event(struct sl_slice name, const struct sl_value *ev, struct sl_arena *a,
		      struct sl_value *g, struct sl_err *err);

/* engine_check.c */
int sl_eng_runners(struct sl_engine *e, struct sl_err *err);
/* runs-on as evaluated: a string, a list, {group, labels}. */
bool sl_eng_labels_ok(const struct sl_value *v, struct sl_slice *ret_bad);

/* engine_job.c */
int sl_eng_job(struct sl_engine *e, struct sl_jb *b, struct sl_json **ret,
	       struct sl_err *err);
int sl_eng_leg(struct sl_engine *e, struct sl_jb *b, struct sl_json **ret,
	       struct sl_err *err);
int sl_eng_leg_end(struct sl_engine *e, struct sl_jb *b, struct sl_json **ret,
		   struct sl_err *err);
enum result sl_eng_conclusion(const struct sl_engine *e);

/* engine_step.c */
int sl_eng_step(struct sl_engine *e, struct sl_jb *b, struct sl_json **ret,
		struct sl_err *err);
/* The end of a begun step, of whatever kind; gives its conclusion. */
int sl_eng_finish(struct sl_engine *e, const struct step_run *sr, enum result outcome,
		  enum result *ret_conclusion, struct sl_err *err);

/* What the step that is due, or was begun, has: its own, or what is around it. */
const struct sl_sandbox *sl_eng_sandbox(const struct sl_engine *e);
/* {"sandbox": its index} in an action. */
void sl_eng_put_sandbox(struct sl_jb *b, struct sl_json *o, const struct sl_sandbox *s);

/* engine_script.c: what a `run` step is told to do */
int sl_eng_script(struct sl_engine *e, const struct sl_expr_env *x,
		  const struct sl_value *env, struct sl_jb *b, struct sl_json *o,
		  struct sl_yaml_at *at, struct sl_err *err);

/* engine_action.c */
int sl_eng_action(struct sl_engine *e, struct sl_slice path,
		  const struct local_action **ret, struct sl_err *err);
/* Reads and checks every local action that is there, before anything runs. */
int sl_eng_actions(struct sl_engine *e, struct sl_err *err);
int sl_eng_enter(struct sl_engine *e, const struct sl_expr_env *x,
		 const struct sl_value *env, struct sl_yaml_at *at, struct sl_err *err);
int sl_eng_leave(struct sl_engine *e, struct sl_err *err);

/* engine.c */
int sl_eng_nomem(struct sl_err *err);
void sl_eng_note(struct sl_engine *e, const char *level, const char *fmt, ...)
    SL_PRINTF(3, 4);
/* The file, the place and the text of an evaluation that failed, as a note. */
void sl_eng_note_at(struct sl_engine *e, struct sl_yaml_at at, const struct sl_err *err);
void sl_eng_mask(struct sl_engine *e, struct sl_slice value);
struct sl_json *sl_eng_head(struct sl_engine *e, struct sl_jb *b, const char *what);
void sl_eng_expr_env(struct sl_engine *e, const struct sl_value *contexts,
		     const struct sl_expr_status *st, struct sl_expr_env *ret);

/* `timeout-minutes` in seconds: a fraction of a minute is kept, rounded up; dflt where it
 * is absent, zero or less, as on GitHub; a year at most. */
int64_t sl_eng_seconds(const struct sl_value *minutes, int64_t dflt);

#endif
