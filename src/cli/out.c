/* out.c -- see out.h. */
#include "cli/out.h"

#include "cli/ui.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

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

/* What a terminal would obey, or hide, as an escape of JSON: another form of the same. */
static int
for_terminal(struct sl_buf *text, struct sl_err *err)
{
	SL_AUTO_BUF out = { .max = text->max };

	sl_ui_json(&out, sl_buf_get(text));
	if (out.is_failed)
		return SL_ERR(err, NOMEM, "out of memory for the result");
	sl_buf_clear(text);
	sl_buf_slice(text, sl_buf_get(&out));
	return 0;
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
	if (isatty(1) == 1 && (r = for_terminal(&text, err)) < 0)
		return r;
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
	if (text.len > 0)
		(void)fwrite(text.p, 1, text.len, stdout);
}
