/* test_sandbox.c -- run/sandbox: what the levels of a flow come to, and that none is
 * wider than the one above, by way of the flow's own text. */
#include "t.h"

#include "box/box.h"
#include "flow/engine.h"
#include "grant/limit.h"
#include "run/sandbox.h"

#include <stdio.h>
#include <stdlib.h>

struct made {
	struct sl_arena a;
	struct sl_diag_list problems;
	struct sl_diags diags;
	struct sl_sandboxes s;
	struct sl_err err;
	int r;
};

/* As without any option, but for what the test gives. */
static struct sl_grant
plain(void)
{
	struct sl_grant g;

	sl_grant_init(&g);
	g.ws_mode = SL_WS_OVERLAY;
	g.ws_path = SL_LIT("/home/u/project");
	return g;
}

/* The flow's text through the engine, its plan into grants. */
static void
make(struct made *m, const char *src, const struct sl_grant *given)
{
	const struct sl_json *plan = NULL;
	struct sl_engine *e = NULL;
	struct sl_sandboxes_in in = { .given = given, .problems = &m->problems };
	const struct sl_engine_opts o = { .src = sl_slice_str(src),
					  .path = SL_LIT("f.yml"),
					  .max_memory = 16 << 20 };

	memset(m, 0, sizeof(*m));
	sl_arena_init(&m->a, 64 << 20);
	m->problems.a = &m->a;
	m->problems.src = sl_slice_str(src);
	if (sl_engine_new(&o, &m->a, &e, &m->diags, &m->err) < 0)
		fail_msg("%s\n%s", src, m->err.msg);
	assert_int_equal(sl_engine_plan(e, &m->a, &plan, &m->err), 0);
	in.plan = plan;
	m->r = sl_sandboxes_make(&in, &m->a, &m->s, &m->err);
	assert_int_equal(sl_diag_close(&m->problems, &m->a, &m->diags, &m->err), 0);
	sl_engine_free(e);
}

static void
drop(struct made *m)
{
	sl_arena_free(&m->a);
}

#define HEAD "on: push\n"
#define JOBS "jobs:\n  a:\n    runs-on: ubuntu-latest\n"
#define STEPS "    steps: [{run: x}]\n"

static void
test_none(void **state)
{
	struct sl_grant given = plain();
	struct made m;

	(void)state;
	make(&m, HEAD JOBS STEPS, &given);
	assert_int_equal(m.r, 0);
	assert_int_equal(m.s.n + m.s.n_beyond, 0);
	assert_true(sl_grant_within(&m.s.want, &given) &&
		    sl_grant_within(&given, &m.s.want));
	drop(&m);
}

static bool
has(const struct made *m, const char *kind, const char *what)
{
	for (size_t i = 0; i < m->s.n_beyond; i++)
		if (strcmp(m->s.beyond[i].kind, kind) == 0 &&
		    sl_slice_eq(m->s.beyond[i].what, sl_slice_str(what)))
			return true;
	return false;
}

/* What the flow asks for beyond what it was given is named, each part; the rest is not.
 */
