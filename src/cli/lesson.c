/* lesson.c -- see lesson.h. */
#include "cli/lesson.h"

#include "base/auto.h"
#include "cli/ui.h"
#include "os/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int
sl_lesson_write(const char *path, const struct sl_lesson *x, struct sl_err *err)
{
	SL_AUTO_BUF text = { .max = 1 << 20 };
	SL_AUTO_FD fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int r;

	sl_lesson_profile(x, &text);
	if (fd < 0)
		return SL_ERR_SYS(err, -errno, "cannot make '%s'", path);
	if ((r = sl_os_write_all(fd, text.p, text.len)) < 0)
		return SL_ERR_SYS(err, r, "cannot write '%s'", path);
	return 0;
}

void
sl_lesson_say(const struct sl_lesson *x)
{
	SL_AUTO_BUF text = { .max = 1 << 20 };

	if (x->is_last)
		sl_buf_printf(&text,
			      "sluice exec: learned from %zu names, the least that "
			      "it needed:\n",
			      x->n_names);
	else if (x->is_news)
		sl_buf_str(&text, "sluice exec: it failed; to learn more, try with what "
				  "it missed:\n");
	else
		sl_buf_str(&text, "sluice exec: it failed, and missed nothing that this "
				  "host has and that may be offered\n");
	if (x->is_last || x->is_news) {
		sl_lesson_command(x, &text);
		sl_buf_str(&text, "\n");
	}
	if (x->n_lost > 0)
		sl_buf_printf(&text,
			      "sluice exec: %zu names could not be kept: it may "
			      "need more\n",
			      x->n_lost);
	for (size_t i = 0; i < x->n_left; i++)
		sl_buf_printf(&text, "sluice exec: left out: %.*s (%s)\n",
			      SL_ARG(x->left[i].what), x->left[i].why);
	if (x->n_left_more > 0)
		sl_buf_printf(&text, "sluice exec: left out: and %zu more\n",
			      x->n_left_more);
	(void)sl_ui_write(2, sl_buf_get(&text));
}
