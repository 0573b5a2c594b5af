/* msg.h -- what the proxy and its supervisor say to each other (doc/PROTOCOL.roles).
 *
 * The proxy has read what the box wrote, so what it says is as hostile: the supervisor
 * takes a host only in its one form, looks for it in the grant itself and connects
 * itself.  Bodies are these structs, zeroed where nothing is.
 */
#ifndef SL_PROXY_MSG_H
#define SL_PROXY_MSG_H

#include "grant/hostport.h"
#include "priv/chan.h"

enum {
	SL_PROXY_CONNS_MAX = 128, /* of a box at once; further ones wait in its queue */
	SL_PROXY_NAMES_MAX = 8,   /* that TLS may name where an address was asked for */
	SL_PROXY_NAMES_LEN = SL_PROXY_NAMES_MAX * (SL_HOST_MAX + 1),
	SL_PROXY_TEXT_MAX = 240,  /* bytes of a refused target in the record */
	SL_PROXY_HEAD_MS = 10000, /* for a request, and then for a ClientHello */
	SL_PROXY_DRAIN_MS =
	    2000, /* for what is still to be sent when the act has ended */
};

enum sl_proxy_op {
	/* to the proxy */
	SL_PXO_LISTEN = 1, /* nothing; fd: the listener, in place of an earlier one */
	SL_PXO_OPENED,     /* struct sl_pxm_opened, names; fd: the connection, if it is */
	SL_PXO_DRAIN,      /* nothing: the act has ended */
	/* from the proxy */
	SL_PXO_OPEN = 64, /* struct sl_pxm_open */
	SL_PXO_REFUSED,   /* struct sl_pxm_refused */
	SL_PXO_CLOSED,    /* struct sl_pxm_closed */
	SL_PXO_DRAINED,   /* nothing: no connection is left */
};

struct sl_pxm_open {
	uint32_t id; /* below SL_PROXY_CONNS_MAX, used by no other connection */
	uint16_t port;
	uint8_t act; /* enum sl_proxy_act */
	char host[SL_HOST_MAX + 1];
};

struct sl_pxm_opened {
	uint32_t id;
	int32_t err;     /* errno; 0: the connection comes with it */
	uint8_t why;     /* enum sl_proxy_why, where it was refused */
	uint8_t is_bare; /* TLS needs to name nobody: the address itself is listed */
	uint8_t n_names; /* NUL-terminated, after the struct: whom TLS may name */
};

struct sl_pxm_refused {
	uint8_t act, why;
	uint16_t len;
	uint8_t text[SL_PROXY_TEXT_MAX]; /* the target as far as it was understood */
};

struct sl_pxm_closed {
	uint32_t id;
	uint32_t why;               /* not NONE: the proxy closed it */
	uint64_t sent, received;    /* bytes of the box's to the service, and back */
	char name[SL_HOST_MAX + 1]; /* whom TLS named instead, in its one form, or "" */
};

#endif
