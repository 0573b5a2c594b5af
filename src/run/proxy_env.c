/* proxy_env.c -- see proxy_env.h. */
#include "run/proxy_env.h"

#include "grant/net.h"

/* The box's own loopback needs no proxy. */
static const char own[] = "localhost,127.0.0.1,::1";
static const char *const name[SL_PROXY_VARS] = { "no_proxy",    "NO_PROXY",  "http_proxy",
						 "https_proxy", "all_proxy", "HTTP_PROXY",
						 "HTTPS_PROXY", "ALL_PROXY" };
enum { NO_PROXY = 2 };

int
sl_proxy_env(const struct sl_grant *box, const struct sl_grant *g, struct sl_arena *a,
	     struct sl_slice *env, size_t *n, struct sl_err *err)
{
	const unsigned port = sl_grant_net_proxy_port(box);
	const size_t had = *n;

	for (size_t i = 0; g->n_net > 0 && i < SL_PROXY_VARS; i++) {
		char *s;
		size_t k = 0;

		while (k < had &&
		       !sl_slice_eq(sl_slice_upto(env[k], '='), sl_slice_str(name[i])))
			k++;
		if (k < had)
			continue;
		s = i < NO_PROXY
			? sl_arena_printf(a, "%s=%s", name[i], own)
			: sl_arena_printf(a, "%s=http://127.0.0.1:%u", name[i], port);
		if (s == NULL)
			return SL_ERR(err, NOMEM, "out of memory");
		env[(*n)++] = sl_slice_str(s);
	}
	return 0;
}
