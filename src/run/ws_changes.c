/* ws_changes.c -- see ws_changes.h: what differs, and whose changes meet. */
#include "run/ws_changes.h"

#include "run/ws_int.h"

/* Per entry of the base. */
enum { HIDDEN = 1, SEEN = 2 };

struct diff {
	const struct sl_ws_manifest *base, *left;
	bool is_overlay, is_direct;
	uint8_t *state; /* one a base entry */
	struct sl_ws_change *item;
	size_t n, max;
};

const char *
sl_ws_kind_name(enum sl_ws_kind k)
{
	static const char *const name[] = { "added", "modified", "deleted", "mode",
					    "type" };

	return (unsigned)k < sizeof(name) / sizeof(name[0]) ? name[k] : "?";
}

const char *
sl_ws_type_name(enum sl_ws_type t)
{
	switch (t) {
	case SL_WT_DIR:
		return "directory";
	case SL_WT_FILE:
		return "file";
	case SL_WT_LINK:
		return "link";
	case SL_WT_SPECIAL:
		return "special";
	case SL_WT_MOUNT:
		return "mount";
	case SL_WT_CLOSED_FILE:
		return "unreadable-file";
	case SL_WT_CLOSED_DIR:
		return "unreadable-directory";
	case SL_WT_WHITEOUT:
		return "whiteout";
	default:
		return "?";
	}
}

const char *
sl_ws_warn_name(unsigned i)
{
	static const char *const name[SL_WW_COUNT] = {
		"link-leaves-tree", "special-file", "set-id",
		"runs-later",       "base-changed", "two-jobs",
		"part-of-held",     "misleading",   "blocked",
	};

	return i < SL_WW_COUNT ? name[i] : "?";
}

const char *
sl_ws_outcome_name(enum sl_ws_outcome o)
{
	static const char *const name[] = { "not-tried", "applied", "same", "held" };

	return (unsigned)o < sizeof(name) / sizeof(name[0]) ? name[o] : "?";
}

static void
hide_below(struct diff *d, struct sl_slice dir)
{
	size_t from, to;

	ws_below(d->base, dir, &from, &to);
	for (; from < to; from++)
		d->state[from] |= HIDDEN;
}

/* e: what is there now, or was where it is gone; base: what was there, or NULL. */
static void
put(struct diff *d, enum sl_ws_kind kind, const struct sl_ws_entry *e,
    const struct sl_ws_entry *base)
{
	struct sl_ws_change *c = &d->item[d->n++];

	*c = (struct sl_ws_change){ .path = e->path,
				    .link = e->link,
				    .kind = kind,
				    .type = e->type,
				    .mode = e->mode,
				    .size = e->size,
				    .base = base };
	memcpy(c->digest, e->digest, sizeof(c->digest));
	ws_guard(c);
	/* what is in these we never knew, so they cannot be replaced or removed */
	if (base != NULL && (base->type == SL_WT_CLOSED_DIR || base->type == SL_WT_MOUNT))
		c->warn |= SL_WW_SPECIAL;
}

/* Mode bits that count: a copy never had set-id bits, and on a directory they are
 * inherited rather than chosen. */
static unsigned
mode_mask(const struct diff *d, const struct sl_ws_entry *e)
{
	if (e->type == SL_WT_LINK)
		return 0;
	return e->type == SL_WT_DIR            ? 01777
	       : d->is_overlay || d->is_direct ? 07777
					       : 01777;
}

/* e stands where base's b stood. */
static void
compare(struct diff *d, const struct sl_ws_entry *e, const struct sl_ws_entry *b)
{
	unsigned mask = mode_mask(d, e);

	if (e->type != b->type) {
		/* what we could not read in the base and can now was copied up */
		put(d, SL_WK_TYPE, e, b);
		if (b->type == SL_WT_DIR)
			hide_below(d, b->path);
	} else if (e->type != SL_WT_DIR &&
		   (e->size != b->size ||
		    memcmp(e->digest, b->digest, sizeof(e->digest)) != 0)) {
		put(d, SL_WK_MODIFIED, e, b);
	} else if ((e->mode & mask) != (b->mode & mask)) {
		put(d, SL_WK_MODE, e, b);
	}
}

static void
take(struct diff *d, const struct sl_ws_entry *e)
{
	size_t i = ws_lower_bound(d->base, e->path);
	bool is_there = i < d->base->n && sl_slice_eq(d->base->entry[i]->path, e->path);

	if (e->type == SL_WT_WHITEOUT) {
		if (is_there) {
			d->state[i] |= HIDDEN;
			hide_below(d, e->path);
		}
		return;
	}
	if (e->is_opaque)
		hide_below(d, e->path);
	if (!is_there) {
		put(d, SL_WK_ADDED, e, NULL);
		return;
	}
	d->state[i] |= SEEN;
	compare(d, e, d->base->entry[i]);
}

