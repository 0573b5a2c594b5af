/* test_gate.c -- verdicts of each kind, permits, the queue, policies put in force. */
#include "t.h"

#include "forge.h"
#include "gate/int.h"

#define OWNER "allow if request(\"policy\");\n"

struct rig {
	struct node n;
	struct sl_arena a;
	struct sl_jb b;
	struct sl_grant want;
};

static void
rig_open(struct rig *g)
{
	*g = (struct rig){ .b = { .a = &g->a } };
	node_start(&g->n);
	sl_arena_init(&g->a, 16 << 20);
	sl_grant_init(&g->want);
}

static void
rig_close(struct rig *g)
{
	sl_arena_free(&g->a);
	node_stop(&g->n);
}

static void
in_force(struct rig *g, const char *text)
{
	struct sl_err err = { 0 };
	uint8_t digest[32];

	must(sl_gate_set_policy(g->n.gate, sl_slice_str(text), "test", digest, &err),
	     &err);
	assert_memory_equal(sl_gate_info(g->n.gate)->policy, digest, 32);
}

static struct sl_decision *
decided(struct rig *g, const char *kind)
{
	struct sl_gate_request q = { .kind = kind, .want = &g->want };
	struct sl_decision *d = NULL;
	struct sl_err err = { 0 };

	q.context = a_context(&g->n, &g->b, kind, NULL);
	must(sl_gate_decide(g->n.gate, &q, &d, &err), &err);
	return d;
}

static struct sl_decision *
a_step(struct rig *g, const struct sl_decision *run, const struct sl_grant *want,
       const uint8_t *act)
{
	const struct sl_decision_view *v = sl_decision_view(run);
	struct sl_step_ref ref = { .run = v->run, .job = SL_LIT("build"), .attempt = 1 };
	struct sl_gate_request q = {
		.kind = "step", .want = want, .outer = v->grant, .step = &ref, .act = act
	};
	struct sl_decision *d = NULL;
	struct sl_err err = { 0 };
	char parent[65];

	sl_hex(parent, v->context, 32);
	q.context = a_context(&g->n, &g->b, "step", parent);
	must(sl_gate_decide(g->n.gate, &q, &d, &err), &err);
	return d;
}

static void
sync_of(struct rig *g)
{
	struct sl_err err = { 0 };

	must(sl_gate_sync(g->n.gate, &err), &err);
}

static void
verified(struct rig *g, const struct sl_decision *d, struct sl_verify_report *p)
{
	struct sl_err err;
	struct sl_buf b;
	char hex[65];

	sl_hex(hex, sl_decision_view(d)->run, 32);
	b = export_of(&g->n, hex);
	must(verify_as(sl_buf_get(&b), sl_gate_info(g->n.gate)->node.did, p, &err), &err);
	assert_int_equal(p->n_rederived, p->n_decisions);
	sl_buf_done(&b);
}

/* --- verdicts --- */