static void
test_beyond(void **state)
{
	const struct sl_grant_fs read_srv[] = {
		{ SL_LIT("/srv"), SL_ACC_READ | SL_ACC_EXEC },
		{ SL_LIT("/data"), SL_ACC_READ | SL_ACC_WRITE | SL_ACC_EXEC },
	};
	const struct sl_grant_fs inner[] = {
		{ SL_LIT("/data"), SL_ACC_READ | SL_ACC_WRITE | SL_ACC_EXEC },
		{ SL_LIT("/data/keep"), SL_ACC_READ | SL_ACC_EXEC },
	};
	struct sl_grant given = plain();
	struct made m;

	(void)state;
	assert_int_equal(setenv("SL_TEST_SET", "x", 1), 0);
	assert_int_equal(unsetenv("SL_TEST_UNSET"), 0);
	given.fs = read_srv;
	given.n_fs = 2;
	make(&m,
	     HEAD "sandbox:\n"
		  "  read: [/srv/a, /etc/ssl, /data/x]\n"
		  "  write: [/srv/b, /data/y]\n"
		  "  env: [SL_TEST_SET, SL_TEST_UNSET]\n"
		  "  net: [Example.org:443]\n"
		  "  limits: { memory: 8G, pids: 5, time: 21601 }\n" JOBS STEPS,
	     &given);
	assert_int_equal(m.r, 0);
	assert_int_equal(m.s.n_beyond, 6);
	assert_true(has(&m, "read", "/etc/ssl") && has(&m, "write", "/srv/b"));
	assert_true(has(&m, "env", "SL_TEST_SET") && has(&m, "net", "example.org:443"));
	assert_true(has(&m, "memory", "8G") && has(&m, "wall", "21601"));
	assert_int_equal(m.s.want.n_fs, 5);
	assert_int_equal(m.s.want.limit[SL_LIM_PIDS].max, 5);
	assert_int_equal(m.s.want.n_env, 1); /* a name without a value passes nothing */
	drop(&m);

	/* With as much by option there is nothing that it asks for by itself. */
	given.limit[SL_LIM_MEMORY].max = (uint64_t)8 << 30;
	make(&m,
	     HEAD
	     "sandbox: { read: [/srv/a], write: [/data], limits: { memory: 8G } }\n" JOBS
		 STEPS,
	     &given);
	assert_int_equal(m.r, 0);
	assert_int_equal(m.s.n_beyond, 0);
	assert_false(sl_grant_within(&given, &m.s.want)); /* and it has less */
	drop(&m);

	/* What the owner left only to read in a place to write stays so, or is a want. */
	given.fs = inner;
	make(&m, HEAD "sandbox: { write: [/data], read: [] }\n" JOBS STEPS, &given);
	assert_int_equal(m.r, 0);
	assert_int_equal(m.s.n_beyond, 1);
	assert_true(has(&m, "write", "/data/keep"));
	drop(&m);
	make(&m, HEAD "sandbox: { write: [/data] }\n" JOBS STEPS, &given);
	assert_int_equal(m.s.n_beyond, 0);
	drop(&m);
}

static void
test_levels(void **state)
{
	struct sl_grant given = plain();
	const struct sl_grant *job, *step, *none = NULL;
	struct made m;

	(void)state;
	make(&m,
	     HEAD
	     "sandbox:\n  read: [/srv, /etc/ssl]\n  write: [/data]\n"
	     "  limits: { memory: 1G }\n" JOBS
	     "    sandbox: { read: [/srv/a], workspace: read, limits: { pids: 9 } }\n"
	     "    steps:\n"
	     "      - run: x\n"
	     "        sandbox: { write: [], workspace: none, limits: { pids: 3 } }\n"
	     "      - run: x\n"
	     "        sandbox: { read: [/data], write: [] }\n",
	     &given);
	if (m.r < 0)
		fail_msg("%.*s", SL_ARG(m.diags.d[0].msg));
	job = m.s.grant[1];
	assert_int_equal(job->n_fs, 2);
	assert_int_equal(sl_grant_access(job, SL_LIT("/srv/a/x")),
			 SL_ACC_READ | SL_ACC_EXEC);
	assert_int_equal(sl_grant_access(job, SL_LIT("/srv")), 0);
	assert_int_equal(sl_grant_access(job, SL_LIT("/data")), 7); /* as the flow has */
	assert_int_equal(job->ws_mode, SL_WS_READ);
	assert_int_equal(job->limit[SL_LIM_MEMORY].max, 1 << 30);
	assert_int_equal(job->limit[SL_LIM_PIDS].max, 9);
	step = m.s.grant[2];
	assert_int_equal(step->n_fs, 1);
	assert_int_equal(step->ws_mode, SL_WS_NONE);
	assert_int_equal(step->ws_path.len, 0);
	assert_int_equal(step->limit[SL_LIM_PIDS].max, 3);
	step = m.s.grant[3];
	assert_int_equal(sl_grant_access(step, SL_LIT("/data")),
			 SL_ACC_READ | SL_ACC_EXEC);
	assert_int_equal(sl_grant_access(step, SL_LIT("/srv/a")), 0);
	for (size_t i = 1; i < m.s.n; i++)
		assert_true(sl_grant_within(m.s.grant[i], &m.s.want));
	/* A message of the engine that names none, and one that names too many. */
	assert_int_equal(sl_sandboxes_of(&m.s, NULL, &none, &m.err), 0);
	assert_ptr_equal(none, &m.s.want);
	drop(&m);
}

