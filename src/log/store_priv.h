/* store_priv.h -- between the files of the store: store.c, batch.c, upkeep.c. */
#ifndef SL_LOG_STORE_PRIV_H
#define SL_LOG_STORE_PRIV_H

#include "log/store.h"

int sl_store_lock(struct sl_store *s, struct sl_err *err) SL_MUST_CHECK;
void sl_store_unlock(struct sl_store *s);
/* Ends the store for good; the error that every later call names is *err. */
int sl_store_die(struct sl_store *s, struct sl_err *err);
/* 0, or STORE: it is not open, or dead. */
int sl_store_alive(const struct sl_store *s, struct sl_err *err) SL_MUST_CHECK;
/* Under the lock: the last seal, whoever wrote it, and nothing behind it. */
int sl_store_refresh(struct sl_store *s, struct sl_err *err) SL_MUST_CHECK;
/* Zeros up to len bytes of the segment that is written. */
int sl_store_fill(struct sl_store *s, uint64_t len, struct sl_err *err) SL_MUST_CHECK;
/* Under the lock: what is sealed is in the index too, where there can be one. */
int sl_store_catch_up(struct sl_store *s, struct sl_err *err);
/* Signs the batch and puts its seal behind it; s->next is then what it says. */
int sl_store_seal(struct sl_store *s, const struct sl_store_signer *by,
		  struct sl_err *err) SL_MUST_CHECK;

#endif
