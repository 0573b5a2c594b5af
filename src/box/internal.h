/* internal.h -- what the files of src/box share.  Not for other folders.
 *
 * At tier T0 there are no namespaces: init has a guard around it (land.c), and what is
 * killed as one is a Landlock domain.
 *
 * Two processes: the supervisor (box.c sup.c notify.c trace.c relay.c watch.c obs.c) and
 * the box's init, pid 1 of its namespaces (setup.c root.c etc.c grants.c ws.c ids.c, then
 * init.c child.c); perhaps a third, which starts one init after another (launcher.c).
 * They talk over one sl_chan; both are ours, yet whatever init says is bounded and
 * checked, for it runs under the uid of what it contains.
 */
#ifndef SL_BOX_INTERNAL_H
#define SL_BOX_INTERNAL_H

#include "base/auto.h"
#include "base/buf.h"
#include "box/box.h"
#include "box/dial.h"
#include "box/proxy.h"
#include "priv/chan.h"

#include <linux/seccomp.h>
#include <stdio.h>
#include <sys/types.h>

enum {
	SL_BOX_SAMPLE_MS = 50,     /* interval of the watched limits */
	SL_BOX_KILL_MS = 2000,     /* from "kill all" to killing init itself */
	SL_BOX_SETUP_MS = 30000,   /* the rest of a message that has begun */
	SL_BOX_COPY_MS = 600000,   /* the whole set-up: a copied workspace may be large */
	SL_BOX_GET_MAX = 64 << 20, /* bytes of one file that is read back */
	SL_BOX_MSG_MAX = 80 << 20,
	SL_BOX_OBS_MAX = 512,  /* distinct folded observations of one act */
	SL_BOX_OBS_SAME = 192, /* of one class and verdict: no class crowds out another */
	SL_BOX_OBS_REST = 128, /* room for rows that stand for what is not listed */
	SL_BOX_TRACE_MAX = 4 * SL_BOX_TRACE_SAME, /* a fourth of it for what is refused */
	SL_BOX_ROWS = SL_BOX_OBS_MAX + SL_BOX_OBS_REST + SL_BOX_TRACE_MAX,
	SL_BOX_SLOTS = 16384, /* power of 2, more than twice the rows */
	SL_BOX_OBJ_MAX = 256,
	SL_BOX_IMAGE_WAITS = 64, /* execs whose image is not known yet */
	SL_BOX_PATH_READ = 4096,
	SL_BOX_SOCK_MAX = 64,   /* connects and binds under way: bits of sock_used */
	SL_BOX_OUT_BUF = 65536, /* bytes of output taken at once */
	SL_BOX_CHAN_FD = 3,
	SL_BOX_RULES_FD = 4, /* of a re-exec'd init */
};

/* Where set-up can fail; text in setup_text.c. */
/* clang-format off */
#define SL_BOX_STEPS(X)                                                                        \
	X(START,    "the box's init could not start")                                          \
	X(MAP,      "the id map of the user namespace could not be written")                   \
	X(PRIVATE,  "mounts could not be made private")                                        \
	X(TMPFS,    "the box's tmpfs could not be made")                                       \
	X(TREE,     "the box's tree could not be laid out")                                    \
	X(ETC,      "the box's /etc could not be made")                                        \
	X(USR,      "the host's /usr could not be shown")                                      \
	X(STORE,    "the stored root could not be shown")                                      \
	X(PROC,     "the box's /proc could not be mounted")                                    \
	X(DEV,      "the box's /dev could not be made")                                        \
	X(PLACES,   "the writable places could not be mounted")                                \
	X(GRANT,    "a granted path could not be shown")                                       \
	X(MASK,     "a path that no grant may reach could not be masked")                      \
	X(WS,       "the workspace could not be set up")                                       \
	X(NET,      "the box's network could not be made")                                     \
	X(HOST,     "the box's host name could not be set")                                    \
	X(PIVOT,    "the box's root could not be entered")                                     \
	X(UID,      "the box's uid could not be taken")                                        \
	X(CAPS,     "capabilities could not be dropped")                                       \
	X(LANDLOCK, "Landlock could not be applied")                                           \
	X(SECCOMP,  "the seccomp filter could not be installed")                               \
	X(EXEC,     "init could not be executed anew")
