/* statement.c -- see statement.h. */
#include "record/statement.h"

#include "crypto/sha256.h"

#include <stdio.h>
#include <time.h>

static const struct sl_statement_row rows[] = {
#define X(c, kind, type, env) { kind, type, env },
	SL_STATEMENTS(X)
#undef X
};

const struct sl_statement_row *
sl_statement_row(enum sl_statement s)
{
	return &rows[s];
}

enum sl_statement
sl_statement_of(const struct sl_statement_row *row)
{
	return (enum sl_statement)(row - rows);
}

const struct sl_statement_row *
sl_statement_find(struct sl_slice s)
{
	for (size_t i = 0; i < SL_STMT_COUNT; i++)
		if (sl_slice_eq(s, sl_slice_str(rows[i].kind)) ||
		    sl_slice_eq(s, sl_slice_str(rows[i].type)))
			return &rows[i];
	return NULL;
}

int
sl_statement_write(struct sl_jb *b, enum sl_statement s, const char *subject,
		   const uint8_t digest[32], struct sl_json *predicate,
		   struct sl_buf *out, struct sl_err *err)
{
	struct sl_json *o = sl_json_obj(b), *arr, *sub, *d;

	(void)sl_json_set(b, o, "_type",
			  sl_json_cstr(b, "https://in-toto.io/Statement/v1"));
	arr = sl_json_set(b, o, "subject", sl_json_arr(b));
	sub = sl_json_add(b, arr, sl_json_obj(b));
	(void)sl_json_set(b, sub, "name", sl_json_cstr(b, subject));
	d = sl_json_set(b, sub, "digest", sl_json_obj(b));
	(void)sl_json_set(b, d, "sha256", sl_json_hex(b, digest, 32));
	(void)sl_json_set(b, o, "predicateType", sl_json_cstr(b, rows[s].type));
	(void)sl_json_set(b, o, "predicate", predicate);
	if (b->is_failed)
		return SL_ERR(err, NOMEM, "out of memory for a statement");
	return sl_json_jcs(o, out, err);
}

int
sl_context_id(const struct sl_json *context, uint8_t ret[32], struct sl_err *err)
{
	SL_AUTO_BUF out = { .max = 64 << 20 };
	int r;

	if ((r = sl_json_cbor(context, &out, err)) < 0)
		return r;
	if (out.is_failed)
		return SL_ERR(err, NOMEM, "out of memory for a context");
	sl_sha256(sl_buf_get(&out), ret);
	return 0;
}

void
sl_run_id(const uint8_t context[32], const uint8_t nonce[16], uint8_t ret[32])
{
	struct sl_sha256 h;

	sl_sha256_init(&h);
	sl_sha256_add(&h, "sluice-run", 10);
	sl_sha256_add(&h, context, 32);
	sl_sha256_add(&h, nonce, 16);
	sl_sha256_end(&h, ret);
}

static void
add_u32(struct sl_sha256 *h, uint32_t v)
{
	uint8_t be[4] = { (uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8),
			  (uint8_t)v };

	sl_sha256_add(h, be, 4);
}

void
sl_step_id(const struct sl_step_ref *s, uint8_t ret[32])
{
	struct sl_sha256 h;

	sl_sha256_init(&h);
	sl_sha256_add(&h, "sluice-step", 11);
	sl_sha256_add(&h, s->run, 32);
	sl_sha256_add(&h, s->job.p, s->job.len);
	sl_sha256_add(&h, "", 1); /* the job's end: ids hold no NUL */
	add_u32(&h, s->leg);
	add_u32(&h, s->index);
	add_u32(&h, s->attempt);
	sl_sha256_end(&h, ret);
}

void
sl_time_text(int64_t ms, char out[32])
{
	time_t s = (time_t)(ms / 1000);
	struct tm t;

	if (ms < 0 || gmtime_r(&s, &t) == NULL || t.tm_year > 8099)
		(void)snprintf(out, 32, "1970-01-01T00:00:00.000Z");
	else
		(void)snprintf(out, 32, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ",
			       (unsigned)(t.tm_year + 1900) % 10000,
			       (unsigned)(t.tm_mon + 1) % 100, (unsigned)t.tm_mday % 100,
			       (unsigned)t.tm_hour % 100, (unsigned)t.tm_min % 100,
			       (unsigned)t.tm_sec % 100, (unsigned)(ms % 1000));
}

bool
sl_time_parse(struct sl_slice s, int64_t *ret_ms)
{
	static const char form[] = "dddd-dd-ddTdd:dd:dd.dddZ";
	static const uint8_t at[] = { 0, 5, 8, 11, 14, 17, 20, 24 };
	int v[7] = { 0 };
	struct tm t = { 0 };
	char again[32];

	if (s.len != sizeof(form) - 1)
		return false;
	for (size_t i = 0, k = 0; i < s.len; i++) {
		k += i >= at[k + 1];
		if (form[i] != 'd' && s.p[i] != (uint8_t)form[i])
			return false;
		if (form[i] == 'd' && (s.p[i] < '0' || s.p[i] > '9'))
			return false;
		if (form[i] == 'd')
			v[k] = 10 * v[k] + (s.p[i] - '0');
	}
	t.tm_year = v[0] - 1900;
	t.tm_mon = v[1] - 1;
	t.tm_mday = v[2];
	t.tm_hour = v[3];
	t.tm_min = v[4];
	t.tm_sec = v[5];
	*ret_ms = (int64_t)timegm(&t) * 1000 + v[6];
	/* timegm() takes the 31st of February for the 3rd of March. */
	sl_time_text(*ret_ms, again);
	return sl_slice_eq(s, sl_slice_str(again));
}

static int64_t
clock_ms(clockid_t id)
{
	struct timespec t;

	(void)clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t
sl_time_now_ms(void)
{
	return clock_ms(CLOCK_REALTIME);
}

int64_t
sl_mono_ms(void)
{
	return clock_ms(CLOCK_MONOTONIC);
}
