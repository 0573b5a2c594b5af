/* test_forged.c -- bundles that the node's own keys signed and that are wrong in one
 * respect: each must be refused (doc/PROTOCOL.bundle section 3). */
#include "t.h"

#include "cose/checkpoint.h"
#include "forge.h"

static struct node node;
static struct made made;
static struct sl_buf good;
static const char *did;

#define HEX64 "1111111111111111111111111111111111111111111111111111111111111111"

static int
setup(void **state)
{
	static const struct act_row row[] = { { "exec", "execve", "/usr/bin/cc",
						"allowed" } };
	struct shape s = { .row = row, .n_rows = 1 };

	(void)state;
	node_start(&node);
	did = sl_gate_info(node.gate)->node.did;
	made = a_run(&node, &s);
	good = export_of(&node, made.hex);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	sl_buf_done(&good);
	node_stop(&node);
	return 0;
}

/* Signed again and verified: the code, and what the first finding says. */
static int
judged(struct forge *f, struct sl_verify_report *p)
{
	struct sl_buf b = forge_bytes(f);
	struct sl_err err;
	int r = verify_as(sl_buf_get(&b), did, p, &err);

	sl_buf_done(&b);
	return r;
}

static void
same(void **state)
{
	struct forge *f = forge_open(&node, sl_buf_get(&good));
	struct sl_buf b = forge_bytes(f);

	(void)state;
	assert_true(sl_slice_eq(sl_buf_get(&b), sl_buf_get(&good)));
	sl_buf_done(&b);
	forge_done(f);
}

struct edit {
	int tree;
	enum sl_statement kind;
	size_t nth;
	const char *path, *value; /* NULL: taken out */
	const char *says;         /* part of the finding, or NULL */
};

#define DECISION 1, SL_STMT_DECISION, 0
#define STEP 2, SL_STMT_DECISION, 0
#define CONTEXT 1, SL_STMT_CONTEXT, 0
#define OF_STEP 2, SL_STMT_CONTEXT, 0
#define OUTCOME 2, SL_STMT_OUTCOME, 0
#define TRACE 2, SL_STMT_OBSERVATION, 0
#define PLATFORM 0, SL_STMT_CONTEXT, 0
#define SAID "predicate.sluice."

