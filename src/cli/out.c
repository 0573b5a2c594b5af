/* out.c -- see out.h. */
#include "cli/out.h"

#include "cli/ui.h"

#include <errno.h>
#include <stdio.h>

struct sl_json *
sl_out_init(struct sl_out *o)
{
	sl_arena_init(&o->a, 256 << 20);
	o->b = (struct sl_jb){ .a = &o->a };
	return sl_json_obj(&o->b);
}

void
sl_out_done(struct sl_out *o)
{
	sl_arena_free(&o->a);
}

int
sl_out_json(struct sl_out *o, const struct sl_json *v, struct sl_err *err)
{
	SL_AUTO_BUF text = { .max = 256 << 20 };
	int r;

	if (o->b.is_failed)
		return SL_ERR(err, NOMEM, "out of memory for the result");
	if ((r = sl_json_jcs(v, &text, err)) < 0)
		return r;
	sl_buf_byte(&text, '\n');
	if (text.is_failed)
		return SL_ERR(err, NOMEM, "out of memory for the result");
	if (fwrite(text.p, 1, text.len, stdout) != text.len)
		return SL_ERR_SYS(err, -errno, "cannot write the result");
	return sl_out_flush(err);
}

int
sl_out_flush(struct sl_err *err)
{
	return fflush(stdout) == 0 ? 0
				   : SL_ERR_SYS(err, -errno, "cannot write the result");
}

void
sl_out_text(struct sl_slice s)
{
	SL_AUTO_BUF text = { .max = 64 << 20 };

	sl_ui_escape(&text, s, false);
	(void)fwrite(text.p, 1, text.len, stdout);
}
