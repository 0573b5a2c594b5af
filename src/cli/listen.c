/* listen.c -- see listen.h. */
#include "cli/listen.h"

static int
on_event(void *arg, const struct sl_json *ev, struct sl_err *err)
{
	return sl_ui_event(arg, ev, err);
}

static void
on_tick(void *arg)
{
	sl_ui_tick(arg);
}

struct sl_listener
sl_ui_listener(struct sl_ui *ui)
{
	return (struct sl_listener){ ui, on_event, on_tick };
}