static const struct edit edits[] = {
	/* the in-toto Statement */
	{ OUTCOME, "more", "1", "in-toto" },
	{ OUTCOME, "_type", "\"https://in-toto.io/Statement/v0.1\"", "in-toto" },
	{ OUTCOME, "predicateType", "\"urn:x\"", "not a predicate" },
	{ OUTCOME, "predicateType", "\"outcome\"", "not a predicate" },
	{ OUTCOME, "subject.0.more", "1", "one subject" },
	{ OUTCOME, "subject.0.digest.sha512", "\"\"", "one subject" },
	{ OUTCOME, "subject", "[]", "one subject" },
	{ OUTCOME, "subject.0.name", "\"run:" HEX64 "\"", "its subject" },
	{ OUTCOME, "subject.0.digest.sha256", "\"" HEX64 "\"", "its subject" },
	{ DECISION, "subject.0.name", "\"run\"", "its subject" },
	{ CONTEXT, "subject.0.name", "\"x\"", "its subject" },
	{ 1, SL_STMT_POLICY, 0, "subject.0.name", "\"x\"", "its subject" },
	{ 1, SL_STMT_KEY, 1, "subject.0.name", "\"x\"", "its subject" },
	/* keys and the platform */
	{ 1, SL_STMT_KEY, 1, "predicate.build", NULL, "no working key" },
	{ 1, SL_STMT_KEY, 0, "predicate.next", NULL, "no identity key" },
	{ 1, SL_STMT_KEY, 0, "predicate.build", "{\"sha256\":\"" HEX64 "\"}",
	  "no identity key" },
	{ 1, SL_STMT_KEY, 1, "predicate.role", "\"platform\"", NULL },
	{ PLATFORM, "predicate.level", "1", "context" },
	{ PLATFORM, "predicate.level", "\"flow\"", "not one of the platform" },
	{ PLATFORM, "predicate.attestation", "\"tpm\"", "attestation" },
	{ PLATFORM, "predicate.more", "1", "not one of the platform" },
	{ PLATFORM, "predicate.kernel", NULL, "no 'kernel'" },
	/* a decision, as SLSA reads it */
	{ DECISION, "predicate.verificationResult", "\"FAILED\"", "verificationResult" },
	{ DECISION, "predicate.resourceUri", "\"urn:sluice:run:" HEX64 "\"",
	  "resourceUri" },
	{ STEP, "predicate.resourceUri", "\"urn:sluice:run:" HEX64 "\"", "resourceUri" },
	{ DECISION, "predicate.inputAttestations.0.digest.sha256", "\"" HEX64 "\"",
	  "inputAttestations" },
	{ DECISION, "predicate.inputAttestations.0.uri", "\"urn:x\"",
	  "inputAttestations" },
	{ DECISION, "predicate.inputAttestations", "[]", "minItems" },
	{ DECISION, "predicate.policy.digest.sha256", "\"" HEX64 "\"", "two policies" },
	{ DECISION, "predicate.policy.uri", "\"urn:x\"", "two policies" },
	{ DECISION, "predicate.timeVerified", "\"2020-01-01T00:00:00.000Z\"",
	  "timeVerified" },
	{ DECISION, "predicate.timeVerified", "\"yesterday\"", "format" },
	{ DECISION, "predicate.verifiedLevels", "[\"SLSA_BUILD_LEVEL_3\"]", "maxItems" },
	{ DECISION, "predicate.slsaVersion", "\"2.0\"", "const" },
	{ DECISION, "predicate.verifier.id",
	  "\"did:key:z6MktwupdmLXVVqTzCw4i46r4uGyosGXRnR3XjN4Zq7oMMsw\"",
	  "another node" },
	{ DECISION, "predicate.more", "1", "not known" },
	/* as sluice reads it */
	{ DECISION, SAID "v", "2", "const" },
	{ DECISION, SAID "more", "1", "not known" },
	{ DECISION, SAID "rule.line", "7", "rule" },
	{ DECISION, SAID "rule.text", "\"allow if false\"", "rule" },
	{ DECISION, SAID "message", "\"\"", "message" },
	{ DECISION, SAID "require_complete", "[\"exec\"]", "record of other" },
	{ DECISION, SAID "require_complete", "\"\"", "type" },
	{ DECISION, SAID "reason", "\"none\"", "derived again" },
	{ DECISION, SAID "fuel", "1", "fuel" },
	{ DECISION, SAID "fuel_version", "2", "const" },
	{ DECISION, SAID "requester",
	  "\"did:key:z6MktwupdmLXVVqTzCw4i46r4uGyosGXRnR3XjN4Zq7oMMsw\"", "facts" },
	{ DECISION, SAID "nonce", "\"22222222222222222222222222222222\"", "ID" },
	{ DECISION, SAID "nonce", NULL, "neither" },
	{ DECISION, SAID "kind", "\"exec\"", NULL },
	{ DECISION, SAID "kind", "\"policy\"", NULL },
	{ DECISION, SAID "grant", NULL, "grant goes with" },
	{ DECISION, SAID "grant.limits.memory.max", "1", "grant does not follow" },
	{ DECISION, SAID "wants.env", "[\"HOME\"]", "facts" },
	{ DECISION, SAID "run_key", NULL, "names the run's key" },
	{ STEP, SAID "run_key",
	  "\"did:key:z6MktwupdmLXVVqTzCw4i46r4uGyosGXRnR3XjN4Zq7oMMsw\"", "no key" },
	{ STEP, SAID "step", NULL, NULL },
	{ STEP, SAID "step.index", "[]", "type" },
	{ STEP, SAID "step.index", "7", "another step" },
	{ STEP, SAID "step.attempt", "7", "ID" },
	{ STEP, SAID "step.leg", "4294967296", "maximum" },
	{ STEP, SAID "id", "\"" HEX64 "\"", NULL },
	{ STEP, SAID "context", "\"" HEX64 "\"", NULL },
	{ STEP, SAID "time", "1", "timeVerified" },
	{ STEP, SAID "grant.env", "[\"HOME\"]", "more than the run" },
	{ STEP, SAID "wants.env", "[\"HOME\"]", "more than the run" },
	{ STEP, SAID "act", "\"x\"", "pattern" },
	/* contexts; under their old ID */
	{ OF_STEP, "predicate.job", "\"x\"", "its subject" },
	/* outcomes */
	{ OUTCOME, "predicate.runDetails.builder.id",
	  "\"did:key:z6MktwupdmLXVVqTzCw4i46r4uGyosGXRnR3XjN4Zq7oMMsw\"",
	  "another node" },
	{ OUTCOME, "predicate.buildDefinition.externalParameters.context",
	  "\"" HEX64 "\"", "externalParameters" },
	{ OUTCOME, "predicate.buildDefinition.externalParameters.kind", "\"run\"",
	  "externalParameters" },
	{ OUTCOME, "predicate.buildDefinition.externalParameters.more", "1",
	  "not known" },
	{ OUTCOME, "predicate.buildDefinition.internalParameters.run", "\"" HEX64 "\"",
	  "two runs" },
	{ OUTCOME, "predicate.buildDefinition.internalParameters.decision",
	  "\"" HEX64 "\"", "does not come before" },
	{ OUTCOME, "predicate.buildDefinition.buildType", "\"x\"", "const" },
	{ OUTCOME, "predicate.runDetails.metadata.invocationId", "\"" HEX64 "\"",
	  "two runs" },
	{ OUTCOME, "predicate.runDetails.metadata.finishedOn",
	  "\"2020-01-01T00:00:00.000Z\"", "before it began" },
	{ OUTCOME, "predicate.runDetails.byproducts", "[{}]", "required" },
	{ OUTCOME, SAID "conclusion", "\"fine\"", "enum" },
	{ OUTCOME, SAID "more", "1", "not known" },
	{ OUTCOME, SAID "run", "\"" HEX64 "\"", "another run" },
	/* observations */
	{ TRACE, "predicate.monitoredProcess.hostID",
	  "\"did:key:z6MktwupdmLXVVqTzCw4i46r4uGyosGXRnR3XjN4Zq7oMMsw\"",
	  "another node" },
	{ TRACE, "predicate.monitoredProcess.event", "\"" HEX64 "\"", "two runs" },
	{ TRACE, "predicate.monitorLog.acts", NULL, "required" },
	{ TRACE, "predicate.monitorLog.acts.0.verdict", "\"fine\"", NULL },
	{ TRACE, SAID "decision", "\"" HEX64 "\"", "does not come before" },
	{ TRACE, SAID "lost", "-1", "minimum" },
};

