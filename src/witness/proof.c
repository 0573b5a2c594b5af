/* proof.c -- see proof.h. */
#include "witness/proof.h"

#include "codec/base64.h"
#include "witness/text.h"

static const char first[] = "c2sp.org/tlog-proof@v1";

static int
take_extra(struct sl_slice line, struct sl_tlog_proof *p, struct sl_err *err)
{
	SL_AUTO_BUF room = { .max = SL_TLOG_EXTRA_MAX };
	uint8_t *to = sl_buf_room(&room, SL_TLOG_EXTRA_MAX);
	size_t n = 0;

	if (to == NULL)
		return SL_ERR(err, NOMEM, "out of memory");
	if (line.len > sl_base64_len(SL_BASE64_STD, SL_TLOG_EXTRA_MAX))
		return SL_ERR(err, LIMIT, "tlog-proof: more than %d bytes of extra data",
			      SL_TLOG_EXTRA_MAX);
	if (!sl_unbase64(SL_BASE64_STD, line, to, SL_TLOG_EXTRA_MAX, &n))
		return SL_ERR(err, FORMAT, "tlog-proof: line 2: not base64");
	p->extra = line;
	p->has_extra = true;
	return 0;
}

int
sl_tlog_proof_parse(struct sl_slice src, struct sl_tlog_proof *ret, struct sl_err *err)
{
	struct sl_tlog_proof p = { 0 };
	struct sl_slice line;
	unsigned no = 1;
	int r;

	if (src.len > SL_TLOG_PROOF_MAX)
		return SL_ERR(err, LIMIT, "tlog-proof: %zu bytes, %d allowed", src.len,
			      SL_TLOG_PROOF_MAX);
	if (!sl_text_line(&src, &line) || !sl_slice_eq(line, sl_slice_str(first)))
		return SL_ERR(err, FORMAT, "tlog-proof: line 1 is not '%s'", first);
	if (!sl_text_line(&src, &line))
		return SL_ERR(err, FORMAT, "tlog-proof: no line 2");
	no++;
	if (sl_slice_starts(line, SL_LIT("extra "))) {
		if ((r = take_extra(sl_slice_skip(line, 6), &p, err)) < 0)
			return r;
		if (!sl_text_line(&src, &line))
			return SL_ERR(err, FORMAT, "tlog-proof: no line 3");
		no++;
	}
	if (!sl_slice_starts(line, SL_LIT("index ")) ||
	    !sl_text_number(sl_slice_skip(line, 6), &p.index))
		return SL_ERR(err, FORMAT,
			      "tlog-proof: line %u is not 'index' and a number", no);
	if ((r = sl_text_path(&src, SL_PROOF_MAX - 1, &no, &p.path, err)) < 0)
		return sl_err_ctx(err, "tlog-proof");
	p.checkpoint = src;
	if (src.len == 0)
		return SL_ERR(err, FORMAT, "tlog-proof: no checkpoint behind line %u",
			      no);
	*ret = p;
	return 0;
}

void
sl_tlog_proof_put(const struct sl_tlog_proof *p, struct sl_buf *out)
{
	sl_buf_printf(out, "%s\n", first);
	if (p->has_extra) {
		sl_buf_str(out, "extra ");
		sl_buf_slice(out, p->extra);
		sl_buf_byte(out, '\n');
	}
	sl_buf_printf(out, "index %llu\n", (unsigned long long)p->index);
	sl_text_put_path(out, &p->path);
	sl_buf_byte(out, '\n');
	sl_buf_slice(out, p->checkpoint);
}

int
sl_tlog_proof_check(const struct sl_tlog_proof *p, const struct sl_hash *leaf,
		    const struct sl_tpol *policy, const struct sl_vkey *log,
		    struct sl_tpol_result *ret, struct sl_err *err)
{
	int r = sl_tpol_check(policy, p->checkpoint, log, ret, err);

	if (r < 0)
		return r;
	return sl_proof_check_inclusion(&p->path, p->index, ret->checkpoint.size, leaf,
					&ret->checkpoint.root, err);
}