static void
test_wider(void **state)
{
	static const struct {
		const char *flow, *job, *step;
		size_t line, col;
		const char *msg;
	} t[] = {
		{ "{}", "{ read: [/srv] }", "{}", 5, 23,
		  "read '/srv' is more than the flow has" },
		{ "{ read: [/srv] }", "{ write: [/srv] }", "{}", 5, 24,
		  "write '/srv' is more than the flow has" },
		{ "{ read: [/srv/a] }", "{ read: [/srv] }", "{}", 5, 23,
		  "read '/srv' is more" },
		{ "{ read: [/srv] }", "{ read: [] }", "{ read: [/srv] }", 8, 27,
		  "read '/srv' is more than the job has" },
		{ "{ write: [/srv] }", "{}", "{ read: [/srv/a], write: [] }", 8, 27,
		  "'/srv/a' is a part of a place of the job" },
		{ "{ write: [/tmp/x] }", "{}", "{ write: [] }", 8, 9,
		  "cannot give up '/tmp/x': it lies in" },
		{ "{ write: [/srv, /srv/a] }", "{}", "{ write: [/srv], read: [/srv/a] }",
		  8, 9,
		  "cannot give up '/srv/a': it lies in another place that it keeps" },
		{ "{ workspace: read }", "{ workspace: write }", "{}", 5, 27,
		  "workspace 'write' is more than the flow has" },
		{ "{}", "{ workspace: none }", "{ workspace: read }", 8, 31,
		  "workspace 'read' is more than the job has" },
		{ "{}", "{ net: [\"a.org:1\"] }", "{}", 5, 22,
		  "net 'a.org:1' is more than the flow has" },
		{ "{ net: [\"a.org:1\"] }", "{ net: [\"a.org:2\"] }", "{}", 5, 22,
		  "net 'a.org:2' is more" },
		{ "{ net: [\"a.org:1\"] }", "{ net: none }", "{ net: [\"a.org:1\"] }", 8,
		  26, "net 'a.org:1' is more than the job has" },
		{ "{}", "{ env: [SL_TEST_SET] }", "{}", 5, 22,
		  "env 'SL_TEST_SET' is more than the flow has" },
		{ "{}", "{ limits: { memory: 5G } }", "{}", 5, 34,
		  "memory '5G' is more than the flow has" },
		{ "{ limits: { pids: 4 } }", "{ limits: { pids: 5 } }", "{}", 5, 32,
		  "pids '5' is more than the flow has" },
		{ "{}", "{ limits: { open-files: 20 } }",
		  "{ limits: { open-files: 21 } }", 8, 42,
		  "nofile '21' is more than the job has" },
		{ "{ read: [/srv, /srv/a/b], write: [/srv/a] }",
		  "{ write: [/srv/a], read: [] }", "{}", 5, 5,
		  "write '/srv/a/b' is more than the flow has" },
	};
	struct sl_grant given = plain();
	char src[1024];

	(void)state;
	assert_int_equal(setenv("SL_TEST_SET", "x", 1), 0);
	for (size_t i = 0; i < SL_ARRAY_LEN(t); i++) {
		bool is_there = false;
		struct made m;

		(void)snprintf(src, sizeof(src),
			       "on: push\nsandbox: %s\njobs:\n  a:\n    sandbox: %s\n"
			       "    runs-on: ubuntu-latest\n    steps:\n"
			       "      - sandbox: %s\n        run: x\n",
			       t[i].flow, t[i].job, t[i].step);
		make(&m, src, &given);
		for (size_t k = 0; k < m.diags.n; k++) {
			const struct sl_diag *d = &m.diags.d[k];

			is_there |= d->line == t[i].line && d->col == t[i].col &&
				    d->text.len > 0 &&
				    memmem(d->msg.p, d->msg.len, t[i].msg,
					   strlen(t[i].msg)) != NULL;
			if (!is_there)
				print_message("%zu:%zu %.*s\n", d->line, d->col,
					      SL_ARG(d->msg));
		}
		if (!is_there)
			print_message("%s: %zu: %.*s\n", src, m.diags.n,
				      m.diags.n > 0 ? (int)m.diags.d[0].msg.len : 0,
				      m.diags.n > 0 ? (const char *)m.diags.d[0].msg.p
						    : "");
		assert_true(is_there);
		assert_true(m.r == SL_E(FORMAT) || m.r == SL_E(UNSUPPORTED));
		drop(&m);
	}
}