static void
each_edit(void **state)
{
	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(edits); i++) {
		struct forge *f = forge_open(&node, sl_buf_get(&good));
		const struct edit *e = &edits[i];
		struct sl_verify_report p;

		forge_edit(f, forge_find(f, e->tree, e->kind, e->nth), e->path, e->value);
		if (judged(f, &p) != SL_E(VERIFY))
			fail_msg("%s = %s is not noticed", e->path, e->value);
		if (e->says != NULL && strstr(p.findings.f[0].what, e->says) == NULL)
			fail_msg("%s = %s: %s", e->path, e->value, p.findings.f[0].what);
		forge_done(f);
	}
}

/* A step's context under its right name, and its decision about it: only what the two
 * say is wrong. */
static void
contexts(void **state)
{
	static const struct {
		const char *path, *value, *says;
	} t[] = {
		{ "predicate.node",
		  "\"did:key:z6MktwupdmLXVVqTzCw4i46r4uGyosGXRnR3XjN4Zq7oMMsw\"",
		  "another node" },
		{ "predicate.node", NULL, "another node" },
		{ "predicate.policy", "\"" HEX64 "\"", "another kind or policy" },
		{ "predicate.policy", NULL, "level" },
		{ "predicate.kind", "\"run\"", "level" },
		{ "predicate.level", "\"flow\"", "level" },
		{ "predicate.act", "\"" HEX64 "\"", "another act" },
		{ "predicate.job", "\"x\"", "another step" },
		{ "predicate.leg", "1", "another step" },
		{ "predicate.index", NULL, "another step" },
		{ "predicate.parent", "\"" HEX64 "\"", "not below" },
		{ "predicate.parent", NULL, "not below" },
		{ "predicate.v", "2", "const" },
		{ "predicate.v", NULL, "not one of a run" },
		{ "predicate.level", "0", "not one of a run" },
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(t); i++) {
		struct forge *f = forge_open(&node, sl_buf_get(&good));
		struct forged *c = forge_find(f, 2, SL_STMT_CONTEXT, 0);
		struct sl_verify_report p;
		struct sl_err err = { 0 };
		uint8_t id[32];
		char hex[67];

		forge_edit(f, c, t[i].path, t[i].value);
		must(sl_context_id(sl_json_get(forge_json(f, c->payload), "predicate"),
				   id, &err),
		     &err);
		hex[0] = hex[65] = '"';
		sl_hex(hex + 1, id, 32);
		hex[65] = '"';
		hex[66] = '\0';
		forge_edit(f, c, "subject.0.digest.sha256", hex);
		if (judged(f, &p) != SL_E(VERIFY) ||
		    strstr(p.findings.f[0].what, t[i].says) == NULL)
			fail_msg("%s = %s: %s", t[i].path, t[i].value,
				 p.findings.f[0].what);
		forge_done(f);
	}
}

