/* obs.c -- folding observations: equal ones are counted, different ones are kept up to
 * a bound, and what does not fit is counted as lost. */
#include "box/internal.h"
#include "os/proc.h"

void
sl_obs_clear(struct sl_obs_table *t)
{
	t->n = t->n_rest = 0;
	memset(t->n_same, 0, sizeof(t->n_same));
	t->lost = (struct sl_obs_lost){ 0 };
}

/* Printable ASCII; every other byte, and the backslash, as \xNN; cut at the bound. */
static size_t
escape(char *out, size_t cap, struct sl_slice s)
{
	static const char hex[] = "0123456789abcdef";
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.p[i];

		if (c > ' ' - 1 && c < 0x7f && c != '\\') {
			if (n + 1 > cap)
				break;
			out[n++] = (char)c;
			continue;
		}
		if (n + 4 > cap)
			break;
		out[n++] = '\\';
		out[n++] = 'x';
		out[n++] = hex[c >> 4];
		out[n++] = hex[c & 15];
	}
	return n;
}

/* class, act and rule come from one table each: equal strings, equal pointers. */
static struct sl_obs *
find(struct sl_obs_table *t, const struct sl_obs *o)
{
	for (size_t i = 0; i < t->n; i++) {
		struct sl_obs *row = &t->row[i];

		if (row->class == o->class && row->is_denied == o->is_denied &&
		    row->err == o->err && row->act.p == o->act.p &&
		    row->rule == o->rule && row->is_rest == o->is_rest &&
		    sl_slice_eq(row->object, o->object))
			return row;
	}
	return NULL;
}

static struct sl_obs *
append(struct sl_obs_table *t, const struct sl_obs *o)
{
	struct sl_obs *row = &t->row[t->n];

	memcpy(t->obj[t->n], o->object.p, o->object.len);
	*row = *o;
	row->object.p = (uint8_t *)t->obj[t->n++];
	row->count = 0;
	return row;
}

/* Where a class is counted; what data/observation.tsv does not name shares the last. */
static size_t
place_of(const char *class)
{
	const struct sl_obs_class *c = sl_obs_class(class);
	size_t n;

	return c != NULL ? (size_t)(c - sl_obs_classes(&n)) : SL_OBS_CLASS_MAX - 1;
}

/* The row for what has no row of its own any more. */
static struct sl_obs *
rest_row(struct sl_obs_table *t, struct sl_obs *o, size_t class)
{
	struct sl_obs *row;

	t->lost.total++;
	t->lost.of_class[class]++;
	o->is_rest = true;
	o->object.len = 0;
	if ((row = find(t, o)) != NULL || t->n_rest == SL_BOX_OBS_REST)
		return row;
	t->n_rest++;
	return append(t, o);
}

const struct sl_obs *
sl_obs_add(struct sl_obs_table *t, const char *class, const char *act,
	   struct sl_slice object, bool is_denied, int err, bool *ret_is_new)
{
	return sl_obs_add_rule(t, class, act, object, NULL, is_denied, err, ret_is_new);
}

const struct sl_obs *
sl_obs_add_rule(struct sl_obs_table *t, const char *class, const char *act,
		struct sl_slice object, const char *rule, bool is_denied, int err,
		bool *ret_is_new)
{
	char obj[SL_BOX_OBJ_MAX];
	int64_t now = sl_os_wall_ms();
	struct sl_obs o = { .class = class,
			    .act = sl_slice_str(act),
			    .object = { (uint8_t *)obj,
					escape(obj, sizeof(obj), object) },
			    .is_denied = is_denied,
			    .err = err,
			    .first_ms = now,
			    .rule = rule };
	struct sl_obs *row = find(t, &o);
	size_t c;

	if (row == NULL) {
		c = place_of(class);
		if (t->n - t->n_rest < SL_BOX_OBS_MAX &&
		    t->n_same[c][is_denied] < SL_BOX_OBS_SAME) {
			t->n_same[c][is_denied]++;
			row = append(t, &o);
		} else {
			row = rest_row(t, &o, c);
		}
	}
	*ret_is_new = row != NULL && row->count == 0;
	if (row == NULL)
		return NULL;
	row->count++;
	row->last_ms = now;
	return row;
}

void
sl_obs_bytes(struct sl_obs_table *t, const struct sl_obs *row, uint64_t sent,
	     uint64_t received)
{
	struct sl_obs *r = row != NULL ? &t->row[row - t->row] : NULL;

	/* What another process counted may be anything. */
	if (r != NULL &&
	    (__builtin_add_overflow(r->sent, sent, &r->sent) || r->sent > INT64_MAX))
		r->sent = INT64_MAX;
	if (r != NULL && (__builtin_add_overflow(r->received, received, &r->received) ||
			  r->received > INT64_MAX))
		r->received = INT64_MAX;
}

void
sl_obs_lose(struct sl_obs_table *t, const char *class)
{
	t->lost.total++;
	t->lost.of_class[place_of(class)]++;
}
