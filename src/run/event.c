/* event.c -- see event.h. */
#include "run/event.h"

#include "record/statement.h"

struct sl_json *
sl_event_new(struct sl_jb *b, const char *name)
{
	struct sl_json *o = sl_json_obj(b);
	char when[32];

	sl_time_text(sl_time_now_ms(), when);
	(void)sl_json_set(b, o, "event", sl_json_cstr(b, name));
	(void)sl_json_set(b, o, "time", sl_json_cstr(b, when));
	return o;
}

int
sl_event_send(const struct sl_listener *l, struct sl_jb *b, const struct sl_json *ev,
	      struct sl_err *err)
{
	if (b->is_failed)
		return SL_ERR(err, NOMEM, "out of memory for an event");
	return l->event(l->arg, ev, err);
}