/* --- payloads that are not JCS --- */

static struct sl_slice
changed(struct forge *f, struct sl_slice s, size_t at, size_t drop, const char *put)
{
	struct sl_buf b = { .max = 1 << 24 };
	struct sl_slice r;

	sl_buf_put(&b, s.p, at);
	sl_buf_str(&b, put);
	sl_buf_slice(&b, sl_slice_skip(s, at + drop));
	r = sl_arena_dup(&f->a, sl_buf_get(&b));
	sl_buf_done(&b);
	return r;
}

static void
payloads(void **state)
{
	static const struct {
		int at; /* -1: the end */
		size_t drop;
		const char *put;
	} t[] = {
		{ 1, 0, " " },        { -1, 0, "\n" },          { -1, 0, " " },
		{ 0, 0, " " },        { 2, 1, "\\u005f" },      { 0, 1, "[" },
		{ 1, 0, "\"a\":1," }, { 0, 0, "\xef\xbb\xbf" }, { 2, 1, "\xff" },
		{ 0, 0, "1" },
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(t); i++)
		for (int env = 0; env < 2; env++) {
			struct forge *f = forge_open(&node, sl_buf_get(&good));
			struct forged *x = env ? forge_find(f, 2, SL_STMT_OUTCOME, 0)
					       : forge_find(f, 1, SL_STMT_POLICY, 0);
			struct sl_verify_report p;

			x->payload = changed(
			    f, x->payload, t[i].at < 0 ? x->payload.len : (size_t)t[i].at,
			    t[i].drop, t[i].put);
			if (judged(f, &p) != SL_E(VERIFY))
				fail_msg("payload %zu, envelope %d", i, env);
			forge_done(f);
		}
}

/* --- whole statements --- */

typedef void forge_fn(struct forge *f);

static void
sub_of_step(struct forge *f)
{
	forge_find(f, 2, SL_STMT_CONTEXT, 0)->sub = SL_LIT("run:" HEX64);
}

static void
sub_of_decision(struct forge *f)
{
	forge_find(f, 1, SL_STMT_DECISION, 0)->sub = SL_LIT("run");
}

static void
sub_of_boot(struct forge *f)
{
	forge_find(f, 0, SL_STMT_CONTEXT, 0)->sub = SL_LIT("boot");
}

static void
not_an_envelope(struct forge *f)
{
	forge_find(f, 2, SL_STMT_OUTCOME, 0)->is_envelope = false;
}