/* The parser is jailed: what it says is no more believed than the flow. */
static void
test_distrust(void **state)
{
	static const char *const t[] = {
		"{\"sandboxes\":[{\"level\":\"flow\",\"parent\":0}]}",
		"{\"sandboxes\":[{\"level\":\"flow\",\"parent\":-2}]}",
		"{\"sandboxes\":[{\"level\":\"job\",\"parent\":7}]}",
		"{\"sandboxes\":[{\"level\":\"job\",\"parent\":-1},"
		"{\"level\":\"flow\",\"parent\":-1}]}",
		"{\"sandboxes\":[{\"level\":\"flow\",\"parent\":-1,"
		"\"read\":[{\"v\":\"/a/../b\"}]}]}",
		"{\"sandboxes\":[{\"level\":\"flow\",\"parent\":-1,\"read\":[{\"v\":\"/"
		"\"}]}]}",
		"{\"sandboxes\":[{\"level\":\"flow\",\"parent\":-1,\"env\":[{\"v\":\"A="
		"B\"}]}]}",
		"{\"sandboxes\":[{\"level\":\"flow\",\"parent\":-1,"
		"\"net\":[{\"host\":\"A.org\",\"port\":1}]}]}",
		"{\"sandboxes\":[{\"level\":\"flow\",\"parent\":-1,"
		"\"net\":[{\"host\":\"a.org\",\"port\":65536}]}]}",
		"{\"sandboxes\":[{\"level\":\"flow\",\"parent\":-1,"
		"\"limits\":[{\"name\":\"memory\",\"max\":-1}]}]}",
		"{\"sandboxes\":[{\"level\":\"flow\",\"parent\":-1,"
		"\"limits\":[{\"name\":\"more\",\"max\":1}]}]}",
		"{\"sandboxes\":[{\"level\":\"flow\",\"parent\":-1,"
		"\"workspace\":{\"v\":\"direct\"}}]}",
		"{\"sandboxes\":\"x\"}",
	};
	const struct sl_limits lim = { 1 << 16, 1000, 10 };
	struct sl_grant given = plain();

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(t); i++) {
		SL_AUTO_ARENA a = { 0 };
		struct sl_diag_list problems = { .a = &a };
		struct sl_sandboxes_in in = { .given = &given, .problems = &problems };
		struct sl_sandboxes s;
		struct sl_err err = { 0 };
		struct sl_json *v = NULL;
		int r;

		sl_arena_init(&a, 16 << 20);
		assert_int_equal(sl_json_parse(sl_slice_str(t[i]), &lim, &a, &v, &err),
				 0);
		in.plan = v;
		r = sl_sandboxes_make(&in, &a, &s, &err);
		/* A string has no members: as if there were none. */
		if (r != SL_E(BUG) && i + 1 < SL_ARRAY_LEN(t))
			fail_msg("%s: %d %s", t[i], r, err.msg);
		assert_int_equal(problems.n_errors, 0);
	}
}

