/* learn.c -- see learn.h: names as the trace brings them. */
#include "run/learn_int.h"

#include <errno.h>

enum { SLOTS = 4 * SL_LEARN_NAMES_MAX };

/* The slot of a path: taken by it, or free. */
static uint16_t *
slot_of(const struct sl_learn *l, struct sl_slice path)
{
	uint64_t h = 0xcbf29ce484222325;
	size_t i;

	for (size_t k = 0; k < path.len; k++)
		h = (h ^ path.p[k]) * 0x100000001b3;
	for (i = (size_t)(h ^ h >> 32) % SLOTS; l->slot[i] != 0; i = (i + 1) % SLOTS)
		if (sl_slice_eq(l->name[l->slot[i] - 1].path, path))
			break;
	return &l->slot[i];
}

static bool
put(struct sl_learn *l, struct sl_slice path, unsigned what)
{
	uint16_t *slot = slot_of(l, path);

	if (*slot == 0) {
		struct sl_slice own = { 0 };

		if (l->n < SL_LEARN_NAMES_MAX &&
		    l->n_bytes + path.len <= SL_LEARN_BYTES_MAX)
			own = sl_arena_dup(l->a, path);
		if (own.p == NULL)
			return false;
		l->n_bytes += path.len;
		l->name[l->n] = (struct sl_learn_name){ .path = own };
		*slot = (uint16_t)++l->n;
	}
	l->name[*slot - 1].what |= what;
	return true;
}

struct sl_slice
sl_learn_parent(struct sl_slice path)
{
	while (path.len > 1 && path.p[path.len - 1] != '/')
		path.len--;
	if (path.len > 1)
		path.len--;
	return path;
}

/* Where there is no room for another, a directory around it stands for it: read, or
 * written to, as a whole. */
static void
add(struct sl_learn *l, struct sl_slice path, unsigned what)
{
	unsigned whole =
	    (what & (SL_GOT_WRITE | SL_GOT_ENTRY)) != 0 ? SL_GOT_ENTRY : SL_GOT_LIST;

	if (put(l, path, what))
		return;
	if ((what & (SL_GOT_FILE | SL_GOT_LIST | SL_GOT_DIR | SL_GOT_WRITE |
		     SL_GOT_ENTRY)) == 0) {
		l->n_lost++;
		return;
	}
	for (uint16_t *s; path.len > 1;) {
		path = sl_learn_parent(path);
		if (*(s = slot_of(l, path)) != 0) {
			l->name[*s - 1].what |= whole;
			return;
		}
	}
	l->n_lost++;
}

static void
found(struct sl_learn *l, const struct sl_look *k)
{
	switch (k->kind) {
	case SL_LOOK_WRITE:
		add(l, k->path, SL_GOT_WRITE);
		break;
	case SL_LOOK_MAKE:
	case SL_LOOK_REMOVE:
		add(l, sl_learn_parent(k->path), SL_GOT_ENTRY);
		break;
	case SL_LOOK_READ:
		add(l, k->path, k->is_dir ? SL_GOT_LIST : SL_GOT_FILE);
		break;
	case SL_LOOK_SEEK:
	case SL_LOOK_EXEC:
	default:
		add(l, k->path, k->is_dir ? SL_GOT_DIR : SL_GOT_FILE);
		break;
	}
	if (!sl_slice_eq(k->path, k->asked))
		add(l, k->asked, SL_GOT_LINK);
}

static bool
is_change(enum sl_look_kind kind)
{
	return kind == SL_LOOK_MAKE || kind == SL_LOOK_REMOVE;
}

static void
on_look(void *arg, const struct sl_look *k)
{
	struct sl_learn *l = arg;

	switch (k->err) {
	case 0:
		found(l, k);
		break;
	case EEXIST:
		add(l, k->asked, k->is_dir ? SL_GOT_DIR : SL_GOT_FILE);
		break;
	case ENOENT:
	case ENOTDIR:
		add(l, k->asked, SL_MISSED);
		if (k->kind == SL_LOOK_MAKE || k->kind == SL_LOOK_WRITE)
			add(l, sl_learn_parent(k->asked), SL_MISSED_ENTRY);
		break;
	case EACCES:
	case EPERM:
	case EROFS:
		if (is_change(k->kind))
			add(l, sl_learn_parent(k->path), SL_DENIED_ENTRY);
		else
			add(l, k->path,
			    k->kind == SL_LOOK_WRITE ? SL_DENIED_WRITE : SL_DENIED_READ);
		break;
	default:
		break;
	}
}

struct sl_learn *
sl_learn_new(struct sl_arena *a)
{
	struct sl_learn *l = SL_NEW(a, struct sl_learn);

	if (l == NULL)
		return NULL;
	l->a = a;
	l->trace = (struct sl_box_trace){ l, on_look, true };
	l->name = SL_NEW_N(a, struct sl_learn_name, SL_LEARN_NAMES_MAX);
	l->slot = SL_NEW_N(a, uint16_t, SLOTS);
	return l->name != NULL && l->slot != NULL ? l : NULL;
}

const struct sl_box_trace *
sl_learn_trace(const struct sl_learn *l)
{
	return &l->trace;
}

/* An address that was refused; or one of the loopback where, inside, nobody listened. */
static void
on_connect(struct sl_learn *l, const struct sl_obs *o)
{
	bool is_ip =
	    o->object.len > 0 &&
	    (o->object.p[0] == '[' || (o->object.p[0] >= '0' && o->object.p[0] <= '9'));
	size_t i = 0;

	if (!is_ip || o->is_rest)
		return;
	if (o->object.len > 3 && memcmp(o->object.p + o->object.len - 3, ":53", 3) == 0) {
		l->has_asked_names = true;
		return;
	}
	if (!o->is_denied && o->err != ECONNREFUSED && o->err != EINPROGRESS)
		return;
	while (i < l->n_net && !sl_slice_eq(l->net[i], o->object))
		i++;
	if (i == SL_GRANT_NET_MAX)
		return;
	if (i == l->n_net && (l->net[i] = sl_arena_dup(l->a, o->object)).p == NULL)
		return;
	l->n_net += i == l->n_net;
	l->is_net_missed[i] |= o->is_denied || o->err == ECONNREFUSED;
}

/* "HOST:PORT (ADDRESS)" of a name, "ADDRESS:PORT" of an address. */
static bool
is_granted_net(struct sl_learn *l, const struct sl_grant *g, const struct sl_obs *o)
{
	bool is_it = false;

	for (size_t i = 0; i < g->n_net; i++) {
		char s[SL_NET_TEXT_MAX];
		struct sl_slice row = { (uint8_t *)s, sl_grant_net_text(&g->net[i], s) };

		if (!sl_slice_starts(o->object, row) ||
		    (o->object.len > row.len && o->object.p[row.len] != ' '))
			continue;
		l->is_net_used[i] = is_it = true;
	}
	return is_it;
}

void
sl_learn_observed(struct sl_learn *l, const struct sl_grant *g, const struct sl_obs *obs,
		  size_t n, const struct sl_box_peak *peak)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(obs[i].class, "proxy") == 0 && !obs[i].is_denied)
			(void)is_granted_net(l, g, &obs[i]);
		else if (strcmp(obs[i].class, "connect") == 0 &&
			 !is_granted_net(l, g, &obs[i]))
			on_connect(l, &obs[i]);
	l->peak = *peak;
}
