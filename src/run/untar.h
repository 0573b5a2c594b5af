/* untar.h -- the members of a tar (ustar, pax, GNU, V7), perhaps in gzip, one after
 * another: for taking an archive in as a root.
 *
 * Foreign bytes: called in the parser's jail alone (SL_PO_UNTAR).  Strict where archive.h
 * only looks: what readers take differently is refused by name (two names of one member,
 * a link or directory with content, sparse files, global names, what follows the end),
 * and so is a name that is absolute or has "..", a damaged checksum, a cut-off archive.
 * Other compressions are named and refused.  Owners, times and extended attributes are
 * not told.
 */
#ifndef SL_RUN_UNTAR_H
#define SL_RUN_UNTAR_H

#include "base/err.h"
#include "roots/unpack.h"
#include "run/archive.h"

enum {
	SL_UNTAR_PAX_MAX = 1 << 20,   /* bytes of one extended header */
	SL_UNTAR_CHUNK = 64 << 10,    /* bytes of content at once */
	SL_UNTAR_ZEROS_MAX = 1 << 20, /* behind the end */
};

/* Not 0: no more is wanted, and that is returned. */
struct sl_untar_out {
	int (*member)(void *arg, const struct sl_unpack_member *m, struct sl_err *err);
	int (*bytes)(void *arg, struct sl_slice bytes, struct sl_err *err);
	void *arg;
};

/* FORMAT, UNSUPPORTED, LIMIT with the member's name; what out returned. */
int sl_untar(struct sl_archive_src *src, const struct sl_untar_out *out,
	     struct sl_err *err) SL_MUST_CHECK;

#endif
