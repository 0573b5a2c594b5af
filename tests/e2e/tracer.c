/* tracer.c -- starts a program, tells which system calls its processes make, and makes
 * chosen ones fail.  For the tests that inject faults; built by them.
 *
 *   tracer [-k] [-t TRACE] [-r REPORT] [FAULT...] -- PROGRAM [ARGUMENT...]
 *
 * strace can inject too, but counts in each process by itself, so that one rule faults
 * several of them; it can kill only instead of a call; and it can only pretend that a
 * transfer was short.
 *
 * A process has a label by how it was made: "sup" is the program, "init" its child with
 * namespaces of its own (at tier T0 the guard, and init is "init/fork1"), "init/vm1" the
 * first that init made sharing its memory, "init/fork2" and "init/vfork1" likewise. Other
 * children of the program (the recorder) are left alone, and so is everybody once a
 * process below init has executed something: the set-up is over then.  With -k the
 * program and init are kept, and faulted, after it.
 *
 * FAULT is LABEL:CALL:N:KIND.  LABEL may be "*"; N counts such calls of one process, "N+"
 * means all from there on; CALL may be several, joined with "|".  The kinds:
 *
 *   - error=E: it is not made and gives -E.  As the kernel does it, close() is made all
 * the same, and brk() gives the end of before.
 *   - value=V: it is not made and gives V.
 *   - kill=before, kill=after: SIGKILL instead of the call, or when it has been made.
 *   - short: a transfer of at most one byte, and with it all descriptors.
 *   - only,COND,KIND: where COND holds; A&M=V: (argument A & M) == V; A*O&M=V: the same
 * of the 8 bytes at argument A + O; A=TEXT: argument A is that string.
 *
 * TRACE gets a line a call: label, call, n, its first string argument or two small ones.
 * REPORT gets "hit LABEL CALL N" for each fault, "exec" for the act's, and "fell LABEL
 * SIGNAL WHERE" for each process that ran into a signal of its own making; WHERE is
 * "libc" between an exec and its main(), else "code".  The status is the program's, or
 * 128 + its signal. */
#define _GNU_SOURCE
#include <errno.h>
#include <seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define NS_FLAGS 0x7e020080ul /* CLONE_NEW* */
#define CLEAR_SIGHAND 0x100000000ul

enum { PROC_MAX = 256, CALL_MAX = 512, FAULT_MAX = 64 };
enum kind { ERROR, KILL_BEFORE, KILL_AFTER, SHORT };
enum only { ALWAYS, ARG, MEMORY, STRING };

struct fault {
	char label[64], call[128];
	unsigned n;
	bool is_on; /* and all later ones */
	enum kind kind;
	enum only only;
	unsigned arg;
	unsigned long off, mask, value;
	char text[64];
	int err;
};

struct proc {
	pid_t pid;
	char label[64];
	bool is_known, is_waiting; /* waiting: stopped before its label was known */
	bool is_in_libc;           /* has executed something whose main() is to come */
	unsigned n[CALL_MAX], n_vm, n_fork, n_vfork;
	const struct fault *now; /* in the call that it is in */
	struct user_regs_struct was;
	struct iovec iov_was;
	unsigned long iov_at, iovlen_was;
};

static struct fault faults[FAULT_MAX];
static size_t n_faults;
static struct proc procs[PROC_MAX];
static FILE *trace, *report;
static bool is_over, is_kept;

static struct proc *
find(pid_t pid)
{
	struct proc *room = NULL;

	for (size_t i = 0; i < PROC_MAX; i++) {
		if (procs[i].pid == pid)
			return &procs[i];
		if (procs[i].pid == 0 && room == NULL)
			room = &procs[i];
	}
	if (room == NULL)
		exit(99);
	memset(room, 0, sizeof(*room));
	room->pid = pid;
	return room;
}

static bool
peek(pid_t pid, unsigned long at, void *to, size_t n)
{
	struct iovec l = { to, n }, r = { (void *)at, n };

	return process_vm_readv(pid, &l, 1, &r, 1, 0) == (ssize_t)n;
}

