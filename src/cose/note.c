/* note.c -- see note.h. */
#include "cose/note.h"

#include "base/hex.h"
#include "codec/base64.h"
#include "codec/utf8.h"
#include "crypto/sha256.h"

enum { ID_LEN = 4, TIME_LEN = 8 };

static const char dash[] = "\xe2\x80\x94 "; /* U+2014 and a space open a signature line */

/* Unicode's White_Space property, as UTF-8; s.p[0..n) is one valid sequence. */
static bool
is_space(const uint8_t *p, size_t n)
{
	static const char wide[][4] = {
		"\xc2\x85",     "\xc2\xa0",     "\xe1\x9a\x80", "\xe2\x80\xa8",
		"\xe2\x80\xa9", "\xe2\x80\xaf", "\xe2\x81\x9f", "\xe3\x80\x80",
	};

	if (n == 1)
		return p[0] == ' ' || (p[0] >= '\t' && p[0] <= '\r');
	if (n == 3 && p[0] == 0xe2 && p[1] == 0x80 && p[2] >= 0x80 && p[2] <= 0x8a)
		return true;
	for (size_t i = 0; i < sizeof(wide) / sizeof(wide[0]); i++)
		if (strlen(wide[i]) == n && memcmp(wide[i], p, n) == 0)
			return true;
	return false;
}

bool
sl_vkey_name_ok(struct sl_slice name)
{
	size_t n;

	if (name.len == 0 || name.len > SL_VKEY_NAME_MAX)
		return false;
	for (; name.len > 0; name = sl_slice_skip(name, n)) {
		n = sl_utf8_len(name);
		if (n == 0 || is_space(name.p, n) || name.p[0] == '+' || name.p[0] < 0x20)
			return false;
	}
	return true;
}

int
sl_vkey_make(struct sl_slice name, enum sl_vkey_type type, const uint8_t pub[SL_KEY_LEN],
	     struct sl_vkey *ret, struct sl_err *err)
{
	uint8_t sep[2] = { '\n', (uint8_t)type }, full[32];
	struct sl_sha256 h;

	if (!sl_vkey_name_ok(name))
		return SL_ERR(err, FORMAT,
			      "key name '%.*s' is empty, too long, or has a space or "
			      "'+'",
			      SL_ARG(name));
	sl_sha256_init(&h);
	sl_sha256_add(&h, name.p, name.len);
	sl_sha256_add(&h, sep, sizeof(sep));
	sl_sha256_add(&h, pub, SL_KEY_LEN);
	sl_sha256_end(&h, full);
	*ret = (struct sl_vkey){ .name = name, .type = type };
	memcpy(ret->id, full, ID_LEN);
	memcpy(ret->pub, pub, SL_KEY_LEN);
	return 0;
}

int
sl_vkey_parse(struct sl_slice s, struct sl_vkey *ret, struct sl_err *err)
{
	/* Base64 may hold '+' itself, so the first two count. */
	struct sl_slice name = sl_slice_upto(s, '+'),
			rest = sl_slice_skip(s, name.len + 1);
	struct sl_slice hex = sl_slice_upto(rest, '+'),
			b64 = sl_slice_skip(rest, hex.len + 1);
	uint8_t raw[1 + SL_KEY_LEN], id[ID_LEN];
	struct sl_vkey k;
	size_t n = 0;
	int r;

	if (!sl_unhex(id, ID_LEN, hex) || b64.len == 0)
		return SL_ERR(err, FORMAT, "key '%.*s' is not NAME+ID+KEY", SL_ARG(s));
	if (!sl_unbase64(SL_BASE64_STD, sl_slice_skip(rest, hex.len + 1), raw,
			 sizeof(raw), &n) ||
	    n != sizeof(raw) || (raw[0] != SL_VKEY_ED25519 && raw[0] != SL_VKEY_COSIGN))
		return SL_ERR(err, UNSUPPORTED,
			      "key '%.*s' is neither Ed25519 (1) nor "
			      "cosignature/v1 (4)",
			      SL_ARG(name));
	if ((r = sl_vkey_make(name, (enum sl_vkey_type)raw[0], raw + 1, &k, err)) < 0)
		return r;
	if (memcmp(k.id, id, ID_LEN) != 0)
		return SL_ERR(err, FORMAT, "key '%.*s' does not have the id it states",
			      SL_ARG(name));
	*ret = k;
	return 0;
}

