/* idx.c -- see idx.h. */
#include "log/idx.h"

#include "log/le.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* The first page of the file, in the machine's own byte order: it never travels. */
struct page0 {
	char magic[8];
	uint64_t bits; /* log2 of the number of slots */
	uint64_t used;
	uint64_t is_stale;
	uint64_t covered, covered_seal; /* end, and offset, of the seal */
	uint8_t covered_digest[32];
	uint64_t synced, synced_seal;
	uint8_t synced_digest[32];
	uint8_t boot[32];
};

struct slot {
	uint64_t key;
	uint64_t off1; /* log offset + 1; 0: free */
};

enum { PAGE0 = 4096, BITS_MIN = 11, BITS_MAX = 36, SYNC_EVERY = 8 << 20, SAME_MAX = 8 };
static const char magic[8] = "SLIDX01";

static struct page0 *
page(const struct sl_idx *x)
{
	return (struct page0 *)(void *)x->map;
}

static struct slot *
slots(const struct sl_idx *x)
{
	return (struct slot *)(void *)(x->map + PAGE0);
}

static size_t
file_len(uint64_t bits)
{
	return PAGE0 + ((size_t)sizeof(struct slot) << bits);
}

void
sl_idx_close(struct sl_idx *x)
{
	if (x->map != NULL)
		(void)munmap(x->map, x->len);
	x->map = NULL;
}

void
sl_idx_drop(struct sl_idx *x)
{
	sl_idx_close(x);
	(void)unlinkat(x->dir_fd, "idx", 0);
}

