/* test_trace.c -- calls by name, looked at on their way: in real boxes. */
#include "t.h"

#include "box/internal.h"
#include "crypto/sha256.h"
#include "place.h"
#include "rig.h"

#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { FLOOD = SL_BOX_TRACE_SAME + 500, RACES = 3000, WAIT_S = 5 };

/* --- what is run inside: this program again --- */

static int
try_open(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return errno;
	(void)close(fd);
	return 0;
}

static int
flood(void)
{
	char path[40];

	for (int i = 0; i < FLOOD; i++) {
		(void)snprintf(path, sizeof(path), "/tmp/absent-%d", i);
		if (try_open(path) != ENOENT)
			return 1;
	}
	return try_open("/srv/none/of/it") == ENOENT ? 0 : 2;
}

static int
unreadable(void)
{
	char *p =
	    mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED || munmap(p + 4096, 4096) < 0)
		return 1;
	/* NOLINTNEXTLINE(performance-no-int-to-ptr) */
	if (try_open((const char *)(uintptr_t)16) != EFAULT)
		return 2;
	memset(p, 'a', 4096);
	if (try_open(p + 4000) != EFAULT) /* runs into what is not there */
		return 3;
	(void)snprintf(p + 4096 - 13, 13, "/tmp/at-edge");
	if (try_open(p + 4096 - 13) != ENOENT)
		return 4;
	if (syscall(SYS_execve, 16, 0, 0) != -1 || errno != EFAULT)
		return 5;
	return 0;
}

static int
too_long(void)
{
	static char path[SL_BOX_PATH_READ * 2];

	memset(path, 'a', sizeof(path) - 1);
	path[0] = '/';
	return try_open(path) == ENAMETOOLONG ? 0 : 1;
}

static char moving[] = "/tmp/moved-a";
static volatile int is_over;

static void *
mover(void *arg)
{
	(void)arg;
	for (unsigned i = 0; !is_over; i++)
		((volatile char *)moving)[sizeof(moving) - 2] = i % 2 ? 'a' : 'b';
	return NULL;
}

static int
race(void)
{
	pthread_t t;

	if (close(open("/tmp/moved-a", O_CREAT | O_WRONLY, 0600)) < 0 ||
	    pthread_create(&t, NULL, mover, NULL) != 0)
		return 1;
	for (int i = 0; i < RACES; i++) {
		int e = try_open(moving);

		if (e != 0 && e != ENOENT)
			return 2;
	}
	is_over = 1;
	return pthread_join(t, NULL);
}

/* An exec by a thread, while the process's first one opens without end. */
static void *
execer(void *arg)
{
	char *argv[] = { "true", NULL };

	(void)arg;
	(void)execve("/usr/bin/true", argv, NULL);
	return NULL;
}

static int
thread_exec(void)
{
	pthread_t t;

	if (pthread_create(&t, NULL, execer, NULL) != 0)
		return 1;
	for (;;)
		(void)try_open("/tmp/again");
}

/* Killed by the one that it was made by, in the middle of its calls. */
static int
killed(void)
{
	for (int i = 0; i < 50; i++) {
		pid_t pid = fork();
		int status;

		if (pid == 0)
			for (;;)
				(void)try_open("/tmp/victim");
		for (int k = 0; k < i; k++)
			(void)try_open("/tmp/killer");
		if (kill(pid, SIGKILL) < 0 || waitpid(pid, &status, 0) != pid)
			return 1;
	}
	return 0;
}

static int
payload(const char *what)
{
	static const struct {
		const char *name;
		int (*run)(void);
	} t[] = {
		{ "flood", flood },
		{ "unreadable", unreadable },
		{ "too-long", too_long },
		{ "race", race },
		{ "thread-exec", thread_exec },
		{ "killed", killed },
	};

	for (size_t i = 0; i < SL_ARRAY_LEN(t); i++)
		if (strcmp(t[i].name, what) == 0)
			return t[i].run();
	return 99;
}

/* --- the test's side --- */

struct seen {
	size_t n, n_moved[2], n_other;
	bool has_dir;
};

static struct place place;
static const struct sl_box_trace quiet;

static struct rig *
traced(const struct sl_box_trace *to)
{
	struct rig *r = rig_new();

	r->o.trace = to;
	rig_fs(r, place.self, SL_ACC_READ | SL_ACC_EXEC);
	r->env[1] = SL_LIT("ASAN_OPTIONS=detect_leaks=0");
	r->n_env = 2;
	if (rig_open(r) < 0)
		fail_msg("%s", r->err.msg);
	return r;
}

static void
inside(struct rig *r, const char *what)
{
	char *argv[] = { place.self, "payload", (char *)(uintptr_t)what, NULL };

	if (rig_run(r, argv) < 0)
		fail_msg("%s", r->err.msg);
	assert_int_equal(r->end.signal, 0);
	assert_int_equal(r->end.status, 0);
}