/* --- by way of random flows --- */

enum { ROUNDS = 4000 };

struct rng {
	uint64_t s;
};

static unsigned
below(struct rng *r, unsigned n)
{
	r->s = r->s * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(r->s >> 33) % n;
}

static const char *const places[] = { "/a",    "/a/b", "/a/b/c", "/a/d",
				      "/a/bb", "/e",   "/e/f",   "/ab" };

static void
put_list(struct rng *r, struct sl_buf *out, const char *key, const char *const *of,
	 unsigned n, unsigned odds)
{
	bool is_first = true;

	if (below(r, 3) == 0)
		return;
	sl_buf_printf(out, "%s: [", key);
	for (unsigned i = 0; i < n; i++)
		if (below(r, odds) == 0) {
			sl_buf_printf(out, "%s\"%s\"", is_first ? "" : ", ", of[i]);
			is_first = false;
		}
	sl_buf_str(out, "], ");
}

static void
put_sandbox(struct rng *r, struct sl_buf *out, unsigned level)
{
	static const char *const ws[] = { "write", "read", "none" };
	static const char *const env[] = { "SL_A", "SL_B" };
	static const char *const net[] = { "a.org:1", "a.org:2", "192.0.2.1:1" };

	sl_buf_str(out, "{ ");
	put_list(r, out, "read", places, SL_ARRAY_LEN(places), 3 + 9 * level);
	put_list(r, out, "write", places, SL_ARRAY_LEN(places), 5 + 9 * level);
	put_list(r, out, "env", env, 2, 2 + level);
	put_list(r, out, "net", net, 3, 2 + 2 * level);
	if (below(r, 2) == 0)
		sl_buf_printf(out, "workspace: %s, ", ws[below(r, 3 - level) + level]);
	sl_buf_str(out, "limits: { ");
	for (enum sl_limit l = 0; l < SL_LIM_COUNT; l++)
		if (below(r, 4) == 0)
			sl_buf_printf(
			    out, "%s: %u, ",
			    below(r, 2) == 0 ? sl_limit_name(l) : sl_limit_option(l),
			    below(r, 24) == 0 ? 20 : 14 - 2 * level + below(r, 3));
	sl_buf_str(out, "} }");
}

/* A place that either grant reaches, said the slow way. */
static unsigned
reaches(const struct sl_grant *g, struct sl_slice place)
{
	for (size_t len = place.len; len > 1; len--)
		for (size_t i = 0; i < g->n_fs; i++)
			if (g->fs[i].path.len == len &&
			    sl_path_is_below(place, g->fs[i].path))
				return g->fs[i].access;
	return 0;
}

static void
no_wider(const struct sl_grant *g, const struct sl_grant *outer)
{
	assert_true(sl_grant_within(g, outer));
	for (size_t i = 0; i < SL_ARRAY_LEN(places); i++)
		assert_int_equal(reaches(g, sl_slice_str(places[i])) &
				     ~reaches(outer, sl_slice_str(places[i])),
				 0);
	for (int l = 0; l < SL_LIM_COUNT; l++)
		assert_true(g->limit[l].max <= outer->limit[l].max);
	assert_true(g->n_net <= outer->n_net && g->n_env <= outer->n_env);
	assert_true(outer->ws_mode == SL_WS_OVERLAY || !sl_ws_is_writable(g->ws_mode));
}

