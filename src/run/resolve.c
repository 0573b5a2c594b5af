/* resolve.c -- see resolve.h. */
#include "run/resolve.h"

#include "base/auto.h"
#include "os/jail.h"
#include "os/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NOBODY = 65534, EXIT_NOT_STARTED = 125, EXIT_UNKNOWN_NAME = 2 };

/* --- the process that asks --- */

/* What a resolver reads, where it is there; nobody's home, no key of anybody's. */
static const char *const shown[] = { "/usr", "/bin", "/lib",        "/lib64",
				     "/etc", "/run", "/var/lib/sss" };

static int
rules_for(const char *getent)
{
	int rules = sl_jail_landlock_new(1), fd, r = 0;

	for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]) && rules >= 0; i++) {
		if ((fd = open(shown[i], O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0)
			continue;
		r |= sl_jail_landlock_add(rules, 1, fd, SL_LL_READ | SL_LL_EXEC, true);
		(void)close(fd);
	}
	if (rules >= 0 && (fd = open(getent, O_PATH | O_CLOEXEC)) >= 0) {
		r |= sl_jail_landlock_add(rules, 1, fd, SL_LL_READ | SL_LL_EXEC, false);
		(void)close(fd);
	}
	return r != 0 ? -1 : rules;
}

static bool
give_up_rights(const char *getent)
{
	const struct rlimit none = { 0, 0 };
	int rules = rules_for(getent);

	if (geteuid() == 0 &&
	    (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
	     setresuid(NOBODY, NOBODY, NOBODY) < 0))
		return false;
	return rules >= 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 &&
	       prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       sl_jail_landlock_on(rules) == 0 && setrlimit(RLIMIT_CORE, &none) == 0 &&
	       setrlimit(RLIMIT_FSIZE, &none) == 0 && setrlimit(RLIMIT_NPROC, &none) == 0;
}

_Noreturn static void
ask(const char *getent, char *name, int out)
{
	char prog[] = "getent", by[] = "ahosts";
	char *const argv[] = { prog, by, name, NULL };
	char *const env[] = { NULL };
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null_fd >= 0 && dup2(null_fd, 0) == 0 && dup2(null_fd, 2) == 2 &&
	    dup2(out, 1) == 1 && sl_os_close_from(3) == 0 && give_up_rights(getent))
		(void)execve(getent, argv, env);
	_exit(EXIT_NOT_STARTED);
}

/* --- its answer --- */

/* The first word of each line is an address; one comes up to three times (by type). */
static size_t
take_addresses(struct sl_slice text, struct sl_addr *ret, char special[64])
{
	size_t n = 0;

	special[0] = '\0';
	while (text.len > 0 && n < SL_RESOLVE_MAX) {
		struct sl_slice line = sl_slice_upto(text, '\n');
		struct sl_addr a;
		const char *why;
		size_t i = 0;

		text = sl_slice_skip(text, line.len + 1);
		if (!sl_addr_parse(sl_slice_upto(line, ' '), &a))
			continue;
		if ((why = sl_addr_special(&a)) != NULL) {
			char ip[SL_ADDR_TEXT_MAX];

			sl_addr_text(&a, ip);
			(void)snprintf(special, 64, "%s, %s", ip, why);
			continue;
		}
		while (i < n && !sl_addr_eq(&ret[i], &a))
			i++;
		if (i == n)
			ret[n++] = a;
	}
	return n;
}

/* Reads to the end: 0, or -errno. */
static int
read_answer(int fd, uint8_t *room, size_t cap, size_t *ret_n)
{
	int64_t until = sl_os_now_ms() + SL_RESOLVE_MS;

	for (*ret_n = 0; *ret_n < cap;) {
		int64_t left = until - sl_os_now_ms();
		struct pollfd p = { fd, POLLIN, 0 };
		ssize_t n;
		int ready = left > 0 ? poll(&p, 1, (int)left) : 0;

		if (ready == 0)
			return -ETIMEDOUT;
		if (ready < 0)
			continue; /* a signal */
		n = read(fd, room + *ret_n, cap - *ret_n);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			return 0;
		*ret_n += n > 0 ? (size_t)n : 0;
	}
	return -EFBIG;
}

