/* idx.c -- see idx.h.
 *
 * Slots are read and written by offset, not through a map: an append touches a few of
 * them at random, and each fault for one costs ten times what the two calls do. */
#include "log/idx.h"

#include "log/le.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	PAGE0 = 4096,
	BITS_MIN = 11,
	BITS_MAX = 36,
	SYNC_EVERY = 8 << 20,
	SAME_MAX = 8,
	LET_GO = 1 << 18,
	MAP_MAX = 32 << 20
};
static const char magic[8] = "SLIDX01";

static size_t
file_len(uint64_t bits)
{
	return PAGE0 + (sizeof(struct sl_idx_slot) << bits);
}

static bool
load_head(struct sl_idx *x)
{
	return pread(x->fd, &x->head, sizeof(x->head), 0) == sizeof(x->head);
}

static bool
save_head(struct sl_idx *x)
{
	const struct sl_idx_head h = x->head;

	return pwrite(x->fd, &h, sizeof(h), 0) == sizeof(h);
}

void
sl_idx_close(struct sl_idx *x)
{
	sl_idx_end(x);
	if (x->is_there)
		(void)close(x->fd);
	x->is_there = false;
}

void
sl_idx_drop(struct sl_idx *x)
{
	sl_idx_close(x);
	(void)unlinkat(x->dir_fd, "idx", 0);
}

static bool
is_seal_at(struct sl_seg *g, uint64_t off, const uint8_t digest[32])
{
	struct sl_err e = { 0 };
	struct sl_rec r;

	return sl_seg_read(g, off, NULL, &r, &e) == 1 && r.type == SL_REC_SEAL &&
	       memcmp(r.hash, digest, 32) == 0;
}

static bool
is_ours(struct sl_idx *x, const uint8_t boot[32], struct sl_seg *g)
{
	struct sl_idx_head *h = &x->head;
	struct stat st;

	if (!load_head(x) || memcmp(h->magic, magic, sizeof(magic)) != 0 ||
	    h->bits < BITS_MIN || h->bits > BITS_MAX || h->is_stale ||
	    fstat(x->fd, &st) < 0 || st.st_size != (off_t)file_len(h->bits))
		return false;
	if (memcmp(h->boot, boot, 32) != 0) {
		if (!x->is_writable)
			return false; /* a reader scans until an append has mended it */
		h->covered = h->synced;
		h->covered_seal = h->synced_seal;
		memcpy(h->covered_digest, h->synced_digest, 32);
		memcpy(h->boot, boot, 32);
		if (!save_head(x))
			return false;
	}
	return h->covered == 0 || is_seal_at(g, h->covered_seal, h->covered_digest);
}

void
sl_idx_open(struct sl_idx *x, int dir_fd, bool is_writable, const uint8_t boot[32],
	    struct sl_seg *g)
{
	*x = (struct sl_idx){ .dir_fd = dir_fd, .is_writable = is_writable };
	x->fd = openat(dir_fd, "idx", (is_writable ? O_RDWR : O_RDONLY) | O_CLOEXEC);
	x->is_there = x->fd >= 0;
	if (x->is_there && !is_ours(x, boot, g))
		sl_idx_close(x);
}

bool
sl_idx_is_stale(struct sl_idx *x)
{
	return x->is_there && (!load_head(x) || x->head.is_stale != 0);
}

uint64_t
sl_idx_covered(struct sl_idx *x)
{
	return x->is_there && load_head(x) ? x->head.covered : 0;
}

