/* test_sandbox.c -- the key `sandbox`: what is refused and where, what the plan says,
 * what the engine withholds. */
#include "engine_t.h"

#define HEAD "on: push\n"
#define JOB "jobs:\n  a:\n    runs-on: ubuntu-latest\n    steps: [{run: exit 0}]\n"
/* line 3 begins with six blanks and the text */
#define FLOW(text) HEAD "sandbox:\n  " text "\n" JOB
#define STEP(text)                                                                       \
	HEAD                                                                             \
	    "jobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - run: exit 0\n" \
	    "        sandbox: " text "\n"
#define ONJOB(text)                                                                      \
	HEAD "jobs:\n  a:\n    runs-on: ubuntu-latest\n    sandbox: " text               \
	     "\n    steps: [{run: exit 0}]\n"

static void
refused(const char *src, int code, size_t line, size_t col, const char *text,
	const char *hint)
{
	struct drive d = { 0 };
	bool is_there = false;

	drive(&d, src);
	for (size_t i = 0; i < d.diags.n; i++) {
		const struct sl_diag *g = &d.diags.d[i];

		is_there |= g->line == line && g->col == col &&
			    memmem(g->msg.p, g->msg.len, text, strlen(text)) != NULL &&
			    (hint == NULL ||
			     memmem(g->hint.p, g->hint.len, hint, strlen(hint)) != NULL);
	}
	if (!is_there || d.r != code) {
		print_message("%s-> %d %s\n", src, d.r, d.err.msg);
		for (size_t i = 0; i < d.diags.n; i++)
			print_message("   %zu:%zu: %.*s (%.*s)\n", d.diags.d[i].line,
				      d.diags.d[i].col, SL_ARG(d.diags.d[i].msg),
				      SL_ARG(d.diags.d[i].hint));
	}
	assert_int_equal(d.r, code);
	assert_true(is_there);
	drive_done(&d);
}

