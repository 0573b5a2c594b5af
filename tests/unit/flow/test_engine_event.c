/* test_engine_event.c -- what an event says of its run, which event it is, and actions
 * that an earlier step made. */
#include "engine_t.h"

/* One step whose name is the expressions' values. */
static void
says(const char *on, const char *params, const char *expr, const char *want)
{
	SL_AUTO_BUF src = { .max = 1 << 16 }, log = { .max = 1 << 16 };

	sl_buf_printf(&src,
		      "on: %s\njobs: {a: {runs-on: ubuntu-latest, steps: [{run: x, name: "
		      "'%s'}]}}\n",
		      on, expr);
	sl_buf_printf(&log,
		      "job a\nstep %s\n  -> success success\njob.done a success\n"
		      "run.done success\n",
		      want);
	sl_buf_byte(&src, 0);
	sl_buf_byte(&log, 0);
	expect(NULL, params, (const char *)src.p, (const char *)log.p);
}

#define REF                                                                              \
	"${{ github.ref }} ${{ github.ref_name }} ${{ github.ref_type }} ${{ "           \
	"github.sha }}"
#define WHO                                                                              \
	"${{ github.actor }} ${{ github.triggering_actor }} ${{ github.repository }} "   \
	"${{ github.repository_owner }} ${{ github.repository_id }}"
#define PULL                                                                             \
	"\"pull_request\":{\"number\":7,\"merge_commit_sha\":\"m1\","                    \
	"\"head\":{\"ref\":\"topic\",\"sha\":\"h1\"},\"base\":{\"ref\":\"dev\",\"sha\":" \
	"\"b1\"}}"

static void
who(void **state)
{
	(void)state;
	says("push", NULL, WHO, "local local local/workspace local 1");
	says("push",
	     "{\"github\":{\"actor\":\"me\",\"repository\":\"me/"
	     "it\"},\"event\":{\"sender\":{\"login\":\"octo\","
	     "\"id\":5},\"repository\":{\"full_name\":\"org/"
	     "r\",\"id\":12,\"owner\":{\"login\":\"org\"}}}}",
	     WHO, "octo octo org/r org 12");
	/* the owner from the name; without a payload what the parameters say stands */
	says("push", "{\"event\":{\"repository\":{\"full_name\":\"org/r\"}}}", WHO,
	     "local local org/r org 1");
	says("push", "{\"github\":{\"actor\":\"me\",\"repository\":\"me/it\"}}", WHO,
	     "me local me/it local 1");
	/* what has another type than GitHub gives it says nothing */
	says("push",
	     "{\"event\":{\"sender\":\"x\",\"repository\":{\"full_name\":[1],\"owner\":7,"
	     "\"id\":{}}}}",
	     WHO, "local local local/workspace local 1");
	says("push", "{\"event\":{\"sender\":{\"login\":null},\"repository\":null}}", WHO,
	     "local local local/workspace local 1");
}

static void
refs(void **state)
{
	static const struct {
		const char *event, *payload, *want;
	} t[] = {
		{ "push", "\"ref\":\"refs/heads/a/b\",\"after\":\"s1\"",
		  "refs/heads/a/b a/b branch s1" },
		{ "push", "\"ref\":\"refs/tags/v1\",\"after\":\"s1\"",
		  "refs/tags/v1 v1 tag s1" },
		{ "pull_request", "\"number\":8," PULL,
		  "refs/pull/8/merge 8/merge branch m1" },
		{ "pull_request_review", PULL, "refs/pull/7/merge 7/merge branch m1" },
		{ "pull_request_target", PULL, "refs/heads/dev dev branch b1" },
		{ "create", "\"ref\":\"v2\",\"ref_type\":\"tag\"",
		  "refs/tags/v2 v2 tag 0" },
		{ "create", "\"ref\":\"b2\",\"ref_type\":\"branch\"",
		  "refs/heads/b2 b2 branch 0" },
		{ "release", "\"release\":{\"tag_name\":\"v3\"}",
		  "refs/tags/v3 v3 tag 0" },
		{ "workflow_dispatch", "\"ref\":\"refs/heads/w\"",
		  "refs/heads/w w branch 0" },
		{ "merge_group",
		  "\"merge_group\":{\"head_ref\":\"refs/heads/q\",\"head_sha\":\"q1\"}",
		  "refs/heads/q q branch q1" },
		/* `ref` of another kind of event is not the run's */
		{ "issues",
		  "\"ref\":\"refs/heads/"
		  "no\",\"repository\":{\"default_branch\":\"trunk\"}",
		  "refs/heads/trunk trunk branch 0" },
		{ "push", "\"repository\":{\"default_branch\":\"trunk\"}",
		  "refs/heads/trunk trunk branch 0" },
		{ "push", "\"ref\":\"odd\"", "odd odd branch 0" },
		{ "pull_request", "\"number\":8", "refs/pull/8/merge 8/merge branch 0" },
		{ "pull_request", "\"pull_request\":3", "refs/heads/main main branch 0" },
	};
	(void)state;

	for (size_t i = 0; i < SL_ARRAY_LEN(t); i++) {
		SL_AUTO_BUF p = { .max = 1 << 16 };

		sl_buf_printf(
		    &p,
		    "{\"github\":{\"sha\":\"0\"},\"event_name\":\"%s\",\"event\":{%s}}",
		    t[i].event, t[i].payload);
		sl_buf_byte(&p, 0);
		says(t[i].event, (const char *)p.p, REF, t[i].want);
	}
	says("pull_request", "{\"event\":{" PULL "}}",
	     "${{ github.head_ref }} ${{ github.base_ref }}", "topic dev");
}