enum sl_box_step {
#define X(id, text) SL_BOX_STEP_##id,
	SL_BOX_STEPS(X)
#undef X
	SL_BOX_STEP_COUNT
};
/* clang-format on */

/* Messages.  Bodies are the fixed structs below (one binary, one machine), or bytes. */
enum sl_box_op {
	/* to init */
	SL_OP_SPAWN = 1, /* struct sl_m_spawn, then strings; fds: sync, in, out, err */
	SL_OP_SIGNAL,    /* struct sl_m_signal */
	SL_OP_SOCK,      /* struct sl_m_sock; fds: socket, cwd */
	SL_OP_GET,       /* u64 max, path */
	SL_OP_HASH,      /* patterns, each NUL-terminated */
	SL_OP_ASK_USAGE, /* nothing */
	SL_OP_ATTR,      /* struct sl_m_attr, then a path; fds: what, or its directory */
	/* to a launcher */
	SL_OP_BOX, /* nothing; fds: the box's channel, and perhaps its cgroup */
	/* from init */
	SL_OP_FAIL,   /* struct sl_m_fail */
	SL_OP_SETUP,  /* struct sl_m_setup; fds: /proc, tmpfs, perhaps a listener */
	SL_OP_READY,  /* struct sl_m_ready */
	SL_OP_ENDED,  /* struct sl_m_ended */
	SL_OP_DONE,   /* struct sl_m_done: of SOCK, ATTR */
	SL_OP_FILE,   /* i32 errno, bytes */
	SL_OP_HASHED, /* i32 errno, 64 hex digits or nothing */
	SL_OP_USAGE,  /* struct sl_m_usage */
	/* from a launcher */
	SL_OP_TREE, /* struct sl_m_setup: it can be asked for boxes */
	SL_OP_BOXED /* on the box's channel: i32 errno; fds: the init's pidfd */
};

struct sl_m_fail {
	int32_t step, sys;
	char what[200];
};

struct sl_m_setup {
	uint8_t etc[32];
	int32_t ws_mode; /* enum sl_ws_mode */
	uint32_t is_idmapped;
	char ws_why[200];
};

struct sl_m_ready {
	int32_t landlock_abi;               /* in force */
	int32_t seccomp_mode, no_new_privs; /* read back */
	uint64_t cap_bnd, cap_eff;
};

/* A mode, or times, of something by its name below a directory, or by a descriptor. */
struct sl_m_attr {
	uint64_t id;
	uint32_t is_times, mode, is_path,
	    is_link; /* link: the last name is not followed */
	int64_t sec[2], nsec[2];
};

struct sl_m_spawn {
	uint32_t n_argv, n_env, n_put;
	uint32_t is_tty, rows, cols, is_single, traced;   /* enum sl_traced */
	uint32_t is_narrow, is_frozen, ws, n_places, abi; /* narrow.c; abi: init's */
	uint64_t rlim_data, rlim_nproc, rlim_cpu, rlim_fsize, rlim_nofile; /* max: none */
};

struct sl_m_signal {
	int32_t sig, is_all; /* all: every process of the box but init */
};

struct sl_m_sock {
	uint64_t id;
	uint32_t is_bind, is_path, is_direct, is_strict, umask,
	    len; /* path: of a UNIX socket in addr */
	uint8_t addr[128];
};

struct sl_m_done {
	uint64_t id;
	int32_t err, is_outside; /* outside: refused because of where it is */
};

/* Of init and all that it has reaped. */
struct sl_m_usage {
	uint64_t cpu_us, written; /* bytes given to disks; UINT64_MAX: not known */
};