static bool
peek_string(pid_t pid, unsigned long at, char *to, size_t cap)
{
	for (size_t i = 0; i + 1 < cap; i++) {
		if (!peek(pid, at + i, to + i, 1))
			return false;
		if (to[i] == '\0')
			return true;
	}
	return false;
}

static unsigned long
arg_of(const struct user_regs_struct *r, unsigned i)
{
	const unsigned long a[6] = { r->rdi, r->rsi, r->rdx, r->r10, r->r8, r->r9 };

	return a[i % 6];
}

/* --- faults --- */

static bool
is_word(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = list; (p = strstr(p, word)) != NULL; p += n)
		if ((p == list || p[-1] == '|') && (p[n] == '\0' || p[n] == '|'))
			return true;
	return false;
}

static bool
holds(const struct fault *f, pid_t pid, const struct user_regs_struct *r)
{
	unsigned long v = arg_of(r, f->arg);
	char text[64];

	switch (f->only) {
	case ALWAYS:
		return true;
	case ARG:
		return (v & f->mask) == f->value;
	case MEMORY:
		return peek(pid, v + f->off, &v, sizeof(v)) && (v & f->mask) == f->value;
	default:
		return peek_string(pid, v, text, sizeof(text)) &&
		       strcmp(text, f->text) == 0;
	}
}

static const struct fault *
fault_for(const struct proc *p, const char *call, unsigned n,
	  const struct user_regs_struct *r)
{
	for (size_t i = 0; i < n_faults; i++) {
		const struct fault *f = &faults[i];

		if ((strcmp(f->label, "*") == 0 || strcmp(f->label, p->label) == 0) &&
		    is_word(f->call, call) && (f->is_on ? n >= f->n : n == f->n) &&
		    holds(f, p->pid, r))
			return f;
	}
	return NULL;
}

/* At most one byte is moved, and with it whatever descriptors it carries. */
static bool
shorten(struct proc *p, struct user_regs_struct *r, unsigned nr)
{
	struct {
		unsigned long name, namelen, iov, iovlen;
	} m;
	struct iovec one, l = { &one, sizeof(one) }, remote;

	if (nr == SYS_getrandom) {
		r->rsi = r->rsi > 1 ? 1 : r->rsi;
		return r->rsi < p->was.rsi;
	}
	if (nr != SYS_sendmsg && nr != SYS_recvmsg) {
		r->rdx = r->rdx > 1 ? 1 : r->rdx;
		return r->rdx < p->was.rdx;
	}
	if (!peek(p->pid, r->rsi, &m, sizeof(m)) || m.iovlen == 0)
		return false;
	p->iov_at = 0;
	for (unsigned long i = 0; i < m.iovlen && p->iov_at == 0; i++) {
		if (!peek(p->pid, m.iov + i * sizeof(one), &one, sizeof(one)))
			return false;
		if (one.iov_len > 0)
			p->iov_at = m.iov + i * sizeof(one);
		if (one.iov_len > 1 || (one.iov_len == 1 && i + 1 < m.iovlen))
			p->iovlen_was = m.iovlen - i;
	}
	if (p->iov_at == 0 || p->iovlen_was == 0)
		return false;
	/* The vector begins where there is something, and has one part of one byte. */
	p->iov_was = one;
	one.iov_len = 1;
	remote = (struct iovec){ (void *)p->iov_at, sizeof(one) };
	if (process_vm_writev(p->pid, &l, 1, &remote, 1, 0) != (ssize_t)sizeof(one))
		return false;
	m.iov = p->iov_at;
	m.iovlen = 1;
	l = (struct iovec){ &m, sizeof(m) };
	remote = (struct iovec){ (void *)r->rsi, sizeof(m) };
	return process_vm_writev(p->pid, &l, 1, &remote, 1, 0) == (ssize_t)sizeof(m);
}

static void
lengthen(struct proc *p)
{
	struct iovec l = { &p->iov_was, sizeof(p->iov_was) };
	struct iovec r = { (void *)p->iov_at, sizeof(p->iov_was) };

	(void)!process_vm_writev(p->pid, &l, 1, &r, 1, 0);
}