uint64_t
sl_idx_key(enum sl_idx_what what, uint32_t tree, uint64_t n)
{
	uint64_t z = n * 0x9e3779b97f4a7c15u + ((uint64_t)what << 56 ^ tree);

	/* finaliser of splitmix64 */
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static uint64_t
home_of(uint64_t bits, uint64_t key)
{
	return key >> (64 - bits);
}

void
sl_idx_begin(struct sl_idx *x)
{
	void *p;

	if (!x->is_there || x->map != NULL || file_len(x->head.bits) > MAP_MAX)
		return;
	p = mmap(NULL, file_len(x->head.bits), PROT_READ | PROT_WRITE, MAP_SHARED, x->fd,
		 0);
	x->map = p == MAP_FAILED ? NULL : p;
}

void
sl_idx_end(struct sl_idx *x)
{
	if (x->map != NULL)
		(void)munmap(x->map, file_len(x->head.bits));
	x->map = NULL;
}

/* The slots from number i on, up to SL_IDX_WINDOW of them or the end of the table; how
 * many, 0 where they cannot be read. */
static size_t
read_slots(const struct sl_idx *x, uint64_t i, struct sl_idx_slot *ret)
{
	uint64_t left = ((uint64_t)1 << x->head.bits) - i;
	size_t n = left < SL_IDX_WINDOW ? (size_t)left : SL_IDX_WINDOW;
	ssize_t r;

	if (x->map != NULL) {
		memcpy(ret, x->map + PAGE0 + i * sizeof(*ret), n * sizeof(*ret));
		return n;
	}
	r = pread(x->fd, ret, n * sizeof(*ret),
		  PAGE0 + (off_t)(i * sizeof(struct sl_idx_slot)));

	return r < 0 ? 0 : (size_t)r / sizeof(*ret);
}

struct sl_idx_it
sl_idx_find(const struct sl_idx *x, uint64_t lo, uint64_t hi)
{
	struct sl_idx_it it = { .lo = lo, .hi = hi };

	if (x->is_there) {
		it.slot = home_of(x->head.bits, lo);
		it.left = (uint64_t)1 << x->head.bits;
	}
	return it;
}

bool
sl_idx_next(const struct sl_idx *x, struct sl_idx_it *it, uint64_t *ret_off)
{
	uint64_t mask = x->is_there ? ((uint64_t)1 << x->head.bits) - 1 : 0;

	while (it->left > 0) {
		const struct sl_idx_slot *s;
		uint64_t at = it->slot;

		if (it->used == it->n) {
			it->used = 0;
			if ((it->n = read_slots(x, at & mask, it->window)) == 0) {
				it->left = 0;
				break;
			}
		}
		s = &it->window[it->used++];
		it->slot++;
		it->left--;
		if (s->off1 == 0 && at >= home_of(x->head.bits, it->hi))
			it->left = 0; /* nothing of the range spilled beyond */
		if (s->off1 != 0 && s->key >= it->lo && s->key <= it->hi) {
			*ret_off = s->off1 - 1;
			return true;
		}
	}
	return false;
}

enum place { PLACE_FREE, PLACE_TAKEN, PLACE_GO_ON };

/* The same statement stated a million times must not make one run of a million slots:
 * the first SAME_MAX places of a digest are kept. */
static enum place
look(const struct sl_idx_slot *s, uint64_t key, uint64_t off, int *n_same)
{
	if (s->off1 == 0)
		return PLACE_FREE;
	if (s->key == key && (s->off1 == off + 1 || ++*n_same == SAME_MAX))
		return PLACE_TAKEN;
	return PLACE_GO_ON;
}

static bool
put_slot(struct sl_idx *x, uint64_t key, uint64_t off)
{
	const struct sl_idx_slot new = { key, off + 1 };
	uint64_t mask = ((uint64_t)1 << x->head.bits) - 1;
	uint64_t i = home_of(x->head.bits, key), seen = 0;
	struct sl_idx_slot w[SL_IDX_WINDOW];
	int n_same = 0;

	while (seen <= mask) {
		size_t n = read_slots(x, i & mask, w);

		if (n == 0)
			return false;
		for (size_t k = 0; k < n; k++, i++, seen++) {
			enum place p = look(&w[k], key, off, &n_same);

			if (p == PLACE_TAKEN)
				return true;
			if (p == PLACE_GO_ON)
				continue;
			x->head.used++;
			if (x->map != NULL) {
				memcpy(x->map + PAGE0 + (i & mask) * sizeof(new), &new,
				       sizeof(new));
				return true;
			}
			return pwrite(x->fd, &new, sizeof(new),
				      PAGE0 + (off_t)((i & mask) * sizeof(new))) ==
			       sizeof(new);
		}
	}
	return false;
}

/* A new table beside the one that is there; its descriptor. */
static int
make(const struct sl_idx *x, uint64_t bits)
{
	int fd = openat(x->dir_fd, "idx.new",
			O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

	/* allocated, not sparse: a full disk is met here */
	if (fd >= 0 &&
	    (bits > BITS_MAX || posix_fallocate(fd, 0, (off_t)file_len(bits)) != 0)) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

static bool
publish(const struct sl_idx *x)
{
	return renameat(x->dir_fd, "idx.new", x->dir_fd, "idx") == 0;
}

bool
sl_idx_create(struct sl_idx *x, const uint8_t boot[32])
{
	sl_idx_drop(x);
	x->fd = make(x, BITS_MIN);
	x->is_there = x->fd >= 0;
	x->head = (struct sl_idx_head){ .bits = BITS_MIN };
	memcpy(x->head.magic, magic, sizeof(magic));
	memcpy(x->head.boot, boot, 32);
	if (!x->is_there || !save_head(x) || !publish(x)) {
		sl_idx_drop(x);
		return false;
	}
	return true;
}

/* All slots of the old table into the new one, which is written from front to back, as
 * both are ordered by key: here a map is what is quick. */
static bool
move_slots(const struct sl_idx *old, int to, uint64_t bits)
{
	uint64_t mask = ((uint64_t)1 << bits) - 1;
	struct sl_idx_slot w[SL_IDX_WINDOW], *t;
	void *map = mmap(NULL, file_len(bits), PROT_READ | PROT_WRITE, MAP_SHARED, to, 0);
	size_t n = 0;

	if (map == MAP_FAILED)
		return false;
	t = (struct sl_idx_slot *)(void *)((uint8_t *)map + PAGE0);
	for (uint64_t i = 0; i < (uint64_t)1 << old->head.bits; i += n) {
		/* what lies behind is not needed again: let go of, it stays in the file
		 */
		if (i % LET_GO == 0 && i > 0)
			(void)madvise(
			    map,
			    (size_t)(PAGE0 + (i - LET_GO / 2) * 2 * sizeof(*t)) &
				~(size_t)(PAGE0 - 1),
			    MADV_DONTNEED);
		if ((n = read_slots(old, i, w)) == 0)
			break;
		for (size_t k = 0; k < n; k++) {
			uint64_t at = home_of(bits, w[k].key);

			if (w[k].off1 == 0)
				continue;
			while (t[at & mask].off1 != 0)
				at++;
			t[at & mask] = w[k];
		}
	}
	(void)munmap(map, file_len(bits));
	return n > 0;
}

static bool
grow(struct sl_idx *x)
{
	bool was_mapped = x->map != NULL;
	struct sl_idx new;

	sl_idx_end(x);
	new = *x;
	new.head.bits++;
	new.head.synced = new.head.synced_seal = 0;
	memset(new.head.synced_digest, 0, sizeof(new.head.synced_digest));
	new.fd = make(x, new.head.bits);
	if (new.fd < 0 || !move_slots(x, new.fd, new.head.bits) || !save_head(&new) ||
	    !publish(x)) {
		sl_idx_drop(x);
		if (new.fd >= 0)
			(void)close(new.fd);
		return false;
	}
	x->head.is_stale = 1; /* for whoever has it open */
	(void)!save_head(x);
	(void)close(x->fd);
	*x = new;
	if (was_mapped)
		sl_idx_begin(x);
	return true;
}

/* An index that cannot be written to is none. */
static bool
put(struct sl_idx *x, uint64_t key, uint64_t off)
{
	if (!x->is_there)
		return false;
	/* two thirds full: linear probing stays short */
	if (x->head.used >= ((uint64_t)2 << x->head.bits) / 3 && !grow(x))
		return false;
	if (put_slot(x, key, off))
		return true;
	sl_idx_drop(x);
	return false;
}

static uint64_t
digest_key(const uint8_t d[32])
{
	uint64_t v;

	memcpy(&v, d, 8);
	return be64toh(v);
}

bool
sl_idx_add(struct sl_idx *x, const struct sl_rec *r)
{
	switch (r->type) {
	case SL_REC_ENTRY:
		return put(x, digest_key(r->hash), r->off) &&
		       put(x, sl_idx_key(SL_IDX_AT, r->tree, r->index), r->off);
	case SL_REC_BLOB:
		return put(x, digest_key(r->hash), r->off);
	case SL_REC_TREE:
		return put(x, digest_key(r->hash), r->off) &&
		       put(x, sl_idx_key(SL_IDX_DECL, r->tree, 0), r->off);
	case SL_REC_SEAL:
	default:
		return true;
	}
}

bool
sl_idx_add_seal(struct sl_idx *x, const struct sl_state *s)
{
	for (uint32_t i = 0; i < s->n_trees; i++) {
		const struct sl_tree_state *t = &s->tree[i];

		if ((t->flags & SL_TREE_TOUCHED) &&
		    !put(x, sl_idx_key(SL_IDX_SEALED, t->id, t->edge.size), s->off))
			return false;
		if ((t->flags & SL_TREE_CLOSED) &&
		    !put(x, sl_idx_key(SL_IDX_CLOSED, t->id, 0), s->off))
			return false;
	}
	if (!x->is_there)
		return false;
	memcpy(x->head.covered_digest, s->digest, 32);
	x->head.covered_seal = s->off;
	x->head.covered = s->end;
	if (!save_head(x)) {
		sl_idx_drop(x);
		return false;
	}
	if (s->end - x->head.synced > SYNC_EVERY)
		sl_idx_sync(x);
	return true;
}

void
sl_idx_sync(struct sl_idx *x)
{
	if (!x->is_there || fdatasync(x->fd) < 0)
		return;
	x->head.synced = x->head.covered;
	x->head.synced_seal = x->head.covered_seal;
	memcpy(x->head.synced_digest, x->head.covered_digest, 32);
	(void)!save_head(x);
}
