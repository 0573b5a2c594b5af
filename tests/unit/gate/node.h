/* node.h -- a real node in a private home, and a small run of it: decided, stated,
 * sealed, without a box. */
#ifndef SL_TESTS_GATE_NODE_H
#define SL_TESTS_GATE_NODE_H

#include "../log/logdir.h"
#include "base/hex.h"
#include "crypto/ed25519.h"
#include "gate/gate.h"
#include "gate/verify.h"

struct node {
	struct dir d;
	struct sl_home home;
	struct sl_recorder *rec;
	struct sl_gate *gate;
};

struct made { /* one run */
	const struct sl_decision *run, *step;
	char hex[65];
};

static inline void
must(int r, const struct sl_err *err)
{
	if (r != 0)
		fail_msg("%s: %s", sl_code_id(r), err->msg);
}

/* The recorder and the gate of a home that is there; how the gate opened. */
static inline int
node_open(struct node *n, struct sl_err *err)
{
	static const uint8_t build[32] = { 5 };
	struct sl_recorder_opts o = { .build = build,
				      .home_fd = n->home.fd,
				      .home = n->home.path };
	struct sl_gate_opts g;

	must(sl_recorder_start(&o, &n->rec, err), err);
	g = (struct sl_gate_opts){ &n->home, n->rec };
	return sl_gate_open(&g, &n->gate, err);
}

static inline void
node_home(struct node *n)
{
	struct sl_err err = { 0 };

	n->gate = NULL;
	n->d = dir_make();
	must(sl_crypto_init(&err), &err);
	must(sl_home_open(n->d.path, &n->home, &err), &err);
}

static inline void
node_start(struct node *n)
{
	struct sl_err err = { 0 };

	node_home(n);
	must(node_open(n, &err), &err);
}

static inline void
node_close(struct node *n)
{
	sl_gate_free(n->gate);
	sl_recorder_stop(n->rec);
	n->gate = NULL;
}

static inline void
node_stop(struct node *n)
{
	node_close(n);
	sl_home_done(&n->home);
	dir_done(&n->d);
}

static inline struct sl_json *
a_context(const struct node *n, struct sl_jb *b, const char *kind, const char *parent)
{
	const struct sl_gate_info *i = sl_gate_info(n->gate);
	bool is_step = strcmp(kind, "step") == 0;
	struct sl_json *c = sl_json_obj(b);

	(void)sl_json_set(b, c, "v", sl_json_int(b, 1));
	(void)sl_json_set(b, c, "level", sl_json_cstr(b, is_step ? "step" : "flow"));
	(void)sl_json_set(b, c, "kind", sl_json_cstr(b, kind));
	(void)sl_json_set(b, c, "node", sl_json_cstr(b, i->node.did));
	(void)sl_json_set(b, c, "policy", sl_json_hex(b, i->policy, 32));
	if (parent != NULL)
		(void)sl_json_set(b, c, "parent", sl_json_cstr(b, parent));
	if (is_step) {
		(void)sl_json_set(b, c, "job", sl_json_cstr(b, "build"));
		(void)sl_json_set(b, c, "leg", sl_json_int(b, 0));
		(void)sl_json_set(b, c, "index", sl_json_int(b, 0));
	}
	return c;
}

static inline void
put_str(struct sl_jb *b, struct sl_json *o, const char *key, const char *v)
{
	(void)sl_json_set(b, o, key, sl_json_cstr(b, v));
}