static void
string_of(pid_t pid, const struct user_regs_struct *r, char *to, size_t cap)
{
	for (unsigned i = 0; i < 2; i++) {
		bool is_text =
		    arg_of(r, i) > 4096 && peek_string(pid, arg_of(r, i), to, cap);

		for (const char *c = to; is_text && *c != '\0'; c++)
			is_text = *c > 32 && *c < 127;
		if (is_text && to[0] != '\0')
			return;
	}
	if (r->rdi < 0x10000 && r->rsi < 0x10000)
		(void)snprintf(to, cap, "%lu,%lu", (unsigned long)r->rdi,
			       (unsigned long)r->rsi);
	else
		(void)snprintf(to, cap, "-");
}

/* What a static program's C library calls before main(). */
static bool
is_libc_start(unsigned nr)
{
	return nr == SYS_brk || nr == SYS_mmap || nr == SYS_arch_prctl ||
	       nr == SYS_set_tid_address || nr == SYS_set_robust_list || nr == SYS_rseq ||
	       nr == SYS_prlimit64 || nr == SYS_readlink || nr == SYS_readlinkat ||
	       nr == SYS_getrandom || nr == SYS_mprotect;
}

static void
on_entry(struct proc *p)
{
	struct user_regs_struct r;
	const struct fault *f;
	char text[80] = "-", *call;
	unsigned nr;

	if (ptrace(PTRACE_GETREGS, p->pid, 0, &r) < 0 || r.orig_rax >= CALL_MAX)
		return;
	nr = (unsigned)r.orig_rax;
	p->n[nr]++;
	if (!is_libc_start(nr))
		p->is_in_libc = false;
	if ((call = seccomp_syscall_resolve_num_arch(SCMP_ARCH_X86_64, (int)nr)) == NULL)
		return;
	if (trace != NULL) {
		string_of(p->pid, &r, text, sizeof(text));
		fprintf(trace, "%s\t%s\t%u\t%s\n", p->label, call, p->n[nr], text);
	}
	p->now = f = fault_for(p, call, p->n[nr], &r);
	p->was = r;
	p->iovlen_was = 0;
	if (f != NULL && f->kind == SHORT && !shorten(p, &r, nr))
		p->now = f = NULL;
	if (f != NULL) {
		fprintf(report, "hit %s %s %u\n", p->label, call, p->n[nr]);
		if (f->kind == ERROR && nr == SYS_brk)
			r.rdi = 0;
		else if (f->kind == ERROR && nr != SYS_close)
			r.orig_rax = SYS_getpid; /* every filter of a box allows it */
		if (f->kind == KILL_BEFORE)
			(void)kill(p->pid, SIGKILL);
		else if (f->kind != KILL_AFTER)
			(void)ptrace(PTRACE_SETREGS, p->pid, 0, &r);
	}
	free(call);
}

static void
on_exit_of(struct proc *p)
{
	const struct fault *f = p->now;
	struct user_regs_struct r;

	p->now = NULL;
	if (f == NULL || ptrace(PTRACE_GETREGS, p->pid, 0, &r) < 0)
		return;
	if (f->kind == KILL_AFTER) {
		(void)kill(p->pid, SIGKILL);
	} else {
		if (f->kind == ERROR && p->was.orig_rax != SYS_brk)
			r.rax = (unsigned long)-f->err;
		r.rdi = p->was.rdi;
		r.rsi = p->was.rsi;
		r.rdx = p->was.rdx;
		(void)ptrace(PTRACE_SETREGS, p->pid, 0, &r);
		if (p->iovlen_was > 0)
			lengthen(p);
	}
}

/* --- processes --- */

static void
resume(struct proc *p, int sig)
{
	if (is_over && !(is_kept && strchr(p->label, '/') == NULL)) {
		(void)ptrace(PTRACE_DETACH, p->pid, 0, sig);
		p->pid = 0;
	} else {
		(void)ptrace(PTRACE_SYSCALL, p->pid, 0, sig);
	}
}

