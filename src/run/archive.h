/* archive.h -- would unpacking an archive write outside of the directory that it is
 * unpacked in?  tar, tar in gzip, zip; anything else is not looked into.
 *
 * Foreign bytes: called in the parser's jail alone (SL_PO_ARCHIVE).  Nothing is unpacked.
 * Escaping is a member whose name is absolute or has "..", a link out, a link that lies
 * behind another link, a device, a file with a set-id bit, and a zip whose two lists of
 * names differ.  What is damaged, larger than the bounds, or could be read in more than
 * one way, is not called plain.
 */
#ifndef SL_RUN_ARCHIVE_H
#define SL_RUN_ARCHIVE_H

#include "base/slice.h"

enum {
	SL_AR_BYTES_MAX = 256 << 20, /* of one: read and made by inflating, together */
	SL_AR_TOTAL_MAX = 512 << 20, /* of all that one parser looks into */
	SL_AR_MEMBERS_MAX = 200000,
};

enum sl_archive {
	SL_AR_UNKNOWN, /* not of a kind that is known, damaged, or too large */
	SL_AR_PLAIN,
	SL_AR_ESCAPES,
};

struct sl_archive_src {
	/* Reads up to n bytes at off: how many (0: the end), or -errno. */
	long (*read_at)(void *arg, uint64_t off, void *p, size_t n);
	void *arg;
	uint64_t size;
	uint64_t
	    left; /* that may be read, and made by inflating; what is used is taken off
		   */
};

enum sl_archive sl_archive_look(struct sl_archive_src *src);
/* Is it the first block of a tar, of whichever format? */
bool sl_tar_is_header(struct sl_slice block);

#endif