static void
test_refused(void **state)
{
	static const struct {
		const char *text;
		size_t col;
		const char *msg, *hint;
	} t[] = {
		{ "memory: 5M", 3, "Unexpected value 'memory'", NULL },
		{ "raed: [/a]", 3, "Unexpected value 'raed'", "did you mean 'read'?" },
		{ "tty: true", 3, "Unexpected value 'tty'", NULL },
		{ "secrets: [A]", 3, "Unexpected value 'secrets'", NULL },
		{ "read: /a", 9, "Unexpected value '/a'", NULL },
		{ "read: [a/b]", 10, "path 'a/b' is not absolute", NULL },
		{ "read: [.]", 10, "path '.' is not absolute", "workspace: write" },
		{ "read: [~/x]", 10, "path '~/x' is not absolute", NULL },
		{ "read: [$HOME]", 10, "path '$HOME' is not absolute", NULL },
		{ "read: [/]", 10, "path '/' would show everything", NULL },
		{ "read: [/a/]", 10, "path '/a/' is not plain", NULL },
		{ "read: [/a/../b]", 10, "path '/a/../b' is not plain", NULL },
		{ "read: [//a]", 10, "path '//a' is not plain", NULL },
		{ "read: [/a, /a]", 14, "'/a' is listed twice", NULL },
		{ "read: [\"\"]", 10, "Unexpected value ''", NULL },
		{ "read: [[/a]]", 10, "sequence was not expected", NULL },
		{ "write: [/proc/sys]", 11, "made for the box", NULL },
		{ "read: [/dev/kvm]", 10, "made for the box", NULL },
		{ "read: [/workspace/x]", 10, "made for the box", NULL },
		{ "read: [\"${{ github.sha }}\"]", 10, "not allowed in this context",
		  NULL },
		{ "workspace: rw", 14, "Unexpected value 'rw'", NULL },
		{ "workspace: raed", 14, "Unexpected value 'raed'",
		  "did you mean 'read'?" },
		{ "env: [A=1]", 9, "'A=1' is not the name of a variable", NULL },
		{ "env: [\"9\"]", 9, "'9' is not the name of a variable", NULL },
		{ "env: [A, A]", 12, "'A' is listed twice", NULL },
		{ "net: all", 8, "Unexpected value 'all'", NULL },
		{ "net: [example.org]", 9, "", NULL },
		{ "net: [\"a:0\"]", 9, "", NULL },
		{ "net: [\"0x7f000001:80\"]", 9, "neither a name nor an address", NULL },
		{ "net: [\"*.org:80\"]", 9, "", NULL },
		{ "net: [a.org:80, a.org:80]", 19, "is listed twice", NULL },
		{ "profile: ../x", 12, "is not the name of a profile", NULL },
		{ "profile: Strict", 12, "is not the name of a profile", NULL },
		{ "limits: 5", 11, "Unexpected value '5'", NULL },
		{ "limits: {memroy: 5M}", 12, "Unexpected value 'memroy'",
		  "did you mean 'memory'?" },
		{ "limits: {memory: 5X}", 20, "limit 'memory': '5X' is no size", NULL },
		{ "limits: {pids: 0}", 18, "limit 'pids': '0' is zero", NULL },
		{ "limits: {pids: -1}", 18, "limit 'pids': '-1' is no", NULL },
		{ "limits: {cpu: 1.5}", 17, "limit 'cpu': '1.5' is no", NULL },
		{ "limits: {time: 5, wall: 6}", 21, "limit 'wall' is listed twice",
		  NULL },
		{ "limits: {time: \"\"}", 18, "Unexpected value ''", NULL },
		{ "tier: best", 9, "tier 'best' is no tier", NULL },
	};
	static const struct {
		const char *text, *msg;
		size_t col;
	} not_here[] = {
		{ "tier: T0", "tier 'T0' is lower than T1", 9 },
		{ "tier: T2", "tier 'T2' is not here", 9 },
		{ "tier: T3", "tier 'T3' is not here", 9 },
		{ "devices: [kvm]", "device 'kvm' is not given to a box", 13 },
		{ "devices: [\"null\", sda]", "device 'sda' is not given", 21 },
	};
	char src[1024];

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(t); i++) {
		(void)snprintf(src, sizeof(src), FLOW("%s"), t[i].text);
		refused(src, SL_E(FORMAT), 3, t[i].col, t[i].msg, t[i].hint);
		/* The same words anywhere. */
		(void)snprintf(src, sizeof(src), ONJOB("\n      %s"), t[i].text);
		refused(src, SL_E(FORMAT), 6, t[i].col + 4, t[i].msg, t[i].hint);
		(void)snprintf(src, sizeof(src), STEP("\n          %s"), t[i].text);
		refused(src, SL_E(FORMAT), 8, t[i].col + 8, t[i].msg, t[i].hint);
	}
	for (size_t i = 0; i < SL_ARRAY_LEN(not_here); i++) {
		(void)snprintf(src, sizeof(src), FLOW("%s"), not_here[i].text);
		refused(src, SL_E(UNSUPPORTED), 3, not_here[i].col, not_here[i].msg,
			NULL);
	}
	refused(ONJOB("{ devices: [\"null\"] }"), SL_E(UNSUPPORTED), 5, 16,
		"cannot be narrowed", NULL);
	refused(STEP("{ devices: [\"null\"] }"), SL_E(UNSUPPORTED), 7, 20,
		"cannot be narrowed", NULL);
	refused(STEP("x"), SL_E(FORMAT), 7, 18, "Unexpected value 'x'", NULL);
	refused(STEP("[]"), SL_E(FORMAT), 7, 18, "sequence was not expected", NULL);
	refused(HEAD "sandbox:\n" JOB, SL_E(FORMAT), 2, 1, "Unexpected value ''", NULL);
	refused(HEAD "sandbox: {}\nsandbox: {}\n" JOB, SL_E(FORMAT), 3, 1,
		"already defined", NULL);
}

/* An action of the workspace has the sandbox of who calls it, and says nothing of it. */
static void
test_action(void **state)
{
	const struct file files[] = {
		{ "x/action.yml",
		  "runs:\n  using: composite\n  steps:\n    - run: exit 0\n"
		  "      shell: sh\n      sandbox: {}\n" },
		{ NULL, NULL }
	};
	struct drive d = { .files = files };

	(void)state;
	drive(&d, HEAD "jobs:\n  a:\n    runs-on: ubuntu-latest\n"
		       "    steps: [{uses: ./x}]\n");
	assert_int_equal(d.r, SL_E(FORMAT));
	assert_int_equal(d.diags.d[0].line, 6);
	assert_true(sl_slice_eq(d.diags.d[0].file, SL_LIT("x/action.yml")));
	drive_done(&d);
}

