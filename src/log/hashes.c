/* hashes.c -- see hashes.h. */
#include "log/hashes.h"

#include "base/auto.h"
#include "log/io.h"

#include <fcntl.h>
#include <sys/stat.h>

enum { L_MAX = 7, NAME = 32 };

static void
name_of(uint32_t tree, unsigned l, char out[NAME])
{
	(void)snprintf(out, NAME, "hash/%08x.%u", tree, l);
}

/* Hashes that the file of level l has, and the file; 0 and -1 where there is none. */
static uint64_t
open_level(int log_fd, uint32_t tree, unsigned l, int flags, int *ret_fd)
{
	char name[NAME];
	struct stat st;

	name_of(tree, l, name);
	*ret_fd = openat(log_fd, name, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (*ret_fd < 0 || fstat(*ret_fd, &st) < 0)
		return 0;
	return (uint64_t)st.st_size / 32;
}

/* Adds hashes [i, end) of level l's file to e; false: it cannot be read. */
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
add_leaves(const struct sl_view *v, uint32_t tree, uint64_t i, uint64_t end,
	   struct sl_edge *e, struct sl_err *err)
{
	for (; i < end; i++) {
		struct sl_hash leaf;
		struct sl_rec rec;
		int r = sl_find_at(v, tree, i, &rec, err);

		if (r < 0)
			return r;
		if (r == 0)
			return SL_ERR(err, STORE,
				      "entry %llu of tree %u is not in the log",
				      (unsigned long long)i, tree);
		sl_merkle_leaf((struct sl_slice){ rec.hash, 32 }, &leaf);
		sl_edge_add(e, &leaf, NULL, NULL);
	}
	return 0;
}

int
sl_hashes_node(const struct sl_view *v, int log_fd, uint32_t tree, bool use_files,
	       unsigned level, uint64_t index, struct sl_hash *ret, struct sl_err *err)
{
	struct sl_edge e = { 0 };
	int r;

	/* the highest file that reaches far enough; a perfect subtree of hashes is folded
	 * as one of leaves is */
	for (unsigned l = use_files ? level / 8 : 0; l > 0; l--) {
		uint64_t begin, end;
		SL_AUTO_FD fd = -1;

		if (l > L_MAX)
			continue;
		begin = index << (level - 8 * l);
		end = (index + 1) << (level - 8 * l);
		if (open_level(log_fd, tree, l, O_RDONLY, &fd) < end)
			continue;
		if (add_from_file(fd, begin, end, &e)) {
			sl_edge_root(&e, ret);
			return 0;
		}
		e = (struct sl_edge){ 0 };
	}
	if ((r = add_leaves(v, tree, index << level, (index + 1) << level, &e, err)) < 0)
		return r;
	sl_edge_root(&e, ret);
	return 0;
}

static bool
update(const struct sl_view *v, int log_fd, uint32_t tree, unsigned l, uint64_t want)
{
	SL_AUTO_FD fd = -1;
	uint64_t have = open_level(log_fd, tree, l, O_RDWR | O_CREAT, &fd);
	struct sl_err err = { 0 };
	struct sl_hash h;

	if (fd < 0 && l == 1) { /* first of all */
		(void)mkdirat(log_fd, "hash", 0700);
		have = open_level(log_fd, tree, l, O_RDWR | O_CREAT, &fd);
	}
	for (; fd >= 0 && have < want; have++)
		if (sl_hashes_node(v, log_fd, tree, true, 8 * l, have, &h, &err) < 0 ||
		    sl_io_write(sl_store_io_sys(), fd, h.b, 32, have * 32) < 0)
			return false;
	return fd >= 0;
}

void
sl_hashes_update(const struct sl_view *v, int log_fd)
{
	for (uint32_t i = 0; i < v->st->n_trees; i++) {
		const struct sl_tree_state *t = &v->st->tree[i];

		for (unsigned l = 1; l <= L_MAX; l++) {
			uint64_t want = t->edge.size >> (8 * l);

			if (t->edge.size < SL_HASHES_FROM || want == 0 ||
			    !update(v, log_fd, t->id, l, want))
				break;
		}
	}
}

void
sl_hashes_drop(const struct sl_view *v, int log_fd)
{
	char name[NAME];

	for (uint32_t i = 0; i < v->st->next_tree; i++)
		for (unsigned l = 1; l <= L_MAX; l++) {
			name_of(i, l, name);
			if (unlinkat(log_fd, name, 0) < 0)
				break;
		}
}