static const struct sl_obs *
row(struct rig *r, const char *class, const char *object, struct sl_obs_lost *lost)
{
	const struct sl_obs *o = NULL;
	size_t n = 0;

	sl_box_observations(r->b, &o, &n, lost);
	for (size_t i = 0; i < n; i++)
		if (strcmp(o[i].class, class) == 0 &&
		    sl_slice_eq(o[i].object, sl_slice_str(object)))
			return &o[i];
	return NULL;
}

static uint64_t
lost_of(const struct sl_obs_lost *lost, const char *class)
{
	size_t n;

	return lost->of_class[sl_obs_class(class) - sl_obs_classes(&n)];
}

static void
names_what_is_opened(void **state)
{
	struct rig *r = traced(&quiet);
	struct sl_obs_lost lost;
	const struct sl_obs *o;

	(void)state;
	assert_int_equal(
	    rig_sh(r, "cd /usr; : <lib/../lib/os-release; cat nothing; : >/tmp/a;"
		      "ln -s /tmp/a /tmp/l; : <//tmp/./l; touch x; mkdir /tmp/d;"
		      "mv /tmp/a /tmp/d/b; rm /tmp/d/b"),
	    0);
	o = row(r, "open", "/usr/lib/os-release", &lost);
	assert_true(o != NULL && !o->is_denied && o->err == 0);
	assert_int_equal(row(r, "absence", "/usr/nothing", &lost)->err, ENOENT);
	assert_non_null(row(r, "write", "/tmp/a", &lost));
	assert_non_null(row(r, "write", "/tmp/l", &lost)); /* the link, made */
	assert_non_null(row(r, "open", "/tmp/a", &lost));  /* where it leads */
	o = row(r, "write", "/usr/x", &lost);
	assert_true(o != NULL && o->is_denied && o->err == EROFS);
	assert_non_null(row(r, "write", "/tmp/d", &lost));
	assert_non_null(row(r, "write", "/tmp/d/b", &lost));
	assert_int_equal(lost.total, 0);
	assert_int_equal(lost.images, 0);
	assert_true(lost.is_traced);
	assert_string_equal(sl_obs_observer(sl_obs_class("open"), &lost),
			    "seccomp-notify");
	assert_false(sl_obs_is_complete(sl_obs_class("open"), &lost));
	assert_true(sl_obs_is_complete(sl_obs_class("exec"), &lost));
	rig_free(r);
}

static void
sees_none_of_it_without(void **state)
{
	struct rig *r = traced(NULL);
	struct sl_obs_lost lost;
	const struct sl_obs *o;

	(void)state;
	assert_int_equal(rig_sh(r, ": </etc/passwd; /bin/true"), 0);
	assert_null(row(r, "open", "/etc/passwd", &lost));
	o = row(r, "exec", "/bin/true", &lost);
	assert_true(o != NULL && o->image == NULL);
	assert_false(lost.is_traced);
	assert_string_equal(sl_obs_observer(sl_obs_class("open"), &lost), "none");
	rig_free(r);
}

static void
counts_what_a_flood_loses(void **state)
{
	struct rig *r = traced(&quiet);
	struct sl_obs_lost lost;
	const struct sl_obs *o;

	(void)state;
	inside(r, "flood");
	assert_non_null(row(r, "absence", "/tmp/absent-0", &lost));
	assert_null(row(r, "absence", "/srv/none/of/it", &lost));
	o = row(r, "absence", "", &lost);
	assert_true(o != NULL && o->is_rest);
	assert_int_equal(o->count, lost_of(&lost, "absence"));
	assert_true(lost.total >= FLOOD + 1 - SL_BOX_TRACE_SAME);
	assert_int_equal(lost_of(&lost, "exec"), 0); /* another's room is untouched */
	assert_non_null(row(r, "exec", place.self, &lost));
	rig_free(r);
}

static void
counts_what_cannot_be_read(void **state)
{
	struct rig *r = traced(&quiet);
	struct sl_obs_lost lost;

	(void)state;
	inside(r, "unreadable");
	assert_non_null(row(r, "absence", "/tmp/at-edge", &lost));
	assert_int_equal(lost_of(&lost, "open"), 2);
	inside(r, "too-long");
	assert_null(row(r, "open", "/tmp/at-edge", &lost));
	assert_int_equal(lost_of(&lost, "open"), 1);
	rig_free(r);
}

static void
count_seen(void *arg, const struct sl_look *k)
{
	struct seen *s = arg;

	s->n++;
	if (sl_slice_eq(k->asked, SL_LIT("/tmp/moved-a")))
		s->n_moved[0]++;
	else if (sl_slice_eq(k->asked, SL_LIT("/tmp/moved-b")))
		s->n_moved[1]++;
	else if (sl_slice_starts(k->asked, SL_LIT("/tmp/moved")))
		s->n_other++;
	s->has_dir |= k->is_dir;
}

