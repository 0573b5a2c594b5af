/* matrix_ids.c -- see matrix.h: identifiers of legs, jobs and steps. */
#include "flow/expr_case.h"
#include "flow/matrix.h"

enum {
	ATTEMPTS_MAX = 999,
	RAW_MAX = 200 /* bytes of segments that are looked at: twice an id */
};

static bool
is_letter(uint32_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool
is_legal(uint32_t c)
{
	return is_letter(c) || (c >= '0' && c <= '9') || c == '-';
}

/* Only as much as an id can hold: a long segment costs nothing. */
static void
put_segment(struct sl_buf *b, struct sl_slice s)
{
	uint32_t c;

	if (s.len == 0)
		return;
	if (b->len > 0) {
		sl_buf_byte(b, '_');
	} else {
		(void)sl_case_next(s, 0, &c);
		if (is_legal(c) && !is_letter(c))
			sl_buf_byte(b, '_');
	}
	for (size_t i = 0; i < s.len && b->len < RAW_MAX;) {
		i += sl_case_next(s, i, &c);
		sl_buf_byte(b, is_legal(c) ? (uint8_t)c : '_');
		if (c >= 0x10000)
			sl_buf_byte(b, '_'); /* two UTF-16 units */
	}
}

/* `__` is reserved: all the underscores in front become one. */
static void
drop_reserved(struct sl_buf *b)
{
	size_t n = 0;

	while (n < b->len && b->p[n] == '_')
		n++;
	if (n < 2)
		return;
	memmove(b->p + 1, b->p + n, b->len - n);
	b->len -= n - 1;
}

static int
know(struct sl_ids *ids, struct sl_slice id, struct sl_err *err)
{
	if (ids->seen == NULL)
		ids->seen = sl_val_obj(ids->a, false);
	if (sl_val_set(ids->a, ids->seen, id, sl_val_null()) == NULL)
		return SL_ERR(err, NOMEM, "out of memory for an id");
	return 0;
}

int
sl_ids_build(struct sl_ids *ids, const struct sl_slice *segment, size_t n,
	     bool allow_reserved, struct sl_slice *ret, struct sl_err *err)
{
	SL_AUTO_BUF b = { .max = 512 };
	char suffix[8] = "", id[SL_MATRIX_ID_MAX + 1];
	struct sl_slice s;
	size_t len;

	for (size_t i = 0; i < n && b.len < RAW_MAX; i++)
		put_segment(&b, segment[i]);
	if (b.len == 0)
		sl_buf_str(&b, "job");
	if (b.is_failed)
		return SL_ERR(err, NOMEM, "out of memory for an id");
	if (!allow_reserved)
		drop_reserved(&b);
	for (unsigned k = 1; k <= ATTEMPTS_MAX; k++) {
		if (k > 1)
			(void)snprintf(
			    suffix, sizeof(suffix), "%s%u",
			    !allow_reserved && b.len == 1 && b.p[0] == '_' ? "" : "_", k);
		len = SL_MATRIX_ID_MAX - strlen(suffix);
		len = b.len < len ? b.len : len;
		memcpy(id, b.p, len);
		memcpy(id + len, suffix, strlen(suffix) + 1);
		s = (struct sl_slice){ (const uint8_t *)id, len + strlen(suffix) };
		if (sl_val_get(ids->seen, s) != NULL)
			continue;
		if ((s = sl_arena_dup(ids->a, s)).p == NULL)
			return SL_ERR(err, NOMEM, "out of memory for an id");
		if (know(ids, s, err) < 0)
			return err->code;
		*ret = s;
		return 0;
	}
	return SL_ERR(err, LIMIT, "unable to create a unique name");
}

int
sl_ids_add(struct sl_ids *ids, struct sl_slice id, struct sl_err *err)
{
	bool ok = id.len > 0 && id.len < SL_MATRIX_ID_MAX && is_letter(id.p[0]);

	for (size_t i = 0; ok && i < id.len; i++)
		ok = is_legal(id.p[i]);
	if (!ok)
		return SL_ERR(
		    err, FORMAT,
		    "The identifier '%.*s' is invalid. IDs may only contain alphanumeric "
		    "characters, '_', and '-'. IDs must start with a letter or '_' and "
		    "must be less than %d characters.",
		    SL_ARG(id), SL_MATRIX_ID_MAX);
	if (id.len >= 2 && id.p[0] == '_' && id.p[1] == '_')
		return SL_ERR(
		    err, FORMAT,
		    "The identifier '%.*s' is invalid. IDs starting with '__' are "
		    "reserved.",
		    SL_ARG(id));
	if (sl_val_get(ids->seen, id) != NULL)
		return SL_ERR(
		    err, FORMAT,
		    "The identifier '%.*s' may not be used more than once within the "
		    "same scope.",
		    SL_ARG(id));
	return know(ids, id, err);
}
