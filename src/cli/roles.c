/* roles.c -- see roles.h. */
#include "cli/roles.h"

#include "log/recorder_role.h"
#include "proxy/role.h"
#include "run/parser_jail.h"
#include "serve/check.h"

static const struct sl_role_row rows[] = {
	{ .name = "supervisor",
	  .started = "the command itself",
	  .sees = "options, policy, events, the box's output",
	  .never = "reads a secret key, parses foreign bytes",
	  .limits = "the caller's own" },
	{ .name = "parser",
	  .started =
	      "by run, changes, policy and store root add, before anything is read; one "
	      "for all inputs",
	  .sees =
	      "flows, actions, events, expressions, workflow commands, file commands, "
	      "archives that a run leaves or that become a root, policies in YAML",
	  .never = "opens a file, has a network or a key",
	  .limits =
	      "1 GiB of address space, no files, no processes; dies with the supervisor",
	  .jail = &sl_parser_role },
	{ .name = "recorder",
	  .started = "before anything foreign is read; it loads the keys after that",
	  .sees = "statements to sign, the store, the keys",
	  .never = "has a network, parses foreign bytes beyond bounded fields",
	  .limits = "files below $SLUICE_HOME by one descriptor; ends with its channel",
	  .jail = &sl_recorder_role },
	{ .name = "resolver",
	  .started =
	      "by exec and run for each name among the hosts that are granted, before "
	      "a box: the host's getent, executed",
	  .sees = "the name, the host's resolver and what it answers",
	  .never = "holds a key, writes a file, reads one of a home, sees what will run",
	  .limits =
	      "no environment, no further process, Landlock, 10 s, 16 KiB of answer; "
	      "as root it is nobody" },
	{ .name = "proxy",
	  .started =
	      "one for one box that has a network: by exec before anything foreign is "
	      "read, by run for each such job, executed anew",
	  .sees =
	      "what the box asks of it, and the bytes of connections that it is given",
	  .never = "makes or connects a socket, opens a file, holds a key, decides",
	  .limits = "256 MiB of address space, no files, no processes; dies with the "
		    "supervisor, and the box with it",
	  .jail = &sl_proxy_role },
	{ .name = "sluice-sig",
	  .started = "by verify, at the first signature that is not Ed25519 or the first "
		     "certificate; executed from libexec/sluice",
	  .sees = "keys, certificates, signed bytes and signatures of others",
	  .never = "opens a file, has a network or a key of its own",
	  .limits =
	      "21 system calls, 3 refused, the rest kills; no environment, 256 MiB of "
	      "address space, no processes; dies with its parent" },
	{ .name = "index",
	  .started =
	      "by log search and log rebuild: libexec/sluice/sluice-index, executed",
	  .sees = "bounded fields of statements, what is searched for, index.db by its "
		  "descriptor",
	  .never =
	      "opens a file, has a network or a key; what it answers is read again in "
	      "the log",
	  .limits = "512 MiB of address space, a call list without open or socket; dies "
		    "with the supervisor" },
	{ .name = "service",
	  .started = "by serve: the command itself",
	  .sees = "bodies of requests as bytes, what a checker says of them, the log",
	  .never = "reads a secret key, parses a foreign byte beyond bounded fields",
	  .limits = "the caller's own" },
	{ .name = "sluice-http",
	  .started = "by serve; an executable of its own",
	  .sees =
	      "connections of the sockets that it is given, what is asked and answered",
	  .never = "opens a file, makes a socket, holds a key, decides",
	  .limits =
	      "1 GiB of address space, 4096 connections, no files, no processes; dies "
	      "with the service" },
	{ .name = "checker",
	  .started = "by serve, before anything foreign is read; --checkers of them",
	  .sees =
	      "statements that others signed, public keys and roots of the trust list",
	  .never = "opens a file, has a network or a key",
	  .limits =
	      "256 MiB of address space, no files, no processes; dies with the service",
	  .jail = &sl_checker_role },
	{ .name = "box init",
	  .started = "from a permit, once a job or exec; pid 1 of the box's namespaces",
	  .sees = "what the grant lists; re-executed where the supervisor holds a secret",
	  .never = "is dumpable, shows anything of the host in its /proc entry",
	  .limits =
	      "namespaces, no capabilities, Landlock, data/seccomp/box.list (gate)" },
	{ .name = "guard",
	  .started = "at tier T0 alone, around the box's init, in place of namespaces",
	  .sees = "the end of init and of the supervisor, either of which ends the box",
	  .never = "hears anyone, is dumpable, lets a process of its domain outlive it",
	  .limits = "Landlock (the grant; no signal, no socket out of it), no "
		    "capabilities, data/seccomp/box.list (gate)" },
	{ .name = "launcher",
	  .started = "where boxes of one grant follow one another (box/launcher.c); it "
		     "starts their inits, and beside it a maker of network namespaces",
	  .sees = "the tree of its boxes, and whom the supervisor asks for",
	  .never = "hears anyone but the supervisor, is seen by a box, outlives it",
	  .limits =
	      "mount, pid and network namespaces of its own; the rights of set-up" },
	{ .name = "sluice-tpm",
	  .started = "by the recorder before it strips itself, where keys/tpm names a "
		     "TPM, and by "
		     "tpm and log tree: libexec/sluice/sluice-tpm, executed",
	  .sees = "the identity key while it is sealed or unsealed; a quote",
	  .never =
	      "opens a file, parses anything but its TPM's answers, outlives its starter",
	  .limits =
	      "256 MiB of address space; no new connection but to an emulated TPM" },
	{ .name = "act",
	  .started = "by the box's init, from the permit of its step",
	  .sees = "what the grant lists",
	  .never = "anything else",
	  .limits =
	      "as init, and data/seccomp/box.list (watch); the box.* limits above" },
};

const struct sl_role_row *
sl_roles(size_t *ret_n)
{
	*ret_n = sizeof(rows) / sizeof(rows[0]);
	return rows;
}