static inline struct sl_json *
an_outcome(const struct node *n, struct sl_jb *b, const struct sl_decision_view *d,
	   const uint8_t decision[32], const char *conclusion)
{
	struct sl_json *root = sl_json_obj(b), *e, *f;

	e = sl_json_set(b, root, "buildDefinition", sl_json_obj(b));
	put_str(b, e, "buildType", "urn:sluice:run:v1");
	f = sl_json_set(b, e, "externalParameters", sl_json_obj(b));
	put_str(b, f, "kind", d->kind);
	(void)sl_json_set(b, f, "context", sl_json_hex(b, d->context, 32));
	f = sl_json_set(b, e, "internalParameters", sl_json_obj(b));
	(void)sl_json_set(b, f, "run", sl_json_hex(b, d->run, 32));
	(void)sl_json_set(b, f, "decision", sl_json_hex(b, decision, 32));
	(void)sl_json_set(b, e, "resolvedDependencies", sl_json_arr(b));
	e = sl_json_set(b, root, "runDetails", sl_json_obj(b));
	f = sl_json_set(b, e, "builder", sl_json_obj(b));
	put_str(b, f, "id", sl_gate_info(n->gate)->node.did);
	f = sl_json_set(b, e, "metadata", sl_json_obj(b));
	(void)sl_json_set(b, f, "invocationId", sl_json_hex(b, d->id, 32));
	put_str(b, f, "startedOn", "2026-11-24T23:18:34.123Z");
	put_str(b, f, "finishedOn", "2026-11-24T23:18:35.000Z");
	e = sl_json_set(b, root, "sluice", sl_json_obj(b));
	(void)sl_json_set(b, e, "v", sl_json_int(b, 1));
	(void)sl_json_set(b, e, "run", sl_json_hex(b, d->run, 32));
	(void)sl_json_set(b, e, "id", sl_json_hex(b, d->id, 32));
	put_str(b, e, "conclusion", conclusion);
	return root;
}

struct act_row {
	const char *class, *act, *object, *verdict;
};

static inline struct sl_json *
an_observation(const struct node *n, struct sl_jb *b, const struct sl_decision_view *d,
	       const struct act_row *row, size_t n_rows, bool is_complete)
{
	struct sl_json *root = sl_json_obj(b), *e, *acts, *c;

	e = sl_json_set(b, root, "monitor", sl_json_obj(b));
	put_str(b, e, "type", "urn:sluice:box:v1");
	e = sl_json_set(b, root, "monitoredProcess", sl_json_obj(b));
	put_str(b, e, "hostID", sl_gate_info(n->gate)->node.did);
	put_str(b, e, "type", "urn:sluice:run:v1");
	(void)sl_json_set(b, e, "event", sl_json_hex(b, d->id, 32));
	e = sl_json_set(b, root, "monitorLog", sl_json_obj(b));
	acts = sl_json_set(b, e, "acts", sl_json_arr(b));
	for (size_t i = 0; i < n_rows; i++) {
		e = sl_json_add(b, acts, sl_json_obj(b));
		put_str(b, e, "class", row[i].class);
		put_str(b, e, "act", row[i].act);
		put_str(b, e, "object", row[i].object);
		put_str(b, e, "verdict", row[i].verdict);
		(void)sl_json_set(b, e, "count", sl_json_int(b, 1));
		put_str(b, e, "first", "2026-11-24T23:18:34.123Z");
		put_str(b, e, "last", "2026-11-24T23:18:34.123Z");
		put_str(b, e, "enforced_by", "seccomp");
		put_str(b, e, "observed_by", "notify");
		(void)sl_json_set(b, e, "complete", sl_json_bool(b, true));
	}
	e = sl_json_set(b, root, "sluice", sl_json_obj(b));
	(void)sl_json_set(b, e, "v", sl_json_int(b, 1));
	(void)sl_json_set(b, e, "run", sl_json_hex(b, d->run, 32));
	(void)sl_json_set(b, e, "id", sl_json_hex(b, d->id, 32));
	(void)sl_json_set(b, e, "decision", sl_json_hex(b, d->entry.id, 32));
	(void)sl_json_set(b, e, "lost", sl_json_int(b, 0));
	(void)sl_json_set(b, e, "left_behind", sl_json_int(b, 0));
	c = sl_json_set(b, e, "classes", sl_json_arr(b));
	c = sl_json_add(b, c, sl_json_obj(b));
	put_str(b, c, "class", "exec");
	put_str(b, c, "enforced_by", "seccomp");
	put_str(b, c, "observed_by", "notify");
	(void)sl_json_set(b, c, "complete", sl_json_bool(b, is_complete));
	return root;
}

