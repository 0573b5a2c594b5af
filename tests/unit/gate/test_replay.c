/* test_replay.c -- a log of many decisions under another policy. */
#include "t.h"

#include "gate/int.h"
#include "gate/replay.h"
#include "node.h"

#include <time.h>

#define OWNER "allow if request(\"policy\");\n"

struct seen {
	size_t n, n_allowed, n_named;
	char last_was[200], last_now[200];
};

static int
on_flip(void *arg, const struct sl_replay_flip *f, struct sl_err *err)
{
	struct seen *s = arg;

	(void)err;
	s->n++;
	s->n_allowed += f->now.is_allowed;
	s->n_named += f->was.rule.len > 0 && f->now.rule.len > 0 && f->was.line > 0 &&
		      f->now.line > 0;
	(void)snprintf(s->last_was, sizeof(s->last_was), "%.*s", SL_ARG(f->was.rule));
	(void)snprintf(s->last_now, sizeof(s->last_now), "%.*s", SL_ARG(f->now.rule));
	if (!f->now.is_allowed) {
		assert_true(f->now.n_because > 0);
		assert_non_null(strstr(f->now.because[0], "want_read"));
	}
	return 0;
}

static int
stop_at_once(void *arg, const struct sl_replay_flip *f, struct sl_err *err)
{
	(void)arg;
	(void)f;
	return SL_ERR(err, USAGE, "enough");
}

/* n decisions on runs that read /data/0 ... /data/99, in batches; each has a fact set of
 * its own. */
static void
fill(struct node *n, size_t count)
{
	struct sl_err err = { 0 };

	for (size_t k = 0; k < count; k++) {
		SL_AUTO_ARENA a = { 0 };
		struct sl_jb b = { .a = &a };
		struct sl_gate_request q = { .kind = "policy" };
		struct sl_grant_fs fs[2] = { { .access = SL_ACC_READ },
					     { .access = SL_ACC_READ } };
		struct sl_grant want;
		struct sl_decision *d = NULL;
		char path[32], own[32];

		sl_arena_init(&a, 16 << 20);
		sl_grant_init(&want);
		(void)snprintf(path, sizeof(path), "/data/%zu", k % 100);
		(void)snprintf(own, sizeof(own), "/own/%zu", k);
		fs[0].path = sl_slice_str(path);
		fs[1].path = sl_slice_str(own);
		want.fs = fs;
		want.n_fs = 2;
		q.kind = "run";
		q.want = &want;
		q.context = a_context(n, &b, "run", NULL);
		must(sl_gate_decide(n->gate, &q, &d, &err), &err);
		if (k % 200 == 199 || k + 1 == count) {
			/* a restart: the gate keeps its decisions for as long as it lives
			 */
			must(sl_gate_sync(n->gate, &err), &err);
			node_close(n);
			must(node_open(n, &err), &err);
		}
	}
}

static const struct sl_policy *
load(struct sl_arena *a, const char *text)
{
	static const struct sl_limits lim = { 1 << 20, 100000, 64 };
	const struct sl_decls *decls = NULL;
	const struct sl_policy *p = NULL;
	struct sl_err err = { 0 };

	must(sl_decls_parse(sl_policy_decls_text(), "d", &lim, a, &decls, &err), &err);
	must(sl_policy_load(sl_slice_str(text), "new", decls, &sl_policy_text_limits, a,
			    &p, &err),
	     &err);
	return p;
}

static int
replay(struct node *n, const char *text, sl_replay_fn *fn, void *arg,
       struct sl_replay_stats *s, struct sl_err *err)
{
	SL_AUTO_ARENA a = { 0 };
	struct sl_reader *r = NULL;
	int q;

	sl_arena_init(&a, 64 << 20);
	must(sl_reader_open(n->home.fd, &r, err), err);
	q = sl_gate_replay(r, load(&a, text), fn, arg, s, err);
	sl_reader_close(r);
	return q;
}