struct sl_m_ended {
	int32_t code, value; /* of waitid */
	uint64_t n_left, cpu_us, max_rss;
	struct sl_m_usage usage;
};

/* How ids are arranged; ids.c. */
struct sl_box_ids {
	bool is_private; /* root: a private uid, taken late; else single-id map at once */
	uid_t in_uid, out_uid;
	gid_t in_gid, out_gid;
};

/* direct.c: the names that are protected in a workspace given in place. */
enum { SL_OBEYED_MAX = 64 };
enum sl_box_obeyed_kind { SL_OBEYED_HOLD, SL_OBEYED_DIR, SL_OBEYED_FILE, SL_OBEYED_DOT };
struct sl_box_obeyed {
	const char *path; /* below the workspace */
	enum sl_box_obeyed_kind kind;
};
const struct sl_box_obeyed *sl_box_obeyed(size_t *ret_n);

/* Everything that init needs; init has a copy of the supervisor's memory. */
struct sl_setup {
	const struct sl_box_opts *o;
	const ino_t *placeholder; /* of sl_box_obeyed(); 0: was there */
	struct sl_box_ids ids;
	struct sl_chan chan;
	int run_fd, exe_fd;
	int s_fd;    /* tmpfs S: r/ root skeleton, l/ usr/local, e/ and n for masks */
	int p_fd;    /* the tmpfs of the writable places: S, or one of the box's own */
	int root_fd; /* mount of S/r, on which all others stand */
	int proc_fd;
	int rules_fd, landlock_abi;
	struct sl_net *net; /* a process of ours makes the network namespace */
	int net_fd;         /* or a launcher sends it here */
	bool is_launched;   /* in a launcher's tree */
	int proxy_fd;       /* a listener in it, where there is a proxy */
	const struct sl_land_place *land; /* at tier T0: what may be written */
	size_t n_land;
	enum sl_box_step step;
	char what[200]; /* detail of a failure */
	struct sl_m_setup m;
};

/* box.c: before anything is made; and the Landlock ABI that it will have. */
int sl_box_opts_check(const struct sl_box_opts *o, int *ret_abi,
		      struct sl_err *err) SL_MUST_CHECK;

struct sl_bpf_name {
	const char *act, *class;
};

/* --- tier T0 --- */

struct sl_box;

/* land_host.c: in the supervisor.  Whether it can be had, with this grant. */
int sl_land_check(const struct sl_box_opts *o, int *ret_abi,
		  struct sl_err *err) SL_MUST_CHECK;
static inline bool
sl_land_is(const struct sl_grant *g)
{
	return sl_slice_eq(g->tier, SL_LIT("T0"));
}
struct sl_land {
	const char *dir;         /* its own, absolute */
	bool is_made, is_memory; /* is_memory: on a tmpfs */
	uint64_t base;           /* of that file system, used before */
	int lock_fd;             /* of dir, locked: somebody sees to it; 0: none */
};
/* Its directory, and what the supervisor needs of the host. */
int sl_land_begin(struct sl_box *b, const struct sl_box_opts *o,
		  struct sl_err *err) SL_MUST_CHECK;
int sl_land_vector(const struct sl_box *b, struct sl_arena *a, struct sl_box_vector *ret,
		   struct sl_err *err) SL_MUST_CHECK;
int sl_land_dir_make(struct sl_box *b, struct sl_err *err) SL_MUST_CHECK;
void sl_land_dir_drop(struct sl_land *l); /* all of it; nothing may run in it */
/* Empties the directory name of at, which stays.  0, or -errno of the first that failed.
 */