static void
leave(struct proc *p)
{
	(void)ptrace(PTRACE_DETACH, p->pid, 0, 0);
	p->pid = 0;
}

static unsigned long
clone_flags(pid_t pid)
{
	struct user_regs_struct r;
	unsigned long flags = 0;

	if (ptrace(PTRACE_GETREGS, pid, 0, &r) < 0)
		return 0;
	if (r.orig_rax == SYS_clone)
		return r.rdi;
	if (r.orig_rax == SYS_clone3)
		return peek(pid, r.rdi, &flags, sizeof(flags)) ? flags : NS_FLAGS;
	return r.orig_rax == SYS_vfork ? 0x4100 : 0;
}

static void
name_child(struct proc *parent, struct proc *child)
{
	unsigned long f = clone_flags(parent->pid);
	bool is_sup = strcmp(parent->label, "sup") == 0;

	/* The guard of tier T0 has no namespaces; a spawn shares its parent's memory. */
	if (is_sup &&
	    ((f & NS_FLAGS) != 0 || (f & (CLEAR_SIGHAND | 0x100)) == CLEAR_SIGHAND))
		strcpy(child->label, "init");
	else if (!is_sup && (f & 0x4000) != 0)
		(void)snprintf(child->label, sizeof(child->label), "%.40s/vfork%u",
			       parent->label, ++parent->n_vfork);
	else if (!is_sup && (f & 0x100) != 0)
		(void)snprintf(child->label, sizeof(child->label), "%.40s/vm%u",
			       parent->label, ++parent->n_vm);
	else if (!is_sup)
		(void)snprintf(child->label, sizeof(child->label), "%.40s/fork%u",
			       parent->label, ++parent->n_fork);
	child->is_known = true;
}

static void
start_child(struct proc *c)
{
	c->is_waiting = false;
	if (c->label[0] == '\0')
		leave(c);
	else
		resume(c, 0);
}

static void
on_event(struct proc *p, int event)
{
	unsigned long msg = 0;
	struct proc *c;

	if (event == PTRACE_EVENT_EXEC) {
		if (strcmp(p->label, "sup") == 0) {
			memset(p->n, 0, sizeof(p->n));
			p->is_known = true;
			p->is_in_libc = true;
		} else if (strncmp(p->label, "init/", 5) == 0) {
			is_over = true;
			fprintf(report, "exec\n");
		} else {
			p->is_in_libc = true;
		}
	} else if (event != PTRACE_EVENT_STOP &&
		   ptrace(PTRACE_GETEVENTMSG, p->pid, 0, &msg) == 0 && msg > 0) {
		c = find((pid_t)msg);
		name_child(p, c);
		if (c->is_waiting)
			start_child(c);
	}
	resume(p, 0);
}

/* A fault ends even the init of a pid namespace; but not one that is traced, which would
 * run into it again and again. */
static void
on_signal(struct proc *p, int sig)
{
	static const int own[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS };

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (sig == own[i]) {
			fprintf(report, "fell %s %d %s\n", p->label, sig,
				p->is_in_libc ? "libc" : "code");
			if (strcmp(p->label, "init") == 0)
				(void)kill(p->pid, SIGKILL);
		}
	resume(p, sig);
}

static void
on_stop(pid_t pid, int st)
{
	struct proc *p = find(pid);
	int sig = WSTOPSIG(st), event = st >> 16;
	struct __ptrace_syscall_info i;

	if (!p->is_known) { /* its maker's event is still to come */
		p->is_waiting = true;
		return;
	}
	if (event == PTRACE_EVENT_STOP && sig == SIGTRAP) {
		start_child(p);
	} else if (event == PTRACE_EVENT_STOP) {
		(void)ptrace(PTRACE_LISTEN, pid, 0, 0);
	} else if (event != 0) {
		on_event(p, event);
	} else if (sig == (SIGTRAP | 0x80)) {
		if ((!is_over || is_kept) &&
		    ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(i), &i) > 0) {
			if (i.op == PTRACE_SYSCALL_INFO_ENTRY)
				on_entry(p);
			else if (i.op == PTRACE_SYSCALL_INFO_EXIT)
				on_exit_of(p);
		} else if (p->now != NULL) {
			on_exit_of(p);
		}
		resume(p, 0);
	} else {
		on_signal(p, sig);
	}
}

