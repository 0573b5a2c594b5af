/* httpmsg.h -- what sluice-http passes on, and is answered (doc/PROTOCOL.serve).
 *
 * Requests and answers without a byte of HTTP: method, path, the header fields that
 * count, body.  Each message of the channel holds any number of them back to back, so
 * that many share one call.  Integers are little-endian.  Both sides read the other's
 * with the functions here, which refuse whatever is not whole (FORMAT) or too large
 * (LIMIT).
 */
#ifndef SL_PRIV_HTTPMSG_H
#define SL_PRIV_HTTPMSG_H

#include "base/buf.h"
#include "base/err.h"

enum {                       /* operations of the channel */
       SL_HTTP_REQUESTS = 1, /* helper: requests */
       SL_HTTP_ANSWERS,      /* service: answers */
       SL_HTTP_QUIET,        /* service: take no new connection, no new request */
       SL_HTTP_DRAINED       /* helper: everything that was asked is answered */
};

enum {
	SL_HTTP_BODY_MAX = 1 << 20,    /* bytes of a request's body */
	SL_HTTP_FIELD_MAX = 1024,      /* of a path, or a header field that counts */
	SL_HTTP_HEAD_MAX = 16 << 10,   /* of a request's head, all of it */
	SL_HTTP_CONNS_MAX = 4096,      /* connections at once */
	SL_HTTP_HELD_MAX = 64 << 20,   /* bytes of all bodies at once */
	SL_HTTP_IDLE_S = 30,           /* for a request to come, and for each part */
	SL_HTTP_REQUEST_S = 60,        /* for one request to be complete */
	SL_HTTP_ANSWER_MAX = 16 << 20, /* bytes of an answer's body */
	SL_HTTP_FRAME_MAX = 32 << 20   /* of one message of the channel */
};

enum sl_http_method { SL_HTTP_GET = 1, SL_HTTP_POST, SL_HTTP_OTHER };

struct sl_http_request {
	uint32_t id; /* of the helper's choice; the answer's too */
	enum sl_http_method method;
	struct sl_slice path;   /* unescaped, without the query */
	struct sl_slice accept; /* fields Accept, Content-Type; empty: none */
	struct sl_slice type;
	struct sl_slice peer; /* address without port; empty: the unix socket */
	struct sl_slice body;
};

struct sl_http_answer {
	uint32_t id;
	uint16_t status;
	uint32_t retry_s;               /* Retry-After; 0: none */
	int32_t max_age_s;              /* Cache-Control; 0: no-store, -1: none */
	struct sl_slice type, location; /* empty: no such field; with status 405 the
					   second is Allow */
	struct sl_slice body;
};

void sl_http_put_request(struct sl_buf *out, const struct sl_http_request *q);
void sl_http_put_answer(struct sl_buf *out, const struct sl_http_answer *a);
/* The first of *in, which is moved on; slices point into it.  1, or 0 where *in is empty;
 * FORMAT, LIMIT. */
int sl_http_take_request(struct sl_slice *in, struct sl_http_request *ret,
			 struct sl_err *err) SL_MUST_CHECK;
int sl_http_take_answer(struct sl_slice *in, struct sl_http_answer *ret,
			struct sl_err *err) SL_MUST_CHECK;

#endif