int sl_land_empty(int at, const char *name);
uint64_t sl_land_used(const struct sl_land *l); /* bytes, where it lies in memory */
/* Below a row of data/t0-base.tsv? */
bool sl_land_is_base(struct sl_slice path);
/* Processes of the box now, its two guards excepted; at most max are listed. */
size_t sl_land_pids(const struct sl_box *b, pid_t *ret, size_t max);
uint64_t sl_land_threads(void); /* of this user, on the whole machine */
/* attr.c: a call about a mode or times, carried out by init, or refused. */
void sl_attr_call(struct sl_box *b, struct sl_bpf_name n);
/* land.c: in the guard and in init; never returns. */
struct sl_land_place {
	int fd; /* O_PATH */
};
_Noreturn void sl_land_setup(struct sl_setup *s);
/* attr.c, in a helper of init's. */
int sl_attr_carry_out(const struct sl_m_attr *m, const char *path, int fd,
		      const struct sl_land_place *place, size_t n);
enum { SL_BOX_EXIT_OUTSIDE = 255 }; /* of a helper */

/* setup.c, in init: never returns. */
_Noreturn void sl_box_setup(struct sl_setup *s);
/* The same in a launcher's tree. */
_Noreturn void sl_box_setup_own(struct sl_setup *s);
/* Nothing of the supervisor's is left: descriptors, environment, terminal, signals. */
int sl_box_leave_supervisor(struct sl_setup *s);
/* A descriptor of this process's network namespace, which becomes a new one with lo up;
 * or -errno.  Raw system calls only, errno stays: the caller may share its memory. */
int sl_box_net_new(void);
int sl_box_ids_early(struct sl_setup *s); /* an ordinary user's id map */
int sl_box_pivot(struct sl_setup *s);
/* launcher.c */
struct sl_launcher {
	struct sl_box_ids ids;
	uint8_t etc[32], grant[32];
	int pidfd, abi;
	struct sl_chan chan;
};
/* Asks for a box whose end of its channel is peer; BOXED comes on that channel. */
int sl_box_launch(struct sl_launcher *l, int peer, int cgroup_fd,
		  struct sl_err *err) SL_MUST_CHECK;
/* What a FAIL of init or of a launcher says. */
int sl_box_setup_failed(struct sl_slice body, bool is_private,
			struct sl_err *err) SL_MUST_CHECK;
_Noreturn void sl_box_fail(struct sl_setup *s, int neg_errno);
/* Sets s->step; then a failing call names where. */
void sl_box_at(struct sl_setup *s, enum sl_box_step step, const char *what_fmt, ...)
    SL_PRINTF(3, 4);
const char *sl_box_step_text(unsigned step);
/* What to change, or "". */
const char *sl_box_step_advice(unsigned step, int sys, bool is_root);

/* Why namespaces cannot be made, and what to change: raises ENV. */
int sl_box_userns_text(int e, bool is_private, struct sl_err *err);

/* Parts of the set-up: 0 or -errno, s->what holds the detail. */
#define SL_BOX_RO (SL_LL_EXEC | SL_LL_READ)
#define SL_BOX_RW (SL_BOX_RO | SL_LL_WRITE)
int sl_box_rules_new(struct sl_setup *s);
/* A Landlock rule for what fd (O_PATH) is: a mount's own descriptor, before it is moved
 * to its place or after. */
int sl_box_rule(struct sl_setup *s, int fd, uint64_t rights);
int sl_box_tree_make(struct sl_setup *s, uint64_t room);
int sl_box_places_make(struct sl_setup *s);
int sl_box_root_make(struct sl_setup *s); /* both */
int sl_box_root_own(struct sl_setup *s);  /* the second, in a launcher's tree */
/* store.c: a stored root in place of the host's /usr, around what the box has itself. */
int sl_box_store_show(struct sl_setup *s);
/* Lies path in what was shown of it? */
bool sl_box_store_has(struct sl_setup *s, const char *path);
int sl_box_etc_make(struct sl_setup *s);
/* The digest that it will give, without making anything. */
int sl_box_etc_digest(const struct sl_box_ids *ids, const struct sl_box_opts *o,
		      uint8_t ret[32]);
