/* box.h -- permit -> namespaces, mounts, limits, seccomp, Landlock; then processes
 * in it, observed; then nothing of it left.
 *
 * One box serves one job (or one `exec`).  sl_box_prepare() builds everything that
 * the grant describes and stops: nothing of the request executes in it and nothing of
 * the host is writable from it.  sl_box_open() spends the run's permit; each
 * sl_box_spawn() spends a step's permit and starts exactly the act that was decided.
 * Tier T0 is a box without namespaces, for hosts that forbid them: files by Landlock, no
 * network at all, and of what the host shows by name more can be seen (data/t0-open.tsv).
 * It has the host's root, acts of `exec` alone, and no private terminal.
 * A layer that cannot be set up is an error (ENV) that names it and says what to
 * change; nothing ever starts half-confined.  sl_box_close() kills everything in it
 * (pid namespace, then cgroup where there is one) and waits until it is gone.
 *
 * The supervisor is single-threaded: it polls sl_box_fd() and calls sl_box_dispatch().
 */
#ifndef SL_BOX_BOX_H
#define SL_BOX_BOX_H

#include "grant/act.h"
#include "grant/hostport.h"
#include "grant/permit.h"

struct sl_box;
struct sl_launcher;
struct sl_proxy;

/* What was achieved, read back, not what was asked: goes into every statement. */
struct sl_box_vector {
	struct sl_slice tier;          /* "T1", "T0" */
	const struct sl_slice *layers; /* "userns" "mountns" ... "landlock:7" "seccomp" */
	size_t n_layers;
	enum sl_limit_class limit[SL_LIM_COUNT]; /* the class each limit really has */
	enum sl_ws_mode ws_mode; /* OVERLAY may have become COPY: say so */
	struct sl_slice ws_why;  /* why, or empty */
	struct sl_slice
	    etc_digest; /* hex SHA-256 of the /etc made for the box; T0: empty */
	const struct sl_slice *open; /* what this tier leaves open: data/t0-open.tsv */
	size_t n_open;
};

/* One call by name, on its way: what --trace sees.  The name is that of the moment when
 * the call stopped; another thread can change it before the kernel reads it again, so
 * nothing may be decided by it.  err is what the supervisor met where it looked at the
 * same name in the box's tree with the box's rights. */
enum sl_look_kind {
	SL_LOOK_SEEK, /* asked whether it is there, and what it is; or O_PATH */
	SL_LOOK_READ,
	SL_LOOK_WRITE,  /* a file that is there */
	SL_LOOK_MAKE,   /* an entry of a directory: made, */
	SL_LOOK_REMOVE, /* or taken away */
	SL_LOOK_EXEC
};

struct sl_look {
	enum sl_look_kind kind;
	/* Absolute, as seen inside, not escaped: the place itself where it is there, else
	 * the name that was asked for.  Both are the callee's for the call only. */
	struct sl_slice path, asked;
	int err; /* 0: it is there, or can be made */
	bool is_dir;
};

struct sl_box_trace {
	void *arg;
	void (*look)(void *arg, const struct sl_look *look); /* may be NULL */
	bool is_seeking; /* stat, access and chdir too, not only what opens or changes */
};

/* The file that a process was made of, with a trace: /proc/PID/exe, read after the exec.
 * Of a script it is the interpreter. */
struct sl_image {
	struct sl_slice path; /* as seen inside; escaped */
	uint8_t sha256[32];   /* of its content while it ran */
};

/* One folded observation.  class, enforced_by, observed_by and complete are columns
 * of data/observation.tsv. */
struct sl_obs {
	const char *class;      /* "exec", "connect", "bind", "socket", "mount", ... */
	struct sl_slice act;    /* system call */
	struct sl_slice object; /* path, address, family: escaped text, <= 256 bytes */
	bool is_denied;
	int err; /* errno given, 0 when allowed */
	uint64_t count;
	int64_t first_ms, last_ms;    /* wall clock */
	const struct sl_image *image; /* of an exec, with a trace; NULL: not known */
	bool is_rest; /* stands for further objects that are not listed; object empty */
	/* Of a connection by the proxy: what decided, by its id (proxy/why.h), and the
	 * bytes to the service and back.  NULL: it is no such row. */
	const char *rule;
	uint64_t sent, received;
};

/* The rows of data/observation.tsv: for each class of act, who enforces it, who observes
 * it and whether that record is complete. */
struct sl_obs_class {
	const char *name, *acts, *enforced_by, *observed_by;
	bool is_complete;
	const char *allowed_by; /* what covers a permitted act: box fs limit none */
	const char *traced_by;  /* who observes it with a trace, or "-": as without */
};

enum {
	SL_OBS_CLASS_MAX = 32,
	/* Rows of one class of the trace and verdict; these have room of their own. */
	SL_BOX_TRACE_SAME = 1024,
	SL_BOX_IMAGES_MAX = 256, /* distinct files that were executed, with a trace */
};
#define SL_BOX_IMAGE_BYTES ((uint64_t)4 << 30) /* hashed for one act */
#define SL_BOX_IMAGE_MAX ((off_t)512 << 20)    /* of one file: all waits meanwhile */

