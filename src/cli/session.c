/* session.c -- see session.h. */
#include "cli/session.h"

#include "crypto/ed25519.h"
#include "record/dcache.h"
#include "run/recover.h"

#include <limits.h>
#include <stdio.h>
#include <unistd.h>

static int
home_path(char *out, size_t n, struct sl_err *err)
{
	const char *home = getenv("SLUICE_HOME"), *xdg = getenv("XDG_DATA_HOME");
	const char *user = getenv("HOME");
	int len;

	if (home != NULL && home[0] != '\0')
		len = snprintf(out, n, "%s", home);
	else if (xdg != NULL && xdg[0] == '/')
		len = snprintf(out, n, "%s/sluice", xdg);
	else if (user != NULL && user[0] == '/')
		len = snprintf(out, n, "%s/.local/share/sluice", user);
	else if (geteuid() == 0)
		len = snprintf(out, n, "/var/lib/sluice");
	else
		return SL_ERR(err, USAGE, "neither SLUICE_HOME nor HOME is set");
	return len < (int)n ? 0
			    : SL_ERR(err, USAGE, "the path of SLUICE_HOME is too long");
}

int
sl_session_home(struct sl_home *ret, struct sl_err *err)
{
	char path[PATH_MAX];
	int r = home_path(path, sizeof(path), err);

	return r < 0 ? r : sl_home_open(path, ret, err);
}

/* The digest of the running executable. */
static int
ask_build(void *home, uint8_t ret[32], struct sl_err *err)
{
	return sl_dcache_file(home, "/proc/self/exe", ret, err);
}

static int
start_recorder(struct sl_session *s, bool is_here, struct sl_err *err)
{
	const struct sl_recorder_opts o = { .home_fd = s->home.fd,
					    .home = s->home.path,
					    .ask_build = ask_build,
					    .arg = &s->home,
					    .is_here = is_here };

	return sl_recorder_start(&o, &s->rec, err);
}

int
sl_session_start(struct sl_session *s, struct sl_err *err)
{
	int r = s->home.fd >= 0 ? 0 : sl_session_home(&s->home, err);

	return r < 0 ? r : start_recorder(s, false, err);
}

int
sl_session_gate(struct sl_session *s, bool is_quiet, struct sl_err *err)
{
	struct sl_gate_opts o = { &s->home, s->rec };
	const struct sl_gate_info *i;
	size_t n = 0;
	int r;

	if ((r = sl_gate_open(&o, &s->gate, err)) < 0 ||
	    (r = sl_recover(&s->home, s->gate, &n, err)) < 0)
		return r;
	i = sl_gate_info(s->gate);
	if (n > 0)
		fprintf(stderr,
			"sluice: %zu run%s left behind, recorded as interrupted\n", n,
			n == 1 ? " was" : "s were");
	if (is_quiet)
		return 0;
	if (i->node.is_new)
		fprintf(stderr, "sluice: new identity %s (key in %s/keys)\n", i->node.did,
			s->home.path);
	if (i->is_policy_edited)
		fprintf(stderr,
			"sluice: %s/policy/policy.dl was edited and is not in force yet: "
			"sluice policy register\n",
			s->home.path);
	return 0;
}

int
sl_session_open_gate(void *session, struct sl_gate **ret, struct sl_err *err)
{
	struct sl_session *s = session;
	int r;

	if (s->rec == NULL && (r = start_recorder(s, true, err)) < 0)
		return r;
	if ((r = sl_session_gate(s, false, err)) == 0)
		*ret = s->gate;
	return r;
}

void
sl_session_done(struct sl_session *s)
{
	sl_gate_free(s->gate);
	sl_recorder_stop(s->rec);
	sl_home_done(&s->home);
	*s = (struct sl_session){ .home.fd = -1 };
}