static int
run_getent(const char *getent, char *name, uint8_t *room, size_t *ret_n,
	   struct sl_err *err)
{
	SL_AUTO_FD pidfd = -1;
	SL_AUTO_FD in = -1;
	int p[2], code = 0, value = 0, r;
	pid_t pid;

	if (pipe2(p, O_CLOEXEC) < 0)
		return SL_ERR_SYS(err, -errno, "cannot make a pipe");
	in = p[0];
	if ((pid = sl_os_clone(0, -1, 0, &pidfd)) == 0)
		ask(getent, name, p[1]);
	(void)close(p[1]);
	if (pid < 0)
		return SL_ERR_SYS(err, (int)pid, "cannot start '%s'", getent);
	if ((r = read_answer(in, room, SL_RESOLVE_BYTES, ret_n)) < 0)
		(void)sl_os_pidfd_signal(pidfd, SIGKILL);
	if (sl_os_wait(pidfd, false, &code, &value) < 0)
		return SL_ERR(err, ENV, "'%s' cannot be waited for", getent);
	if (r == -ETIMEDOUT)
		return SL_ERR(err, ENV, "no answer within %d s", SL_RESOLVE_MS / 1000);
	if (r < 0)
		return SL_ERR(err, ENV, "no usable answer: %s", strerror(-r));
	if (code != CLD_EXITED || value == EXIT_NOT_STARTED)
		return SL_ERR(err, ENV, "'%s', which asks for it, cannot be run", getent);
	if (value == EXIT_UNKNOWN_NAME)
		return SL_ERR(err, ENV, "there is no such host");
	return value == 0 ? 0
			  : SL_ERR(err, ENV, "'%s' failed with status %d", getent, value);
}

static int
resolve(const struct sl_grant_net *net, const char *getent, struct sl_addr *ret,
	size_t *ret_n, struct sl_err *err)
{
	uint8_t room[SL_RESOLVE_BYTES];
	char name[SL_HOST_MAX + 1], special[64];
	size_t n = 0;

	(void)snprintf(name, sizeof(name), "%.*s", SL_ARG(net->host));
	if (run_getent(getent, name, room, &n, err) < 0)
		return sl_err_ctx(err, "cannot find out where '%s' is", name);
	*ret_n = take_addresses((struct sl_slice){ room, n }, ret, special);
	if (*ret_n > 0)
		return 0;
	if (special[0] == '\0')
		return SL_ERR(err, ENV,
			      "cannot find out where '%s' is: there is no such host",
			      name);
	return SL_ERR(err, ENV,
		      "'%s' leads to no address that a name may have (%s); to allow such "
		      "an address, list it itself",
		      name, special);
}

int
sl_resolve(const struct sl_grant *g, const char *getent, struct sl_arena *a,
	   const struct sl_box_pin **ret, size_t *ret_n, struct sl_err *err)
{
	size_t n = 0;
	struct sl_box_pin *pin;

	for (size_t i = 0; i < g->n_net; i++)
		n += !g->net[i].is_address;
	if ((pin = SL_NEW_N(a, struct sl_box_pin, n * SL_RESOLVE_MAX + 1)) == NULL)
		return SL_ERR(err, NOMEM, "out of memory");
	n = 0;
	for (size_t i = 0; i < g->n_net; i++) {
		struct sl_addr addr[SL_RESOLVE_MAX];
		size_t k = 0, n_addr = 0;
		int r;

		if (g->net[i].is_address)
			continue;
		/* One name, several ports: asked once, so that it is one answer. */
		while (k < i && !sl_slice_eq(g->net[k].host, g->net[i].host))
			k++;
		for (size_t j = 0; k < i && j < n; j++)
			if (pin[j].net == k && n_addr < SL_RESOLVE_MAX)
				addr[n_addr++] = pin[j].addr;
		if (k == i &&
		    (r = resolve(&g->net[i], getent != NULL ? getent : "/usr/bin/getent",
				 addr, &n_addr, err)) < 0)
			return r;
		for (size_t j = 0; j < n_addr; j++)
			pin[n++] = (struct sl_box_pin){ i, addr[j] };
	}
	*ret = pin;
	*ret_n = n;
	return 0;
}
