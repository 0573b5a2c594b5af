/* fuzz_httpmsg.c -- frames between sluice-http and the service: what is taken is whole,
 * within its limits, and written back as the same bytes.
 *
 * Trusted code base: priv/httpmsg.c. */
#include "priv/httpmsg.h"

int LLVMFuzzerTestOneInput(const uint8_t *d, size_t n);

static void
requests(struct sl_slice in)
{
	struct sl_slice rest = in;
	SL_AUTO_BUF b = { .max = 1 << 22 };
	struct sl_http_request q;
	struct sl_err err = { 0 };
	size_t left = rest.len;

	while (sl_http_take_request(&rest, &q, &err) == 1) {
		if (rest.len >= left || q.path.len > SL_HTTP_FIELD_MAX ||
		    q.body.len > SL_HTTP_BODY_MAX)
			abort();
		sl_http_put_request(&b, &q);
		left = rest.len;
	}
	if (!b.is_failed && b.len > 0 &&
	    (b.len > in.len || memcmp(b.p, in.p, b.len) != 0))
		abort();
}

static void
answers(struct sl_slice in)
{
	struct sl_slice rest = in;
	SL_AUTO_BUF b = { .max = 1 << 22 };
	struct sl_http_answer a;
	struct sl_err err = { 0 };
	size_t left = rest.len;

	while (sl_http_take_answer(&rest, &a, &err) == 1) {
		if (rest.len >= left || a.status < 100 || a.status > 599 ||
		    a.location.len > SL_HTTP_FIELD_MAX)
			abort();
		sl_http_put_answer(&b, &a);
		left = rest.len;
	}
	if (!b.is_failed && b.len > 0 &&
	    (b.len > in.len || memcmp(b.p, in.p, b.len) != 0))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *d, size_t n)
{
	struct sl_slice in = { d, n };

	requests(in);
	answers(in);
	return 0;
}