/* A copy never had these. */
static bool
was_left_out(const struct diff *d, const struct sl_ws_entry *b)
{
	return !d->is_overlay && !d->is_direct && b->type != SL_WT_DIR &&
	       b->type != SL_WT_FILE && b->type != SL_WT_LINK;
}

static int
by_path(const void *x, const void *y)
{
	const struct sl_ws_change *a = x, *b = y;

	return ws_path_cmp(a->path, b->path);
}

static int
differ(struct diff d, int left_fd, struct sl_arena *a, struct sl_ws_changes *ret,
       struct sl_err *err)
{
	const struct sl_ws_manifest *base = d.base, *left = d.left;

	d.state = SL_NEW_N(a, uint8_t, base->n + 1);
	d.item = SL_NEW_N(a, struct sl_ws_change, base->n + left->n + 1);
	if (d.state == NULL || d.item == NULL)
		return SL_ERR(err, NOMEM, "out of memory for %zu changes",
			      base->n + left->n);
	if (!d.is_overlay)
		memset(d.state, HIDDEN, base->n);
	for (size_t i = 0; i < left->n; i++)
		take(&d, left->entry[i]);
	for (size_t i = 0; i < base->n; i++)
		if (d.state[i] == HIDDEN && !was_left_out(&d, base->entry[i]))
			put(&d, SL_WK_DELETED, base->entry[i], base->entry[i]);
	if (d.n > 1)
		qsort(d.item, d.n, sizeof(*d.item), by_path);
	*ret = (struct sl_ws_changes){ d.item, d.n };
	return ws_look(left_fd, !d.is_direct, ret, err);
}

int
sl_ws_changes(int left_fd, bool is_overlay, const struct sl_ws_manifest *base,
	      struct sl_arena *a, struct sl_ws_changes *ret, struct sl_err *err)
{
	struct ws_walk_opts o = { .is_overlay = is_overlay, .is_ours = true };
	struct diff d = { .base = base, .is_overlay = is_overlay };
	struct sl_ws_manifest *left;

	if (ws_walk(left_fd, &o, a, &left, err) < 0)
		return sl_err_ctx(err, "changes");
	d.left = left;
	return differ(d, left_fd, a, ret, err);
}

int
sl_ws_changes_direct(int dir_fd, const struct sl_ws_manifest *base, struct sl_arena *a,
		     struct sl_ws_changes *ret, struct sl_err *err)
{
	struct ws_walk_opts o = { .known = base, .is_again = true };
	struct diff d = { .base = base, .is_direct = true };
	struct sl_ws_manifest *left;

	if (ws_walk(dir_fd, &o, a, &left, err) < 0)
		return sl_err_ctx(err, "changes");
	d.left = left;
	return differ(d, dir_fd, a, ret, err);
}

struct sl_ws_change *
ws_find_change(const struct sl_ws_changes *c, struct sl_slice path)
{
	struct sl_ws_change key = { .path = path };

	return c->n == 0 ? NULL : bsearch(&key, c->item, c->n, sizeof(key), by_path);
}

/* Does c decide what may stand below its path? */
static bool
is_structural(const struct sl_ws_change *c)
{
	return c->kind == SL_WK_DELETED || c->kind == SL_WK_TYPE ||
	       (c->kind == SL_WK_ADDED && c->type != SL_WT_DIR);
}

static void
meet(struct sl_ws_change *c, const struct sl_ws_changes *other)
{
	struct sl_ws_change *o = ws_find_change(other, c->path);

	/* two that make the same directory agree; what they put in it may not */
	if (o != NULL && !(c->kind == SL_WK_ADDED && o->kind == SL_WK_ADDED &&
			   c->type == SL_WT_DIR && o->type == SL_WT_DIR)) {
		o->warn |= SL_WW_JOBS;
		c->warn |= SL_WW_JOBS;
	}
	for (struct sl_slice p = ws_parent(c->path); p.len > 0; p = ws_parent(p)) {
		o = ws_find_change(other, p);
		if (o == NULL || !is_structural(o))
			continue;
		o->warn |= SL_WW_JOBS;
		c->warn |= SL_WW_JOBS;
	}
}

void
sl_ws_mark_jobs(struct sl_ws_changes *const *job, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < n; k++)
			for (size_t c = 0; k != i && c < job[i]->n; c++)
				meet(&job[i]->item[c], job[k]);
}