static void
an_envelope(struct forge *f)
{
	forge_find(f, 1, SL_STMT_POLICY, 0)->is_envelope = true;
}

static void
envelope_of_boot(struct forge *f)
{
	forge_find(f, 0, SL_STMT_CONTEXT, 0)->is_envelope = true;
}

static void
policy_twice(struct forge *f)
{
	(void)forge_copy(f, forge_find(f, 1, SL_STMT_POLICY, 0), 1);
}

static void
key_twice(struct forge *f)
{
	(void)forge_copy(f, forge_find(f, 1, SL_STMT_KEY, 1), 1);
}

static void
seal_twice(struct forge *f)
{
	(void)forge_copy(f, forge_find(f, 1, SL_STMT_SEAL, 0), 1);
}

static void
context_last(struct forge *f)
{
	(void)forge_copy(f, forge_find(f, 2, SL_STMT_CONTEXT, 0), 2);
}

static void
context_twice(struct forge *f)
{
	struct forged c = *forge_find(f, 2, SL_STMT_CONTEXT, 0);

	memmove(&f->e[2][1], &f->e[2][0], f->n[2] * sizeof(f->e[2][0]));
	f->e[2][0] = c;
	f->n[2]++;
	for (size_t i = 0; i < f->n[2]; i++)
		f->e[2][i].index = i;
}

static void
step_twice(struct forge *f)
{
	(void)forge_copy(f, forge_find(f, 2, SL_STMT_CONTEXT, 0), 2);
	(void)forge_copy(f, forge_find(f, 2, SL_STMT_DECISION, 0), 2);
}

static void
outcome_twice(struct forge *f)
{
	(void)forge_copy(f, forge_find(f, 2, SL_STMT_OUTCOME, 0), 2);
}

static void
outcome_of_node(struct forge *f)
{
	forge_copy(f, forge_find(f, 2, SL_STMT_OUTCOME, 1), 1)->by = &f->k.working;
}

/* Before the seal and of an interrupted run, but the run has said how it ended. */
static void
ended_twice(struct forge *f)
{
	struct forged *x, seal = f->e[1][f->n[1] - 1];

	f->n[1]--;
	x = forge_copy(f, forge_find(f, 2, SL_STMT_OUTCOME, 1), 1);
	x->by = &f->k.working;
	forge_edit(f, x, SAID "conclusion", "\"interrupted\"");
	(void)forge_copy(f, &seal, 1);
}

static void
outcome_before_decision(struct forge *f)
{
	struct forged x = f->e[2][1];

	f->e[2][1] = f->e[2][2];
	f->e[2][2] = x;
	f->e[2][1].index = 1;
	f->e[2][2].index = 2;
}

static void
seal_in_run(struct forge *f)
{
	(void)forge_copy(f, &f->e[1][f->n[1] - 1], 2);
}

static void
by_the_node(struct forge *f)
{
	forge_find(f, 2, SL_STMT_OUTCOME, 0)->by = &f->k.working;
}

static void
by_the_run(struct forge *f)
{
	forge_find(f, 1, SL_STMT_DECISION, 0)->by = &f->run;
}

static void
by_itself(struct forge *f)
{
	forge_find(f, 1, SL_STMT_KEY, 1)->by = &f->k.working;
}

static void
run_key_of_node(struct forge *f)
{
	char text[80];

	snprintf(text, sizeof(text), "\"%s\"", f->k.working.did);
	forge_edit(f, forge_find(f, 1, SL_STMT_DECISION, 0), SAID "run_key", text);
	f->run = f->k.working;
}