int sl_box_grants_mount(struct sl_setup *s);
int sl_box_ws_mount(struct sl_setup *s);
int sl_box_ids_pick(struct sl_box_ids *ret, struct sl_err *err) SL_MUST_CHECK;
int sl_box_ids_map_self(const struct sl_box_ids *ids); /* in the new user namespace */
/* The uid and gid on the host, no groups, all capabilities kept. */
int sl_box_ids_become(const struct sl_box_ids *ids);
int sl_box_ids_take(const struct sl_box_ids *ids); /* private uid, then namespace */
int sl_box_ids_nest(const struct sl_box_ids *ids); /* the same id in one more */
/* A user namespace that maps uid/gid on disk to the box's, for idmapped mounts. */
int sl_box_ids_idmap(const struct sl_box_ids *ids, uid_t disk_uid, gid_t disk_gid);
/* Where a host path has its mount point inside S; grants.c. */
int sl_box_mount_point(struct sl_setup *s, const char *path, bool is_dir);
int sl_box_mask(struct sl_setup *s, const char *base, const char *rel, bool is_rw);
int sl_box_mask_below(struct sl_setup *s, struct sl_slice host_dir, const char *inside,
		      bool is_rw);
int sl_box_grants_check(const struct sl_box_opts *o, struct sl_err *err) SL_MUST_CHECK;
int sl_box_ws_copy(int from, int to, const struct sl_box_ids *ids, unsigned depth);

/* init.c, child.c, hash.c */
_Noreturn void sl_box_init(struct sl_setup *s, bool is_reexec);
_Noreturn void sl_box_child(const struct sl_m_spawn *m, const char **argv,
			    const char **env, const char *cwd, int rules, int sync,
			    int in, int out, int errfd);
/* narrow.c.  The places of an act that has less than its box, if it has; and, in init,
 * the rule set that they say, or -errno. */
struct sl_box;
void sl_box_narrow_put(const struct sl_box *b, struct sl_m_spawn *m, struct sl_buf *out);
int sl_box_narrow_rules(const struct sl_m_spawn *m, int abi, struct sl_slice *strings);
int sl_box_freeze(int abi); /* in the act: where it is_frozen */
int sl_box_hash(int root_fd, const char *patterns, size_t len, char ret_hex[65]);

/* obs.c: folding in bounded memory.  Where there is no room for another object, its act
 * is counted in a row without one (is_rest): that something of this kind was done, or
 * refused, always shows. */
struct sl_obs_new {
	const char *class, *act;
	struct sl_slice object; /* not escaped */
	bool is_denied;
	int err;
	const struct sl_image *image;
	const char *rule;
};

struct sl_obs_table {
	size_t n, n_rest;                     /* of all rows, without an object */
	size_t n_traced[2];                   /* of the trace, by verdict */
	uint16_t n_same[SL_OBS_CLASS_MAX][2]; /* by class and verdict */
	struct sl_obs_lost lost;
	/* Large, and mostly never touched. */
	struct sl_obs row[SL_BOX_ROWS];
	char obj[SL_BOX_ROWS][SL_BOX_OBJ_MAX];
	uint16_t slot[SL_BOX_SLOTS]; /* by hash: a row's number + 1; 0: free */
};
void sl_obs_clear(struct sl_obs_table *t);
/* The row, and whether it is new; NULL where not even a row without an object is left.
 * class and act are static strings. */
const struct sl_obs *sl_obs_add(struct sl_obs_table *t, const char *class,
				const char *act, struct sl_slice object, bool is_denied,
				int err, bool *ret_is_new);
/* The same, with what decided; rule is a static string. */
const struct sl_obs *sl_obs_add_rule(struct sl_obs_table *t, const char *class,
				     const char *act, struct sl_slice object,
				     const char *rule, bool is_denied, int err,
				     bool *ret_is_new);
/* Of a row that was given; NULL is none. */
void sl_obs_bytes(struct sl_obs_table *t, const struct sl_obs *row, uint64_t sent,
		  uint64_t received);
void sl_obs_lose(struct sl_obs_table *t, const char *class); /* part of the record */

const struct sl_obs *sl_obs_put(struct sl_obs_table *t, const struct sl_obs_new *x,
				bool *ret_is_new);
