/* home.h -- $SLUICE_HOME: the directory that holds all that a node keeps.
 *
 * keys/ and log/ belong to the recorder; policy/ holds the owner's editable policy;
 * runs/ID/ the workspaces of runs (runs/open/ID while one is under way, locked by its
 * supervisor); cache/ what can be made again.  Everything is 0700 and owned by the
 * user: a directory of another owner, or one that others can write to, is refused.
 */
#ifndef SL_RECORD_HOME_H
#define SL_RECORD_HOME_H

#include "base/buf.h"
#include "base/err.h"

struct sl_home {
	char *path; /* absolute, canonical */
	int fd;
	bool is_new; /* made by this call */
};

int sl_home_open(const char *path, struct sl_home *ret, struct sl_err *err) SL_MUST_CHECK;
void sl_home_done(struct sl_home *h); /* accepts a zeroed one with fd -1 */
/* Opens (makes) a directory below home, e.g. "runs/7e0b...": 0700. */
int sl_home_dir(const struct sl_home *h, const char *name, int *ret_fd,
		struct sl_err *err) SL_MUST_CHECK;
/* Reads a small file below home; NOENT when it is not there. */
int sl_home_read(const struct sl_home *h, const char *name, size_t max,
		 struct sl_buf *out, struct sl_err *err) SL_MUST_CHECK;
/* Writes a small file below home: temporary name, fsync when durable, rename. */
int sl_home_write(const struct sl_home *h, const char *name, struct sl_slice bytes,
		  bool durable, struct sl_err *err) SL_MUST_CHECK;

#endif
