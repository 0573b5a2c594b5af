/* launched.c -- one command in a box of a launcher, for the tests that inject faults:
 *
 *     launched SCRIPT [DIRECTORY]...
 *
 * The directories can be read in the box.  The status is the script's; 125 where there is
 * no box or it dies, and why is said as sluice exec does. */
#include "rig.h"

#include "base/err.h"

static char why[256];

static void
died(void *arg, const char *text)
{
	struct rig *r = arg;

	(void)snprintf(why, sizeof(why), "%s", text);
	r->has_died = true;
}

static int
failed(const struct rig *r, int e)
{
	fprintf(stderr, "launched: %s [%s] (%d)\n", r->err.msg, sl_code_id(e),
		sl_code_exit(e));
	return 125;
}

int
main(int argc, char **argv)
{
	struct rig *r = rig_new();
	int e;

	(void)sl_box_init_main(argc, argv);
	rig_is_launched = true;
	r->sink.died = died;
	for (int i = 2; i < argc; i++)
		rig_fs(r, argv[i], SL_ACC_READ);
	if (argc < 2)
		return 99;
	if ((e = rig_open(r)) < 0 || (e = rig_sh(r, argv[1])) < 0)
		e = failed(r, e);
	else if (r->own == NULL)
		e = 99; /* what is said about it would not be about a launcher */
	else if (r->has_died)
		fprintf(stderr, "launched: the box died: %s [%s] (%d)\n", why,
			sl_code_id(SL_E(SYS)), sl_code_exit(SL_E(SYS)));
	if (e == 0)
		e = r->has_died          ? 125
		    : r->end.signal != 0 ? 128 + r->end.signal
					 : r->end.status;
	(void)fwrite(r->out, 1, r->n_out, stdout);
	(void)fwrite(r->errout, 1, r->n_err, stderr);
	rig_free(r);
	return e;
}