/* Printable ASCII; every other byte, and the backslash, as \xNN; cut at the bound. */
size_t sl_obs_escape(char out[SL_BOX_OBJ_MAX], struct sl_slice s);

/* One that happened and whose object is not known. */
const struct sl_obs *sl_obs_unnamed(struct sl_obs_table *t, const char *class,
				    const char *act, bool *ret_is_new);

/* confine.c */
struct sl_bpf_name sl_box_call_name(int nr); /* NULL names: not a watched call */
int sl_box_gate_on(void);
/* Which programs of data/seccomp/box.list: watch, trace, seek, land. */
enum sl_traced { SL_TRACED_NOT, SL_TRACED_OPEN, SL_TRACED_SEEK, SL_TRACED_LAND };
int sl_box_watch_on(enum sl_traced traced); /* the notification descriptor */
/* What the watch program alone would stop, or kill: a call that stopped for the trace
 * only is not.  Decided on the call's own arguments, which cannot change. */
bool sl_box_is_watched(const struct seccomp_data *d);
struct sl_bpf_name sl_box_land_name(int nr);   /* NULL names: no call of a land line */
struct sl_bpf_name sl_box_traced_name(int nr); /* NULL names: no call of a trace line */

/* relay.c */
struct sl_relay {
	int out[2];         /* read ends, or -1; a pty is out[0] */
	int in_src, in_dst; /* or -1 */
	bool is_src_pollable, is_pty, is_src_armed, is_dst_armed;
	uint64_t n_out; /* bytes delivered */
	size_t in_len, in_off;
	uint8_t in_buf[16384];
};

/* trace.c: calls by name, looked at on their way. */
struct sl_trace {
	const struct sl_box_trace *to; /* NULL: not traced */
	int root_fd;      /* the box's root, from the first that could be asked; -1 */
	bool is_as_box;   /* this process has the box's fs ids for now */
	int death_signal; /* of this process */
	size_t n_wait;    /* execs in sl_images.wait */
};
enum sl_traced sl_trace_kind(const struct sl_trace *t);
void
sl_trace_call(struct sl_box *b); /* a call that stopped for the trace alone; goes on */
/* An exec of this name, which goes on elsewhere: the errno that was met there. */
int sl_trace_exec(struct sl_box *b, struct sl_bpf_name n, int dirfd,
		  struct sl_slice path);
/* Whoever handles a box's events comes back as itself. */
void sl_trace_as_self(struct sl_box *b);
void sl_trace_done(struct sl_trace *t);

/* image.c: which file an exec made a process of. */
struct sl_image_file {
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec ctime;
};

/* An exec that went on, of a thread of a process; where it leads shows at a call of the
 * new image. */
struct sl_image_wait {
	pid_t tid, pid;
	int pidfd, err; /* err: what was met at the name */
	dev_t dev;      /* of the image before; 0: not known */
	ino_t ino;
	bool is_first;
	const char *class, *act;
	uint8_t object[SL_BOX_OBJ_MAX];
	size_t len_object;
};

struct sl_images {
	size_t n;
	uint64_t n_lost, n_hashed; /* execs whose image is not known; bytes */
	struct sl_image_wait wait[SL_BOX_IMAGE_WAITS];
	struct sl_image row[SL_BOX_IMAGES_MAX];
	struct sl_image_file file[SL_BOX_IMAGES_MAX]; /* dev 0: to be read again */
	char path[SL_BOX_IMAGES_MAX][SL_BOX_OBJ_MAX];
};
/* The exec that has stopped, and goes on: it is noted when its image is known. */
void sl_image_exec(struct sl_box *b, struct sl_bpf_name n, struct sl_slice object,
		   int err, bool is_first);
void sl_image_stopped(struct sl_box *b); /* a call; before anything is done about it */
void sl_image_flush(struct sl_box *b);   /* the end: what waits is noted as it is */
void sl_image_clear(struct sl_box *b);
enum { SL_BOX_STREAMS_MAX = 4 }; /* start, output, errors, input */

