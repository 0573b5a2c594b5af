/* test_httpmsg.c -- priv/httpmsg: what is put comes back, and nothing else is taken. */
#include "t.h"

#include "priv/httpmsg.h"
#include "priv/problem.h"

static const struct sl_http_request asked = { .id = 0x01020304,
					      .method = SL_HTTP_POST,
					      .path = { (const uint8_t *)"/entries", 8 },
					      .accept = { (const uint8_t *)"a/b", 3 },
					      .type = { (const uint8_t *)"c/d", 3 },
					      .peer = { (const uint8_t *)"::1", 3 },
					      .body = { (const uint8_t *)"body", 4 } };
static const struct sl_http_answer said = { .id = 7,
					    .status = 201,
					    .retry_s = 3,
					    .max_age_s = -1,
					    .type = { (const uint8_t *)"a/b", 3 },
					    .location = { (const uint8_t *)"/x", 2 },
					    .body = { (const uint8_t *)"r", 1 } };

static void
round_trip(void **state)
{
	SL_AUTO_BUF b = { .max = 4096 };
	struct sl_http_request q;
	struct sl_http_answer a;
	struct sl_err err = { 0 };
	struct sl_slice in;

	(void)state;
	sl_http_put_request(&b, &asked);
	sl_http_put_request(&b, &asked);
	in = sl_buf_get(&b);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(sl_http_take_request(&in, &q, &err), 1);
		assert_int_equal(q.id, asked.id);
		assert_int_equal(q.method, SL_HTTP_POST);
		assert_true(sl_slice_eq(q.path, asked.path));
		assert_true(sl_slice_eq(q.peer, asked.peer));
		assert_true(sl_slice_eq(q.body, asked.body));
	}
	assert_int_equal(sl_http_take_request(&in, &q, &err), 0);
	sl_buf_clear(&b);
	sl_http_put_answer(&b, &said);
	in = sl_buf_get(&b);
	assert_int_equal(sl_http_take_answer(&in, &a, &err), 1);
	assert_int_equal(a.status, 201);
	assert_int_equal(a.max_age_s, -1);
	assert_true(sl_slice_eq(a.location, said.location));
	assert_true(sl_slice_eq(a.body, said.body));
}

/* Cut anywhere it is refused, at the edge of a page. */
static void
cut_short(void **state)
{
	SL_AUTO_BUF b = { .max = 4096 }, c = { .max = 4096 };

	(void)state;
	sl_http_put_request(&b, &asked);
	sl_http_put_answer(&c, &said);
	for (size_t n = 1; n < b.len; n++) {
		struct sl_slice in = { at_edge(b.p, n), n };
		struct sl_err err = { 0 };
		struct sl_http_request q;

		assert_int_equal(sl_http_take_request(&in, &q, &err), SL_E(FORMAT));
	}
	for (size_t n = 1; n < c.len; n++) {
		struct sl_slice in = { at_edge(c.p, n), n };
		struct sl_err err = { 0 };
		struct sl_http_answer a;

		assert_int_equal(sl_http_take_answer(&in, &a, &err), SL_E(FORMAT));
	}
}

static void
refuse_at(size_t at, uint8_t v, int code)
{
	SL_AUTO_BUF b = { .max = 4096 };
	struct sl_err err = { 0 };
	struct sl_http_request q;
	struct sl_slice in;

	sl_http_put_request(&b, &asked);
	b.p[at] = v;
	in = sl_buf_get(&b);
	assert_int_equal(sl_http_take_request(&in, &q, &err), code);
}

static void
out_of_bounds(void **state)
{
	(void)state;
	refuse_at(4, 0, SL_E(FORMAT));
	refuse_at(4, 4, SL_E(FORMAT));
	refuse_at(6, 0xff, SL_E(LIMIT));  /* path */
	refuse_at(12, 0xff, SL_E(LIMIT)); /* peer */
	refuse_at(16, 0xff, SL_E(LIMIT)); /* body */
	refuse_at(13, 5, SL_E(FORMAT));   /* more than there is */
}

static void
problems(void **state)
{
	SL_AUTO_BUF b = { .max = 4096 };
	static const uint8_t want[] = { 0xa2, 0x20, 0x68, 'R',  'e',  'j', 'e', 'c',
					't',  'e',  'd',  0x21, 0x63, 'a', '?', 'b' };

	(void)state;
	sl_problem_put(&b, SL_PROBLEM_REJECTED, SL_LIT("a\nb"));
	assert_int_equal(b.len, sizeof(want));
	assert_memory_equal(b.p, want, sizeof(want));
	assert_int_equal(sl_problem_status(SL_PROBLEM_TOO_MANY), 429);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),
		cmocka_unit_test(cut_short),
		cmocka_unit_test(out_of_bounds),
		cmocka_unit_test(problems),
	};

	return run_suite("httpmsg", tests, SL_ARRAY_LEN(tests));
}
