/* archive_int.h -- what archive.c, archive_tar.c and archive_zip.c share. */
#ifndef SL_RUN_ARCHIVE_INT_H
#define SL_RUN_ARCHIVE_INT_H

#include "run/archive.h"

enum { AR_NAME_MAX = 1 << 16, AR_LINKS_MAX = 1 << 14, TAR_BLOCK = 512 };

/* Names of symbolic links among the members so far: two links that stay below can leave
 * together where one lies behind the other, for its ".." then count from elsewhere.  By
 * hash, ASCII case ignored: what collides can only be called an escape. */
struct ar_links {
	uint64_t *slot; /* NULL until there is one; 0 is empty */
	size_t n;
};

bool ar_links_add(struct ar_links *l, struct sl_slice name); /* false: too many */
bool ar_links_has(const struct ar_links *l, struct sl_slice name);
/* Is what name lies in, at any height, one of them? */
bool ar_links_above(const struct ar_links *l, struct sl_slice name);
void ar_links_done(struct ar_links *l);

/* A member's name that leaves; is_dos: '\\' parts too, and "C:" is absolute. */
bool ar_name_leaves(struct sl_slice name, bool is_dos);
bool ar_link_leaves(struct sl_slice name, struct sl_slice target);

/* tar, as its bytes come. */
struct tar {
	uint8_t block[TAR_BLOCK];
	size_t n_block;
	uint64_t left;   /* bytes of content, with what fills the last block */
	uint64_t n_kept; /* of which so many are kept: a long name, or pax records */
	uint8_t what;    /* whose content it is: 'L', 'K', 'x', 'g' */
	bool is_sparse;  /* a block of a sparse map follows */
	uint8_t *text;   /* AR_NAME_MAX */
	size_t n_text;
	struct {
		uint8_t *p; /* AR_NAME_MAX each */
		size_t n;
		bool is_set;
	} name, link;  /* that the next header has from before it */
	uint64_t size; /* likewise */
	bool has_size;
	uint64_t n_members;
	struct ar_links links;
	bool is_damaged, is_escaping, has_member;
};

bool tar_begin(struct tar *t); /* false: out of memory */
void tar_done(struct tar *t);
/* Not 0: it is known to escape, or too large. */
int tar_feed(void *tar, const uint8_t *p, size_t n);
enum sl_archive tar_end(const struct tar *t);

/* A field of octal digits, or GNU's binary number; false where it is neither. */
bool ar_number(const uint8_t *p, size_t n, uint64_t *ret);

enum sl_archive zip_look(struct sl_archive_src *src);

/* Reads exactly n bytes, while there are some left. */
bool ar_read(struct sl_archive_src *src, uint64_t off, void *p, size_t n);
/* false: it is more than is left, which then is nothing. */
bool ar_spend(struct sl_archive_src *src, uint64_t n);

#endif
