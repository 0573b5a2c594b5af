/* cmd_key.c -- sluice key: which keys this node has had, and their succession. */
#include "base/auto.h"
#include "base/hex.h"
#include "cli/ask.h"
#include "cli/cmd.h"
#include "cli/out.h"
#include "log/keyring.h"

#include <stdio.h>

enum { OPT_JSON };

static const struct sl_opt opts[] = {
	[OPT_JSON] = { "json", 0, NULL, "one object a line", false },
	{ 0 },
};

/* --- show --- */

static const char *
state_of(const struct sl_ring_key *k)
{
	return k->until == UINT64_MAX ? "in use" : k->is_retired ? "retired" : "ended";
}

static int
line(struct sl_out *o, bool is_json, const char *role, const uint8_t pub[32],
     uint64_t from, uint64_t until, const char *state, struct sl_err *err)
{
	char did[SL_DIDKEY_MAX];
	struct sl_json *v;

	sl_didkey(pub, did);
	if (!is_json) {
		printf("%-8s  %s  %-7s  from entry %llu", role, did, state,
		       (unsigned long long)from);
		if (until != UINT64_MAX)
			printf(" to %llu", (unsigned long long)until);
		printf("\n");
		return 0;
	}
	v = sl_json_obj(&o->b);
	(void)sl_json_set(&o->b, v, "role", sl_json_cstr(&o->b, role));
	(void)sl_json_set(&o->b, v, "key", sl_json_cstr(&o->b, did));
	(void)sl_json_set(&o->b, v, "state", sl_json_cstr(&o->b, state));
	(void)sl_json_set(&o->b, v, "from", sl_json_int(&o->b, (int64_t)from));
	if (until != UINT64_MAX)
		(void)sl_json_set(&o->b, v, "until", sl_json_int(&o->b, (int64_t)until));
	return sl_out_json(o, v, err);
}

static int
show_ring(const struct sl_keyring *k, bool is_json, struct sl_err *err)
{
	SL_AUTO_OUT o = { 0 };
	struct sl_json *v;
	char hex[65] = "";
	int r = 0;

	(void)sl_out_init(&o);
	for (uint64_t i = 0; i < k->n_ids && r == 0; i++)
		r = line(&o, is_json, "identity", k->id[i].pub, k->id[i].from,
			 k->id[i].until, state_of(&k->id[i]), err);
	for (size_t i = 0; i < k->n && r == 0; i++)
		r = line(&o, is_json, "working", k->key[i].pub, k->key[i].from,
			 k->key[i].until, state_of(&k->key[i]), err);
	if (r < 0)
		return r;
	if (k->has_next)
		sl_hex(hex, k->next, 32);
	if (is_json) {
		v = sl_json_obj(&o.b);
		(void)sl_json_set(&o.b, v, "next",
				  k->has_next ? sl_json_cstr(&o.b, hex)
					      : sl_json_null(&o.b));
		return sl_out_json(&o, v, err);
	}
	printf("next      %s\n", k->has_next ? hex : "none announced: sluice key rotate");
	return sl_out_flush(err);
}

static int
show(const struct sl_args *args, struct sl_err *err)
{
	struct sl_home home = { .fd = -1 };
	struct sl_reader *reader = NULL;
	struct sl_keyring ring;
	int r;

	if (args->argc != 1)
		return SL_ERR(err, USAGE, "usage: sluice key show [--json]");
	if ((r = sl_session_home(&home, err)) == 0 &&
	    (r = sl_reader_open(home.fd, &reader, err)) == 0 &&
	    (r = sl_reader_keys(reader, &ring, err)) == 0) {
		r = show_ring(&ring, sl_arg_is(args, OPT_JSON), err);
		sl_keyring_done(&ring);
	}
	sl_reader_close(reader);
	sl_home_done(&home);
	return r;
}

/* --- rotate, retire --- */

static int
say(const struct sl_args *args, const char *done, const struct sl_admin_done *d,
    const char *text, struct sl_err *err)
{
	SL_AUTO_OUT o = { 0 };
	struct sl_json *v = sl_out_init(&o);
	char hex[65];

	sl_hex(hex, d->entry.id, 32);
	if (sl_arg_is(args, OPT_JSON)) {
		(void)sl_json_set(&o.b, v, "done", sl_json_cstr(&o.b, done));
		(void)sl_json_set(&o.b, v, "entry", sl_json_cstr(&o.b, hex));
		(void)sl_json_set(&o.b, v, "index",
				  sl_json_int(&o.b, (int64_t)d->entry.index));
		return sl_out_json(&o, v, err);
	}
	printf("%s (entry %llu of the node's log, %.16s)\n", text,
	       (unsigned long long)d->entry.index, hex);
	return sl_out_flush(err);
}

/* Decided by policy and durable; then the recorder, which alone sees a secret, acts. */
static int
act(const struct sl_ask *q, enum sl_admin what, const uint8_t *arg,
    struct sl_admin_done *ret, struct sl_err *err)
{
	SL_AUTO_SESSION s = { .home.fd = -1 };
	int r;

	if ((r = sl_session_start(&s, err)) < 0 ||
	    (r = sl_session_gate(&s, true, err)) < 0 || (r = sl_ask(&s, q, err)) < 0)
		return r;
	return sl_recorder_admin(s.rec, what, arg, ret, err);
}

static int
rotate(const struct sl_args *args, struct sl_err *err)
{
	const struct sl_ask q = { .kind = "key", .target = "rotate" };
	struct sl_admin_done d = { 0 };
	int r;

	if (args->argc != 1)
		return SL_ERR(err, USAGE, "usage: sluice key rotate [--json]");
	if ((r = act(&q, SL_ADMIN_ROTATE, NULL, &d, err)) < 0)
		return r;
	if (d.is_announced)
		return say(args, "announced", &d,
			   "no next identity had been announced: it is now; rotate again "
			   "to put it in force",
			   err);
	return say(args, "rotated", &d,
		   "another identity is in force, and the one after it announced", err);
}

static int
retire(const struct sl_args *args, struct sl_err *err)
{
	const char *did = args->argc == 2 ? args->argv[1] : "";
	struct sl_ask q = { .kind = "key" };
	struct sl_admin_done d = { 0 };
	uint8_t pub[32];
	char target[80];
	int r;

	if (!sl_didkey_parse(sl_slice_str(did), pub))
		return SL_ERR(err, USAGE,
			      "usage: sluice key retire KEY; KEY is a did:key of sluice "
			      "key show");
	(void)snprintf(target, sizeof(target), "retire %s", did);
	q.target = target;
	if ((r = act(&q, SL_ADMIN_RETIRE, pub, &d, err)) < 0)
		return r;
	return say(args, "retired", &d, "the key signs nothing more", err);
}

static int
run(const struct sl_args *args, struct sl_err *err)
{
	static const struct {
		const char *name;
		int (*run)(const struct sl_args *args, struct sl_err *err);
	} verbs[] = { { "show", show }, { "rotate", rotate }, { "retire", retire } };

	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(args->argv[0], verbs[i].name) == 0)
			return verbs[i].run(args, err);
	return SL_ERR(err, USAGE, "key knows show, rotate and retire, not '%s'",
		      args->argv[0]);
}

const struct sl_cmd sl_cmd_key = {
	.name = "key",
	.summary = "the node's keys: show them, put the next in force, retire one",
	.usage = "show | rotate | retire KEY  [--json]",
	.opts = opts,
	.min_args = 1,
	.max_args = 2,
	.run = run,
};
