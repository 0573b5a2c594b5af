/* lesson.h -- what `sluice exec --learn` says at the end. */
#ifndef SL_CLI_LESSON_H
#define SL_CLI_LESSON_H

#include "run/learn.h"

void sl_lesson_say(const struct sl_lesson *x); /* on standard error */
/* A profile in a new file, mode 0600; one that is there is never touched. */
int sl_lesson_write(const char *path, const struct sl_lesson *x,
		    struct sl_err *err) SL_MUST_CHECK;

#endif
