/* hostport.h -- HOST:PORT as an owner writes it, parsed once and strictly.
 *
 * A host is an address or a name.  An address is four decimal parts without leading
 * zeros, or IPv6 in brackets.  Whatever else some program would take for an address
 * (decimal, octal, hexadecimal, short forms) is refused by name, and so is what no TCP
 * service can be at (unspecified, multicast, reserved) and what would be a second way of
 * writing the same (v4-mapped, a zone).  A name is lower-cased; its labels are letters,
 * digits and hyphens, the last one has a letter.  What comes out is canonical: two
 * texts for one host give the same.
 */
#ifndef SL_GRANT_HOSTPORT_H
#define SL_GRANT_HOSTPORT_H

#include "base/err.h"
#include "base/slice.h"

/* DNS allows 253 bytes; with its port and an address a host must fit an observation. */
enum { SL_HOST_MAX = 200, SL_ADDR_TEXT_MAX = 46 };

struct sl_addr {
	uint8_t family; /* 4 or 6; 0: none */
	uint8_t b[16];  /* network order; of IPv4 the first four, the rest 0 */
};

struct sl_hostport {
	char host[SL_HOST_MAX + 1]; /* canonical; IPv6 without brackets */
	struct sl_addr addr;        /* family 0: host is a name */
	uint16_t port;
};

int sl_hostport_parse(struct sl_slice text, struct sl_hostport *ret,
		      struct sl_err *err) SL_MUST_CHECK;
/* A host alone, as a grant holds it: IPv6 without brackets.  port becomes 0. */
int sl_host_parse(struct sl_slice text, struct sl_hostport *ret,
		  struct sl_err *err) SL_MUST_CHECK;
/* An address alone, in its one form. */
bool sl_addr_parse(struct sl_slice text, struct sl_addr *ret);
void sl_addr_text(const struct sl_addr *a, char ret[SL_ADDR_TEXT_MAX]);
bool sl_addr_eq(const struct sl_addr *a, const struct sl_addr *b);
/* An IPv4 address in IPv6's clothes becomes what it is. */
void sl_addr_unmap(struct sl_addr *a);
/* Why a name may not lead to this address ("loopback", "private", ...): whoever answers
 * for the name would choose a service that its owner did not list.  NULL: it may. */
const char *sl_addr_special(const struct sl_addr *a);

#endif