void
sl_vkey_put(const struct sl_vkey *k, struct sl_buf *out)
{
	uint8_t raw[1 + SL_KEY_LEN] = { (uint8_t)k->type };
	char hex[2 * ID_LEN + 1];

	memcpy(raw + 1, k->pub, SL_KEY_LEN);
	sl_hex(hex, k->id, ID_LEN);
	sl_buf_slice(out, k->name);
	sl_buf_printf(out, "+%s+", hex);
	sl_base64_put(out, SL_BASE64_STD, (struct sl_slice){ raw, sizeof(raw) });
}

/* Decodes a whole signature line; false when it is malformed. */
static bool
decode(struct sl_slice b64, uint8_t *out, size_t max, size_t *ret_len)
{
	return sl_unbase64(SL_BASE64_STD, b64, out, max, ret_len) && *ret_len > ID_LEN;
}

static int
take_line(struct sl_slice line, struct sl_note_sig *ret, struct sl_err *err)
{
	uint8_t blob[SL_NOTE_BLOB_MAX + ID_LEN];
	struct sl_slice rest = sl_slice_skip(line, sizeof(dash) - 1);
	struct sl_slice name = sl_slice_upto(rest, ' ');
	size_t n = 0;

	if (!sl_slice_starts(line, sl_slice_str(dash)) || !sl_vkey_name_ok(name))
		return SL_ERR(err, FORMAT, "note: '%.*s' is no signature line",
			      SL_ARG(line));
	*ret = (struct sl_note_sig){ .name = name,
				     .b64 = sl_slice_skip(rest, name.len + 1) };
	if (!decode(ret->b64, blob, sizeof(blob), &n))
		return SL_ERR(err, FORMAT,
			      "note: bad signature of '%.*s': not base64, shorter than "
			      "5 bytes, or longer than %d",
			      SL_ARG(name), SL_NOTE_BLOB_MAX);
	memcpy(ret->id, blob, ID_LEN);
	ret->len = n - ID_LEN;
	return 0;
}

static int
check_text(struct sl_slice s, struct sl_err *err)
{
	size_t bad = sl_utf8_bad(s);

	if (bad < s.len)
		return SL_ERR(err, FORMAT, "note: byte %zu is not UTF-8", bad);
	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] < 0x20 && s.p[i] != '\n')
			return SL_ERR(err, FORMAT, "note: control character at byte %zu",
				      i);
	return 0;
}

int
sl_note_parse(struct sl_slice src, struct sl_note *ret, struct sl_err *err)
{
	struct sl_slice text = { 0 }, rest;
	size_t n = 0, at;
	int r;

	if (src.len > SL_NOTE_BYTES_MAX)
		return SL_ERR(err, LIMIT, "note: %zu bytes, %d allowed", src.len,
			      SL_NOTE_BYTES_MAX);
	if ((r = check_text(src, err)) < 0)
		return r;
	/* The last empty line: text may hold others. */
	for (at = src.len; at >= 2; at--)
		if (src.p[at - 1] == '\n' && src.p[at - 2] == '\n')
			break;
	if (at < 2 || src.p[src.len - 1] != '\n' || at == src.len)
		return SL_ERR(err, FORMAT,
			      "note: no empty line followed by signature lines");
	text = (struct sl_slice){ src.p, at - 1 };
	for (rest = sl_slice_skip(src, at); rest.len > 0;) {
		struct sl_slice line = sl_slice_upto(rest, '\n');

		if (n == SL_NOTE_SIGS_MAX)
			return SL_ERR(err, LIMIT, "note: more than %d signatures",
				      SL_NOTE_SIGS_MAX);
		if ((r = take_line(line, &ret->sig[n], err)) < 0)
			return r;
		n++;
		rest = sl_slice_skip(rest, line.len + 1);
	}
	ret->text = text;
	ret->n = n;
	return 0;
}

/* cosignature/v1 signs a header in front of the note's text. */
static void
put_cosigned(struct sl_buf *out, int64_t time, struct sl_slice text)
{
	sl_buf_printf(out, "cosignature/v1\ntime %lld\n", (long long)time);
	sl_buf_slice(out, text);
}

/* What a cosigner signed: the text behind a header with the time, which comes in blob
 * behind the id. */
static int
cosigned_text(const struct sl_note_sig *sig, const uint8_t *blob, struct sl_slice text,
	      struct sl_buf *b, int64_t *ret_time, struct sl_err *err)
{
	uint64_t time = 0;

