/* rec.h -- records of the segment files, and reading them (doc/PROTOCOL.log).
 *
 * Log offsets count through all segments: segment number * SL_SEG_SIZE + offset in
 * it.  A record is an 80-byte header, its body, and zeros up to a multiple of 8; it
 * never crosses a segment.  A header of zeros ends what is written in a segment.
 */
#ifndef SL_LOG_REC_H
#define SL_LOG_REC_H

#include "base/buf.h"
#include "base/err.h"

enum {
	SL_REC_HDR = 80,
	SL_REC_KIND = 16,        /* with its NUL */
	SL_SEG_SIZE = 64 << 20,  /* bytes */
	SL_REC_MAX = 16 << 20,   /* of a body */
	SL_BATCH_MAX = 32 << 20, /* of all records of a batch */
	SL_SEG_NAME = 16
};

#define SL_TREE_NONE UINT32_MAX /* tree of blobs and seals */

enum sl_rec_type { SL_REC_TREE = 1, SL_REC_ENTRY, SL_REC_BLOB, SL_REC_SEAL };

struct sl_rec {
	enum sl_rec_type type;
	uint32_t len;     /* of the body */
	uint32_t tree;    /* SL_TREE_NONE where it has none */
	uint64_t index;   /* ENTRY: in its tree; SEAL: sequence number */
	int64_t time_ms;  /* of the batch's seal */
	uint8_t hash[32]; /* ENTRY: SHA-256 of the statement; BLOB: of the bytes; SEAL:
			     its digest; TREE: the run ID, or zeros */
	char kind[SL_REC_KIND];
	uint64_t off, end; /* log offsets of its first byte and of the next record */
	uint8_t raw[SL_REC_HDR]; /* the header as stored */
};

/* Reads one store's segments; keeps the last one open. */
struct sl_seg {
	int dir_fd; /* of log/seg, borrowed */
	int fd;     /* -1: none open */
	uint32_t no;
};

void sl_seg_init(struct sl_seg *g, int dir_fd);
void sl_seg_done(struct sl_seg *g);
void sl_seg_name(uint32_t no, char out[SL_SEG_NAME]);
/* 1 and the record; 0 where nothing is written (zeros, or the end of the file);
 * STORE for anything that is not a whole record, with its place.  The body goes to
 * *body (cleared first) when that is not NULL; without one the checksum of an entry
 * is not checked, nor are the bytes behind the header. */
int sl_seg_read(struct sl_seg *g, uint64_t off, struct sl_buf *body, struct sl_rec *ret,
		struct sl_err *err) SL_MUST_CHECK;
/* A record's header as it was written; false: it is none. */
bool sl_rec_parse(const uint8_t raw[SL_REC_HDR], uint64_t off, struct sl_rec *ret);
/* The first byte in [off, end of its segment) that is not zero, or the segment's end:
 * then the tail is clean.  An absent segment is clean. */
int sl_seg_tail(struct sl_seg *g, uint64_t off, uint64_t *ret,
		struct sl_err *err) SL_MUST_CHECK;
/* Whether segment no exists. */
bool sl_seg_has(const struct sl_seg *g, uint32_t no);
/* Where a finding is, for messages: "segment 000000.log, offset 1234". */
int sl_seg_damage(uint64_t off, const char *what, struct sl_err *err);

/* Appends one record to a batch that will lie at log offset base; r->off, end, raw
 * are filled in.  Fails only as a buffer does (sticky). */
void sl_rec_put(struct sl_buf *out, uint64_t base, struct sl_rec *r,
		struct sl_slice body);
/* The stored checksum, and the one that header and body ask for. */
uint32_t sl_rec_crc(const uint8_t raw[SL_REC_HDR], enum sl_rec_type type,
		    struct sl_slice body);

static inline uint64_t
sl_rec_span(uint32_t len)
{
	return SL_REC_HDR + (((uint64_t)len + 7) & ~(uint64_t)7);
}

#endif
