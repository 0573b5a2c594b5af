/* watch.c -- limits: which class each has here, the rlimits of the act's process, and
 * the samples of what only the supervisor can hold.
 *
 * A sample is taken every SL_BOX_SAMPLE_MS.  What a box can take beyond a watched limit
 * is what it can take in one interval and the time that killing needs. */
#include "box/internal.h"
#include "os/proc.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/vfs.h>
#include <unistd.h>

int
sl_box_classes(struct sl_box *b, struct sl_err *err)
{
	static const enum sl_limit_class plain[SL_LIM_COUNT] = {
		[SL_LIM_MEMORY] = SL_LC_WATCHED, [SL_LIM_PIDS] = SL_LC_PROCESS,
		[SL_LIM_CPU] = SL_LC_PROCESS,    [SL_LIM_WALL] = SL_LC_WATCHED,
		[SL_LIM_DISK] = SL_LC_WATCHED,   [SL_LIM_FILE_SIZE] = SL_LC_PROCESS,
		[SL_LIM_OUTPUT] = SL_LC_WATCHED, [SL_LIM_NOFILE] = SL_LC_PROCESS,
	};

	memcpy(b->class, plain, sizeof(plain));
	/* RLIMIT_DATA counts address space that sanitizers only reserve: used where
	 * it is asked for. */
	if (b->grant->limit[SL_LIM_MEMORY].class == SL_LC_PROCESS)
		b->class[SL_LIM_MEMORY] = SL_LC_PROCESS;
	if (b->land != NULL && !b->ids.is_private)
		b->class[SL_LIM_PIDS] = SL_LC_WATCHED; /* the user's others count too */
	if (b->cgroup_fd >= 0)
		b->class[SL_LIM_MEMORY] = b->class[SL_LIM_PIDS] = SL_LC_AGGREGATE;
	for (enum sl_limit l = 0; l < SL_LIM_COUNT; l++)
		if (b->grant->limit[l].class > b->class[l])
			return SL_ERR(
			    err, ENV,
			    "limit '%s' is asked for as '%s' and can be '%s' here%s",
			    sl_limit_name(l),
			    sl_limit_class_name(b->grant->limit[l].class),
			    sl_limit_class_name(b->class[l]),
			    b->land != NULL ? "; tier 'T0' has no cgroup"
			    : l == SL_LIM_MEMORY || l == SL_LIM_PIDS
				? "; delegate a cgroup v2 subtree with memory and "
				  "pids (systemd: Delegate=yes)"
				: "");
	return 0;
}

enum sl_limit_class
sl_box_act_class(const struct sl_box *b, const struct sl_grant *act, enum sl_limit l)
{
	if (b->class[l] != SL_LC_AGGREGATE || act->limit[l].max >= b->grant->limit[l].max)
		return b->class[l];
	return l == SL_LIM_PIDS ? SL_LC_PROCESS : SL_LC_WATCHED;
}

void
sl_box_rlimits(const struct sl_box *b, struct sl_m_spawn *m)
{
	const struct sl_grant_limit *l = b->act->limit;

	m->rlim_data = b->class[SL_LIM_MEMORY] == SL_LC_PROCESS ? l[SL_LIM_MEMORY].max
								: RLIM_INFINITY;
	m->rlim_nproc = l[SL_LIM_PIDS].max + 1; /* init has the same uid */
	/* At tier T0 so has its guard; of a user all count that are there, these two too.
	 */
	if (b->land != NULL && b->ids.is_private)
		m->rlim_nproc++;
	else if (b->land != NULL)
		m->rlim_nproc = l[SL_LIM_PIDS].max + sl_land_threads();
	m->rlim_cpu = l[SL_LIM_CPU].max;
	m->rlim_fsize = l[SL_LIM_FILE_SIZE].max;
	m->rlim_nofile = l[SL_LIM_NOFILE].max;
}

enum { LAND_PIDS_MAX = 8192 };

struct sum {
	uint64_t cpu_us, rss, written, threads;
};

/* The numbers after the name, which may hold anything: from the last ')'. */
static void
add_stat(const char *b, struct sum *sum)
{
	const char *p = strrchr(b, ')');
	uint64_t v[25] = { 0 };
	const uint64_t us_per_tick = 1000000 / (uint64_t)sysconf(_SC_CLK_TCK);

	if (p == NULL || p[1] == '\0')
		return;
	p += 3; /* the state */
	for (int i = 4; i <= 24; i++) {
		char *end;

		v[i] = strtoull(p, &end, 10);
		if (end == p)
			return;
		p = end;
	}
	sum->cpu_us += (v[14] + v[15] + v[16] + v[17]) * us_per_tick;
	sum->threads += v[20];
	sum->rss += v[24] * (uint64_t)sysconf(_SC_PAGESIZE);
}

static uint64_t
number_after(const char *b, const char *key)
{
	const char *p = strstr(b, key);

	return p == NULL ? 0 : strtoull(p + strlen(key), NULL, 10);
}

static bool
each_of_land(const struct sl_box *b, const char *file,
	     void (*fn)(const char *text, struct sum *sum), struct sum *sum)
{
	pid_t pid[LAND_PIDS_MAX];
	size_t n = sl_land_pids(b, pid, LAND_PIDS_MAX);
	char path[64], text[2048];

	for (size_t i = 0; i < n; i++) {
		ssize_t len;

		(void)snprintf(path, sizeof(path), "/proc/%d/%s", pid[i], file);
		if ((len = sl_os_read_file(AT_FDCWD, path, text, sizeof(text) - 1)) <= 0)
			continue;
		text[len] = '\0';
		fn(text, sum);
	}
	return true;
}