static const char all_levels[] =
    HEAD "sandbox:\n"
	 "  profile: build\n"
	 "  tier: T1\n"
	 "  workspace: read\n"
	 "  devices: [\"null\", zero, full, random, urandom, tty]\n"
	 "  read: [/srv/a, /srv/b]\n"
	 "  write: []\n"
	 "  env: [A, B]\n"
	 "  net: [Example.ORG:443, \"[::1]:80\"]\n"
	 "  limits: { memory: 64M, time: 60, file_size: 2K }\n"
	 "jobs:\n"
	 "  a:\n    runs-on: ubuntu-latest\n"
	 "    steps:\n"
	 "      - run: exit 0\n"
	 "      - run: exit 0\n        sandbox: { net: none, limits: { pids: 9 } }\n"
	 "  b:\n    runs-on: ubuntu-latest\n    sandbox: { env: [A] }\n"
	 "    steps:\n"
	 "      - { uses: ./x, sandbox: { env: [] } }\n"
	 "      - run: exit 0\n";

static struct sl_engine *
engine(struct drive *d, const char *src)
{
	static const struct file files[] = {
		{ "x/action.yml",
		  "runs:\n  using: composite\n  steps:\n    - run: exit 0\n"
		  "      shell: sh\n" },
		{ NULL, NULL }
	};
	struct sl_engine_host host = { d, drive_read, drive_hash };
	struct sl_engine_opts o = { .src = sl_slice_str(src),
				    .path = SL_LIT("f.yml"),
				    .host = &host,
				    .max_memory = 16 << 20 };
	struct sl_engine *e = NULL;

	d->files = files;
	sl_arena_init(&d->a, 1 << 24);
	if (sl_engine_new(&o, &d->a, &e, &d->diags, &d->err) < 0)
		fail_msg("%s: %.*s", d->err.msg,
			 d->diags.n > 0 ? (int)d->diags.d[0].msg.len : 0,
			 d->diags.n > 0 ? (const char *)d->diags.d[0].msg.p : "");
	return e;
}

static const struct sl_json *
nth(const struct sl_json *list, size_t i)
{
	SL_JSON_EACH(m, list)
	if (i-- == 0)
		return m;
	return NULL;
}

static void
says(const struct sl_json *list, size_t i, const char *key, const char *v)
{
	struct sl_slice s = sl_json_get_str(nth(list, i), key);

	if (!sl_slice_eq(s, sl_slice_str(v)))
		fail_msg("%zu %s: %.*s", i, key, SL_ARG(s));
}