/* Observations whose object, or all, was lost to a bound: a class that lost any is not
 * complete, whatever its row says. */
struct sl_obs_lost {
	uint64_t total, of_class[SL_OBS_CLASS_MAX]; /* in the order of sl_obs_classes() */
	bool is_traced;                             /* there was a trace */
	uint64_t images; /* of the trace: execs whose image is not known */
};

const struct sl_obs_class *sl_obs_classes(size_t *ret_n);
const struct sl_obs_class *sl_obs_class(const char *name); /* NULL when unknown */
/* Whether what is recorded of this class is all of it.  lost: NULL for none. */
bool sl_obs_is_complete(const struct sl_obs_class *c, const struct sl_obs_lost *lost);
const char *sl_obs_observer(const struct sl_obs_class *c, const struct sl_obs_lost *lost);

struct sl_proc_end {
	int status;          /* exit status, or -1 */
	int signal;          /* or 0 */
	enum sl_limit limit; /* SL_LIM_COUNT: none; else the limit that ended it */
	bool is_not_found, is_not_executable; /* exec failed (127, 126) */
	int64_t wall_ms, cpu_ms;
	uint64_t max_rss; /* bytes */
	uint64_t n_left;  /* processes that it left behind */
};

/* Called from dispatch.  stream: 1 or 2 (a pty gives only 1).  Bytes are foreign. */
struct sl_box_sink {
	void *arg;
	void (*output)(void *arg, int stream, struct sl_slice bytes);
	void (*observed)(void *arg, const struct sl_obs *first_seen); /* may be NULL */
	void (*ended)(void *arg, const struct sl_proc_end *end); /* the act's process */
	void (*died)(void *arg, const char *why); /* the box itself: nothing is left */
};

enum {
	SL_BOX_DIALS_MAX = 32,  /* connections of a box under way: bits of sl_dial.used */
	SL_BOX_DIAL_MS = 10000, /* until one has timed out */
};

/* Where a name of the grant leads, found out outside; the box's /etc/hosts says so. */
struct sl_box_pin {
	size_t net; /* its row in the grant */
	struct sl_addr addr;
};

struct sl_box_opts {
	const struct sl_grant *grant;
	const struct sl_box_sink *sink;
	const char *host_name;
	const char *root_tree; /* absolute path of a stored root's tree, where the grant
				  names one; NULL for host: */
	int run_fd;            /* directory on disk for this box: upper/, work/, copy/ */
	const char *const *masked; /* host paths no grant may reach: $SLUICE_HOME, ... */
	size_t n_masked;
	const struct sl_box_pin *pins; /* of each name in the grant's net */
	size_t n_pins;
	/* Started for this box alone, and stopped by who started it, after the box; NULL:
	 * there is none.  Its listener is at sl_grant_net_proxy_port(). */
	struct sl_proxy *proxy;
	struct sl_launcher *launcher; /* NULL: the box is made from nothing */
	int stdin_fd;        /* -1: /dev/null; else relayed (a tty: through the pty) */
	const char *own_dir; /* tier T0: absolute, not there yet; made with home and tmp
				in it for the box alone, and removed with it */
	bool is_single;      /* for one act: it ends by itself when that has ended */
	bool is_busy;        /* the caller goes on while it is set up: it has the other
			      * processor, where there are two */
	bool holds_secret;   /* the supervisor's memory holds one: re-exec init (the
				program then calls sl_box_init_main() first of all) */
	const struct sl_box_trace *trace; /* NULL: none */
	/* Tests, and users who have reason to: do without newer features. */
	int max_landlock_abi; /* 0: the best there is */
	bool without_cgroup;
};

int sl_box_prepare(const struct sl_box_opts *o, struct sl_box **ret,
		   struct sl_err *err) SL_MUST_CHECK;

/* For boxes one after another, or at once, of one grant (and host name, masks, pins, as
 * in the options that it is started with): a process that stands in their tree, made
 * once, so that each box makes only what is its own.  They have one private uid, and are
 * told from each other by their namespaces.  UNSUPPORTED where the grant has a workspace
 * or a path below one of the box's own places, or the supervisor holds a secret: such
 * boxes are made from nothing.  Stopping it ends every box of it. */
enum { SL_LAUNCHER_NETS_MAX = 64 };
/* n_ahead: so many network namespaces, at most SL_LAUNCHER_NETS_MAX, are made before they
 * are asked for (some 250 KiB of kernel memory each); none is given to two boxes. */
int sl_launcher_start(const struct sl_box_opts *o, unsigned n_ahead,
		      struct sl_launcher **ret, struct sl_err *err) SL_MUST_CHECK;
void sl_launcher_stop(struct sl_launcher *l); /* accepts NULL */
/* The digest of the box's /etc as hex, at once: contexts name it, and need not wait. */
void sl_box_etc(const struct sl_box *b, char ret_hex[65]);
/* The same before there is a box, and without any pins. */
int sl_box_etc_plain(const char *host_name, const char *root_tree, char ret_hex[65],
		     struct sl_err *err) SL_MUST_CHECK;