/* Reads one file of each process; false when /proc cannot be read. */
static bool
each_process(const struct sl_box *b, const char *file,
	     void (*fn)(const char *text, struct sum *sum), struct sum *sum)
{
	int fd = b->land != NULL
		     ? -1
		     : openat(b->proc_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	SL_AUTO_DIR d = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *de;
	char path[300], text[2048];

	if (b->land != NULL)
		return each_of_land(b, file, fn, sum);

	if (d == NULL)
		return false;
	while ((de = readdir(d)) != NULL) {
		ssize_t n;

		if (!isdigit((unsigned char)de->d_name[0]) ||
		    strcmp(de->d_name, "1") == 0)
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s", de->d_name, file);
		if ((n = sl_os_read_file(b->proc_fd, path, text, sizeof(text) - 1)) <= 0)
			continue;
		text[n] = '\0';
		fn(text, sum);
	}
	return true;
}

static void
add_io(const char *text, struct sum *sum)
{
	sum->written += number_after(text, "\nwrite_bytes: ");
}

static void
add_pss(const char *text, struct sum *sum)
{
	sum->rss += number_after(text, "\nPss:") * 1024;
}

static uint64_t
tmpfs_used(const struct sl_box *b)
{
	struct statfs st;

	if (b->land != NULL)
		return sl_land_used(b->land);
	if (b->tmpfs_fd < 0 || fstatfs(b->tmpfs_fd, &st) < 0)
		return 0;
	return (uint64_t)(st.f_blocks - st.f_bfree) * (uint64_t)st.f_bsize;
}

void
sl_box_base(struct sl_box *b)
{
	const struct sl_grant_limit *own = b->act->limit, *all = b->grant->limit;

	if (own[SL_LIM_DISK].max >= all[SL_LIM_DISK].max &&
	    own[SL_LIM_MEMORY].max >= all[SL_LIM_MEMORY].max)
		return; /* nobody asks */
	b->base_tmpfs = tmpfs_used(b);
	b->base_written = b->usage.written != UINT64_MAX ? b->usage.written : 0;
}

static uint64_t
beyond(uint64_t now, uint64_t base)
{
	return now > base ? now - base : 0;
}

/* Of the box as a whole, and of the act where its own limit is lower: what earlier acts
 * left in the box is not this one's. */
static bool
is_disk_over(const struct sl_box *b, uint64_t written, uint64_t tmpfs)
{
	uint64_t own = b->act->limit[SL_LIM_DISK].max,
		 all = b->grant->limit[SL_LIM_DISK].max;

	return written + tmpfs > all ||
	       (own < all &&
		beyond(written, b->base_written) + beyond(tmpfs, b->base_tmpfs) > own);
}

/* Resident pages that processes share are counted for each; only when that sum is over
 * the limit is the proportional one worth its price. */
static bool
is_memory_over(const struct sl_box *b, uint64_t rss, uint64_t tmpfs)
{
	uint64_t max = b->act->limit[SL_LIM_MEMORY].max;
	struct sum pss = { 0 };

	if (max < b->grant->limit[SL_LIM_MEMORY].max)
		tmpfs = beyond(tmpfs, b->base_tmpfs);
	if (rss + tmpfs <= max)
		return false;
	(void)each_process(b, "smaps_rollup", add_pss, &pss);
	/* No answer from any of them: the plain sum stands. */
	return (pss.rss == 0 ? rss : pss.rss) + tmpfs > max;
}

static void
to_peak(uint64_t *peak, uint64_t now)
{
	if (now > *peak)
		*peak = now;
}

struct sl_box_peak
sl_box_peak(const struct sl_box *b)
{
	return b->peak;
}

void
sl_box_sample(struct sl_box *b)
{
	const struct sl_grant_limit *l = b->act->limit;
	struct sl_err err = { 0 };
	struct sum sum = { 0 };
	uint64_t tmpfs = tmpfs_used(b), wall = (uint64_t)(sl_os_now_ms() - b->start_ms);

	if (wall >= l[SL_LIM_WALL].max * 1000)
		sl_box_limit_hit(b, SL_LIM_WALL);
	(void)each_process(b, "stat", add_stat, &sum);
	(void)each_process(b, "io", add_io, &sum);
	sum.cpu_us += b->usage.cpu_us - b->base_cpu_us;
	if (b->usage.written != UINT64_MAX)
		sum.written += b->usage.written;
	to_peak(&b->peak.memory, sum.rss + tmpfs);
	to_peak(&b->peak.pids, sum.threads);
	to_peak(&b->peak.disk, sum.written + tmpfs);
	if (sum.threads > l[SL_LIM_PIDS].max)
		sl_box_limit_hit(b, SL_LIM_PIDS);
	if (sum.cpu_us >= (l[SL_LIM_CPU].max + 1) * 1000000)
		sl_box_limit_hit(b, SL_LIM_CPU);
	if (is_disk_over(b, sum.written, tmpfs))
		sl_box_limit_hit(b, SL_LIM_DISK);
	if (is_memory_over(b, sum.rss, tmpfs))
		sl_box_limit_hit(b, SL_LIM_MEMORY);
	(void)!sl_chan_send(&b->chan, SL_OP_ASK_USAGE, (struct sl_slice){ 0 }, NULL, 0,
			    &err);
}
