/* body.c -- where the body of a plain request ends (request.h).  Chunks have no
 * extension and no trailer: what one server skips, another one reads. */
#include "proxy/request.h"

enum { SIZE, SIZE_LF, DATA, DATA_CR, DATA_LF, END_CR, END_LF };
enum { DIGITS_MAX = 8 };

void
sl_proxy_body_init(struct sl_proxy_body *b, const struct sl_proxy_req *r)
{
	*b = (struct sl_proxy_body){ .is_chunked = r->is_chunked,
				     .is_done = !r->is_chunked && r->len_body == 0,
				     .left = r->len_body };
}

static int
digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One byte of a chunked body that is no data: false where it may not stand there. */
static bool
step(struct sl_proxy_body *b, uint8_t c)
{
	switch (b->state) {
	case SIZE:
		if (c == '\r' && b->n_digit > 0) {
			b->state = SIZE_LF;
			return true;
		}
		if (digit(c) < 0 || ++b->n_digit > DIGITS_MAX)
			return false;
		b->left = b->left << 4 | (unsigned)digit(c);
		return true;
	case SIZE_LF:
		b->state = b->left > 0 ? DATA : END_CR;
		b->n_digit = 0;
		return c == '\n';
	case DATA_CR:
		b->state = DATA_LF;
		return c == '\r';
	case DATA_LF:
		b->state = SIZE;
		return c == '\n';
	case END_CR:
		b->state = END_LF;
		return c == '\r';
	default:
		b->is_done = true;
		return c == '\n';
	}
}

int
sl_proxy_body(struct sl_proxy_body *b, struct sl_slice in)
{
	size_t i = 0;

	while (i < in.len && !b->is_done) {
		size_t n = in.len - i;

		if (b->is_chunked && b->state != DATA) {
			if (!step(b, in.p[i++]))
				return -(int)SL_PROXY_WHY_CHUNK;
			continue;
		}
		n = n < b->left ? n : (size_t)b->left;
		i += n;
		b->left -= n;
		if (b->left == 0 && b->is_chunked)
			b->state = DATA_CR;
		else if (b->left == 0)
			b->is_done = true;
	}
	return (int)i;
}