static bool
map_file(struct sl_idx *x, int fd)
{
	struct stat st;
	void *m;

	if (fstat(fd, &st) < 0 || st.st_size < (off_t)file_len(BITS_MIN))
		return false;
	x->len = (size_t)st.st_size;
	m = mmap(NULL, x->len, x->is_writable ? PROT_READ | PROT_WRITE : PROT_READ,
		 MAP_SHARED, fd, 0);
	if (m == MAP_FAILED)
		return false;
	x->map = m;
	return true;
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
is_ours(const struct sl_idx *x, const uint8_t boot[32], struct sl_seg *g)
{
	struct page0 *p = page(x);
	bool is_old = memcmp(p->boot, boot, 32) != 0;

	if (memcmp(p->magic, magic, sizeof(magic)) != 0 || p->bits < BITS_MIN ||
	    p->bits > BITS_MAX || x->len != file_len(p->bits) || p->is_stale)
		return false;
	if (is_old && x->is_writable) {
		p->covered = p->synced;
		p->covered_seal = p->synced_seal;
		memcpy(p->covered_digest, p->synced_digest, 32);
		memcpy(p->boot, boot, 32);
	} else if (is_old) {
		return false; /* a reader scans until the next append has mended it */
	}
	return p->covered == 0 || is_seal_at(g, p->covered_seal, p->covered_digest);
}

void
sl_idx_open(struct sl_idx *x, int dir_fd, bool is_writable, const uint8_t boot[32],
	    struct sl_seg *g)
{
	int fd = openat(dir_fd, "idx", (is_writable ? O_RDWR : O_RDONLY) | O_CLOEXEC);

	*x = (struct sl_idx){ .dir_fd = dir_fd, .is_writable = is_writable };
	if (fd < 0)
		return;
	if (map_file(x, fd) && !is_ours(x, boot, g))
		sl_idx_close(x);
	(void)close(fd);
}

bool
sl_idx_is_stale(const struct sl_idx *x)
{
	return x->map != NULL &&
	       __atomic_load_n(&page(x)->is_stale, __ATOMIC_ACQUIRE) != 0;
}

uint64_t
sl_idx_covered(const struct sl_idx *x)
{
	return x->map ? __atomic_load_n(&page(x)->covered, __ATOMIC_ACQUIRE) : 0;
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
home_of(const struct sl_idx *x, uint64_t key)
{
	return key >> (64 - page(x)->bits);
}

struct sl_idx_it
sl_idx_find(const struct sl_idx *x, uint64_t lo, uint64_t hi)
{
	struct sl_idx_it it = { .lo = lo, .hi = hi };

	if (x->map != NULL) {
		it.slot = home_of(x, lo);
		it.left = (uint64_t)1 << page(x)->bits;
	}
	return it;
}

bool
sl_idx_next(const struct sl_idx *x, struct sl_idx_it *it, uint64_t *ret_off)
{
	uint64_t mask = x->map ? ((uint64_t)1 << page(x)->bits) - 1 : 0;

	while (it->left > 0) {
		const struct slot *s = &slots(x)[it->slot & mask];
		uint64_t off1 = __atomic_load_n(&s->off1, __ATOMIC_ACQUIRE);
		uint64_t at = it->slot;

		it->slot++;
		it->left--;
		if (off1 == 0 && at >= home_of(x, it->hi))
			it->left = 0; /* nothing of the range spilled beyond */
		if (off1 != 0 && s->key >= it->lo && s->key <= it->hi) {
			*ret_off = off1 - 1;
			return true;
		}
	}
	return false;
}

/* The same statement stated a million times must not make one run of a million slots:
 * the first SAME_MAX places of a digest are kept. */
static void
put_slot(struct sl_idx *x, uint64_t key, uint64_t off)
{
	uint64_t mask = ((uint64_t)1 << page(x)->bits) - 1, i = home_of(x, key);
	struct slot *s;
	int n_same = 0;

	for (s = &slots(x)[i]; s->off1 != 0; s = &slots(x)[++i & mask])
		if (s->key == key && (s->off1 == off + 1 || ++n_same == SAME_MAX))
			return;
	s->key = key;
	__atomic_store_n(&s->off1, off + 1, __ATOMIC_RELEASE);
	page(x)->used++;
}

static bool
make(struct sl_idx *x, uint64_t bits)
{
	int fd = openat(x->dir_fd, "idx.new",
			O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	/* allocated, not sparse: a full disk must not be met while writing the map */
	bool ok = fd >= 0 && bits <= BITS_MAX &&
		  posix_fallocate(fd, 0, (off_t)file_len(bits)) == 0;

	x->map = NULL;
	ok = ok && map_file(x, fd);
	if (fd >= 0)
		(void)close(fd);
	if (!ok)
		return false;
	memcpy(page(x)->magic, magic, sizeof(magic));
	page(x)->bits = bits;
	return true;
}

static bool
publish(struct sl_idx *x)
{
	return renameat(x->dir_fd, "idx.new", x->dir_fd, "idx") == 0;
}

bool
sl_idx_create(struct sl_idx *x, const uint8_t boot[32])
{
	sl_idx_drop(x);
	if (!make(x, BITS_MIN) || !publish(x)) {
		sl_idx_drop(x);
		return false;
	}
	memcpy(page(x)->boot, boot, 32);
	return true;
}

static bool
grow(struct sl_idx *x)
{
	struct sl_idx old = *x;
	struct page0 *p = page(&old), *q;

	if (!make(x, p->bits + 1)) {
		*x = old;
		sl_idx_drop(x);
		return false;
	}
	q = page(x);
	q->covered = p->covered;
	q->covered_seal = p->covered_seal;
	memcpy(q->covered_digest, p->covered_digest, 32);
	memcpy(q->boot, p->boot, 32);
	for (uint64_t i = 0; i < (uint64_t)1 << p->bits; i++)
		if (slots(&old)[i].off1 != 0)
			put_slot(x, slots(&old)[i].key, slots(&old)[i].off1 - 1);
	if (!publish(x)) {
		sl_idx_close(&old);
		sl_idx_drop(x);
		return false;
	}
	__atomic_store_n(&p->is_stale, 1, __ATOMIC_RELEASE);
	sl_idx_close(&old);
	return true;
}

static bool
put(struct sl_idx *x, uint64_t key, uint64_t off)
{
	if (x->map == NULL)
		return false;
	/* two thirds full: linear probing stays short */
	if (page(x)->used >= ((uint64_t)2 << page(x)->bits) / 3 && !grow(x))
		return false;
	put_slot(x, key, off);
	return true;
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
	struct page0 *p;

	for (uint32_t i = 0; i < s->n_trees; i++) {
		const struct sl_tree_state *t = &s->tree[i];

		if ((t->flags & SL_TREE_TOUCHED) &&
		    !put(x, sl_idx_key(SL_IDX_SEALED, t->id, t->edge.size), s->off))
			return false;
		if ((t->flags & SL_TREE_CLOSED) &&
		    !put(x, sl_idx_key(SL_IDX_CLOSED, t->id, 0), s->off))
			return false;
	}
	if (x->map == NULL)
		return false;
	p = page(x);
	memcpy(p->covered_digest, s->digest, 32);
	p->covered_seal = s->off;
	__atomic_store_n(&p->covered, s->end, __ATOMIC_RELEASE);
	if (s->end - p->synced > SYNC_EVERY)
		sl_idx_sync(x);
	return true;
}

void
sl_idx_sync(struct sl_idx *x)
{
	struct page0 *p = page(x);

	if (p == NULL || msync(x->map, x->len, MS_SYNC) < 0)
		return;
	p->synced = p->covered;
	p->synced_seal = p->covered_seal;
	memcpy(p->synced_digest, p->covered_digest, 32);
}