	for (size_t i = 0; i < TIME_LEN; i++)
		time = time << 8 | blob[ID_LEN + i];
	if (time == 0 || time > INT64_MAX)
		return SL_ERR(err, VERIFY,
			      "note: the cosignature of '%.*s' has no valid time",
			      SL_ARG(sig->name));
	put_cosigned(b, (int64_t)time, text);
	if (b->is_failed)
		return SL_ERR(err, NOMEM, "note: out of memory");
	*ret_time = (int64_t)time;
	return 0;
}

/* One line, of a key that is known.  *ret_time is set for a cosigner's. */
static int
verify_line(const struct sl_note_sig *sig, const struct sl_vkey *k, struct sl_slice text,
	    int64_t *ret_time, struct sl_err *err)
{
	bool is_cosign = k->type == SL_VKEY_COSIGN;
	size_t due = ID_LEN + (is_cosign ? (size_t)TIME_LEN : 0) + SL_SIG_LEN, n = 0;
	uint8_t blob[ID_LEN + TIME_LEN + SL_SIG_LEN];
	SL_AUTO_BUF b = { .max = 2 * (size_t)SL_NOTE_BYTES_MAX };
	int r = 0;

	if (!decode(sig->b64, blob, sizeof(blob), &n) || n != due)
		return SL_ERR(err, VERIFY,
			      "note: the signature of '%.*s' has a wrong length",
			      SL_ARG(sig->name));
	if (is_cosign)
		r = cosigned_text(sig, blob, text, &b, ret_time, err);
	if (r < 0)
		return r;
	if (!sl_verify(k->pub, is_cosign ? sl_buf_get(&b) : text,
		       blob + due - SL_SIG_LEN))
		return SL_ERR(err, VERIFY, "note: the signature of '%.*s' is wrong",
			      SL_ARG(sig->name));
	return 0;
}

int
sl_note_verify(const struct sl_note *note, const struct sl_vkey *keys, size_t n,
	       uint64_t *ret_mask, int64_t *ret_time, struct sl_err *err)
{
	uint64_t mask = 0;
	int r;

	if (n > 64)
		return SL_ERR(err, USAGE, "note: %zu keys, 64 allowed", n);
	for (size_t i = 0; i < note->n; i++) {
		for (size_t k = 0; k < n; k++) {
			int64_t time = 0;

			if (!sl_slice_eq(note->sig[i].name, keys[k].name) ||
			    memcmp(note->sig[i].id, keys[k].id, ID_LEN) != 0)
				continue;
			r = verify_line(&note->sig[i], &keys[k], note->text, &time, err);
			if (r < 0)
				return r;
			mask |= UINT64_C(1) << k;
			if (ret_time != NULL)
				ret_time[k] = time;
		}
	}
	if (mask == 0)
		return SL_ERR(err, SIGNER, "note: signed by no key that is known");
	*ret_mask = mask;
	return 0;
}

int
sl_note_sign(struct sl_slice text, const struct sl_vkey *as, int64_t time,
	     const struct sl_signer *k, struct sl_buf *out, struct sl_err *err)
{
	bool is_cosign = as->type == SL_VKEY_COSIGN;
	uint8_t blob[ID_LEN + TIME_LEN + SL_SIG_LEN];
	SL_AUTO_BUF b = { .max = 2 * (size_t)SL_NOTE_BYTES_MAX };
	size_t n = ID_LEN;
	int r;

	if (text.len == 0 || text.p[text.len - 1] != '\n')
		return SL_ERR(err, USAGE, "note: the text does not end in a newline");
	if ((r = check_text(text, err)) < 0)
		return r;
	if (memcmp(as->pub, k->pub, SL_KEY_LEN) != 0 || is_cosign != (time > 0))
		return SL_ERR(err, USAGE, "note: key and time do not fit '%.*s'",
			      SL_ARG(as->name));
	memcpy(blob, as->id, ID_LEN);
	if (is_cosign) {
		for (; n < ID_LEN + TIME_LEN; n++)
			blob[n] = (uint8_t)((uint64_t)time >> (56 - 8 * (n - ID_LEN)));
		put_cosigned(&b, time, text);
		if (b.is_failed)
			return SL_ERR(err, LIMIT, "note: the text is too long");
		text = sl_buf_get(&b);
	}
	sl_sign(k, text, blob + n);
	sl_buf_str(out, dash);
	sl_buf_slice(out, as->name);
	sl_buf_byte(out, ' ');
	sl_base64_put(out, SL_BASE64_STD, (struct sl_slice){ blob, n + SL_SIG_LEN });
	sl_buf_byte(out, '\n');
	return out->is_failed ? SL_ERR(err, LIMIT, "note: too long, or out of memory")
			      : 0;
}
