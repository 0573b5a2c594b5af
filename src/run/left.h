/* left.h -- what the jobs of a finished run left in their workspaces: found again below
 * $SLUICE_HOME/runs/ID, compared with the frozen manifest. */
#ifndef SL_RUN_LEFT_H
#define SL_RUN_LEFT_H

#include "codec/json.h"
#include "record/home.h"
#include "run/ws_changes.h"

enum { SL_LEFT_JOBS_MAX = 1024 };

struct sl_left_job {
	const char *key;       /* "build", "test (gcc)" */
	const char *workspace; /* directory that it worked on */
	bool is_overlay, is_direct;
	int left_fd; /* its upper or copy; -1: direct */
	struct sl_ws_changes changes;
};

struct sl_left {
	struct sl_arena a;
	int dir_fd; /* runs/ID */
	const struct sl_ws_manifest *base;
	struct sl_left_job *job;
	size_t n;
};

/* key: only that job ("" or NULL: all).  NOENT: nothing (or not that job) is there. */
int sl_left_open(const struct sl_home *h, const uint8_t run[32], const char *key,
		 struct sl_left *ret, struct sl_err *err) SL_MUST_CHECK;
void sl_left_done(struct sl_left *l);
/* Forgets all of it. */
int sl_left_drop(const struct sl_home *h, const uint8_t run[32],
		 struct sl_err *err) SL_MUST_CHECK;

#endif
