/* fuzz_hello.c -- a name that is found could stand in a grant, and is found again in the
 * very bytes that were taken.  Trusted code base: proxy/hello.c, grant/hostport.c, base.
 */
#include "proxy/request.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *d, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *d, size_t n)
{
	char name[SL_HOST_MAX + 1], again[SL_HOST_MAX + 1];
	struct sl_hostport h;
	struct sl_err err = { 0 };
	int used = sl_proxy_hello((struct sl_slice){ d, n }, name);

	if (used <= 0)
		return 0;
	if ((size_t)used > n ||
	    sl_proxy_hello((struct sl_slice){ d, (size_t)used }, again) != used ||
	    strcmp(name, again) != 0)
		abort();
	if (name[0] != '\0' && (sl_host_parse(sl_slice_str(name), &h, &err) < 0 ||
				h.addr.family != 0 || strcmp(h.host, name) != 0))
		abort();
	return 0;
}
