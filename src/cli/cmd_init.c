/* cmd_init.c -- sluice init: identity, log, policy; says what there is. */
#include "base/hex.h"
#include "cli/cmd.h"
#include "cli/out.h"
#include "cli/session.h"

#include <stdio.h>

enum { O_JSON };

static const struct sl_opt opts[] = {
	[O_JSON] = { "json", 0, NULL, "one object on standard output", false },
	{ 0 },
};

static int
show_json(const struct sl_session *s, struct sl_err *err)
{
	const struct sl_gate_info *i = sl_gate_info(s->gate);
	SL_AUTO_OUT o = { 0 };
	struct sl_json *v = sl_out_init(&o);

	(void)sl_json_set(&o.b, v, "identity", sl_json_cstr(&o.b, i->node.did));
	(void)sl_json_set(&o.b, v, "working_key",
			  sl_json_cstr(&o.b, i->node.working_did));
	(void)sl_json_set(&o.b, v, "policy", sl_json_hex(&o.b, i->policy, 32));
	(void)sl_json_set(&o.b, v, "home", sl_json_cstr(&o.b, s->home.path));
	(void)sl_json_set(&o.b, v, "node_size",
			  sl_json_int(&o.b, (int64_t)i->node.node_size));
	(void)sl_json_set(&o.b, v, "is_new", sl_json_bool(&o.b, i->node.is_new));
	return sl_out_json(&o, v, err);
}

static int
run(const struct sl_args *args, struct sl_err *err)
{
	SL_AUTO_SESSION s = { .home.fd = -1 };
	const struct sl_gate_info *i;
	char hex[65];
	int r;

	if ((r = sl_session_start(&s, err)) < 0 ||
	    (r = sl_session_gate(&s, true, err)) < 0)
		return r;
	if (sl_arg_is(args, O_JSON))
		return show_json(&s, err);
	i = sl_gate_info(s.gate);
	sl_hex(hex, i->policy, 32);
	printf("identity  %s%s\n", i->node.did, i->node.is_new ? " (new)" : "");
	printf("home      %s\n", s.home.path);
	printf("policy    %.16s  %s/policy/policy.dl%s\n", hex, s.home.path,
	       i->is_policy_edited ? " (edited: sluice policy register)" : "");
	printf("log       %llu entries in the node's tree\n",
	       (unsigned long long)i->node.node_size);
	return sl_out_flush(err);
}

const struct sl_cmd sl_cmd_init = {
	.name = "init",
	.summary = "make this node's identity, log and policy; say what there is",
	.usage = "[--json]",
	.opts = opts,
	.run = run,
};
