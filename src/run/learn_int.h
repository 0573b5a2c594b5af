/* learn_int.h -- what learn.c (names as they come), learn_rules.c (what was needed),
 * learn_next.c (what to try next) and learn_say.c share. */
#ifndef SL_RUN_LEARN_INT_H
#define SL_RUN_LEARN_INT_H

#include "run/learn.h"

/* What became of a name; bits. */
enum {
	SL_GOT_FILE = 1,       /* read, executed or asked for: a file that is there */
	SL_GOT_LIST = 2,       /* a directory that was read */
	SL_GOT_DIR = 4,        /* a directory that was asked for */
	SL_GOT_WRITE = 8,      /* content changed */
	SL_GOT_ENTRY = 16,     /* a directory in which something was made or removed */
	SL_GOT_LINK = 32,      /* asked for by this name, and led elsewhere */
	SL_MISSED = 64,        /* was not there */
	SL_MISSED_ENTRY = 128, /* a directory that was not there to make something in */
	SL_DENIED_READ = 256,
	SL_DENIED_WRITE = 512,
	SL_DENIED_ENTRY = 1024,
};

struct sl_learn_name {
	struct sl_slice path; /* NUL-terminated; as seen inside */
	unsigned what;
};

struct sl_learn {
	struct sl_arena *a;
	struct sl_box_trace trace;
	struct sl_learn_name *name; /* SL_LEARN_NAMES_MAX */
	size_t n;
	uint16_t *slot;
	size_t n_bytes; /* of all paths */
	size_t n_lost;  /* names that not even a directory stands for */
	struct sl_slice net[SL_GRANT_NET_MAX];
	/* Refused, or nobody listened there, inside; else it did not wait to hear. */
	bool is_net_missed[SL_GRANT_NET_MAX];
	size_t n_net;
	bool is_net_used[SL_GRANT_NET_MAX]; /* of what was granted */
	bool has_asked_names;               /* a name server was looked for */
	struct sl_box_peak peak;
};

/* Paths, each once; sl_learn_set_trim() orders them and drops what lies below another. */
struct sl_learn_set {
	struct sl_slice *path;
	size_t n, max;
};

struct sl_learn_work {
	struct sl_learn *l;
	const struct sl_learn_from *f;
	struct sl_lesson *x;
	struct sl_learn_set read, write;
	bool is_short; /* there was no room, or no memory */
};

void sl_learn_set_add(struct sl_learn_work *w, struct sl_learn_set *s,
		      struct sl_slice path);
void sl_learn_set_trim(struct sl_learn_set *s);
bool sl_learn_set_covers(const struct sl_learn_set *s, struct sl_slice path);
/* Drops from s what o, trimmed, covers. */
void sl_learn_set_without(struct sl_learn_set *s, const struct sl_learn_set *o);
struct sl_slice sl_learn_parent(struct sl_slice path);
/* The row of the grant that shows a path, or NULL. */
const struct sl_grant_fs *sl_learn_granted(const struct sl_grant *g,
					   struct sl_slice path);
/* Whether it is on the host, as the caller sees it; what it is (S_IFMT bits), or 0. */
unsigned sl_learn_host(struct sl_slice path);
void sl_learn_left(struct sl_learn_work *w, struct sl_slice what, const char *why);
/* NULL, or why nobody is offered this. */
const char *sl_learn_barred(const struct sl_learn_work *w, struct sl_slice path,
			    bool is_write);
/* Made for each box: not to be had from the host. */
bool sl_learn_is_own(struct sl_slice path);
/* Asked for by everybody, needed by nobody. */
bool sl_learn_is_noise(const struct sl_learn_work *w, struct sl_slice path);
/* Files of one directory: itself where they are more than a few. */
void sl_learn_files(struct sl_learn_work *w, struct sl_learn_set *files,
		    struct sl_learn_set *to);
int sl_learn_next(struct sl_learn_work *w, struct sl_err *err);

#endif
