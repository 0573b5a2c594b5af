/* test_request.c -- witness/request, logs and keep, with a recorder of its own. */
#include "wit_t.h"
#include "witness/keep.h"

#include "log/reader.h"
#include "logdir.h"

static struct tree one, two; /* they share the first 100 leaves */
static struct sl_signer log_k, stranger_k;
static struct sl_vkey log_v, stranger_v;

struct node {
	struct dir d;
	struct sl_home home;
	struct sl_recorder *rec;
};

static struct node
node(void)
{
	static const uint8_t build[32] = { 7 };
	struct node n = { .d = dir_make() };
	struct sl_recorder_opts o = { .build = build };
	struct sl_err err = { 0 };
	bool is_new = false;

	must(sl_home_open(n.d.path, &n.home, &err), &err);
	o.home_fd = n.home.fd;
	o.home = n.home.path;
	must(sl_recorder_start(&o, &n.rec, &err), &err);
	must(sl_log_keys_add(&n.home, &log_v, &is_new, &err), &err);
	assert_true(is_new);
	return n;
}

static void
node_done(struct node *n)
{
	sl_recorder_stop(n->rec);
	sl_home_done(&n->home);
	dir_done(&n->d);
}

static int
post(struct node *n, struct sl_slice body, struct sl_answer *a)
{
	struct sl_witness_node w = { &n->home, n->rec };
	struct sl_err err = { 0 };

	sl_answer_init(a);
	must(sl_witness_serve(&w, edge(body), a, &err), &err);
	return a->status;
}

static void
body_of(struct tree *t, uint64_t old, uint64_t size, struct sl_buf *out)
{
	SL_AUTO_BUF note = { .max = 4096 };
	struct sl_proof p = { 0 };
	struct sl_err err = { 0 };

	if (old > 0 && old < size)
		must(sl_proof_consistency(sl_leaves_node, &t->l, old, size, &p, &err),
		     &err);
	note_of(t, size, &log_v, &log_k, &note);
	sl_add_checkpoint_put(old, &p, sl_buf_get(&note), out);
}

static void
conversation(void **state)
{
	static const struct {
		int tree;
		uint64_t old, size;
		int want;
	} t[] = {
		{ 1, 0, 5, 200 },     { 1, 0, 5, 409 },     { 1, 5, 4, 400 },
		{ 1, 5, 150, 200 },   { 1, 5, 150, 409 },   { 1, 150, 150, 200 },
		{ 1, 151, 150, 400 }, { 1, 150, 200, 200 },
	};
	struct sl_err err = { 0 };
	struct node n = node();
	SL_AUTO_BUF key = { .max = 512 };
	struct sl_vkey wit;

	(void)state;
	must(sl_recorder_witness_key(n.rec, &key, &err), &err);
	must(sl_vkey_parse(sl_buf_get(&key), &wit, &err), &err);
	for (size_t i = 0; i < SL_ARRAY_LEN(t); i++) {
		SL_AUTO_BUF body = { .max = 1 << 14 };
		SL_AUTO_BUF note = { .max = 1 << 14 };
		struct sl_answer a;
		struct sl_note parsed;
		uint64_t mask = 0;
		int64_t time = 0;

		body_of(t[i].tree == 1 ? &one : &two, t[i].old, t[i].size, &body);
		if (post(&n, sl_buf_get(&body), &a) != t[i].want)
			fail_msg("%zu: %d: %s", i, a.status, (const char *)a.body.p);
		if (a.status == 409) {
			assert_string_equal(a.type, "text/x.tlog.size");
			assert_string_equal((const char *)a.body.p,
					    i == 1 ? "5\n" : "150\n");
		}
		if (a.status == 200) { /* the client's way: the line behind its note */
			note_of(&one, t[i].size, &log_v, &log_k, &note);
			sl_buf_slice(&note, sl_buf_get(&a.body));
			must(sl_note_parse(sl_buf_get(&note), &parsed, &err), &err);
			must(sl_note_verify(&parsed, &wit, 1, &mask, &time, &err), &err);
			assert_true(time > 1700000000);
		}
		assert_int_equal(a.fork.len, 0);
		sl_answer_done(&a);
	}
	node_done(&n);
}

#define OLD0 "old 0\n\n"
#define H "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"