static void
test_many(void **state)
{
	const char *env = getenv("SL_REPLAY");
	size_t count = env != NULL ? strtoul(env, NULL, 10) : 1000;
	struct sl_replay_stats s;
	struct timespec t0, t1;
	struct sl_err err = { 0 };
	struct seen seen = { 0 };
	struct node n;
	uint8_t digest[32];
	double sec;

	(void)state;
	node_start(&n);
	must(sl_gate_set_policy(n.gate,
				SL_LIT(OWNER "deny if want_read(\"/data/7\");\n"
					     "allow if request(\"run\");\n"),
				"t", digest, &err),
	     &err);
	fill(&n, count);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t0);
	/* 7 would be allowed, 8 and 9 denied */
	must(replay(&n,
		    OWNER "deny if want_read($p), [\"/data/8\", "
			  "\"/data/9\"].contains($p);\nallow if request(\"run\");\n",
		    on_flip, &seen, &s, &err),
	     &err);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t1);
	sec = (double)(t1.tv_sec - t0.tv_sec) + 1e-9 * (double)(t1.tv_nsec - t0.tv_nsec);
	print_message("# %zu decisions, %llu fact sets: %.2f s of processor time\n",
		      count, (unsigned long long)s.n_decided, sec);
	if (env != NULL) /* ten thousand of them, on a quiet machine */
		assert_true(sec <= 5.0);
	assert_int_equal(s.n_decisions, count + 1); /* and that on the policy */
	assert_int_equal(s.n_allowed, count / 100);
	assert_int_equal(s.n_denied, count / 50);
	assert_int_equal(s.n_same, count + 1 - count / 100 - count / 50);
	assert_int_equal(s.n_erased + s.n_failed, 0);
	assert_int_equal(seen.n, s.n_allowed + s.n_denied);
	assert_int_equal(seen.n_allowed, s.n_allowed);
	assert_int_equal(seen.n_named, seen.n);
	assert_string_equal(seen.last_was, "allow if request(\"run\")");
	/* the same policy flips nothing; what the caller returns ends it */
	must(replay(&n,
		    OWNER "deny if want_read(\"/data/7\");\nallow if request(\"run\");\n",
		    stop_at_once, NULL, &s, &err),
	     &err);
	assert_int_equal(s.n_same, s.n_decisions);
	assert_int_equal(
	    replay(&n, OWNER "deny if true;\n", stop_at_once, NULL, &s, &err),
	    SL_E(USAGE));
	node_stop(&n);
}

/* Zeros the fact set of the last decision in the segment, as an erasure does. */
static void
erase_last_facts(struct node *n)
{
	static char seg[4 << 20];
	SL_AUTO_BUF blob = { .max = 1 << 20 };
	struct sl_reader *r = NULL;
	struct sl_stated d = { 0 };
	SL_AUTO_ARENA a = { 0 };
	struct sl_err err = { 0 };
	struct sl_log_tree t;
	uint8_t digest[32];
	bool is_erased;
	ssize_t len;
	char *p;
	int fd;

	sl_arena_init(&a, 64 << 20);
	must(sl_reader_open(n->home.fd, &r, &err), &err);
	must(sl_reader_tree(r, SL_NODE_TREE, &t, &err), &err);
	for (uint64_t k = t.size; k-- > 0 && strcmp(d.e.kind, "decision") != 0;)
		must(sl_stated_at(r, SL_NODE_TREE, k, &a, &d, &err), &err);
	assert_true(sl_unhex(
	    digest, 32, sl_json_get_str(sl_json_get(d.predicate, "sluice"), "facts")));
	must(sl_reader_blob(r, digest, &blob, &is_erased, &err), &err);
	sl_reader_close(r);
	fd = openat(n->home.fd, "log/seg/000000.log", O_RDWR | O_CLOEXEC);
	len = pread(fd, seg, sizeof(seg), 0);
	p = memmem(seg, (size_t)len, blob.p, blob.len);
	assert_non_null(p);
	memset(p, 0, blob.len);
	assert_int_equal(pwrite(fd, p, blob.len, p - seg), blob.len);
	close(fd);
}

static void
test_erased(void **state)
{
	struct sl_replay_stats s;
	struct sl_err err = { 0 };
	struct seen seen = { 0 };
	struct node n;
	uint8_t digest[32];

	(void)state;
	node_start(&n);
	must(sl_gate_set_policy(n.gate, SL_LIT(OWNER "allow if request(\"run\");\n"), "t",
				digest, &err),
	     &err);
	fill(&n, 5);
	erase_last_facts(&n);
	must(replay(
		 &n,
		 OWNER
		 "deny if want_read($p), $p.starts_with(\"/data/\"), $p != \"/data/0\";\n"
		 "allow if request(\"run\");\n",
		 on_flip, &seen, &s, &err),
	     &err);
	assert_int_equal(s.n_erased, 1);
	assert_int_equal(s.n_failed, 0);
	assert_int_equal(s.n_denied, 3); /* 1, 2 and 3; 4 cannot be told */
	assert_int_equal(s.n_same, 2);   /* 0, and that on the policy */
	assert_int_equal(seen.n, 3);
	node_stop(&n);
}

/* An expression that fails under the new policy is a verdict: deny, with its line. */
static void
test_error(void **state)
{
	struct sl_replay_stats s;
	struct sl_err err = { 0 };
	struct node n;
	uint8_t digest[32];

	(void)state;
	node_start(&n);
	must(sl_gate_set_policy(n.gate, SL_LIT(OWNER "allow if request(\"run\");\n"), "t",
				digest, &err),
	     &err);
	fill(&n, 2);
	assert_int_equal(replay(&n,
				OWNER "deny if want_read($p), $p < 1;\n"
				      "allow if request(\"run\");\n",
				stop_at_once, NULL, &s, &err),
			 SL_E(USAGE));
	node_stop(&n);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_erased),
		cmocka_unit_test(test_error),
	};

	return run_suite("gate-replay", tests, SL_ARRAY_LEN(tests));
}
