/* fuzz_hostport.c -- what parses is canonical: it parses again, alone and written out
 * with its port, to the very same.  Trusted code base: grant, base. */
#include "grant/grant.h"
#include "grant/hostport.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *d, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *d, size_t n)
{
	struct sl_hostport h, alone, again;
	struct sl_err err = { 0 };
	struct sl_grant_net net;
	char text[SL_NET_TEXT_MAX];

	if (sl_hostport_parse((struct sl_slice){ d, n }, &h, &err) < 0)
		return 0;
	net = (struct sl_grant_net){ sl_slice_str(h.host), h.port, h.addr.family != 0 };
	if (sl_host_parse(net.host, &alone, &err) < 0 ||
	    strcmp(alone.host, h.host) != 0 || !sl_addr_eq(&alone.addr, &h.addr))
		abort();
	(void)sl_grant_net_text(&net, text);
	if (sl_hostport_parse(sl_slice_str(text), &again, &err) < 0 ||
	    strcmp(again.host, h.host) != 0 || again.port != h.port ||
	    !sl_addr_eq(&again.addr, &h.addr))
		abort();
	return 0;
}
