/* each.c -- the log in the order in which it was written; see reader.h. */
#include "log/keyring.h"
#include "log/reader_priv.h"

#include "base/auto.h"

int
sl_reader_keys(struct sl_reader *r, struct sl_keyring *ret, struct sl_err *err)
{
	static const char head[] = "sluice/", tail[] = "/node";
	struct sl_view v = sl_reader_view(r);
	struct sl_log_tree t;
	uint8_t first[32];
	int e = sl_reader_tree(r, 1, &t, err);
	size_t n;

	if (e < 0)
		return e;
	n = strlen(t.origin);
	if (n < sizeof(head) + sizeof(tail) ||
	    !sl_didkey_parse((struct sl_slice){ (uint8_t *)t.origin + sizeof(head) - 1,
						n - sizeof(head) - sizeof(tail) + 2 },
			     first))
		return SL_ERR(err, STORE, "the node's tree is called after no key");
	sl_keyring_init(ret, first);
	if ((e = sl_keyring_read(ret, &v, err)) < 0)
		sl_keyring_done(ret);
	return e;
}

uint64_t
sl_reader_end(const struct sl_reader *r)
{
	return r->st.end;
}

void
sl_reader_seal(const struct sl_reader *r, uint8_t ret[32])
{
	memcpy(ret, r->st.digest, 32);
}

bool
sl_reader_is_seal(struct sl_reader *r, uint64_t end, const uint8_t digest[32])
{
	struct sl_state st = { 0 };
	struct sl_err none = { 0 };
	uint64_t off;
	bool is = false;

	if (end == r->st.end)
		return memcmp(r->st.digest, digest, 32) == 0;
	if (end > r->st.end)
		return false;
	/* back over the seals: where it was left is near the end */
	off = r->st.prev_off;
	for (uint64_t seq = r->st.seq; seq > 1 && !is; seq--) {
		if (sl_state_read(&r->g, off, &st, &none) < 0 || st.end < end)
			break;
		is = st.end == end && memcmp(st.digest, digest, 32) == 0;
		off = st.prev_off;
	}
	sl_state_done(&st);
	return is;
}

int
sl_reader_each(struct sl_reader *r, uint64_t offset, sl_log_each_fn *fn, void *arg,
	       struct sl_err *err)
{
	return sl_reader_range(r, offset, r->st.end, fn, arg, err);
}

int
sl_reader_range(struct sl_reader *r, uint64_t offset, uint64_t end, sl_log_each_fn *fn,
		void *arg, struct sl_err *err)
{
	SL_AUTO_BUF body = { .max = SL_REC_MAX + 8 };
	struct sl_rec rec;
	int e;

	for (uint64_t pos = offset; pos < end && pos < r->st.end; pos = rec.end) {
		struct sl_log_entry x;

		if ((e = sl_seg_read(&r->g, pos, NULL, &rec, err)) < 0)
			return e;
		if (e == 0) { /* the rest of this segment is empty */
			rec.end = (pos / SL_SEG_SIZE + 1) * SL_SEG_SIZE;
			continue;
		}
		if (rec.type != SL_REC_ENTRY)
			continue;
		if ((e = sl_seg_read(&r->g, pos, &body, &rec, err)) < 0)
			return e;
		sl_reader_entry_of(&rec, &x);
		if ((e = fn(arg, &x, sl_buf_get(&body), err)) != 0)
			return e;
	}
	return 0;
}

/* The seal before st is where its batch begins; a batch that did not fit begins in the
 * next segment. */
static int
begin_of(struct sl_reader *r, const struct sl_state *st, uint64_t *ret_begin,
	 uint64_t *ret_seal, struct sl_err *err)
{
	struct sl_rec rec;
	int e;

	*ret_begin = 0;
	*ret_seal = st->prev_off;
	if (st->seq == 1)
		return 0;
	if ((e = sl_seg_read(&r->g, st->prev_off, NULL, &rec, err)) < 0)
		return e;
	if (e == 0 || rec.type != SL_REC_SEAL)
		return sl_seg_damage(st->prev_off, "no seal is there", err);
	*ret_begin = rec.end;
	return 0;
}

int
sl_reader_back(struct sl_reader *r, struct sl_log_place *p, struct sl_err *err)
{
	struct sl_state st = { 0 };
	int e;

	if (p->seal == UINT64_MAX)
		return begin_of(r, &r->st, &p->begin, &p->seal, err);
	e = sl_state_read(&r->g, p->seal, &st, err);
	if (e == 0)
		e = begin_of(r, &st, &p->begin, &p->seal, err);
	sl_state_done(&st);
	return e;
}
