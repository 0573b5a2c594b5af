/* tile.c -- see tile.h. */
#include "log/tile.h"

#include "log/reader_priv.h"

#include <stdio.h>

enum { GROUP = 3, GROUPS_MAX = 6 }; /* 10^18 tiles are more than there can be */

static bool
take_word(struct sl_slice *s, const char *w)
{
	size_t n = strlen(w);

	if (s->len < n || memcmp(s->p, w, n) != 0)
		return false;
	*s = sl_slice_skip(*s, n);
	return true;
}

/* Decimal without a leading zero, up to max. */
static bool
take_number(struct sl_slice *s, unsigned max, unsigned *ret)
{
	unsigned v = 0;
	size_t i = 0;

	for (; i < s->len && s->p[i] >= '0' && s->p[i] <= '9' && v <= max; i++)
		v = v * 10 + (unsigned)(s->p[i] - '0');
	if (i == 0 || v > max || (i > 1 && s->p[0] == '0'))
		return false;
	*s = sl_slice_skip(*s, i);
	*ret = v;
	return true;
}

static bool
take_group(struct sl_slice *s, uint64_t *n)
{
	if (s->len < GROUP)
		return false;
	for (size_t i = 0; i < GROUP; i++) {
		if (s->p[i] < '0' || s->p[i] > '9')
			return false;
		*n = *n * 10 + (uint64_t)(s->p[i] - '0');
	}
	*s = sl_slice_skip(*s, GROUP);
	return true;
}

static bool
take_n(struct sl_slice *s, uint64_t *ret)
{
	int n_groups = 0;

	*ret = 0;
	while (take_word(s, "x")) {
		if (++n_groups == GROUPS_MAX || !take_group(s, ret) ||
		    !take_word(s, "/") ||
		    *ret == 0) /* x000 would be another name of the same */
			return false;
	}
	return take_group(s, ret);
}

bool
sl_tile_parse(struct sl_slice path, struct sl_tile *ret)
{
	struct sl_tile t = { .width = SL_TILE_WIDTH };

	if (!take_word(&path, "tile/"))
		return false;
	if (take_word(&path, "entries/"))
		t.is_entries = true;
	else if (!take_number(&path, SL_TILE_LEVELS - 1, &t.level) ||
		 !take_word(&path, "/"))
		return false;
	if (!take_n(&path, &t.n))
		return false;
	if (take_word(&path, ".p/") &&
	    (!take_number(&path, SL_TILE_WIDTH - 1, &t.width) || t.width == 0))
		return false;
	if (path.len != 0)
		return false;
	*ret = t;
	return true;
}

void
sl_tile_path(const struct sl_tile *t, char *out)
{
	unsigned group[GROUPS_MAX + 1], k = 0;
	uint64_t n = t->n;
	size_t at;

	do {
		group[k++] = (unsigned)(n % 1000);
		n /= 1000;
	} while (n > 0 && k <= GROUPS_MAX);
	at = (size_t)(t->is_entries
			  ? snprintf(out, SL_TILE_PATH_MAX, "tile/entries/")
			  : snprintf(out, SL_TILE_PATH_MAX, "tile/%u/", t->level));
	while (k-- > 0)
		at += (size_t)snprintf(out + at, SL_TILE_PATH_MAX - at, "%s%03u%s",
				       k > 0 ? "x" : "", group[k], k > 0 ? "/" : "");
	if (t->width < SL_TILE_WIDTH)
		(void)snprintf(out + at, SL_TILE_PATH_MAX - at, ".p/%u", t->width);
}

static int
put_entry(struct sl_reader *r, uint32_t tree, uint64_t index, struct sl_buf *out,
	  struct sl_err *err)
{
	struct sl_view v = sl_reader_view(r);
	struct sl_rec rec;
	int e = sl_find_at(&v, tree, index, &rec, err);

	if (e < 0)
		return e;
	if (e == 0)
		return SL_ERR(err, STORE, "entry %llu of tree %u is not in the log",
			      (unsigned long long)index, tree);
	sl_buf_byte(out, 0);
	sl_buf_byte(out, sizeof(rec.hash));
	sl_buf_put(out, rec.hash, sizeof(rec.hash));
	return 0;
}

int
sl_reader_tile(struct sl_reader *r, uint32_t tree, const struct sl_tile *t,
	       struct sl_buf *out, struct sl_err *err)
{
	const unsigned height = 8 * t->level;
	struct sl_tree_state st;
	int e = sl_reader_state(r, tree, &st, err);

	if (e < 0)
		return e;
	if (t->n > UINT64_MAX / SL_TILE_WIDTH - 1 ||
	    t->n * SL_TILE_WIDTH + t->width > st.edge.size >> height)
		return SL_ERR(err, NOENT, "the tree has no such tile");
	for (unsigned i = 0; i < t->width && e == 0; i++) {
		uint64_t index = t->n * SL_TILE_WIDTH + i;
		struct sl_hash h;

		if (t->is_entries) {
			e = put_entry(r, tree, index, out, err);
		} else if ((e = sl_reader_node(r, &st, height, index, &h, err)) == 0) {
			sl_buf_put(out, h.b, sizeof(h.b));
		}
	}
	if (e == 0 && out->is_failed)
		e = SL_ERR(err, NOMEM, "no memory for a tile");
	return e;
}

int
sl_tile_each(uint64_t size, sl_tile_fn *fn, void *arg, struct sl_err *err)
{
	int r = 0;

	for (unsigned level = 0; level < SL_TILE_LEVELS; level++)
		for (int k = level == 0 ? 0 : 1; k < 2; k++) {
			uint64_t nodes = size >> (8 * level);
			struct sl_tile t = { .is_entries = k == 0, .level = level };

			for (; nodes > 0 && r == 0; t.n++) {
				t.width = nodes < SL_TILE_WIDTH ? (unsigned)nodes
								: SL_TILE_WIDTH;
				nodes -= t.width;
				r = fn(arg, &t, err);
			}
		}
	return r;
}