/* Set-up is over (waits for it): the vector, in the caller's arena, for statements are
 * made of it when the box is gone.  Callable before open. */
int sl_box_vector(struct sl_box *b, struct sl_arena *a, struct sl_box_vector *ret,
		  struct sl_err *err) SL_MUST_CHECK;
int sl_box_open(struct sl_box *b, struct sl_permit *run,
		struct sl_err *err) SL_MUST_CHECK;
/* One process at a time.  act is checked against the permit's digest; it has the permit's
 * grant, which is within the box's: lower limits, and by Landlock fewer places.  ENV
 * where a limit cannot be held as that grant asks. */
int sl_box_spawn(struct sl_box *b, struct sl_permit *step, const struct sl_act *act,
		 const uint8_t hmac_key[32], struct sl_err *err) SL_MUST_CHECK;
/* The class that a limit of an act with this grant has: one that is the act's own, lower
 * than its box's, is not held by the box's cgroup. */
enum sl_limit_class sl_box_act_class(const struct sl_box *b, const struct sl_grant *act,
				     enum sl_limit l);
/* Whether an act can be held to act in a box with all: Landlock only ever adds, so a
 * place in another that is kept, or in what every act can write to, has no less than
 * that; and one that can be read can be executed.  If not, *ret_place is the first such
 * place. */
bool sl_box_can_narrow(const struct sl_grant *all, const struct sl_grant *act,
		       struct sl_slice *ret_place);
int sl_box_fd(const struct sl_box *b); /* epoll: readable when dispatch has work */
int sl_box_dispatch(struct sl_box *b, int timeout_ms, struct sl_err *err) SL_MUST_CHECK;
/* After ended: the files that act->get named, in its order; absent ones empty. */
int sl_box_files(struct sl_box *b, struct sl_arena *a, struct sl_slice *ret, size_t n,
		 struct sl_err *err) SL_MUST_CHECK;
/* hashFiles() over the workspace as the box sees it; carried out inside. */
int sl_box_hash_files(struct sl_box *b, const struct sl_slice *pattern, size_t n,
		      char ret_hex[65], struct sl_err *err) SL_MUST_CHECK;
/* The act's observations, folded, and what was lost to the bound.  They stay until the
 * next spawn or close. */
void sl_box_observations(const struct sl_box *b, const struct sl_obs **ret, size_t *ret_n,
			 struct sl_obs_lost *ret_lost);
/* The most that was seen at once, of all samples so far (SL_BOX_SAMPLE_MS apart): a short
 * act may have none. */
struct sl_box_peak {
	uint64_t memory, pids, disk;
};
struct sl_box_peak sl_box_peak(const struct sl_box *b);
int sl_box_signal(struct sl_box *b, int sig); /* to the act's process group; -errno */
int sl_box_resize(struct sl_box *b, unsigned rows, unsigned cols); /* its tty; -errno */
/* Begins the end of a box in which nothing runs any more; close does the rest. */
void sl_box_end(struct sl_box *b);
void sl_box_close(struct sl_box *b); /* kill, reap, wait until gone; accepts NULL */

/* What a supervisor that was killed has left in a workspace given in place, taken away;
 * run_fd: that box's directory.  0, or -errno. */
int sl_box_direct_recover(int run_fd);

/* Inside paths of the places that every act can write to; NULL behind the last. */
const char *sl_box_place(unsigned i);

/* data/tiers.tsv, built in; need: "mandatory", "set-up", "optional" or "unused". */
struct sl_tier_layer {
	const char *tier, *layer, *need, *since, *enforces, *without_it;
};
const struct sl_tier_layer *sl_box_tier_layers(size_t *ret_n);

/* A new name for own_dir, where there is a place for such. */
enum { SL_BOX_OWN_DIR_MAX = 64 };
int sl_box_own_dir(char ret[SL_BOX_OWN_DIR_MAX], struct sl_err *err) SL_MUST_CHECK;

/* data/t0-open.tsv: what tier T0 leaves open that T1 closes, and how that does. */
struct sl_tier_open {
	const char *id, *what, *closed_by;
	bool is_shown; /* the hostile corpus shows it */
};
const struct sl_tier_open *sl_box_tier_open(size_t *ret_n);

/* What this host can give, each by trying: for `sluice doctor`.  scratch: an absolute
 * directory that may be written, best where the runs will be; left as it was. */
enum sl_probe_state { SL_PROBE_OK, SL_PROBE_LESS, SL_PROBE_MISSING };
struct sl_box_probe {
	const char *name;
	enum sl_probe_state state; /* LESS: works, with less; MISSING: no box */
	const char *text, *how;    /* what is; how to get the rest, or "" */
};
int sl_box_probe(const char *scratch, struct sl_arena *a, const struct sl_box_probe **ret,
		 size_t *ret_n, struct sl_err *err) SL_MUST_CHECK;

/* The main of a re-exec'd init.  Any program that makes boxes with holds_secret calls
 * it first of all in main: it returns -1 at once where it is not meant, else never. */
int sl_box_init_main(int argc, char **argv);

#endif
