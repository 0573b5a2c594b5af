/* taint.c -- see taint.h: the table, and which rows a path fits. */
#include "run/taint.h"

#include "codec/utf8.h"
#include "run/taint_look.h"

#include <string.h>

/* clang-format off */
static const struct sl_taint_row rows[] = {
#include "taint_rows.h"
};
/* clang-format on */
enum { N_ROWS = sizeof(rows) / sizeof(rows[0]) };
_Static_assert((int)N_ROWS < (int)SL_TAINT_NONE, "indexes");

static const char *const action_name[SL_TA_COUNT] = { "pass", "named", "held",
						      "blocked" };

const struct sl_taint_row *
sl_taint_rows(size_t *ret_n)
{
	*ret_n = N_ROWS;
	return rows;
}

const char *
sl_taint_action_name(enum sl_taint_action a)
{
	return a < SL_TA_COUNT ? action_name[a] : "?";
}

enum sl_taint_action
sl_taint_action_by_name(struct sl_slice name)
{
	enum sl_taint_action a = SL_TA_PASS;

	while (a < SL_TA_COUNT && !sl_slice_eq(name, sl_slice_str(action_name[a])))
		a++;
	return a;
}

enum sl_taint_action
sl_taint_action(const struct sl_taint_row *row)
{
	enum sl_taint_action a = sl_taint_action_by_name(sl_slice_str(row->action));

	return a < SL_TA_COUNT ? a : SL_TA_BLOCKED;
}

bool
sl_taint_is_kind(struct sl_slice kind)
{
	for (size_t i = 0; i < N_ROWS; i++)
		if (sl_slice_eq(kind, sl_slice_str(rows[i].kind)))
			return true;
	return false;
}

enum sl_taint_action
sl_taint_action_under(const struct sl_taint_row *row, const struct sl_taint_rule *rule,
		      size_t n)
{
	enum sl_taint_action a = sl_taint_action(row);

	for (size_t i = 0; i < n; i++)
		if (rule[i].action > a &&
		    sl_slice_eq(rule[i].kind, sl_slice_str(row->kind)))
			a = rule[i].action;
	return a;
}

static bool
has_row(const struct sl_taints *t, size_t row)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->row[i] == row)
			return true;
	return false;
}

/* Strictest first; of a kind one row is enough. */
static void
add(struct sl_taints *t, size_t row)
{
	enum sl_taint_action a = sl_taint_action(&rows[row]);
	size_t at = 0;

	for (size_t i = 0; i < t->n; i++)
		if (strcmp(rows[t->row[i]].kind, rows[row].kind) == 0 &&
		    sl_taint_action(&rows[t->row[i]]) >= a)
			return;
	while (at < t->n && sl_taint_action(&rows[t->row[at]]) >= a)
		at++;
	if (at == SL_TAINTS_MAX)
		return;
	if (t->n < SL_TAINTS_MAX)
		t->n++;
	memmove(&t->row[at + 1], &t->row[at], (t->n - 1 - at) * sizeof(t->row[0]));
	t->row[at] = (uint16_t)row;
}

void
sl_taint_property(const char *property, struct sl_taints *t)
{
	for (size_t i = 0; i < N_ROWS; i++)
		if (strcmp(rows[i].pattern, property) == 0)
			add(t, i);
}

bool
sl_taint_has(const char *property, const struct sl_taints *t)
{
	for (size_t i = 0; i < t->n; i++)
		if (strcmp(rows[t->row[i]].pattern, property) == 0)
			return true;
	return false;
}

void
sl_taint_drop(const char *property, struct sl_taints *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n; i++)
		if (strcmp(rows[t->row[i]].pattern, property) != 0)
			t->row[n++] = t->row[i];
	t->n = (uint8_t)n;
}

static uint8_t
lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

static bool
is_like(const uint8_t *s, const char *pat, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (lower(s[i]) != (uint8_t)pat[i])
			return false;
	return true;
}

/* One component against len bytes of pattern, in which one '*' is anything. */
static bool
component_is(struct sl_slice c, const char *pat, size_t len)
{
	const char *star = memchr(pat, '*', len);
	size_t head = star != NULL ? (size_t)(star - pat) : len;
	size_t tail = star != NULL ? len - head - 1 : 0;

	if (star != NULL ? c.len < head + tail : c.len != len)
		return false;
	return is_like(c.p, pat, head) &&
	       is_like(c.p + c.len - tail, pat + len - tail, tail);
}

