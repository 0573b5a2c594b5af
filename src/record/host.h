/* host.h -- the host base as data: what a context says of the root `host:`.
 *
 * DESIGN section 15: OS release, package-database digest (cached), kernel release;
 * always marked unverified.
 */
#ifndef SL_RECORD_HOST_H
#define SL_RECORD_HOST_H

#include "codec/json.h"
#include "record/home.h"

/* {"name":"host:","os":"debian 12","kernel":"6.18.44","arch":"x86_64",
 *  "packages":hex or "unknown","verified":false} */
int sl_host_base(const struct sl_home *h, struct sl_jb *b, struct sl_json **ret,
		 struct sl_err *err) SL_MUST_CHECK;

#endif