/* --- the command line --- */

static void
add_fault(const char *text)
{
	struct fault *f = &faults[n_faults++];
	char n[16] = "", kind[128] = "", *at, *end;

	if (n_faults == FAULT_MAX || sscanf(text, "%63[^:]:%127[^:]:%15[^:]:%127s",
					    f->label, f->call, n, kind) != 4)
		goto bad;
	f->n = (unsigned)strtoul(n, &end, 10);
	f->is_on = *end == '+';
	at = kind;
	if (strncmp(at, "only,", 5) == 0) {
		f->arg = (unsigned)strtoul(at + 5, &end, 10);
		f->only = *end == '=' ? STRING : *end == '*' ? MEMORY : ARG;
		if (f->only == MEMORY)
			f->off = strtoul(end + 1, &end, 0);
		if (f->only == STRING) {
			if (sscanf(end, "=%63[^,]", f->text) != 1)
				goto bad;
		} else if (sscanf(end, "&%li=%li", (long *)&f->mask, (long *)&f->value) !=
			   2) {
			goto bad;
		}
		if ((at = strchr(end, ',')) == NULL)
			goto bad;
		at++;
	}
	if (sscanf(at, "error=%d", &f->err) == 1)
		f->kind = ERROR;
	else if (sscanf(at, "value=%d", &f->err) == 1 && (f->err = -f->err, true))
		f->kind = ERROR;
	else if (strcmp(at, "kill=before") == 0)
		f->kind = KILL_BEFORE;
	else if (strcmp(at, "kill=after") == 0)
		f->kind = KILL_AFTER;
	else if (strcmp(at, "short") == 0)
		f->kind = SHORT;
	else
		goto bad;
	return;
bad:
	fprintf(stderr, "tracer: what is '%s'?\n", text);
	exit(99);
}

static pid_t
start(char **argv)
{
	int go[2];
	char c;
	pid_t pid;

	if (pipe(go) < 0 || (pid = fork()) < 0)
		exit(99);
	if (pid == 0) {
		(void)close(go[1]);
		if (read(go[0], &c, 1) != 1)
			_exit(99);
		(void)close(go[0]);
		if (trace != NULL)
			(void)close(fileno(trace));
		(void)close(fileno(report));
		(void)execv(argv[0], argv);
		_exit(99);
	}
	(void)close(go[0]);
	if (ptrace(PTRACE_SEIZE, pid, 0,
		   PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
		       PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC) < 0) {
		perror("tracer: ptrace");
		exit(99);
	}
	strcpy(find(pid)->label, "sup");
	find(pid)->is_known = true;
	(void)!write(go[1], "g", 1);
	(void)close(go[1]);
	return pid;
}

int
main(int argc, char **argv)
{
	pid_t root, pid;
	int st, i;

	report = stderr;
	for (i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (i + 1 < argc && strcmp(argv[i], "-t") == 0)
			trace = fopen(argv[++i], "we");
		else if (strcmp(argv[i], "-k") == 0)
			is_kept = true;
		else if (i + 1 < argc && strcmp(argv[i], "-r") == 0)
			report = fopen(argv[++i], "we");
		else
			add_fault(argv[i]);
	}
	if (i + 1 >= argc || report == NULL)
		return 99;
	(void)setvbuf(report, NULL, _IOLBF, 0);
	root = start(argv + i + 1);
	/* What it leaves running is let go as it is. */
	while ((pid = waitpid(-1, &st, __WALL)) > 0 || errno == EINTR) {
		if (pid < 0)
			continue;
		if (WIFSTOPPED(st)) {
			on_stop(pid, st);
			continue;
		}
		find(pid)->pid = 0;
		if (pid == root) {
			(void)fclose(report);
			if (trace != NULL)
				(void)fclose(trace);
			return WIFEXITED(st) ? WEXITSTATUS(st) : 128 + WTERMSIG(st);
		}
	}
	return 99;
}
