/* workflow.h -- a workflow or a composite action, checked and typed.
 *
 * Parsing says everything that can be said before anything runs: YAML, grammar,
 * expressions, ids, the graph of needs, references to jobs and steps that are not there,
 * and every feature that is not supported, by name.  What comes out can be run.
 * Ownership: all of it lives in the arena given; src must outlive it.
 */
#ifndef SL_FLOW_WORKFLOW_H
#define SL_FLOW_WORKFLOW_H

#include "flow/schema.h"

enum {
	SL_FLOW_BYTES_MAX = 1048576,
	SL_FLOW_NODES_MAX = 50000,
	SL_FLOW_DEPTH_MAX = 50,
	SL_FLOW_JOBS_MAX = 1024,
	SL_FLOW_SANDBOXES_MAX = 4096,
	SL_FLOW_NEST_MAX = 9, /* composite actions inside each other */
	SL_FLOW_JOB_MINUTES = 360,
	SL_FLOW_CANCEL_MINUTES = 5
};

/* The key `sandbox`: what a level takes of what the level above has.  json is what the
 * plan says of it (doc/PROTOCOL.engine). */
enum sl_sandbox_level { SL_SANDBOX_FLOW, SL_SANDBOX_JOB, SL_SANDBOX_STEP };

struct sl_sandbox {
	const struct sl_sandbox *parent; /* NULL: the run itself */
	struct sl_sandbox *next;         /* in the order of the file */
	enum sl_sandbox_level level;
	size_t index;
	const struct sl_tok *env; /* the names listed, or NULL */
	bool says_env;            /* itself, or by a profile */
	const struct sl_json *json;
};

/* A step that is run, or that calls an action of the workspace. */
enum sl_step_kind {
	SL_STEP_RUN,
	SL_STEP_LOCAL,   /* uses: ./path */
	SL_STEP_CHECKOUT /* actions/checkout of this repository: done already */
};

struct sl_step {
	enum sl_step_kind kind;
	struct sl_slice id;   /* given or made up */
	bool has_id;          /* given: it appears in `steps` */
	struct sl_slice uses; /* LOCAL: the path without "./"; CHECKOUT: as written */
	const struct sl_tok *tok;
	const struct sl_tok *name, *cond, *run, *shell, *cwd, *env, *with, *go_on,
	    *minutes;
	const struct sl_sandbox *sandbox; /* its own or the job's; NULL: neither */
	struct sl_yaml_at at;
};

struct sl_steps {
	const struct sl_step *s;
	size_t n;
};

struct sl_job {
	struct sl_slice id;
	const size_t *needs; /* indices of jobs */
	size_t n_needs;
	const struct sl_tok *tok, *name, *cond, *strategy, *env, *shell, *cwd, *outputs,
	    *go_on, *minutes, *cancel_minutes, *runs_on;
	const struct sl_sandbox *sandbox; /* its own or the flow's; NULL: neither */
	struct sl_steps steps;
	struct sl_yaml_at at;
};

struct sl_notice {
	struct sl_yaml_at at;
	struct sl_slice msg;
};

struct sl_workflow {
	const struct sl_tok *root, *env, *shell, *cwd, *run_name, *inputs, *on;
	struct sl_slice name;             /* "" if none is given */
	const struct sl_sandbox *sandbox; /* or NULL */
	const struct sl_job *job;
	size_t n_jobs;
	const size_t *order; /* jobs, each after what it needs, else as in the file */
	const struct sl_notice *notice;
	size_t n_notices;
};

struct sl_action {
	struct sl_slice path;      /* in the workspace, without "./"; "" is its root */
	struct sl_slice file, src; /* path/action.yml, its bytes */
	const struct sl_tok *inputs, *outputs;
	struct sl_steps steps;
	struct sl_slice name;
};

struct sl_flow_parser {
	struct sl_arena *a;
	struct sl_diag_list *l;
	/* shells that exist: from the parameters; n == 0: any */
	const struct sl_slice *shells;
	size_t n_shells;
	struct sl_notice notice[32];
	size_t n_notices;
	const struct sl_type *flow_type, *action_type; /* loaded when first needed */
	struct sl_sandbox *sandboxes, *last_sandbox;
	size_t n_sandboxes;
	/* of the job whose steps are parsed; an action's steps have neither */
	const struct sl_sandbox *sandbox;
	struct sl_slice job;
};

/* 0 with *ret, where the list may still hold refusals; *ret stays unset when there are
 * errors (FORMAT). */
int sl_flow_parse(struct sl_flow_parser *p, struct sl_slice src,
		  const struct sl_workflow **ret, struct sl_err *err) SL_MUST_CHECK;
/* An action of the workspace; the same rule. */
int sl_action_parse(struct sl_flow_parser *p, struct sl_slice path, struct sl_slice file,
		    struct sl_slice src, const struct sl_action **ret,
		    struct sl_err *err) SL_MUST_CHECK;

/* ---- between the files of the parser ---- */
struct sl_ids;
int sl_parse_steps(struct sl_flow_parser *p, const struct sl_tok *steps,
		   struct sl_steps *ret, struct sl_err *err) SL_MUST_CHECK;
/* t: the key's value, or NULL.  *io: the level above; becomes this one where there is a
 * key.  step counts from 1. */
int sl_parse_sandbox(struct sl_flow_parser *p, const struct sl_tok *t,
		     enum sl_sandbox_level level, size_t step,
		     const struct sl_sandbox **io, struct sl_err *err) SL_MUST_CHECK;
/* Whether a variable that the run was given passes, as far as the flow itself says. */
bool sl_sandbox_has_env(const struct sl_sandbox *s, struct sl_slice name);
/* Graph of needs: order and cycles. */
int sl_parse_graph(struct sl_flow_parser *p, struct sl_workflow *w, struct sl_job *job,
		   struct sl_err *err) SL_MUST_CHECK;
/* Expressions that name jobs, outputs or steps that are not there. */
int sl_parse_refs(struct sl_flow_parser *p, const struct sl_workflow *w,
		  struct sl_err *err) SL_MUST_CHECK;
void sl_parse_notice(struct sl_flow_parser *p, struct sl_yaml_at at, const char *fmt, ...)
    SL_PRINTF(3, 4);
/* A label of runs-on: 0 the box serves it, 1 self-hosted (any machine of ours), -1
 * neither; foreign: windows, macos. */
int sl_parse_label(struct sl_slice s, bool *ret_is_foreign);
/* Checks a literal shell; NULL is fine. */
void sl_parse_shell(struct sl_flow_parser *p, const struct sl_tok *shell);

#endif
