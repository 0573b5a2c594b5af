/* cbor_check.c -- see cbor.h: the pass over the whole input. */
#include "codec/cbor_priv.h"
#include "codec/utf8.h"

#if defined(__has_attribute) && __has_attribute(uninitialized)
#define UNINITIALISED __attribute__((uninitialized))
#else
#define UNINITIALISED
#endif

/* One open container of the checking pass. */
struct level {
	uint64_t left; /* items still to come */
	bool is_map, is_value_next, is_sorted;
	size_t n_keys, prev, prev_len; /* the last key's place */
	uint32_t at[SL_CBOR_UNSORTED_MAX];
};

/* True when the key at [from, to) is greater than the one before it, bytewise. */
static bool
is_ascending(const struct sl_cbor_rd *rd, const struct level *l, size_t from, size_t to)
{
	size_t len = to - from, n = len < l->prev_len ? len : l->prev_len;
	int c = memcmp(rd->src.p + l->prev, rd->src.p + from, n);

	return c < 0 || (c == 0 && l->prev_len < len);
}

/* Encodings are prefix-free and shortest: equal keys are equal bytes at their start. */
static void
check_key(struct sl_cbor_rd *rd, struct level *l, size_t from)
{
	size_t len = rd->pos - from, end = rd->pos;

	l->is_sorted = l->n_keys == 0 || (l->is_sorted && is_ascending(rd, l, from, end));
	l->prev = from;
	l->prev_len = len;
	rd->pos = from;
	if (!l->is_sorted) {
		if (l->n_keys >= SL_CBOR_UNSORTED_MAX)
			(void)sl_cbor_refuse(rd, SL_E(LIMIT),
					     "more than %d map keys out of order",
					     SL_CBOR_UNSORTED_MAX);
		for (size_t i = 0; i < l->n_keys && rd->code == 0; i++)
			if (len <= rd->src.len - l->at[i] &&
			    memcmp(rd->src.p + l->at[i], rd->src.p + from, len) == 0)
				REFUSE(rd, "duplicate map key (RFC 8949 section 5.6)");
	}
	if (rd->code != 0)
		return;
	if (l->n_keys < SL_CBOR_UNSORTED_MAX)
		l->at[l->n_keys] = (uint32_t)
		    from; /* safe because src.len fits, see sl_cbor_open_lim() */
	l->n_keys++;
	rd->pos = end;
}

static bool
check_string(struct sl_cbor_rd *rd, const struct sl_cbor_head *h)
{
	/* safe because head_ok() held it against the bytes left */
	struct sl_slice s = { rd->src.p + rd->pos, (size_t)h->n };
	size_t bad = h->type == SL_CBOR_TSTR ? sl_utf8_bad(s) : s.len;

	if (bad < s.len) {
		rd->pos += bad;
		REFUSE(rd, "text that is not UTF-8 (RFC 8949 section 3.1)");
		return false;
	}
	rd->pos += s.len;
	return true;
}

/* The levels of one checking pass.  Not worth the time to be zeroed: open_level() sets
 * what is read. */
struct levels {
	size_t depth, max_depth, items, max_items;
	struct level at[SL_CBOR_DEPTH_TOP];
};

static bool
open_level(struct sl_cbor_rd *rd, struct levels *lv, const struct sl_cbor_head *h)
{
	struct level *l;

	if (lv->depth >= lv->max_depth) {
		(void)sl_cbor_refuse(rd, SL_E(LIMIT), "nested more than %zu deep",
				     lv->max_depth);
		return false;
	}
	l = &lv->at[lv->depth++];
	l->is_map = h->type == SL_CBOR_MAP;
	l->left = h->type == SL_CBOR_TAG ? 1 : l->is_map ? 2 * h->n : h->n;
	l->is_value_next = false;
	l->is_sorted = true;
	l->n_keys = 0;
	return true;
}

/* The head of one item inside l (NULL: outermost), and its string or key rules. */
static bool
check_head(struct sl_cbor_rd *rd, struct level *l, struct sl_cbor_head *h)
{
	bool is_key = l != NULL && l->is_map && !l->is_value_next;
	size_t from = rd->pos;

	if (!sl_cbor_head(rd, h))
		return false;
	if (is_key && h->type > SL_CBOR_NINT && h->type != SL_CBOR_TSTR) {
		rd->pos = from;
		REFUSE(rd,
		       "map key is %s, neither integer nor text (RFC 9052 section 1.4)",
		       sl_cbor_type_name(h->type));
		return false;
	}
	if ((h->type == SL_CBOR_BSTR || h->type == SL_CBOR_TSTR) && !check_string(rd, h))
		return false;
	if (is_key)
		check_key(rd, l, from);
	if (l != NULL) {
		l->is_value_next = is_key;
		l->left--;
	}
	return rd->code == 0;
}

/* One item with all that is in it. */
static bool
check_item(struct sl_cbor_rd *rd, struct levels *lv)
{
	struct sl_cbor_head h;

	do {
		if (++lv->items > lv->max_items) {
			(void)sl_cbor_refuse(rd, SL_E(LIMIT), "more than %zu items",
					     lv->max_items);
			return false;
		}
		if (!check_head(rd, lv->depth > 0 ? &lv->at[lv->depth - 1] : NULL, &h))
			return false;
		if ((h.type == SL_CBOR_ARR || h.type == SL_CBOR_MAP ||
		     h.type == SL_CBOR_TAG) &&
		    !open_level(rd, lv, &h))
			return false;
		while (lv->depth > 0 && lv->at[lv->depth - 1].left == 0)
			lv->depth--;
	} while (lv->depth > 0);
	return true;
}

int
sl_cbor_open_lim(struct sl_cbor_rd *rd, struct sl_slice src, const struct sl_limits *lim,
		 const char *what, struct sl_err *err)
{
	struct levels lv UNINITIALISED;

	lv.depth = lv.items = 0;
	lv.max_depth =
	    lim->max_depth < SL_CBOR_DEPTH_TOP ? lim->max_depth : SL_CBOR_DEPTH_TOP;
	lv.max_items = lim->max_items;
	*rd = (struct sl_cbor_rd){ .src = src, .what = what, .err = err };
	if (src.len > lim->max_bytes || src.len > UINT32_MAX)
		return sl_cbor_refuse(rd, SL_E(LIMIT), "%zu bytes, %zu allowed", src.len,
				      lim->max_bytes);
	if (check_item(rd, &lv) && rd->pos < src.len)
		REFUSE(rd, "%zu trailing bytes behind the item", src.len - rd->pos);
	if (rd->code == 0)
		rd->pos = 0;
	return rd->code;
}

int
sl_cbor_open(struct sl_cbor_rd *rd, struct sl_slice src, size_t max_bytes,
	     const char *what, struct sl_err *err)
{
	const struct sl_limits lim = { max_bytes, SIZE_MAX, SL_CBOR_DEPTH_MAX };

	return sl_cbor_open_lim(rd, src, &lim, what, err);
}