static void
malformed(void **state)
{
	static const char *const bad[] = {
		"",
		"\n",
		"old\n",
		"old 0",
		"old 0\n",
		OLD0,
		"old  0\n\n",
		"old 00\n\n",
		"old -1\n\n",
		"old 9223372036854775808\n\n",
		"Old 0\n\n",
		OLD0 "x\n",
		OLD0 "x\n0\n" H,
		OLD0 "x\n0\n" H "\n",
		"old 0\nAAAA\n\nx\n0\n" H "\n\xe2\x80\x94 x AAAAAAA=\n",
		"old 0\n" H "x\n0\n" H "\n\xe2\x80\x94 x AAAAAAA=\n",
		OLD0 "x\n00\n" H "\n\xe2\x80\x94 x AAAAAAA=\n",
		OLD0 "x\n1\n" H "x\n",
		OLD0 "\n0\n" H "\n\xe2\x80\x94 x AAAAAAA=\n",
		OLD0 "x\n0\nAAAA\n\n\xe2\x80\x94 x AAAAAAA=\n",
		OLD0 "x\r\n0\n" H "\n\xe2\x80\x94 x AAAAAAA=\n",
	};
	struct node n = node();
	SL_AUTO_BUF big = { .max = 1 << 18 };
	struct sl_answer a;

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(bad); i++) {
		if (post(&n, sl_slice_str(bad[i]), &a) != 400)
			fail_msg("%zu: %d", i, a.status);
		sl_answer_done(&a);
	}
	for (int k = 63; k <= 64; k++) { /* 63 lines are read, and prove nothing */
		sl_buf_clear(&big);
		sl_buf_str(&big, "old 0\n");
		for (int i = 0; i < k; i++)
			sl_buf_str(&big, H);
		sl_buf_byte(&big, '\n');
		note_of(&one, 5, &log_v, &log_k, &big);
		assert_int_equal(post(&n, sl_buf_get(&big), &a), k == 63 ? 422 : 400);
		sl_answer_done(&a);
	}
	sl_buf_clear(&big);
	while (big.len <= SL_ADD_CHECKPOINT_MAX)
		sl_buf_str(&big, H);
	assert_int_equal(post(&n, sl_buf_get(&big), &a), 400);
	sl_answer_done(&a);
	node_done(&n);
}

static void
strangers(void **state)
{
	struct node n = node();
	SL_AUTO_BUF body = { .max = 1 << 14 };
	struct sl_answer a;

	(void)state;
	/* a log that nobody named here */
	sl_buf_str(&body, OLD0);
	note_of(&one, 5, &stranger_v, &stranger_k, &body);
	assert_int_equal(post(&n, sl_buf_get(&body), &a), 404);
	sl_answer_done(&a);
	/* the right origin, another key */
	sl_buf_clear(&body);
	sl_buf_str(&body, OLD0);
	{
		struct sl_vkey v;
		struct sl_err err = { 0 };

		must(sl_vkey_make(log_v.name, SL_VKEY_ED25519, stranger_k.pub, &v, &err),
		     &err);
		note_of(&one, 5, &v, &stranger_k, &body);
	}
	assert_int_equal(post(&n, sl_buf_get(&body), &a), 403);
	sl_answer_done(&a);
	/* the right key, a wrong signature */
	sl_buf_clear(&body);
	body_of(&one, 0, 5, &body);
	body.p[body.len - 20] = body.p[body.len - 20] == 'A' ? 'B' : 'A';
	assert_int_equal(post(&n, sl_buf_get(&body), &a), 403);
	sl_answer_done(&a);
	/* nothing of that was stored */
	sl_buf_clear(&body);
	body_of(&one, 5, 6, &body);
	assert_int_equal(post(&n, sl_buf_get(&body), &a), 409);
	assert_string_equal((const char *)a.body.p, "0\n");
	sl_answer_done(&a);
	node_done(&n);
}