static void
which(void **state)
{
	static const char name[] = "${{ github.event_name }}";
	struct drive d = { .params = "{\"event_name\":\"pusj\"}" };
	struct sl_engine_host host = { &d, drive_read, drive_hash };
	struct sl_engine_opts o = { .src = SL_LIT("on: [push]\njobs: {a: {runs-on: "
						  "ubuntu-latest, steps: [{run: x}]}}\n"),
				    .path = SL_LIT("f"),
				    .host = &host,
				    .max_memory = 1 << 24 };
	const struct sl_limits lim = { 1 << 20, 100, 20 };
	struct sl_json *params = NULL;
	struct sl_engine *e = NULL;
	const struct sl_json *p = NULL;
	(void)state;

	says("[pull_request, push, workflow_dispatch]", NULL, name, "push");
	says("[pull_request, workflow_dispatch]", NULL, name, "workflow_dispatch");
	says("[issues, pull_request]", NULL, name, "issues");
	says("{issues: , pull_request: }", NULL, name, "issues");
	says("release", NULL, name, "release");
	says("push", "{\"event_name\":\"release\"}", name, "release");
	says("{push: , workflow_dispatch: {inputs: {i: {type: string}}}}",
	     "{\"inputs\":{\"i\":\"v\"}}", "${{ github.event_name }} ${{ inputs.i }}",
	     "workflow_dispatch v");
	/* an event that `on` does not ask for runs, and is noticed */
	sl_arena_init(&d.a, 1 << 20);
	assert_int_equal(
	    sl_json_parse(sl_slice_str(d.params), &lim, &d.a, &params, &d.err), 0);
	o.params = params;
	assert_int_equal(sl_engine_new(&o, &d.a, &e, &d.diags, &d.err), 0);
	assert_int_equal(sl_engine_plan(e, &d.a, &p, &d.err), 0);
	p = sl_json_get(p, "notices");
	assert_int_equal(p->n, 1);
	assert_true(sl_slice_eq(sl_json_get_str(p->child, "msg"),
				SL_LIT("`on` does not ask for the event 'pusj'")));
	assert_int_equal(sl_json_get_int(p->child, "line"), 1);
	sl_engine_free(e);
	sl_arena_free(&d.a);
}

static void
call_inputs(void **state)
{
	static const char on[] =
	    "{workflow_call: {inputs: {s: {type: string, required: true}, "
	    "b: {type: boolean}, n: {type: number, default: 4}}}}";
	struct drive d = { .params = "{\"event\":{\"inputs\":{\"b\":\"maybe\"}}}" };
	(void)state;

	says(on, "{\"event\":{\"inputs\":{\"s\":\"t\",\"b\":true}}}",
	     "${{ inputs.s }} ${{ inputs.b == true }} ${{ inputs.n }}", "t true 4");
	drive(&d, "on: {workflow_call: {inputs: {s: {type: string, required: true}, b: "
		  "{type: boolean}}}}\n"
		  "jobs: {a: {runs-on: ubuntu-latest, steps: [{run: x}]}}\n");
	assert_int_equal(d.r, SL_E(FORMAT));
	assert_int_equal(d.diags.n, 2);
	drive_done(&d);
}

/* ---- actions that a step made ---- */