static void
verdicts(void **state)
{
	static const struct {
		const char *policy, *kind, *reason, *rule;
		size_t line;
		bool is_allowed;
		bool is_shown; /* by the proof alone */
	} t[] = {
		{ OWNER "allow if request(\"run\");\n", "run", "allow",
		  "allow if request(\"run\")", 2, true, false },
		{ OWNER "deny if want_tty(false);\n", "run", "deny",
		  "deny if want_tty(false)", 2, false, false },
		{ OWNER, "exec", "none", "", 0, false, false },
		{ OWNER "check if request(\"policy\");\nallow if true;\n", "exec",
		  "check", "check if request(\"policy\")", 2, false, false },
		{ OWNER "allow if request(\"exec\"), platform(\"unattested\");\n", "exec",
		  "allow", NULL, 2, true, false },
		/* what one match shows, and what one match does not */
		{ "allow if request(\"policy\") or request(\"run\");\n", "run", "allow",
		  NULL, 1, true, true },
		{ "deny if want_tty(false), request(\"run\");\n" OWNER, "run", "deny",
		  NULL, 1, false, true },
		{ "reject if request(\"exec\");\nallow if true;\n", "run", "allow", NULL,
		  2, true, false },
	};
	struct rig g;

	(void)state;
	rig_open(&g);
	for (size_t i = 0; i < SL_ARRAY_LEN(t); i++) {
		const struct sl_decision_view *v;
		struct sl_verify_report p;
		struct sl_decision *d;
		struct sl_permit *permit = NULL;
		struct sl_err err = { 0 };
		const char *why[4];
		size_t n;

		in_force(&g, t[i].policy);
		d = decided(&g, t[i].kind);
		v = sl_decision_view(d);
		assert_string_equal(v->reason, t[i].reason);
		assert_int_equal(v->is_allowed, t[i].is_allowed);
		assert_int_equal(v->rule_line, t[i].line);
		if (t[i].rule != NULL)
			assert_string_equal(v->rule, t[i].rule);
		assert_int_equal(v->grant != NULL, t[i].is_allowed);
		assert_false(v->is_durable);
		assert_int_equal(
		    sl_gate_permit(g.n.gate, d, SL_PERMIT_BOX, 1, &permit, &err),
		    SL_E(BUG));
		sync_of(&g);
		assert_true(v->is_durable);
		verified(&g, d, &p);
		assert_string_equal(p.verdict, t[i].is_allowed ? "allow" : "deny");
		assert_int_equal(p.n_shown, t[i].is_shown);
		assert_string_equal(p.kind, t[i].kind);
		assert_false(p.has_tree || p.is_sealed);
		n = sl_decision_because(v->proof, &g.a, why, 4);
		assert_int_equal(n, i == 1 || i == 4 || i == 6);
		if (n > 0)
			assert_string_equal(why[0], i != 4 ? "want_tty(false)"
							   : "platform(\"unattested\")");
		if (!t[i].is_allowed) {
			err = (struct sl_err){ 0 };
			assert_int_equal(
			    sl_gate_permit(g.n.gate, d, SL_PERMIT_BOX, 1, &permit, &err),
			    SL_E(BUG));
		}
	}
	rig_close(&g);
}

static void
permits(void **state)
{
	static const uint8_t act[32] = { 8 };
	struct sl_permit *box = NULL, *proc = NULL;
	struct sl_permit_view v;
	struct sl_decision *d, *s;
	struct sl_err err = { 0 };
	uint8_t digest[32];
	struct rig g;

	(void)state;
	rig_open(&g);
	d = decided(&g, "run");
	sync_of(&g);
	must(sl_gate_permit(g.n.gate, d, SL_PERMIT_BOX, 2, &box, &err), &err);
	for (int i = 0; i < 2; i++) {
		v = sl_permit_use(box, SL_PERMIT_BOX);
		assert_memory_equal(v.run, sl_decision_view(d)->run, 32);
		assert_memory_equal(v.decision, sl_decision_view(d)->entry.id, 32);
		must(sl_grant_digest(v.grant, digest, &err), &err);
		assert_memory_equal(v.act, digest, 32);
	}
	sl_permit_drop(box);
	s = a_step(&g, d, &g.want, act);
	sync_of(&g);
	must(sl_gate_permit(g.n.gate, s, SL_PERMIT_PROC, 1, &proc, &err), &err);
	v = sl_permit_use(proc, SL_PERMIT_PROC);
	assert_memory_equal(v.act, act, 32);
	sl_permit_drop(proc);
	rig_close(&g);
}

/* --- a step that wants more than its run was granted --- */

static void
outer(void **state)
{
	const struct sl_slice home = SL_LIT("HOME");
	const struct sl_decision_view *v;
	struct sl_verify_report p;
	struct sl_decision *d, *s;
	struct sl_grant more;
	struct sl_err err = { 0 };
	struct sl_buf b;
	struct forge *f;
	struct rig g;
	char hex[65];

	(void)state;
	rig_open(&g);
	in_force(&g, "allow if true;\n");
	d = decided(&g, "run");
	sync_of(&g);
	more = g.want;
	more.env = &home;
	more.n_env = 1;
	s = a_step(&g, d, &more, NULL);
	v = sl_decision_view(s);
	assert_false(v->is_allowed);
	assert_string_equal(v->reason, "outer");
	assert_string_equal(v->message, SL_GATE_OUTER);
	sync_of(&g);
	verified(&g, d, &p);
	assert_true(p.has_tree);
	sl_hex(hex, sl_decision_view(d)->run, 32);
	b = export_of(&g.n, hex);
	/* what it says of why, and that it would have been within */
	for (int i = 0; i < 4; i++) {
		static const char *const to[][2] = {
			{ "predicate.sluice.message", "\"x\"" },
			{ "predicate.sluice.reason", "\"deny\"" },
			{ "predicate.sluice.rule.text", "\"x\"" },
			{ "predicate.sluice.wants.env", "[]" },
		};

		f = forge_open(&g.n, sl_buf_get(&b));
		forge_edit(f, forge_find(f, 2, SL_STMT_DECISION, 0), to[i][0], to[i][1]);
		{
			struct sl_buf bad = forge_bytes(f);

			assert_int_equal(verify_as(sl_buf_get(&bad),
						   sl_gate_info(g.n.gate)->node.did, &p,
						   &err),
					 SL_E(VERIFY));
			sl_buf_done(&bad);
		}
		if (i == 3)
			assert_non_null(strstr(p.findings.f[0].what, "no more than"));
		forge_done(f);
	}
	sl_buf_done(&b);
	rig_close(&g);
}

