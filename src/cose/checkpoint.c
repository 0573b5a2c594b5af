/* checkpoint.c -- see checkpoint.h. */
#include "cose/checkpoint.h"

#include "codec/base64.h"

static bool
take_size(struct sl_slice s, uint64_t *ret)
{
	uint64_t v = 0;

	if (s.len == 0 || (s.len > 1 && s.p[0] == '0'))
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] < '0' || s.p[i] > '9' || __builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(s.p[i] - '0'), &v))
			return false;
	if (v > SL_TREE_SIZE_MAX)
		return false;
	*ret = v;
	return true;
}

/* A line with its newline taken off the front of *s; false when there is none. */
static bool
next_line(struct sl_slice *s, struct sl_slice *line)
{
	*line = sl_slice_upto(*s, '\n');
	if (line->len == s->len)
		return false;
	*s = sl_slice_skip(*s, line->len + 1);
	return true;
}

static int
check_ext(struct sl_slice ext, struct sl_err *err)
{
	struct sl_slice line;

	while (ext.len > 0)
		if (!next_line(&ext, &line) || line.len == 0)
			return SL_ERR(err, FORMAT,
				      "checkpoint: an extension line is empty or has "
				      "no end");
	return 0;
}

static int
check_root(const struct sl_checkpoint *c, struct sl_err *err)
{
	struct sl_hash empty;

	sl_merkle_empty(&empty);
	if (c->size == 0 && memcmp(&empty, &c->root, sizeof(empty)) != 0)
		return SL_ERR(err, FORMAT,
			      "checkpoint: size 0 with a root that is not the empty "
			      "tree's");
	return 0;
}

int
sl_checkpoint_parse(struct sl_slice text, struct sl_checkpoint *ret, struct sl_err *err)
{
	struct sl_checkpoint c = { .ext = text };
	struct sl_slice size, root;
	size_t n = 0;
	int r;

	if (!next_line(&c.ext, &c.origin) || !next_line(&c.ext, &size) ||
	    !next_line(&c.ext, &root))
		return SL_ERR(err, FORMAT, "checkpoint: fewer than three lines");
	if (c.origin.len == 0)
		return SL_ERR(err, FORMAT, "checkpoint: the origin is empty");
	if (!take_size(size, &c.size))
		return SL_ERR(err, FORMAT,
			      "checkpoint: '%.*s' is no tree size (decimal, below 2^63)",
			      SL_ARG(size));
	if (!sl_unbase64(SL_BASE64_STD, root, c.root.b, SL_HASH_LEN, &n) ||
	    n != SL_HASH_LEN)
		return SL_ERR(err, FORMAT,
			      "checkpoint: the root is not base64 of 32 bytes");
	if ((r = check_root(&c, err)) < 0 || (r = check_ext(c.ext, err)) < 0)
		return r;
	*ret = c;
	return 0;
}

int
sl_checkpoint_open(struct sl_slice note, const struct sl_vkey *log,
		   struct sl_checkpoint *ret, struct sl_note *ret_note,
		   struct sl_err *err)
{
	struct sl_checkpoint c = { 0 };
	uint64_t mask;
	int r;

	if (log->type != SL_VKEY_ED25519)
		return SL_ERR(err, USAGE, "checkpoint: '%.*s' is a witness's key",
			      SL_ARG(log->name));
	if ((r = sl_note_parse(note, ret_note, err)) < 0 ||
	    (r = sl_note_verify(ret_note, log, 1, &mask, NULL, err)) < 0 ||
	    (r = sl_checkpoint_parse(ret_note->text, &c, err)) < 0)
		return r;
	if (!sl_slice_eq(c.origin, log->name))
		return SL_ERR(err, VERIFY,
			      "checkpoint: origin '%.*s' is not the name of the key",
			      SL_ARG(c.origin));
	*ret = c;
	return 0;
}

int
sl_checkpoint_text(const struct sl_checkpoint *c, struct sl_buf *out, struct sl_err *err)
{
	size_t at = out->len;
	struct sl_checkpoint same;

	sl_buf_slice(out, c->origin);
	sl_buf_printf(out, "\n%llu\n", (unsigned long long)c->size);
	sl_base64_put(out, SL_BASE64_STD, (struct sl_slice){ c->root.b, SL_HASH_LEN });
	sl_buf_byte(out, '\n');
	sl_buf_slice(out, c->ext);
	if (out->is_failed)
		return SL_ERR(err, LIMIT, "checkpoint: longer than %zu bytes", out->max);
	return sl_checkpoint_parse(sl_slice_skip(sl_buf_get(out), at), &same, err);
}

int
sl_checkpoint_sign(const struct sl_checkpoint *c, const struct sl_vkey *log,
		   const struct sl_signer *k, struct sl_buf *out, struct sl_err *err)
{
	size_t at = out->len;
	struct sl_slice text;
	int r;

	if (log->type != SL_VKEY_ED25519 || !sl_slice_eq(c->origin, log->name) ||
	    c->size > SL_TREE_SIZE_MAX)
		return SL_ERR(err, USAGE,
			      "checkpoint: origin, size or key do not fit '%.*s'",
			      SL_ARG(log->name));
	if ((r = sl_checkpoint_text(c, out, err)) < 0)
		return r;
	text = sl_slice_skip(sl_buf_get(out), at);
	sl_buf_byte(out, '\n');
	if (out->is_failed)
		return SL_ERR(err, LIMIT, "checkpoint: longer than %zu bytes", out->max);
	/* Signed as it stands in out; the buffer moves when the line is added. */
	text = (struct sl_slice){ out->p + at, text.len };
	return sl_note_sign(text, log, 0, k, out, err);
}
