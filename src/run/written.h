/* written.h -- what an act left in the directories that it may write to in place, of what
 * the host would later run or obey (data/taint.tsv).
 *
 * There is no list of what was there before: whatever changed since it began counts, by
 * the change time, which no act can set.  So what another program changed meanwhile is in
 * it, and what was removed is not.  Directories are listed nearest first, by descriptor,
 * without links and within one file system; names, types, modes and links are looked at,
 * contents are not.  What git writes itself is left out.
 */
#ifndef SL_RUN_WRITTEN_H
#define SL_RUN_WRITTEN_H

#include "grant/grant.h"
#include "run/ws_changes.h"

enum { SL_WRITTEN_LOOK_MAX = 8192 /* entries that are looked at, in all directories */ };

struct sl_written {
	struct sl_ws_changes changes; /* the tainted ones; absolute paths */
	bool is_partial;              /* there was more, or something could not be read */
};

int64_t sl_written_begin(void); /* before the act: the clock that files are stamped by */
/* What there is no memory for in a, where results live, is partial.  masked: a directory
 * that is left out. */
void sl_written_look(const struct sl_grant *g, const char *masked, int64_t since_ns,
		     struct sl_arena *a, struct sl_written *ret);

#endif
