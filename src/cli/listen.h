/* listen.h -- the user interface as the listener of a run. */
#ifndef SL_CLI_LISTEN_H
#define SL_CLI_LISTEN_H

#include "cli/ui.h"
#include "run/event.h"

struct sl_listener sl_ui_listener(struct sl_ui *ui);

#endif
