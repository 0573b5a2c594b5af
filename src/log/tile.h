/* tile.h -- a tree as C2SP tiles (c2sp.org/tlog-tiles): the bytes behind a path.
 *
 *   tile/<L>/<N>[.p/<W>]        up to 256 hashes: nodes at height 8L, 256N ... of the
 * tree tile/entries/<N>[.p/<W>]    up to 256 entries, each u16 big-endian length and
 * bytes
 *
 * N in groups of three digits, all but the last behind an x: x001/x234/067.  An entry of
 * our trees is the SHA-256 of a canonical statement: 32 bytes; the statement itself is
 * elsewhere. Tiles come from the derived hashes and are not checked here: who reads them
 * checks them against a checkpoint, which is what tiles are for. */
#ifndef SL_LOG_TILE_H
#define SL_LOG_TILE_H

#include "log/reader.h"

enum { SL_TILE_WIDTH = 256, SL_TILE_LEVELS = 8, SL_TILE_PATH_MAX = 64 };

struct sl_tile {
	bool is_entries;
	unsigned level; /* 0 for entries */
	uint64_t n;
	unsigned width; /* 256: full */
};

/* path without a leading slash; false unless it is exactly of that form. */
bool sl_tile_parse(struct sl_slice path, struct sl_tile *ret);
/* Writes the path, NUL included, at most SL_TILE_PATH_MAX bytes. */
void sl_tile_path(const struct sl_tile *t, char *out);
/* Appends its bytes.  NOENT where the tree has not so many. */
int sl_reader_tile(struct sl_reader *r, uint32_t tree, const struct sl_tile *t,
		   struct sl_buf *out, struct sl_err *err) SL_MUST_CHECK;
/* The tiles of a tree of that size, each once: fn returns 0 to go on. */
typedef int sl_tile_fn(void *arg, const struct sl_tile *t, struct sl_err *err);
int sl_tile_each(uint64_t size, sl_tile_fn *fn, void *arg,
		 struct sl_err *err) SL_MUST_CHECK;

#endif