static const struct file made[] = {
	{ "m/action.yml", "runs: {using: composite, steps: [{run: deep, shell: bash}, "
			  "{uses: ./m/in}]}\n" },
	{ "m/in/action.yml",
	  "runs: {using: composite, steps: [{run: deeper, shell: bash}]}\n" },
	{ "js/action.yml", "runs: {using: node20, main: x.js}\n" },
	{ "bad/action.yml", "runs: {using: composite, steps: [{run: x}]}\n" },
	{ "yaml/action.yml", "runs: [\n" },
	{ "image/action.yml",
	  "runs: {using: composite, steps: [{uses: 'docker://a'}]}\n" },
	{ NULL, NULL },
};

/* A job that makes them and calls one; what was said of that. */
static void
calls(const char *path, const char *word)
{
	SL_AUTO_BUF src = { .max = 1 << 16 };
	struct drive d = { .made = made };

	sl_buf_printf(
	    &src,
	    "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n"
	    "      - run: make\n      - {uses: './%s', continue-on-error: true}\n"
	    "      - {uses: ./m}\n",
	    path);
	sl_buf_byte(&src, 0);
	drive(&d, (const char *)src.p);
	sl_buf_byte(&d.log, 0);
	assert_string_equal(d.err.msg, "");
	assert_int_equal(d.r, 0);
	assert_non_null(strstr((const char *)d.log.p, word));
	assert_non_null(strstr((const char *)d.log.p, "failure success"));
	/* what was wrong with one is not held against the next */
	assert_non_null(strstr((const char *)d.log.p, "step Run deeper"));
	assert_non_null(strstr((const char *)d.log.p, "run.done success"));
	drive_done(&d);
}

static void
made_actions(void **state)
{
	struct drive d = { .made = made };
	(void)state;

	drive(
	    &d,
	    "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n"
	    "    steps: [{run: make}, {uses: ./m}, {uses: ./m}]\n"
	    "  b:\n    needs: a\n    runs-on: ubuntu-latest\n    steps: [{uses: ./m}]\n");
	sl_buf_byte(&d.log, 0);
	assert_int_equal(d.r, 0);
	assert_non_null(strstr((const char *)d.log.p, "job.done a success"));
	/* the next job has a workspace of its own, where nobody made it */
	assert_non_null(strstr((const char *)d.log.p, "Can't find 'action.yml'"));
	assert_non_null(strstr((const char *)d.log.p, "job.done b failure"));
	drive_done(&d);

	calls("js", "js/action.yml:1:15: action './js' needs node20");
	calls("bad", "bad/action.yml:1:");
	calls("yaml", "yaml/action.yml:");
	calls("image", "image/action.yml:1:");
	calls("none", "Can't find 'action.yml'");
}

static void
too_many_made(void **state)
{
	SL_AUTO_BUF src = { .max = 1 << 16 };
	struct drive d = { .made = made };
	(void)state;

	sl_buf_str(&src, "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    "
			 "steps:\n      - run: make\n");
	for (int i = 0; i < 26; i++) /* two each: 52 of 51 */
		sl_buf_str(&src, "      - uses: ./m\n");
	sl_buf_byte(&src, 0);
	drive(&d, (const char *)src.p);
	sl_buf_byte(&d.log, 0);
	assert_int_equal(d.r, 0);
	assert_non_null(strstr((const char *)d.log.p, "more than 51 actions"));
	assert_non_null(strstr((const char *)d.log.p, "run.done failure"));
	drive_done(&d);
}

static void
out_of_memory(void **state)
{
	(void)state;
	for (size_t max = 1 << 16; max < 1 << 22; max += max / 8) {
		struct drive d = { .made = made,
				   .max_memory = max,
				   .params = "{\"event\":{" PULL
					     ",\"sender\":{\"login\":\"o\"}}}" };

		drive(&d, "on: pull_request\njobs: {a: {runs-on: ubuntu-latest, steps: "
			  "[{run: make}, {uses: ./m}]}}\n");
		assert_true(d.r == 0 || d.r == SL_E(NOMEM) || d.r == SL_E(LIMIT));
		drive_done(&d);
	}
}

int
main(void)
{
	const struct CMUnitTest t[] = {
		cmocka_unit_test(who),           cmocka_unit_test(refs),
		cmocka_unit_test(which),         cmocka_unit_test(call_inputs),
		cmocka_unit_test(made_actions),  cmocka_unit_test(too_many_made),
		cmocka_unit_test(out_of_memory),
	};

	return run_suite("engine_event", t, SL_ARRAY_LEN(t));
}
