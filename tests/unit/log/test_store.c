/* test_store.c -- records, seals, index and messages: what is refused. */
#include "t.h"

#include "log/crc32c.h"
#include "log/le.h"
#include "log/proto.h"
#include "lognode.h"

static const uint8_t run_c[32] = { 0xc0, 0xde };

static void
crc_known(void **state)
{
	uint8_t b[300];

	(void)state;
	/* RFC 3720 appendix B.4, and the usual check value */
	assert_int_equal(sl_crc32c_add(0, SL_LIT("123456789")), 0xe3069283);
	memset(b, 0, sizeof(b));
	assert_int_equal(sl_crc32c_add(0, (struct sl_slice){ b, 32 }), 0x8a9136aa);
	memset(b, 0xff, sizeof(b));
	assert_int_equal(sl_crc32c_add(0, (struct sl_slice){ b, 32 }), 0x62a8ab43);
	for (size_t i = 0; i < sizeof(b); i++)
		b[i] = (uint8_t)(i * 7);
	for (size_t i = 0; i < 40; i++)
		for (size_t n = 0; n + i < sizeof(b); n += 13) {
			struct sl_slice s = { b + i, n };

			assert_int_equal(sl_crc32c_add(5, s), sl_crc32c_table(5, s));
		}
}

static void
commit_refusals(void **state)
{
	struct dir d = dir_make();
	struct sl_err err = { 0 };
	struct sl_node n;
	struct sl_entry e[8];
	size_t k = 99;
	char *big = calloc(1, SL_REC_MAX + 2);
	struct sl_item run = item_stmt(SL_TREE_RUN, run_c, "outcome", "{}", false);
	struct sl_item node = item_stmt(SL_TREE_NODE, NULL, "decision", "{}", false);
	struct sl_item plat = item_stmt(SL_TREE_PLATFORM, NULL, "context", "{}", false);
	struct sl_item seal = { .what = SL_ITEM_SEAL, .digest = run_c };
	struct sl_item kind =
	    item_stmt(SL_TREE_NODE, NULL, "sixteen-bytes-xx", "{}", false);
	struct sl_item none = item_stmt(SL_TREE_NODE, NULL, "", "{}", false);
	struct sl_item large = { .what = SL_ITEM_BLOB };
	struct sl_item bad[][4] = {
		{ run },       /* a run's first batch of one */
		{ node, run }, /* the same beside another tree */
		{ seal },      /* no such run */
		{ plat },      /* not the client's */
		{ kind },
		{ none },                 /* kinds */
		{ run, run, seal, seal }, /* sealed twice */
		{ node, large },
	};
	const size_t len[] = { 1, 2, 1, 1, 1, 1, 4, 2 };
	const int code[] = { SL_E(BUG), SL_E(BUG), SL_E(BUG), SL_E(BUG),
			     SL_E(BUG), SL_E(BUG), SL_E(BUG), SL_E(LIMIT) };
	uint64_t end;

	(void)state;
	memset(big, 'x', SL_REC_MAX + 1);
	bad[7][1].bytes = (struct sl_slice){ (uint8_t *)big, SL_REC_MAX + 1 };
	must(sl_node_open(&n, d.fd, sl_store_io_sys(), build_a, &err), &err);
	end = n.st.st.end;
	for (size_t i = 0; i < SL_ARRAY_LEN(len); i++) {
		err.code = 0;
		assert_int_equal(sl_node_commit(&n, bad[i], len[i], e, &k, &err),
				 code[i]);
		assert_int_equal(k, 99);
		assert_int_equal(n.st.st.end, end);
	}
	err.code = 0;
	must(add_n(&n, 1, e, &err), &err); /* the node goes on */
	assert_int_equal(e->index, 3);
	sl_node_done(&n);
	free(big);
	dir_done(&d);
}

