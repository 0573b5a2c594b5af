/* act.c -- see act.h. */
#include "grant/act.h"

#include "crypto/ed25519.h"

enum { ACT_MAX = 64 << 20 };

static void
set_strings(struct sl_jb *b, struct sl_json *o, const char *key, const struct sl_slice *s,
	    size_t n)
{
	struct sl_json *arr = sl_json_set(b, o, key, sl_json_arr(b));

	for (size_t i = 0; i < n; i++)
		(void)sl_json_add(b, arr, sl_json_str(b, s[i]));
}

int
sl_act_digest(const struct sl_act *act, const uint8_t hmac_key[32], uint8_t ret[32],
	      struct sl_err *err)
{
	SL_AUTO_ARENA a = { 0 };
	SL_AUTO_BUF out = { .max = ACT_MAX };
	struct sl_jb b = { .a = &a };
	struct sl_json *o, *put, *f;
	int r;

	sl_arena_init(&a, ACT_MAX);
	o = sl_json_obj(&b);
	set_strings(&b, o, "argv", act->argv, act->n_argv);
	set_strings(&b, o, "env", act->env, act->n_env);
	(void)sl_json_set(&b, o, "cwd", sl_json_str(&b, act->cwd));
	put = sl_json_set(&b, o, "put", sl_json_arr(&b));
	for (size_t i = 0; i < act->n_put; i++) {
		f = sl_json_add(&b, put, sl_json_obj(&b));
		(void)sl_json_set(&b, f, "path", sl_json_str(&b, act->put[i].path));
		(void)sl_json_set(&b, f, "bytes", sl_json_str(&b, act->put[i].bytes));
		(void)sl_json_set(&b, f, "mode", sl_json_int(&b, act->put[i].mode));
	}
	set_strings(&b, o, "get", act->get, act->n_get);
	(void)sl_json_set(&b, o, "get_max", sl_json_int(&b, (int64_t)act->get_max));
	if (b.is_failed)
		return SL_ERR(err, NOMEM, "out of memory for the digest of an act");
	if ((r = sl_json_cbor(o, &out, err)) < 0)
		return r;
	sl_hmac(hmac_key, sl_buf_get(&out), ret);
	return 0;
}