enum sl_box_state { SL_BS_SETUP, SL_BS_READY, SL_BS_OPEN, SL_BS_RUN, SL_BS_DEAD };

struct sl_box {
	const struct sl_grant *grant;
	struct sl_land *land; /* tier T0, or NULL */
	struct sl_box_sink sink;
	struct sl_trace trace;
	struct sl_box_peak peak;
	enum sl_box_state state;
	struct sl_box_ids ids;
	struct sl_chan chan;
	struct sl_buf room;
	int init_pidfd, epfd, stdin_fd, cgroup_fd;
	char cgroup_dir[256];
	int proc_fd, tmpfs_fd; /* of the box */
	bool is_setup_seen, is_ready_seen, is_single, is_launched;
	uint8_t etc[32]; /* what the digest of /etc must turn out to be */
	struct sl_m_setup m_setup;
	struct sl_m_ready m_ready;
	enum sl_limit_class class[SL_LIM_COUNT];
	/* the act */
	const struct sl_grant *act; /* what it has: the box's grant, or less */
	uint64_t base_written, base_tmpfs;
	int sync_fd, listen_fd, timer_fd;
	int ws_fd;                      /* of a workspace given in place: locked */
	int theirs[SL_BOX_STREAMS_MAX]; /* of its streams, until it has them */
	size_t n_theirs;
	struct sl_relay relay;
	bool is_ended_seen, is_killing;
	bool is_begun, is_signalled; /* it asked for its exec; somebody sent a signal */
	bool is_dgram_ok;            /* no socket of the host can be in the tree */
	bool is_narrow;              /* the act has fewer places than the box */
	int broken_err, exec_errno;
	const char *broken; /* what we can no longer do for it, or NULL */
	char first[SL_BOX_OBJ_MAX +
		   1]; /* the path of the act's own exec, until it is seen */
	struct sl_m_ended m_ended;
	enum sl_limit hit; /* SL_LIM_COUNT: none */
	int64_t start_ms, kill_ms;
	struct sl_m_usage usage; /* the last that init told */
	uint64_t base_cpu_us;
	ino_t placeholder[SL_OBEYED_MAX];
	struct sl_buf get; /* paths to read back, each NUL-terminated */
	size_t n_get, get_max;
	struct seccomp_notif *req;
	struct seccomp_notif_resp *resp;
	size_t notif_size, resp_size;
	uint64_t sock_used; /* a bit each */
	struct sl_sock_op {
		uint64_t id;
		struct sl_bpf_name call;
		bool is_quiet; /* recorded only where it is refused */
		char obj[SL_BOX_OBJ_MAX];
		size_t obj_len;
	} sock[SL_BOX_SOCK_MAX];
	struct sl_dial dial;
	struct sl_box_proxy *proxy; /* or NULL */
	/* Large and mostly never touched: last. */
	uint8_t out_buf[SL_BOX_OUT_BUF];
	struct sl_obs_table obs;
	struct sl_images images;
};

/* direct.c: placeholders for what is absent, made before the box and dropped after it. */
int sl_box_direct_make(struct sl_box *b, int run_fd, struct sl_err *err) SL_MUST_CHECK;
void sl_box_direct_drop(struct sl_box *b);

/* sup.c */
int sl_box_hear(struct sl_box *b,
		struct sl_err *err) SL_MUST_CHECK; /* a message of init's */
int sl_box_pump(struct sl_box *b, int timeout_ms, struct sl_err *err) SL_MUST_CHECK;
int sl_box_request(struct sl_box *b, uint16_t op, struct sl_slice body, uint16_t want,
		   struct sl_msg *ret, struct sl_err *err) SL_MUST_CHECK;
void sl_box_limit_hit(struct sl_box *b, enum sl_limit l);
void sl_box_kill_all(struct sl_box *b);
/* The act cannot go on, by a fault on our side: it is killed, and its end is that error.
 * what: a static string. */