static void
statements(void **state)
{
	static const struct {
		forge_fn *do_it;
		const char *says;
	} t[] = {
		{ sub_of_step, "'sub'" },
		{ sub_of_decision, "'sub'" },
		{ sub_of_boot, "'sub'" },
		{ not_an_envelope, "not a hash envelope" },
		{ an_envelope, "must not be a hash envelope" },
		{ envelope_of_boot, "must not be a hash envelope" },
		{ policy_twice, "two statements of one policy" },
		{ key_twice, "second certificate" },
		{ seal_twice, "a seal of something else" },
		{ context_last, "no decision behind it" },
		{ context_twice, "no decision behind it" },
		{ step_twice, "second one of the same ID" },
		{ outcome_twice, "second one of its decision" },
		{ outcome_of_node, "no place here" },
		{ ended_twice, "second one of its decision" },
		{ outcome_before_decision, NULL },
		{ seal_in_run, NULL },
		{ by_the_node, "may not sign" },
		{ by_the_run, "may not sign" },
		{ by_itself, NULL },
		{ run_key_of_node, NULL },
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(t); i++) {
		struct forge *f = forge_open(&node, sl_buf_get(&good));
		struct sl_verify_report p;

		t[i].do_it(f);
		if (judged(f, &p) != SL_E(VERIFY))
			fail_msg("forgery %zu is not noticed", i);
		if (t[i].says != NULL && strstr(p.findings.f[0].what, t[i].says) == NULL)
			fail_msg("forgery %zu: %s", i, p.findings.f[0].what);
		forge_done(f);
	}
}

/* --- a run that its supervisor left behind --- */

static struct sl_buf
interrupted(const char *conclusion)
{
	struct shape s = { .is_open = true };
	struct made m = a_run(&node, &s);
	const struct sl_decision_view *d = sl_decision_view(m.run);
	struct sl_arena a = { 0 };
	struct sl_jb b = { .a = &a };
	struct sl_err err = { 0 };

	sl_arena_init(&a, 1 << 20);
	must(sl_gate_close_run(node.gate, d->run,
			       an_outcome(&node, &b, d, d->entry.id, conclusion), true,
			       &err),
	     &err);
	sl_arena_free(&a);
	return export_of(&node, m.hex);
}

static void
left_behind(void **state)
{
	struct sl_buf b = interrupted("interrupted");
	struct sl_verify_report p;
	struct sl_err err;
	struct forge *f;

	(void)state;
	must(verify_as(sl_buf_get(&b), did, &p, &err), &err);
	assert_true(p.is_sealed);
	assert_int_equal(p.n_outcomes, 2);
	/* behind the seal */
	f = forge_open(&node, sl_buf_get(&b));
	(void)forge_copy(f, forge_find(f, 1, SL_STMT_OUTCOME, 0), 1);
	assert_int_equal(judged(f, &p), SL_E(VERIFY));
	assert_non_null(strstr(p.findings.f[0].what, "no place here"));
	forge_done(f);
	/* the seal is of the same batch */
	f = forge_open(&node, sl_buf_get(&b));
	f->n[1]--;
	assert_int_equal(judged(f, &p), SL_E(VERIFY));
	assert_non_null(strstr(p.findings.f[0].what, "seal is missing"));
	forge_done(f);
	sl_buf_done(&b);
	b = interrupted("success");
	assert_int_equal(verify_as(sl_buf_get(&b), did, &p, &err), SL_E(VERIFY));
	assert_non_null(strstr(p.findings.f[0].what, "not of an interrupted run"));
	sl_buf_done(&b);
}

/* A run that is under way has neither outcome nor seal. */
static void
under_way(void **state)
{
	struct shape s = { .is_open = true };
	struct made m = a_run(&node, &s);
	struct sl_buf b = export_of(&node, m.hex);
	struct sl_verify_report p;
	struct sl_err err;

	(void)state;
	must(verify_as(sl_buf_get(&b), did, &p, &err), &err);
	assert_false(p.is_sealed);
	assert_true(p.has_tree);
	sl_buf_done(&b);
}

int
main(void)
{
	const struct CMUnitTest t[] = {
		cmocka_unit_test(same),       cmocka_unit_test(each_edit),
		cmocka_unit_test(contexts),   cmocka_unit_test(payloads),
		cmocka_unit_test(statements), cmocka_unit_test(left_behind),
		cmocka_unit_test(under_way),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("forged", t, setup, teardown);
}
