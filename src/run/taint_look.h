/* taint_look.h -- what a name looks like; private to taint.c and its tests. */
#ifndef SL_RUN_TAINT_LOOK_H
#define SL_RUN_TAINT_LOOK_H

#include "base/slice.h"

enum { TAINT_LOOK_MAX = 4096 };

/* Writes path as a person, or a file system that folds names, takes it, and returns its
 * length: 0 where that is the path itself (but for ASCII case), or it does not fit. */
size_t taint_look(struct sl_slice path, uint8_t out[TAINT_LOOK_MAX]);

#endif