void sl_box_break(struct sl_box *b, const char *what, int neg_errno);
void sl_box_observe(struct sl_box *b, const char *class, const char *act,
		    struct sl_slice object, bool is_denied, int err);
/* The row, or NULL where none had room. */
const struct sl_obs *sl_box_observe_rule(struct sl_box *b, const char *class,
					 const char *act, struct sl_slice object,
					 const char *rule, bool is_denied, int err);
int sl_box_watch_fd(struct sl_box *b, int fd, uint32_t events, uint64_t what);
/* Everything in it goes; what is left to wait for is init_pidfd. */
void sl_box_stop(const struct sl_box *b);
/* notify.c */
void sl_box_on_listener(struct sl_box *b);
void sl_box_on_sock_done(struct sl_box *b, const struct sl_m_done *m);
/* A request to the act's listener, again when a signal interrupts it.  0, or -errno. */
int sl_box_ask(const struct sl_box *b, unsigned long what, void *arg);
bool sl_box_is_alive(const struct sl_box *b, uint64_t id); /* whoever waits there */
/* A free one, or NULL; and the one that is under way from here on. */
struct sl_sock_op *sl_box_op_free(struct sl_box *b);
void sl_box_op_begin(struct sl_box *b, struct sl_sock_op *op, struct sl_bpf_name call,
		     struct sl_slice object, bool is_quiet);
void sl_box_deny(struct sl_box *b, struct sl_bpf_name n, struct sl_slice object, int err);
/* Bytes of a process's memory: how many could be read. */
size_t sl_box_read_mem(pid_t pid, uint64_t at, void *out, size_t n);
/* A string in a process's memory, at most SL_BOX_PATH_READ bytes, without its NUL;
 * *ret_is_whole: it ended there.  Foreign; ask sl_box_is_alive() before it is used. */
struct sl_slice sl_box_read_path(pid_t pid, uint64_t at, uint8_t *room,
				 bool *ret_is_whole);
/* The call is the kernel's; false: who made it was gone by then, and what was read of it
 * may have been another's. */
bool sl_box_go_on(struct sl_box *b, uint64_t id);
void sl_box_answer(struct sl_box *b, uint64_t id, int err); /* 0: it succeeded */
pid_t sl_box_leader(pid_t tid, uint32_t *ret_umask);        /* of its process; -1: gone */
/* relay.c */
void sl_relay_init(struct sl_relay *r);
void sl_relay_close(struct sl_box *b);
void sl_relay_out(struct sl_box *b, int stream, bool is_drain);
void sl_relay_in(struct sl_box *b);
void sl_relay_arm(struct sl_box *b);
/* watch.c */
void sl_box_sample(struct sl_box *b);
void sl_box_base(struct sl_box *b); /* what earlier acts have used of disk and memory */
/* A directory of the host itself, with whatever sockets are in it. */
static inline bool
sl_box_is_host_ws(enum sl_ws_mode m)
{
	return m == SL_WS_DIRECT || m == SL_WS_READ;
}
int sl_box_classes(struct sl_box *b, struct sl_err *err) SL_MUST_CHECK;
void sl_box_rlimits(const struct sl_box *b, struct sl_m_spawn *m);
/* cgroup.c: a v2 leaf with memory and pids, or -1. */
int sl_box_cgroup_make(const struct sl_grant *g, const char *mount, const char *own,
		       char *dir, size_t dir_len);
void sl_box_cgroup_drop(const char *dir);

/* epoll tags */
enum sl_box_tag {
	SL_TAG_CHAN,
	SL_TAG_OUT,
	SL_TAG_ERR,
	SL_TAG_SRC,
	SL_TAG_DST,
	SL_TAG_LISTEN,
	SL_TAG_SYNC,
	SL_TAG_TIMER,
	SL_TAG_INIT,
	SL_TAG_DIAL, /* its place << 8 */
	SL_TAG_PROXY,
	SL_TAG_PROXY_DIAL, /* its place << 8 */
};

#endif
