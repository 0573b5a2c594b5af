/* cmd_version.c -- sluice version: what this binary is made of. */
#include "cli/cmd.h"
#include "cli/out.h"
#include "crypto/sha256.h"
#include "policy/policy.h"

#include <sodium.h>
#include <stdio.h>

enum { O_JSON };

static const struct sl_opt opts[] = {
	[O_JSON] = { "json", 0, NULL, "one object on standard output", false },
	{ 0 },
};

static int
run(const struct sl_args *args, struct sl_err *err)
{
	SL_AUTO_OUT o = { 0 };
	struct sl_json *v = sl_out_init(&o);

	(void)sl_json_set(&o.b, v, "version", sl_json_cstr(&o.b, SL_VERSION));
	(void)sl_json_set(&o.b, v, "sha256", sl_json_cstr(&o.b, sl_sha256_impl()));
	(void)sl_json_set(&o.b, v, "sodium", sl_json_cstr(&o.b, sodium_version_string()));
	(void)sl_json_set(&o.b, v, "fuel_version", sl_json_int(&o.b, SL_POLICY_FUEL_V1));
	(void)sl_json_set(&o.b, v, "compiler", sl_json_cstr(&o.b, __VERSION__));
	if (sl_arg_is(args, O_JSON))
		return sl_out_json(&o, v, err);
	printf("sluice %s\nSHA-256 by %s, Ed25519 by libsodium %s, fuel version %d, "
	       "compiler %s\n",
	       SL_VERSION, sl_sha256_impl(), sodium_version_string(), SL_POLICY_FUEL_V1,
	       __VERSION__);
	return sl_out_flush(err);
}

const struct sl_cmd sl_cmd_version = {
	.name = "version",
	.summary = "say what this binary is made of",
	.usage = "[--json]",
	.opts = opts,
	.run = run,
};
