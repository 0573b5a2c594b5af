/* grant.h -- what a decision allows: the only input of the box, and, as a want,
 * what a request asks for.  Pure data: no I/O.
 *
 * A grant says everything that the box gives: what it does not list is absent.
 * Its canonical form is a JSON tree (JCS for people, deterministic CBOR for its
 * digest).  Paths are absolute, canonical (no "." ".." "//" or trailing "/"), at most
 * SL_GRANT_PATH_MAX bytes.  Parsing refuses unknown keys.
 *
 * Ownership: everything lives in the arena that it was built or parsed in.
 */
#ifndef SL_GRANT_GRANT_H
#define SL_GRANT_GRANT_H

#include "base/arena.h"
#include "codec/json.h"

enum {
	SL_GRANT_PATH_MAX = 4095,
	SL_GRANT_FS_MAX = 256,
	SL_GRANT_ENV_MAX = 512,
	SL_GRANT_NET_MAX = 64,
	SL_NET_TEXT_MAX = 210,
};

enum sl_access { SL_ACC_READ = 1, SL_ACC_WRITE = 2, SL_ACC_EXEC = 4 };

struct sl_grant_fs {
	struct sl_slice path; /* on the host, and the same inside */
	unsigned access;      /* enum sl_access; WRITE implies create and remove below */
};

/* One service, TCP; hostport.h says how both are written. */
struct sl_grant_net {
	struct sl_slice host; /* canonical: a name, or an address without brackets */
	uint16_t port;
	bool is_address; /* follows from host; not part of the canonical form */
};

/* How the workspace is given; NONE for `exec`.  READ: the directory itself, read-only. */
enum sl_ws_mode { SL_WS_NONE, SL_WS_OVERLAY, SL_WS_COPY, SL_WS_DIRECT, SL_WS_READ };

enum sl_limit {
	SL_LIM_MEMORY,    /* bytes */
	SL_LIM_PIDS,      /* processes and threads */
	SL_LIM_CPU,       /* seconds */
	SL_LIM_WALL,      /* seconds */
	SL_LIM_DISK,      /* bytes written to the tmpfs, the upper and writable grants */
	SL_LIM_FILE_SIZE, /* bytes */
	SL_LIM_OUTPUT,    /* bytes on stdout and stderr of one process, together */
	SL_LIM_NOFILE,    /* open files of one process */
	SL_LIM_COUNT
};

/* Who holds a limit; the numeric order is their strength.  DESIGN section 15. */
enum sl_limit_class { SL_LC_NONE, SL_LC_WATCHED, SL_LC_PROCESS, SL_LC_AGGREGATE };

struct sl_grant_limit {
	uint64_t max;              /* 0: nothing allowed */
	enum sl_limit_class class; /* the least class that will do */
};

struct sl_grant {
	struct sl_slice root; /* "host:", or (later) "sha256:HEX" of a store root */
	struct sl_slice tier; /* "T1" */
	const struct sl_grant_fs *fs;
	size_t n_fs;
	enum sl_ws_mode ws_mode;
	struct sl_slice ws_path;    /* host path of the workspace, or empty */
	const struct sl_slice *env; /* names of the caller's variables that pass */
	size_t n_env;
	const struct sl_slice *secrets; /* names */
	size_t n_secrets;
	const struct sl_grant_net *net; /* none: no network but the box's own loopback */
	size_t n_net;
	bool is_tty; /* a private pty */
	struct sl_grant_limit limit[SL_LIM_COUNT];
};

const char *sl_limit_name(enum sl_limit l);             /* "memory" ... */
const char *sl_limit_class_name(enum sl_limit_class c); /* "none" ... "aggregate" */
const char *sl_ws_mode_name(enum sl_ws_mode m);
bool sl_ws_is_writable(enum sl_ws_mode m);
/* HOST:PORT as it is written ([ADDRESS]:PORT); its length. */
size_t sl_grant_net_text(const struct sl_grant_net *n, char ret[SL_NET_TEXT_MAX]);
/* Adds the default limits and tier; everything else empty. */
void sl_grant_init(struct sl_grant *g);
struct sl_json *sl_grant_json(struct sl_jb *b, const struct sl_grant *g);
int sl_grant_parse(const struct sl_json *v, struct sl_arena *a,
		   const struct sl_grant **ret, struct sl_err *err) SL_MUST_CHECK;
/* SHA-256 of its deterministic CBOR. */
int sl_grant_digest(const struct sl_grant *g, uint8_t ret[32],
		    struct sl_err *err) SL_MUST_CHECK;
/* True if every act that g covers is covered by outer too. */
bool sl_grant_within(const struct sl_grant *g, const struct sl_grant *outer);
/* The access that g gives to path: of the longest listed path at or above it. */
unsigned sl_grant_access(const struct sl_grant *g, struct sl_slice path);
bool sl_grant_has_net(const struct sl_grant *g, struct sl_slice host, uint16_t port);
bool sl_grant_has_env(const struct sl_grant *g, struct sl_slice name);
/* The largest grant within both. */
int sl_grant_intersect(const struct sl_grant *x, const struct sl_grant *y,
		       struct sl_arena *a, const struct sl_grant **ret,
		       struct sl_err *err) SL_MUST_CHECK;
bool sl_path_is_canonical(struct sl_slice path);
bool sl_path_is_below(struct sl_slice path, struct sl_slice dir); /* or equal */

#endif
