/* archive_int.h -- what archive.c, archive_tar.c and archive_zip.c share. */
#ifndef SL_RUN_ARCHIVE_INT_H
#define SL_RUN_ARCHIVE_INT_H

#include "run/archive.h"

enum { AR_NAME_MAX = 1 << 16, TAR_BLOCK = 512 };

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
	bool is_damaged, is_escaping, has_member;
};

bool tar_begin(struct tar *t); /* false: out of memory */
void tar_done(struct tar *t);
/* Not 0: it is known to escape, or too large. */
int tar_feed(void *tar, const uint8_t *p, size_t n);
enum sl_archive tar_end(const struct tar *t);

enum sl_archive zip_look(const struct sl_archive_src *src);

/* Reads exactly n bytes. */
bool ar_read(const struct sl_archive_src *src, uint64_t off, void *p, size_t n);

#endif