struct shape { /* of a run to be made */
	const struct act_row *row;
	size_t n_rows;
	bool is_open;         /* neither ended nor sealed */
	bool is_incomplete;   /* the record of "exec" */
	bool is_unobserved;   /* the step has no observation */
	bool is_forged_about; /* the outcome names a decision that there is not */
};

/* A run of one step. */
static inline struct made
a_run(struct node *n, const struct shape *s)
{
	struct sl_arena a = { 0 };
	struct sl_jb b = { .a = &a };
	struct sl_grant g;
	struct sl_gate_request q = { .kind = "run", .want = &g };
	struct sl_decision *d = NULL, *st = NULL;
	struct sl_step_ref ref = {
		.job = SL_LIT("build"), .leg = 0, .index = 0, .attempt = 1
	};
	const struct sl_decision_view *v;
	const uint8_t nobody[32] = { 9 };
	struct sl_err err = { 0 };
	struct made m = { 0 };
	char parent[65];

	sl_arena_init(&a, 16 << 20);
	sl_grant_init(&g);
	q.context = a_context(n, &b, "run", NULL);
	must(sl_gate_decide(n->gate, &q, &d, &err), &err);
	must(sl_gate_sync(n->gate, &err), &err);
	v = sl_decision_view(d);
	assert_true(v->is_allowed);
	sl_hex(m.hex, v->run, 32);
	sl_hex(parent, v->context, 32);
	ref.run = v->run;
	q = (struct sl_gate_request){
		.kind = "step", .want = &g, .outer = v->grant, .step = &ref
	};
	q.context = a_context(n, &b, "step", parent);
	must(sl_gate_decide(n->gate, &q, &st, &err), &err);
	must(sl_gate_sync(n->gate, &err), &err);
	assert_true(sl_decision_view(st)->is_allowed);
	must(sl_gate_state(
		 n->gate, st, SL_STMT_OUTCOME,
		 an_outcome(n, &b, sl_decision_view(st),
			    s->is_forged_about ? nobody : sl_decision_view(st)->entry.id,
			    "success"),
		 NULL, &err),
	     &err);
	if (!s->is_unobserved)
		must(sl_gate_state(n->gate, st, SL_STMT_OBSERVATION,
				   an_observation(n, &b, sl_decision_view(st), s->row,
						  s->n_rows, !s->is_incomplete),
				   NULL, &err),
		     &err);
	if (!s->is_open) {
		must(sl_gate_state(n->gate, d, SL_STMT_OUTCOME,
				   an_outcome(n, &b, v, v->entry.id, "success"), NULL,
				   &err),
		     &err);
		must(sl_gate_state(n->gate, d, SL_STMT_OBSERVATION,
				   an_observation(n, &b, v, NULL, 0, true), NULL, &err),
		     &err);
		must(sl_gate_seal(n->gate, d, NULL, &err), &err);
	}
	must(sl_gate_sync(n->gate, &err), &err);
	sl_arena_free(&a);
	m.run = d;
	m.step = st;
	return m;
}

static inline struct sl_buf
export_of(struct node *n, const char *hex)
{
	struct sl_buf out = { .max = SL_BUNDLE_BYTES_MAX };
	struct sl_reader *r = NULL;
	struct sl_err err = { 0 };

	must(sl_reader_open(n->home.fd, &r, &err), &err);
	must(sl_bundle_make(r, sl_slice_str(hex), &out, &err), &err);
	sl_reader_close(r);
	return out;
}

static inline int
verify_as(struct sl_slice src, const char *did, struct sl_verify_report *p,
	  struct sl_err *err)
{
	struct sl_slice own = sl_slice_str(did);
	struct sl_trusted t = { &own, 1 };

	*err = (struct sl_err){ 0 };
	return sl_verify_bundle(src, &t, p, err);
}

#endif
