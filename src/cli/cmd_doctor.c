/* cmd_doctor.c -- sluice doctor: what works on this machine, and how to get the rest. */
#include "box/box.h"
#include "cli/cmd.h"
#include "cli/out.h"
#include "cli/session.h"

#include <limits.h>
#include <stdio.h>

enum { OPT_JSON };

static const struct sl_opt opts[] = {
	[OPT_JSON] = { "json", 0, NULL, "one object a layer", false },
	{ 0 },
};

static int
show_json(struct sl_out *o, const struct sl_box_probe *p, struct sl_err *err)
{
	struct sl_json *v = sl_json_obj(&o->b);

	(void)sl_json_set(&o->b, v, "layer", sl_json_cstr(&o->b, p->name));
	(void)sl_json_set(&o->b, v, "works",
			  sl_json_bool(&o->b, p->state != SL_PROBE_MISSING));
	(void)sl_json_set(&o->b, v, "state",
			  sl_json_cstr(&o->b, p->state == SL_PROBE_OK     ? "ok"
					      : p->state == SL_PROBE_LESS ? "less"
									  : "missing"));
	(void)sl_json_set(&o->b, v, "why", sl_json_cstr(&o->b, p->text));
	(void)sl_json_set(&o->b, v, "fix", sl_json_cstr(&o->b, p->how));
	return sl_out_json(o, v, err);
}

static void
show_text(const struct sl_box_probe *p)
{
	static const char *const marks[] = { "ok     ", "less   ", "MISSING" };

	printf("%s  %-16s ", marks[p->state], p->name);
	sl_out_text(sl_slice_str(p->text));
	printf("\n");
	if (p->how[0] != '\0') {
		printf("      -> ");
		sl_out_text(sl_slice_str(p->how));
		printf("\n");
	}
}

static int
show_tier(struct sl_out *o, bool is_json, bool is_missing, bool has_t0,
	  struct sl_err *err)
{
	struct sl_json *v;
	const char *none = has_t0 ? "\nno box of tier T1 can be made here: nothing will "
				    "run but exec --tier "
				    "T0, where the policy lets it"
				  : "\nno box can be made here: nothing will run";

	if (!is_json) {
		printf("%s\n", is_missing ? none : "\nboxes of tier T1 can be made here");
		return sl_out_flush(err);
	}
	v = sl_json_obj(&o->b);
	(void)sl_json_set(&o->b, v, "tier", sl_json_cstr(&o->b, "T1"));
	(void)sl_json_set(&o->b, v, "available", sl_json_bool(&o->b, !is_missing));
	return sl_out_json(o, v, err);
}

static int
run(const struct sl_args *args, struct sl_err *err)
{
	bool is_json = sl_arg_is(args, OPT_JSON), is_missing = false, has_t0 = false;
	const struct sl_box_probe *p = NULL;
	struct sl_home home = { .fd = -1 };
	char scratch[PATH_MAX];
	SL_AUTO_OUT o = { 0 };
	size_t n = 0;
	int r;

	(void)sl_out_init(&o);
	if ((r = sl_session_home(&home, err)) < 0)
		return r;
	r = snprintf(scratch, sizeof(scratch), "%s/runs", home.path) < PATH_MAX
		? sl_box_probe(scratch, &o.a, &p, &n, err)
		: SL_ERR(err, USAGE, "the path of SLUICE_HOME is too long");
	sl_home_done(&home);
	for (size_t i = 0; i < n && r >= 0; i++) {
		is_missing |= p[i].state == SL_PROBE_MISSING;
		has_t0 |= strcmp(p[i].name, "tier T0") == 0 && p[i].state == SL_PROBE_OK;
		if (is_json)
			r = show_json(&o, &p[i], err);
		else
			show_text(&p[i]);
	}
	if (r < 0 || (r = show_tier(&o, is_json, is_missing, has_t0, err)) < 0)
		return r;
	return is_missing ? SL_ERR(err, ENV, "a layer that every box needs is missing")
			  : 0;
}

const struct sl_cmd sl_cmd_doctor = {
	.name = "doctor",
	.summary = "say what works on this machine, and how to get the rest",
	.usage = "[--json]",
	.opts = opts,
	.is_main = true,
	.run = run,
};
