/* idx.h -- log/idx: where in the log a thing is.  Derived, rebuilt at will.
 *
 * One open-addressed table, keyed by 64 bits; a digest's key is
 * its first 8 bytes, and the table is ordered by key, so a prefix is a range.  An
 * answer is a candidate: the caller reads the record and looks whether it is the one.
 * What was appended behind `covered` is not in it yet; the caller scans that part.
 * Nothing here can fail the log: without an index everything is found by scanning.
 */
#ifndef SL_LOG_IDX_H
#define SL_LOG_IDX_H

#include "log/seal.h"

enum sl_idx_what { SL_IDX_AT = 1, SL_IDX_SEALED, SL_IDX_DECL, SL_IDX_CLOSED };

/* The file: this, zeros up to a page, the slots; in the machine's own byte order, as it
 * never travels. */
struct sl_idx_head {
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

struct sl_idx_slot {
	uint64_t key;
	uint64_t off1; /* log offset + 1; 0: free */
};

struct sl_idx {
	int dir_fd; /* of log/, borrowed */
	int fd;
	bool is_there, is_writable;
	uint8_t *map;            /* while much is added; or NULL */
	struct sl_idx_head head; /* as last read or written */
};

enum { SL_IDX_WINDOW = 32 }; /* slots read at once */

struct sl_idx_it {
	uint64_t lo, hi, slot, left;
	struct sl_idx_slot window[SL_IDX_WINDOW];
	size_t n, used; /* of the window */
};

/* Opens it if it is there and belongs to this store (its covered seal is where it
 * says); else x->is_there stays false.  boot: what was not synced in another boot is
 * taken as not covered. */
void sl_idx_open(struct sl_idx *x, int dir_fd, bool is_writable, const uint8_t boot[32],
		 struct sl_seg *g);
void sl_idx_close(struct sl_idx *x);
bool sl_idx_is_stale(struct sl_idx *x); /* a larger one has taken its place */
/* Log offset behind which nothing is in it: the end of the seal it covers. */
uint64_t sl_idx_covered(struct sl_idx *x);

/* Keys. */
uint64_t sl_idx_key(enum sl_idx_what what, uint32_t tree, uint64_t n);
/* Candidates for keys lo..hi, each once: while (sl_idx_next(x, &it, &off)). */
struct sl_idx_it sl_idx_find(const struct sl_idx *x, uint64_t lo, uint64_t hi);
bool sl_idx_next(const struct sl_idx *x, struct sl_idx_it *it, uint64_t *ret_off);

/* Writing; the caller holds the store's lock.  false: the index is gone. */
bool sl_idx_create(struct sl_idx *x, const uint8_t boot[32]);
/* Much is added between these two: a small index is mapped meanwhile. */
void sl_idx_begin(struct sl_idx *x);
void sl_idx_end(struct sl_idx *x);
bool sl_idx_add(struct sl_idx *x, const struct sl_rec *r);
bool sl_idx_add_seal(struct sl_idx *x, const struct sl_state *s);
void sl_idx_sync(struct sl_idx *x);
void sl_idx_drop(struct sl_idx *x); /* removes the file */

#endif
