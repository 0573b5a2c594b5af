/* dcache.h -- SHA-256 of files of the host, remembered by device, inode, size,
 * mtime and ctime, so that a start does not read megabytes again.
 *
 * The cache is one small file below home; it only saves time: a wrong or damaged
 * one is made again.  An entry counts only if the file was last changed more than
 * two seconds before it was hashed (a later write could carry the same times).
 */
#ifndef SL_RECORD_DCACHE_H
#define SL_RECORD_DCACHE_H

#include "record/home.h"

/* Digest of the file at path (links followed: for files of the host's own).  NOENT
 * where there is none. */
int sl_dcache_file(const struct sl_home *h, const char *path, uint8_t ret[32],
		   struct sl_err *err) SL_MUST_CHECK;

#endif
