/* text.c -- see text.h. */
#include "witness/text.h"

#include "codec/base64.h"

bool
sl_text_line(struct sl_slice *s, struct sl_slice *ret)
{
	struct sl_slice line = sl_slice_upto(*s, '\n');

	if (line.len == s->len)
		return false;
	*ret = line;
	*s = sl_slice_skip(*s, line.len + 1);
	return true;
}

bool
sl_text_number(struct sl_slice s, uint64_t *ret)
{
	uint64_t v = 0;

	if (s.len == 0 || s.len > 19 || (s.len > 1 && s.p[0] == '0'))
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		v = v * 10 + (uint64_t)(s.p[i] - '0'); /* below 10^19: no overflow */
	}
	if (v > SL_TREE_SIZE_MAX)
		return false;
	*ret = v;
	return true;
}

int
sl_text_path(struct sl_slice *s, size_t max, unsigned *no, struct sl_proof *ret,
	     struct sl_err *err)
{
	struct sl_slice line;
	size_t len;

	ret->n = 0;
	for (;;) {
		if (!sl_text_line(s, &line))
			return SL_ERR(err, FORMAT,
				      "line %u: no empty line behind the path", *no + 1);
		++*no;
		if (line.len == 0)
			return 0;
		if (ret->n == max)
			return SL_ERR(err, FORMAT, "line %u: more than %zu hashes", *no,
				      max);
		len = 0;
		if (!sl_unbase64(SL_BASE64_STD, line, ret->h[ret->n].b, SL_HASH_LEN,
				 &len) ||
		    len != SL_HASH_LEN)
			return SL_ERR(err, FORMAT,
				      "line %u: '%.*s' is not a hash in base64", *no,
				      SL_ARG(line));
		ret->n++;
	}
}

void
sl_text_put_path(struct sl_buf *out, const struct sl_proof *p)
{
	for (size_t i = 0; i < p->n; i++) {
		sl_base64_put(out, SL_BASE64_STD,
			      (struct sl_slice){ p->h[i].b, SL_HASH_LEN });
		sl_buf_byte(out, '\n');
	}
}
