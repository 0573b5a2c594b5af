/* keystore.h -- secret seeds as files: 32 bytes, mode 0600, in a directory of mode 0700,
 * both owned by the effective user.
 *
 * Refused: a symbolic link, another owner, any other mode, another size or kind of file.
 * A seed is made atomically: it gets its name only when its bytes are on stable storage,
 * and only if the name is free; whoever loses such a race reads the winner's.  So several
 * processes that start at once end with one key.
 */
#ifndef SL_CRYPTO_KEYSTORE_H
#define SL_CRYPTO_KEYSTORE_H

#include "base/err.h"
#include "crypto/ed25519.h"

/* Opens (makes, if it is not there) the directory name in home_fd.  *ret_fd is the
 * caller's to close.  ENV: owner or mode; SYS. */
int sl_keystore_open(int home_fd, const char *name, int *ret_fd,
		     struct sl_err *err) SL_MUST_CHECK;
/* Reads the seed name.  may_create: makes it from kernel randomness if it is not there,
 * and *ret_is_new (or NULL) says that this call did.  NOENT when it is not there and may
 * not be made; ENV: owner, mode, kind; STORE: size; SYS.  The caller wipes ret_seed. */
int sl_keystore_seed(int dir_fd, const char *name, bool may_create,
		     uint8_t ret_seed[SL_KEY_LEN], bool *ret_is_new,
		     struct sl_err *err) SL_MUST_CHECK;

#endif
