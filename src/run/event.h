/* event.h -- where the events of a run go (doc/PROTOCOL.events): made here, shown by
 * whoever listens. */
#ifndef SL_RUN_EVENT_H
#define SL_RUN_EVENT_H

#include "codec/json.h"

struct sl_listener {
	void *arg;
	/* ev is valid during the call.  SL_E(...) ends the run as an I/O failure. */
	int (*event)(void *arg, const struct sl_json *ev, struct sl_err *err);
	void (*tick)(
	    void *arg); /* at least every 100 ms while something runs; may be NULL */
};

/* {"event": name, "time": now}; the caller adds the keys. */
struct sl_json *sl_event_new(struct sl_jb *b, const char *name);
/* Hands ev over; NOMEM where b failed. */
int sl_event_send(const struct sl_listener *l, struct sl_jb *b, const struct sl_json *ev,
		  struct sl_err *err) SL_MUST_CHECK;

#endif
