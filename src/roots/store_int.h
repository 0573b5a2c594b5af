/* store_int.h -- what store.c and import.c share. */
#ifndef SL_ROOTS_STORE_INT_H
#define SL_ROOTS_STORE_INT_H

#include "roots/store.h"

/* roots/, locked while it is changed. */
int sl_roots_open(const struct sl_home *h, bool is_locked, int *ret_fd,
		  struct sl_err *err) SL_MUST_CHECK;
/* Takes away what was interrupted; roots/ is locked. */
void sl_roots_sweep(int dir_fd);
int sl_root_write_info(const struct sl_home *h, const char *dir,
		       const struct sl_tree_size *size, const uint8_t stamp[32],
		       struct sl_err *err) SL_MUST_CHECK;
/* Holds the root of root->hex, and compares its stamp. */
int sl_root_look(const struct sl_home *h, struct sl_root *root,
		 struct sl_err *err) SL_MUST_CHECK;

#endif