/* Do the first components of path match pat?  *ret_rest: what follows them. */
static bool
starts_with(struct sl_slice path, const char *pat, struct sl_slice *ret_rest)
{
	for (;;) {
		size_t len = strcspn(pat, "/");
		struct sl_slice c = sl_slice_upto(path, '/');

		if (path.len == 0 || !component_is(c, pat, len))
			return false;
		path = sl_slice_skip(path, c.len + 1);
		if (pat[len] == '\0') {
			*ret_rest = path;
			return true;
		}
		pat += len + 1;
	}
}

/* The first row that fits where path begins, or N_ROWS. */
static size_t
fitting(struct sl_slice path, bool is_dir, bool is_in_git)
{
	for (size_t i = 0; i < N_ROWS; i++) {
		struct sl_slice rest = { 0 };

		/* '@' begins a property, and "-" says so: no name is held against it */
		if (rows[i].of[0] == '-' || !starts_with(path, rows[i].pattern, &rest))
			continue;
		if (rows[i].of[0] == 'l' && (rest.len > 0 || is_dir))
			continue;
		if (strcmp(rows[i].of, "loose") == 0 && is_in_git)
			continue;
		return i;
	}
	return N_ROWS;
}

static void
fit_all(struct sl_slice path, bool is_dir, struct sl_taints *t)
{
	bool is_in_git = false;

	while (path.len > 0) {
		struct sl_slice c = sl_slice_upto(path, '/');
		size_t i = fitting(path, is_dir, is_in_git);

		if (i < N_ROWS && sl_taint_action(&rows[i]) != SL_TA_PASS)
			add(t, i);
		is_in_git = is_in_git || component_is(c, ".git", 4);
		path = sl_slice_skip(path, c.len + 1);
	}
}

bool
sl_taint_passes(struct sl_slice path)
{
	while (path.len > 0) {
		struct sl_slice c = sl_slice_upto(path, '/');
		size_t i = fitting(path, true, false);

		if (i < N_ROWS && sl_taint_action(&rows[i]) == SL_TA_PASS)
			return true;
		path = sl_slice_skip(path, c.len + 1);
	}
	return false;
}

void
sl_taint_obeyed(struct sl_slice path, bool is_dir, struct sl_taints *t)
{
	fit_all(path, is_dir, t);
}

static void
fit_name(struct sl_slice path, struct sl_taints *t)
{
	unsigned text = sl_taint_text(path);

	/* in a name white space that moves the cursor is no white space */
	for (size_t i = 0; i < path.len; i++)
		if (path.p[i] < 0x20)
			text |= SL_TEXT_ESCAPES;
	if ((text & (SL_TEXT_ESCAPES | SL_TEXT_BAD)) != 0)
		sl_taint_property("@name-controls", t);
	if ((text & (SL_TEXT_BIDI | SL_TEXT_INVISIBLE)) != 0)
		sl_taint_property("@name-invisible", t);
}

void
sl_taint_path(struct sl_slice path, bool is_dir, struct sl_taints *t)
{
	struct sl_taints looks = SL_TAINTS_INIT;
	uint8_t room[TAINT_LOOK_MAX];
	struct sl_slice look = { room, taint_look(path, room) };

	fit_all(path, is_dir, t);
	fit_name(path, t);
	if (look.len == 0)
		return;
	fit_all(look, is_dir, &looks);
	for (size_t i = 0; i < looks.n; i++) {
		if (has_row(t, looks.row[i]))
			continue;
		t->like = looks.row[i]; /* the strictest comes first */
		sl_taint_property("@look-alike", t);
		return;
	}
}

/* A carriage return that ends no line lets what follows cover what was there. */
static bool
is_overwriting(struct sl_slice s)
{
	return s.p[0] == '\r' && s.len > 1 && s.p[1] != '\n';
}

unsigned
sl_taint_text(struct sl_slice s)
{
	unsigned w = 0;

	while (s.len > 0) {
		uint32_t c = 0;
		size_t n;

		if ((s.p[0] >= 0x20 && s.p[0] < 0x7f) || s.p[0] == '\n') {
			s = sl_slice_skip(s, 1);
			continue;
		}
		n = sl_utf8_char(s, &c);
		if (n == 0) {
			w |= SL_TEXT_BAD;
			n = 1;
		} else if (sl_utf8_is_bidi(c)) {
			w |= SL_TEXT_BIDI;
		} else if ((c < 0x20 && !(c >= '\t' && c <= '\r')) ||
			   (c >= 0x7f && c <= 0x9f) || is_overwriting(s)) {
			w |= SL_TEXT_ESCAPES;
		} else if (c > 0x9f && sl_utf8_is_unsafe(c)) {
			w |= SL_TEXT_INVISIBLE;
		}
		s = sl_slice_skip(s, n);
	}
	return w;
}
