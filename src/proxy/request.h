/* request.h -- what a program asks of the box's proxy, parsed once and strictly.
 *
 * Pure functions over bytes that the box wrote: no allocation, no I/O.  Each returns the
 * bytes that it has taken (> 0), 0 where more are needed, or -(enum sl_proxy_why).
 * A target has one form (grant/hostport.h); whatever two parsers could read in two ways
 * is refused: a bare CR or LF, a folded line, a NUL, two lengths, a Host that is not the
 * target.  Slices of a request lie in the input.
 */
#ifndef SL_PROXY_REQUEST_H
#define SL_PROXY_REQUEST_H

#include "base/buf.h"
#include "grant/hostport.h"
#include "proxy/why.h"

enum {
	SL_PROXY_HEAD_MAX = 32768, /* bytes of a request's head, or of a ClientHello */
	SL_PROXY_FIELDS_MAX = 100, /* of one head */
};

enum sl_proxy_act { SL_PROXY_HTTP, SL_PROXY_CONNECT, SL_PROXY_SOCKS5, SL_PROXY_ACTS };

struct sl_proxy_req {
	enum sl_proxy_act act;
	struct sl_slice
	    asked; /* the target as it was written: also where it is refused */
	struct sl_hostport to;
	/* of HTTP alone */
	struct sl_slice method, path; /* "/", or what followed the authority */
	struct sl_slice fields;       /* whole lines */
	bool is_old;                  /* HTTP/1.0 */
	bool is_chunked;
	uint64_t len_body; /* bytes; 0 where it is chunked */
};

/* A head up to its empty line. */
int sl_proxy_http(struct sl_slice in, struct sl_proxy_req *ret);
/* A plain request as it goes on: the path alone, Host as it was understood, nothing that
 * is between the program and its proxy, and the wish to close after it. */
void sl_proxy_http_write(const struct sl_proxy_req *r, struct sl_buf *out);

/* RFC 1928: the greeting, and then the request. */
int sl_proxy_socks_hello(struct sl_slice in);
int sl_proxy_socks(struct sl_slice in, struct sl_proxy_req *ret);

/* The body of a plain request: where it ends, for nothing may follow it. */
struct sl_proxy_body {
	bool is_chunked, is_done;
	uint64_t left;    /* bytes of the body, or of the chunk */
	unsigned state;   /* of a chunked one */
	unsigned n_digit; /* of its size */
};
void sl_proxy_body_init(struct sl_proxy_body *b, const struct sl_proxy_req *r);
/* Bytes of in that belong to it, or -(enum sl_proxy_why): never "more is needed". */
int sl_proxy_body(struct sl_proxy_body *b, struct sl_slice in);

/* The records of one ClientHello, and the server's name in it ("": none). */
int sl_proxy_hello(struct sl_slice in, char ret_name[SL_HOST_MAX + 1]);

#endif
