/* offer.c -- what would lift a deny: the gate's counter-offer.  See gate.h. */
#include "gate/int.h"
#include "policy/repair.h"

enum { OFFER_WORK = 500000, OFFERS_MAX = 8 };

#define W(name)                                                                          \
	{                                                                                \
		(const uint8_t *)(name), sizeof(name) - 1                                \
	}

/* What who asks can leave out of the request; all else is as it is. */
static const struct sl_slice wants[] = {
	W("flow_want"), W("want_env"),       W("want_exec"),
	W("want_net"),  W("want_read"),      W("want_secret"),
	W("want_tty"),  W("want_workspace"), W("want_write"),
};

void
sl_gate_repair_opts(struct sl_repair_opts *ret)
{
	*ret = sl_repair_default_opts;
	ret->withhold = wants;
	ret->n_withhold = sizeof(wants) / sizeof(wants[0]);
}

const struct sl_json *
sl_gate_offer(const struct sl_policy *p, const struct sl_verdict *v,
	      struct sl_policy_facts *f, struct sl_jb *b)
{
	SL_AUTO_ARENA a = { 0 };
	struct sl_repair_opts o;
	struct sl_repairs found = { 0 };
	struct sl_err none = { 0 };
	struct sl_json *ret;

	if (strcmp(v->reason, "fuel") == 0 || strcmp(v->reason, "limit") == 0 ||
	    strcmp(v->reason, "error") == 0)
		return NULL;
	sl_arena_init(&a, SL_DECIDE_MEMORY);
	sl_gate_repair_opts(&o);
	o.max_work = OFFER_WORK;
	o.max_repairs = OFFERS_MAX;
	if (sl_policy_repair(p, f, &o, &a, &found, &none) < 0)
		return NULL;
	ret = sl_repairs_json(b, &found);
	return b->is_failed ? NULL : ret;
}