/* A run that another build began can be sealed, but not signed for. */
static void
other_build(void **state)
{
	struct dir d = dir_make();
	struct sl_err err = { 0 };
	struct sl_node n;
	struct sl_entry e[4];
	struct sl_item two[] = { item_stmt(SL_TREE_RUN, run_c, "context", "{}", false),
				 item_stmt(SL_TREE_RUN, run_c, "outcome", "{}", false) };
	struct sl_item seal = { .what = SL_ITEM_SEAL, .digest = run_c };
	struct sl_log_report rep;
	size_t k;

	(void)state;
	must(sl_node_open(&n, d.fd, sl_store_io_sys(), build_a, &err), &err);
	must(sl_node_commit(&n, two, 2, e, &k, &err), &err);
	sl_node_done(&n);
	must(sl_node_open(&n, d.fd, sl_store_io_sys(), build_b, &err), &err);
	assert_false(n.is_new);
	assert_int_equal(sl_state_tree(&n.st.st, 1)->edge.size,
			 4); /* one more certificate */
	assert_int_equal(sl_node_commit(&n, two, 1, e, &k, &err), SL_E(ENV));
	err.code = 0;
	must(sl_node_commit(&n, &seal, 1, e, &k, &err), &err);
	assert_int_equal(e[0].index, 4);
	sl_node_done(&n);
	/* and back: certified before, so nothing new */
	must(sl_node_open(&n, d.fd, sl_store_io_sys(), build_a, &err), &err);
	assert_int_equal(sl_state_tree(&n.st.st, 1)->edge.size, 5);
	must(add_n(&n, 1, NULL, &err), &err);
	sl_node_done(&n);
	must(sl_log_check(d.fd, NULL, NULL, &rep, &err), &err);
	assert_int_equal(rep.n_findings, 0);
	dir_done(&d);
}

static void
keys_gone(void **state)
{
	struct dir d = dir_make();
	struct sl_err err = { 0 };
	struct sl_node n;

	(void)state;
	must(sl_node_open(&n, d.fd, sl_store_io_sys(), build_a, &err), &err);
	sl_node_done(&n);
	assert_return_code(fchmodat(d.fd, "keys/identity", 0644, 0), 0);
	assert_int_equal(sl_node_open(&n, d.fd, sl_store_io_sys(), build_a, &err),
			 SL_E(ENV));
	err.code = 0;
	assert_return_code(fchmodat(d.fd, "keys/identity", 0600, 0), 0);
	assert_return_code(unlinkat(d.fd, "keys/next", 0), 0); /* may be kept elsewhere */
	must(sl_node_open(&n, d.fd, sl_store_io_sys(), build_a, &err), &err);
	sl_node_done(&n);
	assert_return_code(unlinkat(d.fd, "keys/identity", 0), 0);
	assert_int_equal(sl_node_open(&n, d.fd, sl_store_io_sys(), build_a, &err),
			 SL_E(STORE));
	dir_done(&d);
}

/* A log that is gone is not begun again under the same name. */
static void
log_gone(void **state)
{
	struct dir d = dir_make();
	struct sl_err err = { 0 };
	struct sl_node n;
	char from[192], to[192];

	(void)state;
	must(sl_node_open(&n, d.fd, sl_store_io_sys(), build_a, &err), &err);
	sl_node_done(&n);
	snprintf(from, sizeof(from), "%s/log", d.path);
	snprintf(to, sizeof(to), "%s/elsewhere", d.path);
	assert_return_code(rename(from, to), 0);
	assert_int_equal(sl_node_open(&n, d.fd, sl_store_io_sys(), build_a, &err),
			 SL_E(STORE));
	assert_non_null(strstr(err.msg, "is gone"));
	dir_done(&d);
}

/* Another identity over the same segments: the seal is not by a key of its. */
static void
keys_swapped(void **state)
{
	struct dir a = dir_make(), b = dir_make();
	struct sl_err err = { 0 };
	struct sl_node n;
	char from[192], to[192];

	(void)state;
	must(sl_node_open(&n, a.fd, sl_store_io_sys(), build_a, &err), &err);
	sl_node_done(&n);
	must(sl_node_open(&n, b.fd, sl_store_io_sys(), build_a, &err), &err);
	sl_node_done(&n);
	snprintf(from, sizeof(from), "%s/keys/identity", b.path);
	snprintf(to, sizeof(to), "%s/keys/identity", a.path);
	assert_return_code(rename(from, to), 0);
	assert_true(sl_node_open(&n, a.fd, sl_store_io_sys(), build_a, &err) < 0);
	dir_done(&a);
	dir_done(&b);
}