/* --- limits and records that policy asks for --- */

static void
asked(void **state)
{
	const struct sl_decision_view *v;
	struct sl_gate_request q = { .kind = "run" };
	struct sl_verify_report p;
	struct sl_decision *d;
	struct sl_err err = { 0 };
	struct sl_json *c, *root;
	struct rig g;

	(void)state;
	rig_open(&g);
	g.want.limit[SL_LIM_MEMORY].class = SL_LC_NONE;
	in_force(&g, "require_limit(\"memory\", \"process\") <- request(\"run\");\n"
		     "require_complete(\"exec\") <- request(\"run\");\n"
		     "require_complete(\"mount\") <- request(\"run\");\n"
		     "allow if request(\"policy\");\nallow if root_verified(true);\n");
	c = a_context(&g.n, &g.b, "run", NULL);
	root = sl_json_set(&g.b, c, "root", sl_json_obj(&g.b));
	(void)sl_json_set(&g.b, root, "verified", sl_json_bool(&g.b, true));
	q.context = c;
	q.want = &g.want;
	must(sl_gate_decide(g.n.gate, &q, &d, &err), &err);
	v = sl_decision_view(d);
	assert_true(v->is_allowed);
	assert_int_equal(v->grant->limit[SL_LIM_MEMORY].class, SL_LC_PROCESS);
	assert_int_equal(v->n_require_complete, 2);
	sync_of(&g);
	verified(&g, d, &p);
	/* no such limit: an error, and nothing is decided */
	in_force(&g, "require_limit(\"memory\", \"much\") <- request(\"run\");\n"
		     "allow if true;\n");
	q.context = a_context(&g.n, &g.b, "run", NULL);
	assert_int_equal(sl_gate_decide(g.n.gate, &q, &d, &err), SL_E(FORMAT));
	rig_close(&g);
}

/* All that a grant can hold is a fact. */
static void
wants(void **state)
{
	const struct sl_slice env = SL_LIT("HOME"), secret = SL_LIT("TOKEN");
	const struct sl_grant_fs fs[] = {
		{ SL_LIT("/srv/a"), SL_ACC_READ | SL_ACC_WRITE | SL_ACC_EXEC },
	};
	struct sl_verify_report p;
	struct sl_decision *d;
	struct rig g;

	(void)state;
	rig_open(&g);
	in_force(&g, "allow if request(\"policy\");\n"
		     "allow if want_read(\"/srv/a\"), want_write(\"/srv/a\"), "
		     "want_exec(\"/srv/a\"), want_env(\"HOME\"), want_secret(\"TOKEN\"), "
		     "want_write(\"/home/u/w\"), want_workspace(\"direct\"), "
		     "want_tty(true), root(\"host:\"), tier(\"T1\");\n");
	g.want.fs = fs;
	g.want.n_fs = 1;
	g.want.env = &env;
	g.want.n_env = 1;
	g.want.secrets = &secret;
	g.want.n_secrets = 1;
	g.want.ws_mode = SL_WS_DIRECT;
	g.want.ws_path = SL_LIT("/home/u/w");
	g.want.is_tty = true;
	d = decided(&g, "exec");
	assert_true(sl_decision_view(d)->is_allowed);
	sync_of(&g);
	verified(&g, d, &p);
	g.want.is_tty = false;
	assert_false(sl_decision_view(decided(&g, "exec"))->is_allowed);
	rig_close(&g);
}

/* --- sources of facts --- */

static int
broken(void *arg, struct sl_policy_facts *f, struct sl_err *err)
{
	(void)arg;
	(void)f;
	return SL_ERR(err, SYS, "no facts today");
}

