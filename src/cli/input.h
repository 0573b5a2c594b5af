/* input.h -- a file that the caller names, or a pipe: read whole, within a bound.
 *
 * What cannot be such a file (absent, a directory, a device, a loop of links) is the
 * caller's to mend: NOENT or USAGE.  LIMIT: it holds more than max bytes.
 */
#ifndef SL_CLI_INPUT_H
#define SL_CLI_INPUT_H

#include "base/buf.h"
#include "base/err.h"

/* out is made anew, for up to max bytes. */
int sl_input_path(const char *path, size_t max, struct sl_buf *out,
		  struct sl_err *err) SL_MUST_CHECK;
/* To its end; what stands for it in messages. */
int sl_input_fd(int fd, const char *what, size_t max, struct sl_buf *out,
		struct sl_err *err) SL_MUST_CHECK;

#endif
