/* session.h -- what nearly every command begins with: the home, the recorder (forked
 * before anything foreign is read) and the gate. */
#ifndef SL_CLI_SESSION_H
#define SL_CLI_SESSION_H

#include "gate/gate.h"

struct sl_session {
	struct sl_home home;
	struct sl_recorder *rec;
	struct sl_gate *gate;
};

/* $SLUICE_HOME, else $XDG_DATA_HOME/sluice, else ~/.local/share/sluice; root without
 * HOME: /var/lib/sluice.  Made where it is missing. */
int sl_session_home(struct sl_home *ret, struct sl_err *err) SL_MUST_CHECK;
/* Home, where it is not open yet, and recorder; the gate follows with sl_session_gate(),
 * so that other processes can be started meanwhile. */
int sl_session_start(struct sl_session *s, struct sl_err *err) SL_MUST_CHECK;
/* Opens the gate; says on stderr, in one line, what it made or noticed. */
int sl_session_gate(struct sl_session *s, bool is_quiet,
		    struct sl_err *err) SL_MUST_CHECK;
/* The same as a callback, recorder included where it is not started yet: session is a
 * struct sl_session whose home is open. */
int sl_session_open_gate(void *session, struct sl_gate **ret,
			 struct sl_err *err) SL_MUST_CHECK;
void sl_session_done(struct sl_session *s);

#define SL_AUTO_SESSION                                                                  \
	__attribute__((                                                                  \
	    cleanup(sl_session_done))) struct sl_session /* s = { .home.fd = -1 } */

#endif
