/* problem.c -- see problem.h. */
#include "priv/problem.h"

#include "codec/cbor.h"

enum { DETAIL_MAX = 480 };

static const struct {
	uint16_t status;
	const char *title;
} problems[] = {
#define X(c, status, title) { status, title },
	SL_PROBLEMS(X)
#undef X
};

uint16_t
sl_problem_status(enum sl_problem p)
{
	return problems[p].status;
}

const char *
sl_problem_title(enum sl_problem p)
{
	return problems[p].title;
}

void
sl_problem_put(struct sl_buf *out, enum sl_problem p, struct sl_slice detail)
{
	char text[DETAIL_MAX];
	size_t n = detail.len < DETAIL_MAX ? detail.len : DETAIL_MAX;

	for (size_t i = 0; i < n; i++)
		text[i] =
		    detail.p[i] >= 0x20 && detail.p[i] < 0x7f ? (char)detail.p[i] : '?';
	sl_cbor_put_map(out, 2);
	sl_cbor_put_int(out, -1);
	sl_cbor_put_tstr(out, sl_slice_str(problems[p].title));
	sl_cbor_put_int(out, -2);
	sl_cbor_put_tstr(out, (struct sl_slice){ (uint8_t *)text, n });
}
