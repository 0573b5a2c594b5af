/* obs.c -- folding observations: equal ones are counted, different ones are kept up to
 * a bound, and what does not fit is counted as lost. */
#include "box/internal.h"
#include "os/proc.h"

/* So many are looked through one by one: an act that does little touches no index. */
enum { INDEXED = 32 };

void
sl_obs_clear(struct sl_obs_table *t)
{
	if (t->n >= INDEXED) /* untouched memory stays so */
		memset(t->slot, 0, sizeof(t->slot));
	t->n = t->n_rest = t->n_traced[0] = t->n_traced[1] = 0;
	memset(t->n_same, 0, sizeof(t->n_same));
	t->lost = (struct sl_obs_lost){ 0 };
}

static size_t
escape(char *out, size_t cap, struct sl_slice s, bool *ret_is_cut)
{
	static const char hex[] = "0123456789abcdef";
	size_t n = 0, i;

	for (i = 0; i < s.len; i++) {
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
	*ret_is_cut = i < s.len;
	return n;
}

/* class, act and rule come from one table each: equal strings, equal pointers. */
static bool
is_same(const struct sl_obs *x, const struct sl_obs *y)
{
	return x->class == y->class && x->is_denied == y->is_denied && x->err == y->err &&
	       x->image == y->image && x->rule == y->rule && x->act.p == y->act.p &&
	       x->is_rest == y->is_rest && sl_slice_eq(x->object, y->object);
}

/* FNV-1a.  Who chooses names that collide makes its own box slower. */
static size_t
hash(const struct sl_obs *o)
{
	uint64_t h = 0xcbf29ce484222325;

	for (size_t i = 0; i < o->object.len; i++)
		h = (h ^ o->object.p[i]) * 0x100000001b3;
	h = (h ^ (uintptr_t)o->class) * 0x100000001b3;
	h = (h ^ (uintptr_t)o->act.p) * 0x100000001b3;
	h = (h ^ (uintptr_t)o->image) * 0x100000001b3;
	h = (h ^ (uint64_t)(o->err * 4 + o->is_denied * 2 + o->is_rest)) * 0x100000001b3;
	return (size_t)(h ^ h >> 32) & (SL_BOX_SLOTS - 1);
}

/* Where o is, or would be: there are more slots than rows. */
static uint16_t *
slot_of(struct sl_obs_table *t, const struct sl_obs *o)
{
	size_t i = hash(o);

	while (t->slot[i] != 0 && !is_same(&t->row[t->slot[i] - 1], o))
		i = (i + 1) & (SL_BOX_SLOTS - 1);
	return &t->slot[i];
}

static struct sl_obs *
find(struct sl_obs_table *t, const struct sl_obs *o)
{
	uint16_t s;

	for (size_t i = 0; t->n < INDEXED && i < t->n; i++)
		if (is_same(&t->row[i], o))
			return &t->row[i];
	if (t->n < INDEXED || (s = *slot_of(t, o)) == 0)
		return NULL;
	return &t->row[s - 1];
}

static struct sl_obs *
append(struct sl_obs_table *t, const struct sl_obs *o)
{
	struct sl_obs *row = &t->row[t->n];

	memcpy(t->obj[t->n], o->object.p, o->object.len);
	*row = *o;
	row->object.p = (uint8_t *)t->obj[t->n++];
	row->count = 0;
	/* All at once when there are enough of them. */
	for (size_t i = t->n == INDEXED ? 0 : t->n - 1; t->n >= INDEXED && i < t->n; i++)
		*slot_of(t, &t->row[i]) = (uint16_t)(i + 1);
	return row;
}

/* Where a class is counted; what data/observation.tsv does not name shares the last. */
static size_t
place_of(const struct sl_obs_class *c)
{
	size_t n;

	return c != NULL ? (size_t)(c - sl_obs_classes(&n)) : SL_OBS_CLASS_MAX - 1;
}

static void
lose(struct sl_obs_table *t, size_t class)
{
	t->lost.total++;
	t->lost.of_class[class]++;
}

/* The row for what has no row of its own any more. */
static struct sl_obs *
rest_row(struct sl_obs_table *t, struct sl_obs *o, size_t class)
{
	struct sl_obs *row;

	lose(t, class);
	o->is_rest = true;
	o->object.len = 0;
	o->image = NULL;
	if ((row = find(t, o)) != NULL || t->n_rest == SL_BOX_OBS_REST)
		return row;
	t->n_rest++;
	return append(t, o);
}

/* Takes a place among the rows, if there is one for its kind. */
static bool
has_room(struct sl_obs_table *t, size_t class, bool is_denied, bool is_traced)
{
	size_t same = is_traced ? SL_BOX_TRACE_SAME : SL_BOX_OBS_SAME;
	size_t own = t->n_traced[0] + t->n_traced[1];
	size_t all = SL_BOX_OBS_MAX, now = t->n - t->n_rest - own;

	/* What is refused has room of its own, whatever was not. */
	if (is_traced) {
		all =
		    is_denied ? SL_BOX_TRACE_SAME : SL_BOX_TRACE_MAX - SL_BOX_TRACE_SAME;
		now = t->n_traced[is_denied];
	}
	if (now >= all || t->n_same[class][is_denied] >= same)
		return false;
	t->n_same[class][is_denied]++;
	t->n_traced[is_denied] += is_traced;
	return true;
}

static const struct sl_obs *
count(struct sl_obs *row, int64_t now, bool *ret_is_new)
{
	*ret_is_new = row != NULL && row->count == 0;
	if (row == NULL)
		return NULL;
	row->count++;
	row->last_ms = now;
	return row;
}

const struct sl_obs *
sl_obs_put(struct sl_obs_table *t, const struct sl_obs_new *x, bool *ret_is_new)
{
	const struct sl_obs_class *c = sl_obs_class(x->class);
	bool is_traced = c != NULL && c->traced_by[0] != '-', is_cut = false;
	char obj[SL_BOX_OBJ_MAX];
	int64_t now = sl_os_wall_ms();
	struct sl_obs o = { .class = x->class,
			    .act = sl_slice_str(x->act),
			    .object = { (uint8_t *)obj,
					escape(obj, sizeof(obj), x->object, &is_cut) },
			    .is_denied = x->is_denied,
			    .err = x->err,
			    .image = x->image,
			    .rule = x->rule,
			    .first_ms = now };
	struct sl_obs *row = find(t, &o);

	/* Of a name that is cut another may be meant. */
	if (is_cut && is_traced)
		lose(t, place_of(c));
	if (row == NULL)
		row = has_room(t, place_of(c), x->is_denied, is_traced)
			  ? append(t, &o)
			  : rest_row(t, &o, place_of(c));
	return count(row, now, ret_is_new);
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
	struct sl_obs_new x = { class, act, object, is_denied, err, NULL, rule };

	return sl_obs_put(t, &x, ret_is_new);
}

size_t
sl_obs_escape(char out[SL_BOX_OBJ_MAX], struct sl_slice s)
{
	bool is_cut;

	return escape(out, SL_BOX_OBJ_MAX, s, &is_cut);
}

const struct sl_obs *
sl_obs_unnamed(struct sl_obs_table *t, const char *class, const char *act,
	       bool *ret_is_new)
{
	int64_t now = sl_os_wall_ms();
	struct sl_obs o = { .class = class,
			    .act = sl_slice_str(act),
			    .object = { (const uint8_t *)"", 0 },
			    .first_ms = now };

	return count(rest_row(t, &o, place_of(sl_obs_class(class))), now, ret_is_new);
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
	lose(t, place_of(sl_obs_class(class)));
}
