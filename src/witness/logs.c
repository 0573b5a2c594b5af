/* logs.c -- see logs.h. */
#include "witness/logs.h"

#include "base/auto.h"
#include "base/hex.h"
#include "crypto/sha256.h"
#include "witness/text.h"

#include <errno.h>
#include <stdio.h>

enum { HEX = 64, NAME = 8 + HEX + 8, LISTED_MAX = 1 << 20 };

/* "witness/", 64 hex digits, ending. */
static void
name_of(struct sl_slice who, const char *ending, char ret[NAME])
{
	uint8_t d[32];
	char hex[HEX + 1];

	if (!sl_unhex(d, 32, who))
		sl_sha256(who, d);
	sl_hex(hex, d, 32);
	(void)snprintf(ret, NAME, "witness/%s%s", hex, ending);
}

int
sl_witness_read(const struct sl_home *h, struct sl_slice who, const char *ending,
		size_t max, struct sl_buf *out, struct sl_err *err)
{
	char name[NAME];

	name_of(who, ending, name);
	return sl_home_read(h, name, max, out, err);
}

int
sl_witness_write(const struct sl_home *h, struct sl_slice origin, const char *ending,
		 struct sl_slice bytes, struct sl_err *err)
{
	SL_AUTO_FD dir = -1;
	char name[NAME];
	int r;

	name_of(origin, ending, name);
	if ((r = sl_home_dir(h, "witness", &dir, err)) < 0 ||
	    (r = sl_home_write(h, name, bytes, true, err)) < 0)
		return r;
	if (fsync(dir) < 0 || fsync(h->fd) < 0)
		return SL_ERR_SYS(err, -errno, "cannot store '%s'", name);
	return 0;
}

void
sl_log_keys_done(struct sl_log_keys *k)
{
	sl_buf_done(&k->text);
	*k = (struct sl_log_keys){ 0 };
}

static int
parse_keys(struct sl_log_keys *k, struct sl_slice origin, struct sl_err *err)
{
	struct sl_slice rest = sl_buf_get(&k->text), line;
	int r;

	while (rest.len > 0) {
		if (k->n == SL_LOG_KEYS_MAX || !sl_text_line(&rest, &line))
			return SL_ERR(err, STORE,
				      "too many lines, or one without an end");
		if ((r = sl_vkey_parse(line, &k->key[k->n], err)) < 0)
			return r;
		if (k->key[k->n].type != SL_VKEY_ED25519 ||
		    !sl_slice_eq(k->key[k->n].name, origin))
			return SL_ERR(err, STORE, "a key of something else");
		k->n++;
	}
	return 0;
}

int
sl_log_keys_get(const struct sl_home *h, struct sl_slice origin, struct sl_log_keys *ret,
		struct sl_err *err)
{
	struct sl_log_keys k = { .text = { .max = 1 << 14 } };
	struct sl_err why = { 0 };
	char name[NAME];
	int r;

	name_of(origin, ".log", name);
	r = sl_home_read(h, name, 1 << 14, &k.text, &why);
	if (r == SL_E(NOENT))
		r = 0;
	else if (r == 0 && parse_keys(&k, origin, &why) < 0)
		r = SL_E(STORE);
	if (r < 0) {
		sl_log_keys_done(&k);
		return sl_err_raise(err, r, why.sys, __FILE__, __LINE__, "'%s': %s", name,
				    why.msg);
	}
	*ret = k;
	return 0;
}

int
sl_log_keys_add(const struct sl_home *h, const struct sl_vkey *key, bool *ret_is_new,
		struct sl_err *err)
{
	struct sl_log_keys k = { 0 };
	bool is_new = true;
	int r;

	if (key->type != SL_VKEY_ED25519)
		return SL_ERR(err, FORMAT, "'%.*s' is the key of a witness, not of a log",
			      SL_ARG(key->name));
	if ((r = sl_log_keys_get(h, key->name, &k, err)) < 0)
		return r;
	for (size_t i = 0; i < k.n; i++)
		is_new = is_new && memcmp(k.key[i].pub, key->pub, SL_KEY_LEN) != 0;
	if (is_new && k.n == SL_LOG_KEYS_MAX) {
		r = SL_ERR(err, LIMIT, "'%.*s' has %d keys already", SL_ARG(key->name),
			   SL_LOG_KEYS_MAX);
	} else if (is_new) {
		sl_vkey_put(key, &k.text);
		sl_buf_byte(&k.text, '\n');
		r = k.text.is_failed ? SL_ERR(err, NOMEM, "out of memory")
				     : sl_witness_write(h, key->name, ".log",
							sl_buf_get(&k.text), err);
	}
	sl_log_keys_done(&k);
	if (r == 0)
		*ret_is_new = is_new;
	return r;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* One name for a log, whichever of its files are there. */
static size_t
unique(const char **v, size_t n)
{
	size_t k = 0;

	if (n > 1)
		qsort(v, n, sizeof(*v), by_name);
	for (size_t i = 0; i < n; i++)
		if (k == 0 || strcmp(v[k - 1], v[i]) != 0)
			v[k++] = v[i];
	return k;
}

int
sl_witness_list(const struct sl_home *h, struct sl_arena *a, const char *const **ret,
		size_t *ret_n, struct sl_err *err)
{
	SL_AUTO_FD fd = -1;
	SL_AUTO_DIR d = NULL;
	SL_AUTO_FREE const char **all = NULL;
	const char **v;
	size_t n = 0, cap = 0;
	struct dirent *e;
	uint8_t digest[32];
	int r;

	if ((r = sl_home_dir(h, "witness", &fd, err)) < 0)
		return r;
	if ((d = fdopendir(fd)) == NULL)
		return SL_ERR_SYS(err, -errno, "cannot list witness/");
	fd = -1;
	while ((e = readdir(d)) != NULL) {
		struct sl_slice s = { (const uint8_t *)e->d_name, HEX };
		const char *end = strlen(e->d_name) < HEX ? "?" : e->d_name + HEX;

		if ((*end != '\0' && strcmp(end, ".log") != 0 &&
		     strcmp(end, ".fork") != 0) ||
		    !sl_unhex(digest, 32, s))
			continue;
		if (n == LISTED_MAX)
			return SL_ERR(err, LIMIT, "more than %d logs", LISTED_MAX);
		if (n == cap) {
			cap = cap == 0 ? 64 : 2 * cap;
			if ((v = reallocarray(all, cap, sizeof(*v))) == NULL)
				return SL_ERR(err, NOMEM, "out of memory");
			all = v;
		}
		if ((all[n++] = sl_arena_str(a, s)) == NULL)
			return SL_ERR(err, NOMEM, "out of memory");
	}
	n = unique(all, n);
	if ((v = SL_NEW_N(a, const char *, n + 1)) == NULL)
		return SL_ERR(err, NOMEM, "out of memory");
	if (n > 0)
		memcpy(v, all, n * sizeof(*v));
	*ret = v;
	*ret_n = n;
	return 0;
}