/* More than a segment: batches move to the next one whole. */
static void
segments(void **state)
{
	struct dir d = dir_make();
	struct sl_err err = { 0 };
	struct sl_node n;
	struct sl_entry e;
	struct sl_log_report rep;
	struct sl_reader *r = NULL;
	struct sl_log_tree t;
	size_t k, len = 9 << 20;
	uint8_t *p = calloc(1, len);
	struct sl_item it[] = { item_stmt(SL_TREE_NODE, NULL, "decision", "{}", false),
				{ .what = SL_ITEM_BLOB, .bytes = { p, len } } };

	(void)state;
	must(sl_node_open(&n, d.fd, sl_store_io_sys(), build_a, &err), &err);
	for (int i = 1; i < 10; i++) {
		p[0] = (uint8_t)i;
		must(sl_node_commit(&n, it, 2, &e, &k, &err), &err);
		must(sl_store_idle(&n.st, &err), &err);
	}
	assert_int_equal(n.st.st.end / SL_SEG_SIZE, 1);
	sl_node_done(&n);
	assert_return_code(unlinkat(d.fd, "log/head", 0), 0); /* found by scanning */
	must(sl_node_open(&n, d.fd, sl_store_io_sys(), build_a, &err), &err);
	assert_int_equal(n.st.st.end / SL_SEG_SIZE, 1);
	sl_node_done(&n);
	assert_return_code(unlinkat(d.fd, "log/idx", 0), 0);
	must(sl_log_check(d.fd, NULL, NULL, &rep, &err), &err);
	assert_int_equal(rep.n_findings, 0);
	assert_int_equal(rep.n_blobs, 9);
	must(sl_reader_open(d.fd, &r, &err), &err);
	must(sl_reader_tree(r, 1, &t, &err), &err);
	assert_int_equal(t.size, 12);
	sl_reader_close(r);
	/* without its first segment it is not whole, and says so */
	assert_return_code(unlinkat(d.fd, "log/seg/000000.log", 0), 0);
	must(sl_log_check(d.fd, NULL, NULL, &rep, &err), &err);
	assert_true(rep.n_findings > 0);
	free(p);
	dir_done(&d);
}

static void
items(void **state)
{
	struct sl_buf b = { .max = 1 << 16 };
	struct sl_err err = { 0 };
	struct sl_item it[8];
	struct sl_stmt s = { .tree = SL_TREE_RUN,
			     .kind = "outcome",
			     .sub = SL_LIT("s"),
			     .payload = SL_LIT("{}"),
			     .run = run_c };
	size_t n = 0, first;
	uint8_t *p;

	(void)state;
	sl_proto_put_stmt(&b, &s);
	first = b.len;
	sl_proto_put_bytes(&b, SL_ITEM_BLOB, SL_LIT("bytes"));
	sl_proto_put_digest(&b, SL_ITEM_SEAL, run_c);
	must(sl_proto_items(sl_buf_get(&b), it, 8, &n, &err), &err);
	assert_int_equal(n, 3);
	assert_string_equal(it[0].s.kind, "outcome");
	assert_memory_equal(it[0].s.run, run_c, 32);
	assert_int_equal(it[1].bytes.len, 5);
	assert_int_equal(sl_proto_items(sl_buf_get(&b), it, 2, &n, &err), SL_E(LIMIT));
	/* cut anywhere but between items */
	for (size_t i = 1; i < b.len; i++) {
		p = at_edge(b.p, i);
		err.code = 0;
		if (i == first || i == first + 10)
			must(sl_proto_items((struct sl_slice){ p, i }, it, 8, &n, &err),
			     &err);
		else
			assert_int_equal(
			    sl_proto_items((struct sl_slice){ p, i }, it, 8, &n, &err),
			    SL_E(FORMAT));
	}
	b.p[0] = 9;
	err.code = 0;
	assert_int_equal(sl_proto_items(sl_buf_get(&b), it, 8, &n, &err), SL_E(FORMAT));
	sl_buf_done(&b);
}

