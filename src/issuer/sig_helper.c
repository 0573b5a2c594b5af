/* sig_helper.c -- see sig.h: questions to the helper sluice-sig. */
#include "issuer/sig.h"

static const struct sl_chan_op ops[] = { { SL_SIG_ANSWER, SL_SIG_ANSWER_MAX, 0 } };

static int
ask_over(struct sl_sig *s, enum sl_sig_op op, struct sl_slice question,
	 struct sl_err *err)
{
	struct sl_msg m;
	int r = sl_chan_send(&s->helper.chan, (uint16_t)op, question, NULL, 0, err);

	if (r == 0)
		r = sl_chan_recv(&s->helper.chan, &s->room, &m, SL_SIG_DEADLINE_MS, err);
	if (r < 0)
		return sl_err_ctx(err, "sluice-sig");
	return r == 1 ? 0 : SL_ERR(err, ENV, "sluice-sig ended without an answer");
}

static int
ask(struct sl_sig *s, enum sl_sig_op op, struct sl_slice question, struct sl_err *err)
{
	const struct sl_helper_opt opt = { .ops = ops, .n_ops = 1 };
	int r;

	if (s->helper.pid == 0 &&
	    (r = sl_helper_start("sluice-sig", &opt, &s->helper, err)) < 0)
		return r;
	return ask_over(s, op, question, err);
}

static void
stop(struct sl_sig *s)
{
	(void)sl_helper_stop(&s->helper, 1000);
}

void
sl_sig_helper(struct sl_sig *s)
{
	s->ask = ask;
	s->stop = stop;
}

void
sl_sig_over(struct sl_sig *s, int fd)
{
	s->helper.chan = (struct sl_chan){ .fd = fd, .ops = ops, .n_ops = 1 };
	s->ask = ask_over;
	s->stop = NULL;
}