/* Each stop is seen once, under one of the names that stood there. */
static void
survives_a_name_that_moves(void **state)
{
	struct seen s = { 0 };
	const struct sl_box_trace t = { &s, count_seen, true };
	struct rig *r = traced(&t);

	(void)state;
	inside(r, "race");
	assert_int_equal(s.n_moved[0] + s.n_moved[1], RACES + 1);
	assert_int_equal(s.n_other, 0);
	rig_free(r);
}

static void
survives_who_is_killed_meanwhile(void **state)
{
	struct seen s = { 0 };
	const struct sl_box_trace t = { &s, count_seen, true };
	struct rig *r = traced(&t);

	(void)state;
	inside(r, "killed");
	assert_true(s.n > 50);
	rig_free(r);
}

static void
asks_only_where_it_should(void **state)
{
	struct seen s = { 0 };
	struct sl_box_trace t = { &s, count_seen, false };
	struct rig *r = traced(&t);

	(void)state;
	assert_int_equal(rig_sh(r, "test -d /usr/lib"), 0);
	assert_false(s.has_dir);
	rig_free(r);
	t.is_seeking = true;
	r = traced(&t);
	assert_int_equal(rig_sh(r, "test -d /usr/lib"), 0);
	assert_true(s.has_dir);
	rig_free(r);
}

static void
hash_file(const char *path, uint8_t out[32])
{
	static uint8_t room[1 << 20];
	int fd = open(path, O_RDONLY);
	struct sl_sha256 h;
	ssize_t n;

	sl_sha256_init(&h);
	while ((n = read(fd, room, sizeof(room))) > 0)
		sl_sha256_add(&h, room, (size_t)n);
	(void)close(fd);
	sl_sha256_end(&h, out);
}

static void
is_image(const struct sl_obs *o, const char *path)
{
	uint8_t want[32];

	hash_file(path, want);
	assert_non_null(o);
	assert_non_null(o->image);
	assert_memory_equal(o->image->sha256, want, 32);
}

static void
names_the_image_by_its_digest(void **state)
{
	struct rig *r = traced(&quiet);
	struct sl_obs_lost lost;
	const struct sl_obs *o;
	size_t n = 0, n_t = 0;

	(void)state;
	assert_int_equal(
	    rig_sh(r, "printf '#!/usr/bin/env true\\n' >/tmp/s; chmod +x /tmp/s; /tmp/s;"
		      "cp /usr/bin/true /tmp/t; /tmp/t; cp /usr/bin/false /tmp/t; /tmp/t;"
		      "/usr/bin/absent; exit 0"),
	    0);
	is_image(row(r, "exec", "/bin/sh", &lost), "/bin/sh");
	/* A script is its interpreter, whatever its own name is; that executes another.
	 */
	is_image(row(r, "exec", "/tmp/s", &lost), "/usr/bin/env");
	is_image(row(r, "exec", "/usr/bin/true", &lost), "/usr/bin/true");
	assert_null(row(r, "exec", "/usr/bin/absent", &lost)->image);
	assert_int_equal(lost.images, 0);
	/* One name, two files, two rows. */
	sl_box_observations(r->b, &o, &n, &lost);
	for (size_t i = 0; i < n; i++)
		if (strcmp(o[i].class, "exec") == 0 &&
		    sl_slice_eq(o[i].object, SL_LIT("/tmp/t")))
			is_image(&o[i], n_t++ == 0 ? "/usr/bin/true" : "/usr/bin/false");
	assert_int_equal(n_t, 2);
	rig_free(r);
}

static void
names_the_image_of_a_threads_exec(void **state)
{
	struct rig *r = traced(&quiet);
	struct sl_obs_lost lost;

	(void)state;
	inside(r, "thread-exec");
	is_image(row(r, "exec", "/usr/bin/true", &lost), "/usr/bin/true");
	is_image(row(r, "exec", place.self, &lost), place.self);
	assert_int_equal(lost.images, 0);
	rig_free(r);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_what_is_opened),
		cmocka_unit_test(sees_none_of_it_without),
		cmocka_unit_test(counts_what_a_flood_loses),
		cmocka_unit_test(counts_what_cannot_be_read),
		cmocka_unit_test(survives_a_name_that_moves),
		cmocka_unit_test(survives_who_is_killed_meanwhile),
		cmocka_unit_test(asks_only_where_it_should),
		cmocka_unit_test(names_the_image_by_its_digest),
		cmocka_unit_test(names_the_image_of_a_threads_exec),
	};
	int r;

	if (argc > 2 && strcmp(argv[1], "payload") == 0)
		return payload(argv[2]);
	rig_is_launched = place_has(argc, argv, "launched");
	if (place_make(&place, place_has(argc, argv, "user")) < 0)
		return 1;
	r = run_suite("trace", tests, SL_ARRAY_LEN(tests));
	place_remove(&place);
	return r;
}
