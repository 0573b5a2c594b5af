/* mark.h -- which runs are under way: runs/open/ID, locked by its supervisor.
 *
 * The mark is there before the run's decision is durable and goes when its seal is, so
 * a mark that nobody holds is a run that was interrupted (DESIGN section 15): the next
 * start closes it in the log and never acts on it again. */
#ifndef SL_RUN_MARK_H
#define SL_RUN_MARK_H

#include "gate/gate.h"

struct sl_mark {
	int fd;        /* the locked file, which holds the supervisor's pid */
	char name[96]; /* below home */
};

int sl_mark_set(const struct sl_home *h, const uint8_t run[32], struct sl_mark *ret,
		struct sl_err *err) SL_MUST_CHECK;
void sl_mark_clear(const struct sl_home *h, struct sl_mark *m); /* accepts fd -1 */

/* Calls each for every mark that nobody holds, and removes it when that returns 0. */
int sl_mark_stale(const struct sl_home *h,
		  int (*each)(void *arg, const uint8_t run[32], struct sl_err *err),
		  void *arg, struct sl_err *err) SL_MUST_CHECK;
/* 1: the run is under way, 0: it is not. */
int sl_mark_is_live(const struct sl_home *h, const uint8_t run[32]);
/* The supervisor's pid, or 0 when the run is not under way. */
long sl_mark_pid(const struct sl_home *h, const uint8_t run[32]);

#endif
