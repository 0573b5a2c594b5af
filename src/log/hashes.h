/* hashes.h -- log/hash/TREE.L: the roots of all full subtrees of 256^L leaves of a large
 * tree, 32 bytes each, so that a proof reads a few hundred hashes and not the whole
 * tree.  Derived and not trusted: whoever builds a proof checks it against a signed root
 * and, where they differ, takes the entries instead. */
#ifndef SL_LOG_HASHES_H
#define SL_LOG_HASHES_H

#include "log/find.h"
#include "merkle/proof.h"

enum { SL_HASHES_FROM = 4096 }; /* entries from which a tree has such files */

/* The root over leaves [index << level, (index + 1) << level) of a tree. */
int sl_hashes_node(const struct sl_view *v, int log_fd, uint32_t tree, bool use_files,
		   unsigned level, uint64_t index, struct sl_hash *ret,
		   struct sl_err *err) SL_MUST_CHECK;
/* Brings the files of all open trees up to date, as far as the disk lets it.  The caller
 * holds the store's lock. */
void sl_hashes_update(const struct sl_view *v, int log_fd);
void sl_hashes_drop(const struct sl_view *v, int log_fd);

#endif
