/* obs.c -- folding observations: equal ones are counted, different ones are kept up to
 * a bound, and what does not fit is counted as lost. */
#include "box/internal.h"
#include "os/proc.h"

void
sl_obs_clear(struct sl_obs_table *t)
{
	t->n = 0;
	t->lost = 0;
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

const struct sl_obs *
sl_obs_add(struct sl_obs_table *t, const char *class, const char *act,
	   struct sl_slice object, bool is_denied, int err, bool *ret_is_new)
{
	char obj[SL_BOX_OBJ_MAX];
	struct sl_slice o = { (uint8_t *)obj, escape(obj, sizeof(obj), object) };
	int64_t now = sl_os_wall_ms();
	struct sl_obs *row;

	*ret_is_new = false;
	for (size_t i = 0; i < t->n; i++) {
		row = &t->row[i];
		/* class and act come from one table: equal strings, equal pointers. */
		if (row->class == class && row->is_denied == is_denied &&
		    row->err == err && row->act.p == (const uint8_t *)act &&
		    sl_slice_eq(row->object, o)) {
			row->count++;
			row->last_ms = now;
			return row;
		}
	}
	if (t->n == SL_BOX_OBS_MAX) {
		t->lost++;
		return NULL;
	}
	row = &t->row[t->n];
	memcpy(t->obj[t->n], obj, o.len);
	*row = (struct sl_obs){ .class = class,
				.act = sl_slice_str(act),
				.object = { (uint8_t *)t->obj[t->n], o.len },
				.is_denied = is_denied,
				.err = err,
				.count = 1,
				.first_ms = now,
				.last_ms = now };
	t->n++;
	*ret_is_new = true;
	return row;
}