/* A fork: 422 once, with evidence that is kept and stated; 403 ever after. */
static void
forks(void **state)
{
	static const struct {
		uint64_t cosigned, old, size;
		int want;
	} t[] = {
		{ 150, 150, 150, 422 },
		{ 150, 150, 200, 422 },
		{ 150, 0, 150, 409 }, /* the old size is wrong, and the fork is there */
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(t); i++) {
		SL_AUTO_BUF body = { .max = 1 << 14 }, file = { .max = 1 << 16 };
		SL_AUTO_ARENA ar = { .cap = 1 << 20 };
		const struct sl_limits lim = { 1 << 20, 1000, 16 };
		struct sl_reader *r = NULL;
		struct sl_log_tree tree;
		struct sl_log_entry e;
		struct sl_json *v = NULL;
		struct sl_err err = { 0 };
		struct node n = node();
		struct sl_answer a;
		struct sl_fork f;

		body_of(&one, 0, t[i].cosigned, &body);
		assert_int_equal(post(&n, sl_buf_get(&body), &a), 200);
		sl_answer_done(&a);
		sl_buf_clear(&body);
		body_of(&two, t[i].old, t[i].size, &body);
		assert_int_equal(post(&n, sl_buf_get(&body), &a), t[i].want);
		assert_true(a.fork.len > 0);
		must(sl_witness_read(&n.home, log_v.name, ".fork", 1 << 16, &file, &err),
		     &err);
		assert_true(sl_slice_eq(sl_buf_get(&file), sl_buf_get(&a.fork)));
		must(sl_json_parse(sl_buf_get(&file), &lim, &ar, &v, &err), &err);
		must(sl_fork_check(v, &f, &err), &err);
		sl_answer_done(&a);
		/* honest from now on: too late */
		sl_buf_clear(&body);
		body_of(&one, 150, 160, &body);
		assert_int_equal(post(&n, sl_buf_get(&body), &a), 403);
		assert_non_null(strstr((const char *)a.body.p, "forked"));
		sl_answer_done(&a);
		must(sl_reader_open(n.home.fd, &r, &err), &err);
		must(sl_reader_tree(r, 1, &tree, &err), &err);
		must(sl_reader_entry(r, 1, tree.size - 1, &e, &err), &err);
		assert_string_equal(e.kind, "fork");
		sl_reader_close(r);
		node_done(&n);
	}
}

static void
key_files(void **state)
{
	struct node n = node();
	struct sl_log_keys k = { 0 };
	struct sl_err err = { 0 }, e2 = { 0 }, e3 = { 0 };
	SL_AUTO_ARENA a = { .cap = 1 << 16 };
	const char *const *names;
	struct sl_vkey v;
	struct sl_signer s;
	size_t n_names = 0;
	bool is_new = true;

	(void)state;
	must(sl_log_keys_add(&n.home, &log_v, &is_new, &err), &err);
	assert_false(is_new);
	key_of("wit", SL_VKEY_COSIGN, 3, &s, &v);
	assert_int_equal(sl_log_keys_add(&n.home, &v, &is_new, &e2), SL_E(FORMAT));
	for (int i = 1; i <= SL_LOG_KEYS_MAX; i++) {
		key_of("log.example/a", SL_VKEY_ED25519, (uint8_t)(100 + i), &s, &v);
		assert_int_equal(sl_log_keys_add(&n.home, &v, &is_new, &e3),
				 i < SL_LOG_KEYS_MAX ? 0 : SL_E(LIMIT));
	}
	must(sl_log_keys_get(&n.home, log_v.name, &k, &err), &err);
	assert_int_equal(k.n, SL_LOG_KEYS_MAX);
	assert_memory_equal(k.key[0].pub, log_v.pub, 32);
	sl_log_keys_done(&k);
	must(sl_witness_list(&n.home, &a, &names, &n_names, &err), &err);
	assert_int_equal(n_names, 1);
	/* a file of keys that somebody spoiled is not half believed */
	must(sl_witness_write(&n.home, log_v.name, ".log", SL_LIT("x\n"), &err), &err);
	assert_int_equal(sl_log_keys_get(&n.home, log_v.name, &k, &err), SL_E(STORE));
	node_done(&n);
}

int
main(void)
{
	const struct CMUnitTest t[] = { cmocka_unit_test(conversation),
					cmocka_unit_test(malformed),
					cmocka_unit_test(strangers),
					cmocka_unit_test(forks),
					cmocka_unit_test(key_files) };

	tree_make(&one, 1, 100);
	tree_make(&two, 2, 100);
	key_of("log.example/a", SL_VKEY_ED25519, 1, &log_k, &log_v);
	key_of("log.example/z", SL_VKEY_ED25519, 2, &stranger_k, &stranger_v);
	return run_suite("witness-request", t, SL_ARRAY_LEN(t));
}