static void
meets(struct made *m, const struct sl_grant *x, const struct sl_grant *y)
{
	const struct sl_grant *xy = NULL;
	struct sl_err err = { 0 };

	/* What is within is the meet of both. */
	assert_int_equal(sl_grant_intersect(x, y, &m->a, &xy, &err), 0);
	assert_true(sl_grant_within(xy, x) && sl_grant_within(x, xy));
}

/* Either the text is refused, with a place in the line of a key that is wider, or each
 * level is within the one above; what is given bounds all of it but the flow's own wants.
 */
static void
test_random(void **state)
{
	struct rng r = { 7 };
	struct sl_grant_fs fs[SL_ARRAY_LEN(places)];
	struct sl_grant given = plain();
	struct sl_slice place_of = { 0 };
	unsigned n_good = 0, n_bad = 0, n_beyond = 0;

	(void)state;
	given.fs = fs;
	assert_int_equal(setenv("SL_A", "x", 1) | setenv("SL_B", "y", 1), 0);
	for (unsigned i = 0; i < ROUNDS; i++) {
		SL_AUTO_BUF src = { .max = 1 << 16 };
		struct made m;

		given.n_fs = 0;
		for (size_t k = 0; i % 2 == 0 && k < SL_ARRAY_LEN(places); k++)
			if (below(&r, 2) == 0)
				fs[given.n_fs++] = (struct sl_grant_fs){
					sl_slice_str(places[k]),
					SL_ACC_READ | SL_ACC_EXEC |
					    (below(&r, 2) == 0 ? SL_ACC_WRITE : 0)
				};
		sl_buf_str(&src, "on: push\nsandbox: ");
		put_sandbox(&r, &src, 0);
		sl_buf_str(&src,
			   "\njobs:\n  a:\n    runs-on: ubuntu-latest\n    sandbox: ");
		put_sandbox(&r, &src, 1);
		sl_buf_str(&src, "\n    steps:\n      - run: x\n");
		if (below(&r, 2) == 0) {
			sl_buf_str(&src, "        sandbox: ");
			put_sandbox(&r, &src, 2);
			sl_buf_byte(&src, '\n');
		}
		sl_buf_byte(&src, 0);
		assert_false(src.is_failed);
		make(&m, (const char *)src.p, &given);
		n_beyond += m.s.n_beyond > 0;
		assert_true((m.s.n_beyond > 0) == !sl_grant_within(m.s.grant[0], &given));
		if (m.r < 0) {
			n_bad++;
			assert_true(m.diags.n > 0);
			for (size_t k = 0; k < m.diags.n; k++)
				assert_true(m.diags.d[k].line == 6 ||
					    m.diags.d[k].line == 9);
			assert_false(
			    sl_grant_within(m.s.grant[1], m.s.grant[0]) &&
			    (m.s.n < 3 || sl_grant_within(m.s.grant[2], m.s.grant[1])) &&
			    m.problems.n_refusals == 0);
		} else {
			n_good++;
			no_wider(m.s.grant[1], m.s.grant[0]);
			meets(&m, m.s.grant[1], m.s.grant[0]);
			if (m.s.n > 2) {
				no_wider(m.s.grant[2], m.s.grant[1]);
				no_wider(m.s.grant[2], m.s.grant[0]);
				meets(&m, m.s.grant[2], m.s.grant[1]);
				assert_true(sl_box_can_narrow(m.s.grant[1], m.s.grant[2],
							      &place_of));
			}
		}
		drop(&m);
	}
	print_message("# %u within, %u refused, %u with wants\n", n_good, n_bad,
		      n_beyond);
	assert_true(n_good > ROUNDS / 10 && n_bad > ROUNDS / 4 && n_beyond > ROUNDS / 4);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_none),     cmocka_unit_test(test_beyond),
		cmocka_unit_test(test_levels),   cmocka_unit_test(test_wider),
		cmocka_unit_test(test_distrust), cmocka_unit_test(test_random),
	};

	return run_suite("sandbox", tests, SL_ARRAY_LEN(tests));
}