static int
undeclared(void *arg, struct sl_policy_facts *f, struct sl_err *err)
{
	(void)arg;
	(void)err;
	SL_FACT(f, "request", "weather", sl_term_cstr("fine"));
	return 0;
}

static int
command(void *arg, struct sl_policy_facts *f, struct sl_err *err)
{
	(void)arg;
	(void)err;
	SL_FACT(f, "request", "command", sl_term_cstr("make"));
	return 0;
}

static void
sources(void **state)
{
	struct sl_gate_source s = { .add = broken };
	struct sl_gate_request q = { .kind = "exec", .sources = &s, .n_sources = 1 };
	struct sl_verify_report p;
	struct sl_decision *d = NULL;
	struct sl_err err = { 0 };
	struct rig g;

	(void)state;
	rig_open(&g);
	in_force(&g, OWNER "allow if command(\"make\");\n");
	q.want = &g.want;
	q.context = a_context(&g.n, &g.b, "exec", NULL);
	assert_int_equal(sl_gate_decide(g.n.gate, &q, &d, &err), SL_E(SYS));
	err = (struct sl_err){ 0 };
	s.add = undeclared;
	assert_int_equal(sl_gate_decide(g.n.gate, &q, &d, &err), SL_E(FORMAT));
	assert_null(d);
	err = (struct sl_err){ 0 };
	s.add = command;
	must(sl_gate_decide(g.n.gate, &q, &d, &err), &err);
	assert_true(sl_decision_view(d)->is_allowed);
	sync_of(&g);
	verified(&g, d, &p);
	rig_close(&g);
}

/* --- the queue --- */

static void
queue(void **state)
{
	struct sl_decision *d;
	struct sl_err err = { 0 };
	struct sl_entry entry = { 0 };
	struct rig g;

	(void)state;
	rig_open(&g);
	assert_true(sl_gate_fd(g.n.gate) >= 0);
	assert_int_equal(sl_gate_wait(g.n.gate, &err), SL_E(BUG));
	err = (struct sl_err){ 0 };
	d = decided(&g, "run");
	must(sl_gate_commit(g.n.gate, &err), &err);
	assert_int_equal(
	    sl_gate_state(g.n.gate, d, SL_STMT_OUTCOME,
			  an_outcome(&g.n, &g.b, sl_decision_view(d),
				     sl_decision_view(d)->entry.id, "success"),
			  NULL, &err),
	    SL_E(BUG));
	err = (struct sl_err){ 0 };
	assert_int_equal(sl_gate_seal(g.n.gate, d, NULL, &err), SL_E(BUG));
	err = (struct sl_err){ 0 };
	must(sl_gate_wait(g.n.gate, &err), &err);
	/* A run whose tree was never begun has nothing to seal; the gate goes on. */
	must(sl_gate_seal(g.n.gate, d, &entry, &err), &err);
	assert_true(sl_gate_sync(g.n.gate, &err) < 0);
	d = decided(&g, "run");
	sync_of(&g);
	assert_true(sl_decision_view(d)->is_durable);
	/* more statements than the queue began with room for */
	for (int i = 0; i < 40; i++)
		d = decided(&g, "run");
	sync_of(&g);
	assert_true(sl_decision_view(d)->is_durable);
	rig_close(&g);
}

static void
closed(void **state)
{
	struct sl_verify_report p;
	struct sl_decision *d;
	struct sl_err err = { 0 };
	struct rig g;

	(void)state;
	rig_open(&g);
	d = decided(&g, "run");
	sync_of(&g);
	must(sl_gate_close_run(g.n.gate, sl_decision_view(d)->run,
			       an_outcome(&g.n, &g.b, sl_decision_view(d),
					  sl_decision_view(d)->entry.id, "interrupted"),
			       false, &err),
	     &err);
	verified(&g, d, &p);
	assert_int_equal(p.n_outcomes, 1);
	assert_false(p.has_tree || p.is_sealed);
	rig_close(&g);
}

/* --- policies --- */

