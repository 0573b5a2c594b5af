/* hashes.c -- see hashes.h. */
#include "log/hashes.h"

#include "base/auto.h"
#include "log/io.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STEP = 4, NAME = 32, BLOCK = 512 };

static void
name_of(uint32_t tree, unsigned file, char out[NAME])
{
	(void)snprintf(out, NAME, "hash/%08x.%u%s", tree, file / 2,
		       file % 2 != 0 ? ".h" : "");
}

static int
open_file(int log_fd, uint32_t tree, unsigned file, int flags)
{
	char name[NAME];

	name_of(tree, file, name);
	return openat(log_fd, name, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
}

static uint64_t
count(int fd)
{
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 ? (uint64_t)st.st_size / 32 : 0;
}

void
sl_hashes_done(struct sl_hashes *h)
{
	for (unsigned i = 0; h->is_open && i < SL_HASHES_FILES; i++)
		if (h->fd[i] >= 0)
			(void)close(h->fd[i]);
	h->is_open = false;
}

static void
use(struct sl_hashes *h, int log_fd, uint32_t tree)
{
	if (h->is_open && h->tree == tree)
		return;
	sl_hashes_done(h);
	h->is_open = true;
	h->tree = tree;
	for (unsigned i = 0; i < SL_HASHES_FILES; i++) {
		h->fd[i] = i == 0 || h->fd[i - 1] >= 0
			       ? open_file(log_fd, tree, i, O_RDONLY)
			       : -1;
		h->n[i] = count(h->fd[i]);
		h->at[i] = 0;
	}
}

/* The root over hashes [begin, end) of a file, a power of two of them within a block of
 * 16; false: it cannot be read. */
static bool
from_block(struct sl_hashes *h, unsigned file, uint64_t begin, uint64_t end,
	   struct sl_hash *ret)
{
	uint64_t block = begin >> STEP, n = end - begin;
	struct sl_hash x[1 << STEP];
	size_t have;
	ssize_t r;

	if (h->at[file] != block + 1) {
		have = h->n[file] - (block << STEP) < (1 << STEP)
			   ? (size_t)(h->n[file] - (block << STEP))
			   : 1 << STEP;
		h->at[file] = 0;
		r = sl_io_read(h->fd[file], h->block[file], have * 32,
			       (block << STEP) * 32);
		if (r != (ssize_t)(have * 32))
			return false;
		/* one that grows is read again */
		h->at[file] = have == 1 << STEP ? block + 1 : 0;
	}
	memcpy(x, &h->block[file][begin & ((1 << STEP) - 1)], n * sizeof(*x));
	for (; n > 1; n /= 2)
		for (uint64_t i = 0; i < n / 2; i++)
			sl_merkle_node(&x[2 * i], &x[2 * i + 1], &x[i]);
	*ret = x[0];
	return true;
}

/* Adds hashes [i, end) of a file to e; false: it cannot be read. */
static bool
add_from_file(int fd, uint64_t i, uint64_t end, struct sl_edge *e)
{
	struct sl_hash h[128];

	while (i < end) {
		size_t n = end - i < 128 ? (size_t)(end - i) : 128;

		if (sl_io_read(fd, h, n * 32, i * 32) != (ssize_t)(n * 32))
			return false;
		for (size_t k = 0; k < n; k++)
			sl_edge_add(e, &h[k], NULL, NULL);
		i += n;
	}
	return true;
}

static int
leaf_of(const struct sl_view *v, uint32_t tree, uint64_t i, struct sl_hash *ret,
	struct sl_err *err)
{
	struct sl_rec rec;
	int r = sl_find_at(v, tree, i, &rec, err);

	if (r < 0)
		return r;
	if (r == 0)
		return SL_ERR(err, STORE, "entry %llu of tree %u is not in the log",
			      (unsigned long long)i, tree);
	sl_merkle_leaf((struct sl_slice){ rec.hash, 32 }, ret);
	return 0;
}

/* The file of that level reaches beyond end; it may have grown since it was opened. */
static bool
reaches(struct sl_hashes *h, unsigned file, uint64_t end)
{
	if (h->fd[file] >= 0 && h->n[file] < end)
		h->n[file] = count(h->fd[file]);
	return h->fd[file] >= 0 && h->n[file] >= end;
}

/* Without files, from the entries. */
static int
from_leaves(const struct sl_view *v, uint32_t tree, uint64_t begin, uint64_t end,
	    struct sl_hash *ret, struct sl_err *err)
{
	struct sl_edge e = { .size = 0 };
	int r;

	for (uint64_t i = begin; i < end; i++) {
		struct sl_hash leaf;

		if ((r = leaf_of(v, tree, i, &leaf, err)) < 0)
			return r;
		sl_edge_add(&e, &leaf, NULL, NULL);
	}
	sl_edge_root(&e, ret);
	return 0;
}

static bool
from_file(int fd, uint64_t begin, uint64_t end, struct sl_hash *ret)
{
	struct sl_edge e = { .size = 0 };

	if (!add_from_file(fd, begin, end, &e))
		return false;
	sl_edge_root(&e, ret);
	return true;
}

int
sl_hashes_node(const struct sl_view *v, int log_fd, struct sl_hashes *h, uint32_t tree,
	       bool use_files, unsigned level, uint64_t index, struct sl_hash *ret,
	       struct sl_err *err)
{
	unsigned top =
	    level / STEP < SL_HASHES_FILES ? level / STEP : SL_HASHES_FILES - 1;

	if (use_files)
		use(h, log_fd, tree);
	/* the highest file that reaches far enough; a perfect subtree of hashes is folded
	 * as one of leaves is */
	for (unsigned f = top + 1; use_files && f-- > 0;) {
		uint64_t begin = index << (level - STEP * f);
		uint64_t end = (index + 1) << (level - STEP * f);

		if (reaches(h, f, end) &&
		    (end - begin < 1 << STEP ? from_block(h, f, begin, end, ret)
					     : from_file(h->fd[f], begin, end, ret)))
			return 0;
	}
	return from_leaves(v, tree, index << level, (index + 1) << level, ret, err);
}

static int
open_for_write(int log_fd, uint32_t tree, unsigned file)
{
	int fd = open_file(log_fd, tree, file, O_RDWR | O_CREAT);

	if (fd < 0 && file == 0) { /* first of all */
		(void)mkdirat(log_fd, "hash", 0700);
		fd = open_file(log_fd, tree, file, O_RDWR | O_CREAT);
	}
	return fd;
}

/* 16 hashes of the file below make one. */
static bool
fold(int below, uint64_t index, struct sl_hash *ret)
{
	return from_file(below, index << STEP, (index + 1) << STEP, ret);
}

/* Adds to a file what it lacks up to want; below: of the level under it, or -1. */
static bool
extend(const struct sl_view *v, uint32_t tree, int fd, int below, uint64_t want)
{
	uint64_t have = count(fd);
	struct sl_hash h[BLOCK];
	struct sl_err err = { 0 };

	while (have < want) {
		size_t n = 0;

		for (; n < BLOCK && have + n < want; n++)
			if (below >= 0 ? !fold(below, have + n, &h[n])
				       : leaf_of(v, tree, have + n, &h[n], &err) < 0)
				return false;
		if (sl_io_write(sl_store_io_sys(), fd, h, n * 32, have * 32) < 0)
			return false;
		have += n;
	}
	return true;
}

static void
update(const struct sl_view *v, int log_fd, const struct sl_tree_state *t)
{
	int below = -1;

	for (unsigned f = 0; f < SL_HASHES_FILES; f++) {
		uint64_t want = t->edge.size >> (STEP * f);
		int fd = want > 0 ? open_for_write(log_fd, t->id, f) : -1;
		bool ok = fd >= 0 && extend(v, t->id, fd, below, want);

		if (below >= 0)
			(void)close(below);
		below = fd;
		if (!ok)
			break;
	}
	if (below >= 0)
		(void)close(below);
}

void
sl_hashes_update(const struct sl_view *v, int log_fd)
{
	for (uint32_t i = 0; i < v->st->n_trees; i++)
		if (v->st->tree[i].edge.size >= SL_HASHES_FROM)
			update(v, log_fd, &v->st->tree[i]);
}

static void
flush(struct sl_hashes_feed *f)
{
	if (f->fd >= 0 && f->n > 0 &&
	    sl_io_write(sl_store_io_sys(), f->fd, f->h, f->n * 32,
			(f->next - f->n) * 32) < 0) {
		(void)close(f->fd); /* update() tries what is missing */
		f->fd = -1;
	}
	f->n = 0;
}

void
sl_hashes_feed(struct sl_hashes_feed *f, const struct sl_view *v, int log_fd,
	       const struct sl_rec *r)
{
	const struct sl_tree_state *t;

	if (!f->is_known) {
		t = sl_state_tree(v->st, 1); /* the only one that grows for good */
		f->is_known = true;
		f->n = 0;
		f->fd = t != NULL && t->edge.size >= SL_HASHES_FROM
			    ? open_for_write(log_fd, 1, 0)
			    : -1;
		f->next = count(f->fd);
	}
	if (f->fd < 0 || r->type != SL_REC_ENTRY || r->tree != 1 || r->index != f->next)
		return;
	sl_merkle_leaf((struct sl_slice){ r->hash, 32 }, &f->h[f->n++]);
	f->next++;
	if (f->n == BLOCK)
		flush(f);
}

void
sl_hashes_feed_done(struct sl_hashes_feed *f)
{
	if (!f->is_known)
		return;
	flush(f);
	if (f->fd >= 0)
		(void)close(f->fd);
	f->is_known = false;
}

void
sl_hashes_drop(const struct sl_view *v, int log_fd)
{
	char name[NAME];

	for (uint32_t i = 0; i < v->st->next_tree; i++)
		for (unsigned f = 0; f < SL_HASHES_FILES; f++) {
			name_of(i, f, name);
			/* the lower ones may be missing: they came with a later version
			 */
			if (unlinkat(log_fd, name, 0) < 0 && f > 2)
				break;
		}
}

uint64_t
sl_hashes_count(const struct sl_view *v, int log_fd)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < v->st->next_tree; i++)
		for (unsigned f = 0; f < SL_HASHES_FILES; f++) {
			SL_AUTO_FD fd = open_file(log_fd, i, f, O_RDONLY);

			if (fd < 0)
				break;
			n += count(fd);
		}
	return n;
}