static void
statuses(void **state)
{
	struct sl_buf b = { .max = 1 << 12 };
	struct sl_err e = { 0 }, got = { 0 };
	struct sl_slice rest;

	(void)state;
	(void)SL_ERR(&e, LIMIT, "too much of '%s'", "\x1b");
	sl_proto_put_status(&b, e.code, &e);
	assert_int_equal(sl_proto_status(sl_buf_get(&b), &rest, &got), SL_E(LIMIT));
	assert_string_equal(got.msg, e.msg);
	for (size_t i = 0; i < b.len; i++) {
		got.code = 0;
		assert_int_equal(
		    sl_proto_status((struct sl_slice){ at_edge(b.p, i), i }, &rest, &got),
		    SL_E(BUG));
	}
	sl_buf_done(&b);
}

/* Index: everything put in is found, through many growths; prefixes are ranges. */
static void
index_grows(void **state)
{
	struct dir d = dir_make();
	struct sl_idx x = { .dir_fd = d.fd, .is_writable = true };
	static const uint8_t boot[32] = { 1 };
	struct sl_rec r = { .type = SL_REC_BLOB };
	uint64_t off, hits = 0;

	(void)state;
	assert_true(sl_idx_create(&x, boot));
	for (uint64_t i = 0; i < 20000; i++) {
		struct sl_slice s = { (uint8_t *)&i, 8 };

		sl_sha256(s, r.hash);
		r.off = i * 8;
		assert_true(sl_idx_add(&x, &r));
		if (i % 3 == 0)
			assert_true(sl_idx_add(&x, &r)); /* again: no second slot */
	}
	for (uint64_t i = 0; i < 20000; i++) {
		struct sl_slice s = { (uint8_t *)&i, 8 };
		struct sl_idx_it it;
		uint64_t k;
		bool seen = false;

		sl_sha256(s, r.hash);
		memcpy(&k, r.hash, 8);
		k = be64toh(k);
		for (it = sl_idx_find(&x, k, k); sl_idx_next(&x, &it, &off);)
			seen |= off == i * 8;
		assert_true(seen);
	}
	for (uint64_t p = 0; p < 256; p++)
		for (struct sl_idx_it it = sl_idx_find(&x, p << 56, p << 56 | ~0ull >> 8);
		     sl_idx_next(&x, &it, &off);)
			hits++;
	assert_int_equal(hits, 20000);
	sl_idx_drop(&x);
	assert_false(sl_idx_add(&x, &r));
	dir_done(&d);
}

/* Time never runs back, whatever the clock does: a batch after a seal of the future. */
static void
time_is_monotone(void **state)
{
	struct dir d = dir_make();
	struct sl_err err = { 0 };
	struct sl_node n;
	int64_t t;

	(void)state;
	must(sl_node_open(&n, d.fd, sl_store_io_sys(), build_a, &err), &err);
	n.st.st.time_ms += 1000000;
	t = n.st.st.time_ms;
	must(add_n(&n, 1, NULL, &err), &err);
	assert_int_equal(n.st.st.time_ms, t);
	sl_node_done(&n);
	must(sl_node_open(&n, d.fd, sl_store_io_sys(), build_a, &err), &err);
	must(add_n(&n, 1, NULL, &err), &err);
	assert_int_equal(n.st.st.time_ms, t);
	sl_node_done(&n);
	dir_done(&d);
}

int
main(void)
{
	const struct CMUnitTest t[] = {
		cmocka_unit_test(crc_known),        cmocka_unit_test(commit_refusals),
		cmocka_unit_test(other_build),      cmocka_unit_test(keys_gone),
		cmocka_unit_test(log_gone),         cmocka_unit_test(keys_swapped),
		cmocka_unit_test(segments),         cmocka_unit_test(items),
		cmocka_unit_test(statuses),         cmocka_unit_test(index_grows),
		cmocka_unit_test(time_is_monotone),
	};

	return run_suite("store", t, SL_ARRAY_LEN(t));
}