static void
test_plan(void **state)
{
	static const int64_t of_step[] = { 0, 1, 3, 2 };
	struct drive d = { 0 };
	struct sl_engine *e = engine(&d, all_levels);
	const struct sl_json *plan = NULL, *all, *f, *how;
	struct sl_jb b = { .a = &d.a };
	size_t n_step = 0, n_job = 0;

	(void)state;
	assert_int_equal(sl_engine_plan(e, &d.a, &plan, &d.err), 0);
	all = sl_json_get(plan, "sandboxes");
	assert_int_equal(all->n, 4);
	for (size_t i = 0; i < 4; i++) {
		static const int64_t parent[] = { -1, 0, 0, 2 };
		static const size_t line[] = { 2, 18, 21, 23 };

		says(all, i, "level", i == 0 ? "flow" : i == 2 ? "job" : "step");
		assert_int_equal(sl_json_get_int(nth(all, i), "parent"), parent[i]);
		assert_int_equal(sl_json_get_int(nth(all, i), "line"), line[i]);
	}
	f = nth(all, 0);
	says(sl_json_get(f, "read"), 1, "v", "/srv/b");
	assert_int_equal(sl_json_get_int(nth(sl_json_get(f, "read"), 1), "col"), 18);
	assert_int_equal(sl_json_get(f, "write")->n, 0);
	says(sl_json_get(f, "net"), 0, "host", "example.org");
	says(sl_json_get(f, "net"), 1, "host", "::1");
	assert_int_equal(sl_json_get_int(nth(sl_json_get(f, "net"), 1), "port"), 80);
	says(sl_json_get(f, "limits"), 1, "name", "wall");
	assert_int_equal(sl_json_get_int(nth(sl_json_get(f, "limits"), 0), "max"),
			 64 << 20);
	assert_int_equal(sl_json_get(nth(all, 1), "net")->n, 0);
	assert_null(sl_json_get(nth(all, 1), "read"));
	says(all, 1, "job", "a");
	assert_int_equal(sl_json_get_int(nth(all, 1), "step"), 2);
	for (;;) {
		const struct sl_json *j = NULL;
		struct sl_slice what;

		assert_int_equal(sl_engine_next(e, &d.a, &j, &d.err), 0);
		what = sl_json_get_str(j, "do");
		if (sl_slice_eq(what, SL_LIT("run.done")))
			break;
		if (sl_slice_eq(what, SL_LIT("job")))
			assert_int_equal(sl_json_get_int(j, "sandbox"), n_job++ * 2);
		if (!sl_slice_eq(what, SL_LIT("step")))
			continue;
		/* The steps of an action have the sandbox of the step that calls it. */
		assert_int_equal(sl_json_get_int(j, "sandbox"), of_step[n_step++]);
		how = sl_json_obj(&b);
		(void)sl_json_set(&b, (struct sl_json *)(uintptr_t)how, "exit",
				  sl_json_int(&b, 0));
		assert_int_equal(sl_engine_done(e, how, &d.a, &j, &d.err), 0);
	}
	assert_int_equal(n_step, 4);
	sl_engine_free(e);
	sl_arena_free(&d.a);
}

/* A variable that the run was given: where a level does without it, it is in no context;
 * one that the flow sets itself is the flow's. */
static void
test_env(void **state)
{
	static const char params[] =
	    "{\"env\":{\"A\":\"given-a\",\"B\":\"given-b\",\"C\":\"given-c\"}}";

	(void)state;
	expect(NULL, params,
	       HEAD
	       "sandbox: { env: [A, B] }\n"
	       "jobs:\n  j:\n    runs-on: ubuntu-latest\n    sandbox: { env: [B] }\n"
	       "    steps:\n"
	       "      - run: |\n          show A\n          show B\n          show C\n"
	       "      - run: |\n          show B\n          show X\n"
	       "        sandbox: { env: [] }\n"
	       "        env: { X: \"${{ env.B }}\" }\n"
	       "      - run: env B=own\n"
	       "      - run: show B\n        sandbox: { env: [] }\n"
	       "      - run: show B\n        sandbox: { profile: strict }\n",
	       "job j\nstep Run show A\n  A=(unset)\n  B=given-b\n  C=(unset)\n"
	       "  -> success success\nstep Run show B\n  B=(unset)\n  X=\n"
	       "  -> success success\nstep Run env B=own\n  -> success success\n"
	       "step Run show B\n  B=own\n  -> success success\n"
	       "step Run show B\n  B=own\n  -> success success\n"
	       "job.done j success\nrun.done success\n");
	expect(NULL, params,
	       HEAD
	       "jobs:\n  j:\n    runs-on: ubuntu-latest\n    steps:\n"
	       "      - run: show A\n"
	       "      - run: show A\n        sandbox: { limits: { pids: 5 } }\n"
	       "      - run: show A\n        sandbox: { profile: strict }\n"
	       "      - run: show A\n        sandbox: { profile: strict, env: [A] }\n",
	       "job j\nstep Run show A\n  A=given-a\n  -> success success\n"
	       "step Run show A\n  A=given-a\n  -> success success\n"
	       "step Run show A\n  A=(unset)\n  -> success success\n"
	       "step Run show A\n  A=given-a\n  -> success success\n"
	       "job.done j success\nrun.done success\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_action),
		cmocka_unit_test(test_plan),
		cmocka_unit_test(test_env),
	};

	return run_suite("sandbox", tests, SL_ARRAY_LEN(tests));
}
