/* ws_guard.c -- which changes are named and held back: what the host would obey later
 * (delayed escapes, CWE-829), and what points or reaches out of the tree. */
#include "run/ws_int.h"

bool
ws_target_leaves(size_t depth, struct sl_slice target)
{
	bool went_down = false;

	if (target.len == 0 || target.p[0] == '/')
		return true;
	while (target.len > 0) {
		struct sl_slice c = sl_slice_upto(target, '/');

		target = sl_slice_skip(target, c.len + 1);
		if (c.len == 0 || sl_slice_eq(c, SL_LIT(".")))
			continue;
		if (!sl_slice_eq(c, SL_LIT(".."))) {
			went_down = true;
			continue;
		}
		/* ".." after a name: that name may be a link, so where it goes up from
		 * cannot be told from the text */
		if (went_down || depth == 0)
			return true;
		depth--;
	}
	return false;
}

bool
ws_link_leaves(struct sl_slice path, struct sl_slice target)
{
	size_t depth = 0;

	for (size_t i = 0; i < path.len; i++)
		depth += path.p[i] == '/';
	return ws_target_leaves(depth, target);
}

bool
ws_is_fifo(const struct sl_ws_change *c)
{
	const struct ws_st fifo = { .fmt = S_IFIFO };
	uint8_t d[SL_SHA256_LEN];

	ws_special_digest(&fifo, d);
	return c->type == SL_WT_SPECIAL && memcmp(d, c->digest, sizeof(d)) == 0;
}

/* Something that cannot be read cannot be carried either. */
static bool
is_plain(const struct sl_ws_change *c)
{
	return c->type == SL_WT_DIR || c->type == SL_WT_FILE || c->type == SL_WT_LINK;
}

/* The flag by which a row of data/taint.tsv holds back. */
static unsigned
flag_of(const struct sl_taint_row *row)
{
	static const struct {
		const char *kind;
		unsigned flag;
	} flag[] = {
		{ "link", SL_WW_LINK },
		{ "special", SL_WW_SPECIAL },
		{ "set-id", SL_WW_SETID },
		{ "look-alike", SL_WW_MISLEADS },
		{ "deceptive-name", SL_WW_MISLEADS },
		{ "deceptive-text", SL_WW_MISLEADS },
	};

	for (size_t i = 0; i < sizeof(flag) / sizeof(flag[0]); i++)
		if (strcmp(row->kind, flag[i].kind) == 0)
			return flag[i].flag;
	return SL_WW_RUNS;
}

unsigned
ws_guard_flags(const struct sl_ws_change *c, const struct sl_taint_rule *rule, size_t n)
{
	size_t n_rows;
	const struct sl_taint_row *row = sl_taint_rows(&n_rows);
	unsigned w = 0;

	for (size_t i = 0; i < c->taint.n; i++) {
		enum sl_taint_action a =
		    sl_taint_action_under(&row[c->taint.row[i]], rule, n);

		if (a >= SL_TA_HELD)
			w |= flag_of(&row[c->taint.row[i]]);
		if (a == SL_TA_BLOCKED)
			w |= SL_WW_BLOCKED;
	}
	/* apply makes none of these, whatever the table says */
	if (c->kind != SL_WK_DELETED && !is_plain(c))
		w |= SL_WW_SPECIAL;
	return w;
}

void
ws_guard(struct sl_ws_change *c)
{
	struct sl_taints *t = &c->taint;

	*t = (struct sl_taints)SL_TAINTS_INIT;
	if (c->kind == SL_WK_DELETED) { /* what goes: only that it was obeyed counts */
		sl_taint_obeyed(c->path, c->type == SL_WT_DIR, t);
	} else {
		sl_taint_path(c->path, c->type == SL_WT_DIR, t);
		if (c->type == SL_WT_LINK && ws_link_leaves(c->path, c->link))
			sl_taint_property("@link-leaves", t);
		if (c->type == SL_WT_FILE && (c->mode & 06000) != 0)
			sl_taint_property("@set-id", t);
		if (c->type == SL_WT_FILE && (c->mode & 0111) != 0)
			sl_taint_property("@executable", t);
		if (!is_plain(c))
			sl_taint_property(ws_is_fifo(c) ? "@fifo" : "@device", t);
	}
	c->warn |= ws_guard_flags(c, NULL, 0);
}

void
sl_ws_tighten(struct sl_ws_changes *c, const struct sl_taint_rule *rule, size_t n)
{
	for (size_t i = 0; i < c->n; i++)
		c->item[i].warn |= ws_guard_flags(&c->item[i], rule, n);
}