static void
refused_policies(void **state)
{
	static const struct {
		const char *text;
		int code;
	} t[] = {
		{ "allow if", SL_E(FORMAT) },
		{ "allow if nonsense(1);", SL_E(UNKNOWN) },
		{ "deny if true;", SL_E(FORMAT) }, /* under it none could be registered */
		{ "", SL_E(FORMAT) },
	};
	uint8_t digest[32], was[32];
	struct sl_err err;
	struct rig g;

	(void)state;
	rig_open(&g);
	memcpy(was, sl_gate_info(g.n.gate)->policy, 32);
	for (size_t i = 0; i < SL_ARRAY_LEN(t); i++) {
		err = (struct sl_err){ 0 };
		assert_int_equal(sl_gate_set_policy(g.n.gate, sl_slice_str(t[i].text),
						    "x", digest, &err),
				 t[i].code);
		assert_memory_equal(sl_gate_info(g.n.gate)->policy, was, 32);
	}
	in_force(&g, OWNER);
	in_force(&g, OWNER); /* already: nothing is recorded */
	rig_close(&g);
}

static void
would(void **state)
{
	struct sl_gate_request q = { .kind = "run" };
	const struct sl_policy *no = NULL;
	struct sl_err err = { 0 };
	bool is = false;
	struct rig g;

	(void)state;
	rig_open(&g);
	q.context = a_context(&g.n, &g.b, "run", NULL);
	q.want = &g.want;
	must(sl_gate_would_allow(g.n.gate, g.n.gate->policy, &q, &is, &err), &err);
	assert_true(is);
	must(sl_policy_load(SL_LIT(OWNER), "x", g.n.gate->decls, &sl_policy_text_limits,
			    &g.a, &no, &err),
	     &err);
	must(sl_gate_would_allow(g.n.gate, no, &q, &is, &err), &err);
	assert_false(is);
	rig_close(&g);
}

static void
edited(void **state)
{
	struct sl_err err = { 0 };
	uint8_t digest[32];
	char name[80], hex[65];
	struct rig g;

	(void)state;
	rig_open(&g);
	assert_true(sl_gate_info(g.n.gate)->is_policy_new);
	assert_false(sl_gate_info(g.n.gate)->is_policy_edited);
	memcpy(digest, sl_gate_info(g.n.gate)->policy, 32);
	must(sl_home_write(&g.n.home, "policy/policy.dl", SL_LIT(OWNER), true, &err),
	     &err);
	node_close(&g.n);
	must(node_open(&g.n, &err), &err);
	assert_false(sl_gate_info(g.n.gate)->is_policy_new);
	assert_true(sl_gate_info(g.n.gate)->is_policy_edited);
	assert_memory_equal(sl_gate_info(g.n.gate)->policy, digest, 32);
	/* The kept text is lost or another: the log has it. */
	sl_hex(hex, digest, 32);
	(void)snprintf(name, sizeof(name), "cas/%s", hex);
	for (int i = 0; i < 2; i++) {
		if (i == 0)
			must(sl_home_write(&g.n.home, name, SL_LIT("x"), true, &err),
			     &err);
		else
			assert_int_equal(unlinkat(g.n.home.fd, name, 0), 0);
		node_close(&g.n);
		must(node_open(&g.n, &err), &err);
		assert_true(sl_decision_view(decided(&g, "run"))->is_allowed);
	}
	rig_close(&g);
}

static void
first(void **state)
{
	static const struct {
		const char *text;
		int code;
	} t[] = {
		{ OWNER, 0 },
		{ "allow if", SL_E(FORMAT) },
		{ "deny if true;", SL_E(FORMAT) },
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(t); i++) {
		struct sl_err err = { 0 };
		struct node n;
		uint8_t digest[32];
		int fd;

		node_home(&n);
		must(sl_home_dir(&n.home, "policy", &fd, &err), &err);
		close(fd);
		must(sl_home_write(&n.home, "policy/policy.dl", sl_slice_str(t[i].text),
				   true, &err),
		     &err);
		assert_int_equal(node_open(&n, &err), t[i].code);
		if (t[i].code == 0) {
			sl_sha256(sl_slice_str(t[i].text), digest);
			assert_memory_equal(sl_gate_info(n.gate)->policy, digest, 32);
		}
		node_stop(&n);
	}
}

int
main(void)
{
	const struct CMUnitTest t[] = {
		cmocka_unit_test(verdicts),
		cmocka_unit_test(permits),
		cmocka_unit_test(outer),
		cmocka_unit_test(asked),
		cmocka_unit_test(wants),
		cmocka_unit_test(sources),
		cmocka_unit_test(queue),
		cmocka_unit_test(closed),
		cmocka_unit_test(refused_policies),
		cmocka_unit_test(would),
		cmocka_unit_test(edited),
		cmocka_unit_test(first),
	};

	return run_suite("gate", t, SL_ARRAY_LEN(t));
}
