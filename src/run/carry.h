/* carry.h -- one act carried through its box: started by its permit, its output passed
 * on, its time kept, signals to sluice turned into the end of the act. */
#ifndef SL_RUN_CARRY_H
#define SL_RUN_CARRY_H

#include "box/box.h"
#include "run/event.h"

enum {
	SL_GRACE_MS = 10000, /* between the first signal to an act and SIGKILL */
};

/* SIGINT, SIGTERM and SIGHUP as data, and what else one poll loop waits for. */
struct sl_signals {
	int fd;          /* signalfd */
	int cancel_fd;   /* readable: another command asks to end the run; -1: none */
	int got;         /* the first signal that came (SIGTERM for a cancel), 0: none */
	unsigned n;      /* how many came */
	bool is_resized; /* SIGWINCH came: no reason to end */
};

/* Blocks the three signals, SIGWINCH and SIGPIPE, for this process; the box gives its
 * acts a clean mask. */
int sl_signals_init(struct sl_signals *s, struct sl_err *err) SL_MUST_CHECK;
void sl_signals_done(struct sl_signals *s);
/* Takes what has come without waiting. */
void sl_signals_poll(struct sl_signals *s);

struct sl_carry {
	struct sl_box *box;
	struct sl_signals *signals;
	const struct sl_listener *listener; /* for ticks; may be NULL */
	void (*output)(void *arg, int stream, struct sl_slice bytes);
	void (*observed)(void *arg, const struct sl_obs *o); /* may be NULL */
	void *arg;
	/* Channels of the recorder and the parser (-1: none): without either the act's
	 * end could not be recorded, so it is ended at once when one breaks. */
	int role_fd[2];
	/* state of the act under way */
	struct sl_proc_end end;
	bool has_ended, is_dead;
	bool has_tty; /* the act has a terminal: changes of window_fd's size reach it */
	int window_fd;
	bool is_unread; /* set by output(): nobody wants any more of it, the act is to end
			 */
	char why[160];
};

struct sl_carry_end {
	struct sl_proc_end proc;
	bool is_timeout, is_cancelled, is_box_dead;
};

/* The sink to give to sl_box_prepare(): it feeds c. */
struct sl_box_sink sl_carry_sink(struct sl_carry *c);
/* Spends the permit, starts the act, returns when it has ended.  timeout_ms 0: none. */
int sl_carry_act(struct sl_carry *c, struct sl_permit *permit, const struct sl_act *act,
		 const uint8_t hmac_key[32], int64_t timeout_ms, struct sl_carry_end *ret,
		 struct sl_err *err) SL_MUST_CHECK;
/* Closes the box, if there is one. */
void sl_carry_close(struct sl_carry *c);

#endif
