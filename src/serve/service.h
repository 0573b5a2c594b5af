/* service.h -- the transparency service: requests in, answers out.
 *
 * One loop over few descriptors.  A statement goes to a checker (serve/check.h), then
 * through the gate, then with others into one batch of the recorder, and its receipt out
 * when that batch is durable, not before.  While a batch is being written the next one is
 * checked and gathered.  This process holds no key and reads nothing foreign but lengths
 * and bounded fields.
 */
#ifndef SL_SERVE_SERVICE_H
#define SL_SERVE_SERVICE_H

#include "gate/gate.h"
#include "log/reader.h"
#include "priv/chan.h"
#include "serve/check.h"
#include "serve/rate.h"
#include "serve/route.h"

enum {
	SL_SERVE_CHECKERS_MAX = 8,
	SL_SERVE_BATCH = 1024,          /* statements in one batch of the log */
	SL_SERVE_BATCH_BYTES = 8 << 20, /* of these */
	SL_SERVE_PEER_RATE = 1000,      /* requests a second of one address */
	SL_SERVE_ISSUER_RATE = 20000,   /* statements a second of one issuer */
	SL_SERVE_REFUSALS_S = 600,      /* between two statements of what was refused */
	SL_SERVE_DRAIN_MS = 10000
};

/* The supervisor's side of sluice-http: what it may say. */
extern const struct sl_chan_op sl_service_ops[];
extern const size_t sl_service_n_ops;

struct sl_service_opts {
	const struct sl_home *home; /* borrowed, as all of these */
	struct sl_gate *gate;
	struct sl_chan *http;
	struct sl_checker *checker;
	size_t n_checkers;
	int stop_fd; /* readable: drain and end */
	uint32_t peer_rate, issuer_rate;
	bool is_legacy; /* POST is answered with 303, as drafts 04 to 10 had it */
};

struct sl_service_stats {
	uint64_t n_requests, n_registered, n_again, n_refused, n_batches;
};

/* Until stop_fd is readable (0), or something ends it: STORE, SYS.  Statements of what
 * was refused are durable when it returns. */
int sl_service_run(const struct sl_service_opts *o, struct sl_service_stats *ret,
		   struct sl_err *err) SL_MUST_CHECK;

/* --- for handlers --- */

/* The log as it is now.  Borrowed until the next call. */
int sl_service_reader(struct sl_service *s, struct sl_reader **ret,
		      struct sl_err *err) SL_MUST_CHECK;
/* Takes the request over: it is answered once the statement in its body is durable, or
 * refused. */
int sl_service_register(struct sl_service *s, const struct sl_http_request *q,
			struct sl_reply *r, struct sl_err *err) SL_MUST_CHECK;
bool sl_service_is_legacy(const struct sl_service *s);
/* "/entries/..." of an entry. */
void sl_entry_location(const uint8_t id[32], char out[64]);
bool sl_entry_parse(struct sl_slice text, uint8_t ret_id[32]);

#endif
