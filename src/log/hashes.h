/* hashes.h -- log/hash: the roots of all full subtrees of 16^n leaves of a large tree, 32
 * bytes each, so that a proof reads a few hundred bytes and not the whole tree.  File
 * TREE.L holds those of 256^L leaves (TREE.0: the leaves themselves), which are the tiles
 * of C2SP tlog-tiles end to end; TREE.L.h those of 16 * 256^L.  Derived and not trusted:
 * whoever builds a proof checks it against a signed root and, where they differ, takes
 * the entries instead. */
#ifndef SL_LOG_HASHES_H
#define SL_LOG_HASHES_H

#include "log/find.h"
#include "merkle/proof.h"

enum {
	SL_HASHES_FROM = 4096, /* entries from which a tree has such files */
	SL_HASHES_FILES = 15   /* levels 0, 4, 8, ..., 56 */
};

/* The files of one tree, kept open; zeroed: of none. */
struct sl_hashes {
	bool is_open;
	uint32_t tree;
	int fd[SL_HASHES_FILES];     /* -1: not there */
	uint64_t n[SL_HASHES_FILES]; /* hashes in it, at least */
	/* The 16 that were read last: all that a proof needs of one file. */
	uint64_t at[SL_HASHES_FILES]; /* number of the block + 1; 0: none */
	struct sl_hash block[SL_HASHES_FILES][16];
};

void sl_hashes_done(struct sl_hashes *h);
/* The root over leaves [index << level, (index + 1) << level) of a tree. */
int sl_hashes_node(const struct sl_view *v, int log_fd, struct sl_hashes *h,
		   uint32_t tree, bool use_files, unsigned level, uint64_t index,
		   struct sl_hash *ret, struct sl_err *err) SL_MUST_CHECK;
/* Brings the files of all open trees up to date, as far as the disk lets it.  The caller
 * holds the store's lock. */
void sl_hashes_update(const struct sl_view *v, int log_fd);
/* The leaves of one large tree as the index meets them, in order: then update() need not
 * look each up.  Zeroed at the start; flushed by update(). */
struct sl_hashes_feed {
	bool is_known;
	int fd; /* -1: not wanted */
	uint64_t next;
	struct sl_hash h[512];
	size_t n;
};
void sl_hashes_feed(struct sl_hashes_feed *f, const struct sl_view *v, int log_fd,
		    const struct sl_rec *r);
void sl_hashes_feed_done(struct sl_hashes_feed *f);
void sl_hashes_drop(const struct sl_view *v, int log_fd);
uint64_t sl_hashes_count(const struct sl_view *v, int log_fd); /* in all files */

#endif
