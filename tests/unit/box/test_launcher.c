/* test_launcher.c -- boxes of a launcher: as closed as others, apart from each other, and
 * gone with it.  (test_box, test_confine and test_dial run in such boxes too.) */
#include "t.h"

#include "rig.h"

#include "payload.h"
#include "place.h"

#include <dirent.h>
#include <signal.h>

static struct place place;

static struct sl_launcher *
started(const struct rig *r, unsigned n_ahead)
{
	struct sl_launcher *l = NULL;
	struct sl_err err = { 0 };
	int e = sl_launcher_start(&r->o, n_ahead, &l, &err);

	if (e < 0)
		print_message("# %s\n", err.msg);
	assert_int_equal(e, 0);
	return l;
}

static struct rig *
box_of(struct sl_launcher *l)
{
	struct rig *r = rig_new();
	int e;

	r->o.launcher = l;
	if ((e = rig_open(r)) < 0)
		print_message("# %s\n", r->err.msg);
	assert_int_equal(e, 0);
	return r;
}

static void
runs(struct rig *r, const char *script, int status)
{
	int e = rig_sh(r, script);

	if (e < 0)
		print_message("# %s\n", r->err.msg);
	assert_int_equal(e, 0);
	if (r->end.status != status)
		print_message("# '%s': status %d signal %d\n# out: %s\n# err: %s\n",
			      script, r->end.status, r->end.signal, r->out, r->errout);
	assert_int_equal(r->end.status, status);
}

/* Processes of this name among our descendants' namesakes: the kernel's list of all. */
static unsigned
count_of(const char *name)
{
	DIR *d = opendir("/proc");
	struct dirent *e;
	unsigned n = 0;

	assert_non_null(d);
	while ((e = readdir(d)) != NULL) {
		char path[300], text[512] = "", uid[64];
		const char *u;
		FILE *f;

		(void)snprintf(path, sizeof(path), "/proc/%s/status", e->d_name);
		if (e->d_name[0] < '0' || e->d_name[0] > '9' ||
		    (f = fopen(path, "r")) == NULL)
			continue;
		text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
		(void)fclose(f);
		(void)snprintf(path, sizeof(path), "Name:\t%s\n", name);
		(void)snprintf(uid, sizeof(uid), "\nPPid:\t%d\n", (int)getpid());
		u = strstr(text, uid);
		n += strncmp(text, path, strlen(path)) == 0 && u != NULL;
	}
	(void)closedir(d);
	return n;
}

static const char script_ns[] =
    "for n in net pid mnt ipc uts user cgroup; do readlink /proc/self/ns/$n; done";

static void
keeps_its_boxes_apart(void **state)
{
	struct rig *first = rig_new(), *b[3], *cold;
	struct sl_launcher *l;
	char mine[64] = "";

	(void)state;
	assert_true(readlink("/proc/self/ns/net", mine, sizeof(mine) - 1) > 0);
	for (unsigned ahead = 0; ahead < 3; ahead += 2) {
		l = started(first, ahead);
		for (int i = 0; i < 3; i++) {
			b[i] = box_of(l);
			runs(b[i], script_ns, 0);
			assert_null(strstr(b[i]->out, mine));
		}
		/* No namespace of one is another's. */
		for (int i = 0; i < 3; i++)
			for (int k = 0; k < i; k++) {
				char *copy = strdup(b[i]->out), *save, *line;

				assert_non_null(copy);
				for (line = strtok_r(copy, "\n", &save); line != NULL;
				     line = strtok_r(NULL, "\n", &save))
					assert_null(strstr(b[k]->out, line));
				free(copy);
			}
		runs(b[0], "echo x > /tmp/f; echo y > /run/g; echo z > /dev/shm/h", 0);
		runs(b[1], "ls /tmp /run /dev/shm /home/runner /var/tmp", 0);
		assert_string_equal(b[1]->out, "/dev/shm:\n\n/home/runner:\n\n/run:\n\n"
					       "/tmp:\n\n/var/tmp:\n");
		runs(b[2], "tail -n +3 /proc/net/dev | wc -l; cat /sys/class/net/*", 1);
		runs(b[2], "grep -c : /proc/self/net/dev", 0);
		assert_string_equal(b[2]->out, "1\n");
		for (int i = 0; i < 3; i++)
			rig_free(b[i]);
		sl_launcher_stop(l);
	}
	/* The tree, and what one sees in it, is the other's. */
	cold = rig_new();
	assert_int_equal(rig_open(cold), 0);
	l = started(first, 1);
	b[0] = box_of(l);
	{
		static const char see[] =
		    "ls -laR --time-style=+ /etc /home /opt /root /run /tmp /var /dev "
		    "/workspace | grep -v ^total; ls / /proc | grep -v '^[0-9]'; id; "
		    "grep -E '^(Cap|Seccomp|NoNewPrivs)' /proc/self/status";

		runs(cold, see, 0);
		runs(b[0], see, 0);
		assert_string_equal(b[0]->out, cold->out);
		assert_true(strlen(cold->out) > 1000);
	}
	/* Of the host's mounts neither shows more. */
	runs(b[0], "cut -d' ' -f4,5,9- /proc/self/mountinfo | grep -v ' /usr' | sort", 0);
	assert_null(strstr(b[0]->out, place.dir));
	rig_free(b[0]);
	sl_launcher_stop(l);
	rig_free(cold);
	rig_free(first);
}

/* As root, with a directory that can be written to; a user has none outside /tmp. */
static void
shows_its_grant(void **state)
{
	bool is_root = geteuid() == 0;
	char dir[] = "/srv/sluice-launcher-XXXXXX";
	struct rig *first = rig_new(), *b;
	struct sl_launcher *l;

	(void)state;
	if (is_root)
		assert_non_null(mkdtemp(dir));
	rig_fs(first, "/srv", SL_ACC_READ);
	if (is_root)
		rig_fs(first, dir, SL_ACC_READ | SL_ACC_WRITE);
	l = started(first, 0);
	for (int i = 0; i < 2; i++) {
		b = rig_new();
		rig_fs(b, "/srv", SL_ACC_READ);
		if (is_root)
			rig_fs(b, dir, SL_ACC_READ | SL_ACC_WRITE);
		b->cwd = is_root ? dir : "/srv";
		b->o.launcher = l;
		assert_int_equal(rig_open(b), 0);
		runs(b, "ls /srv >/dev/null && ! touch /srv/x 2>/dev/null", 0);
		if (is_root) {
			runs(b, "echo x >> f; grep -c x f", 0);
			assert_string_equal(b->out, i == 0 ? "1\n" : "2\n");
		}
		rig_free(b);
	}
	/* Of another grant it has no box. */
	b = rig_new();
	b->o.launcher = l;
	assert_int_equal(rig_open(b), SL_E(BUG));
	rig_free(b);
	sl_launcher_stop(l);
	rig_free(first);
	if (is_root) {
		char f[64];

		(void)snprintf(f, sizeof(f), "%s/f", dir);
		assert_int_equal(remove(f), 0);
		assert_int_equal(rmdir(dir), 0);
	}
}

static void
refuses(void **state)
{
	struct rig *r = rig_new();
	struct sl_launcher *l = NULL;

	(void)state;
	r->o.holds_secret = true;
	assert_int_equal(sl_launcher_start(&r->o, 0, &l, &r->err), SL_E(UNSUPPORTED));
	r->o.holds_secret = false;
	r->err = (struct sl_err){ 0 };
	rig_fs(r, place.dir, SL_ACC_READ); /* below /tmp */
	assert_int_equal(sl_launcher_start(&r->o, 0, &l, &r->err), SL_E(UNSUPPORTED));
	assert_non_null(strstr(r->err.msg, place.dir));
	r->g.n_fs = 0;
	r->g.ws_mode = SL_WS_OVERLAY;
	r->g.ws_path = sl_slice_str(place.dir);
	assert_int_equal(sl_launcher_start(&r->o, 0, &l, &r->err), SL_E(UNSUPPORTED));
	r->g.ws_mode = SL_WS_NONE;
	r->g.ws_path = (struct sl_slice){ NULL, 0 };
	r->err = (struct sl_err){ 0 };
	rig_fs(r, "/usr/no-such-thing", SL_ACC_READ);
	assert_int_equal(sl_launcher_start(&r->o, 0, &l, &r->err), SL_E(ENV));
	assert_non_null(strstr(r->err.msg, "/usr/no-such-thing"));
	assert_null(l);
	assert_int_equal(count_of("sluice-launcher"), 0);
	rig_free(r);
}

/* A box that is closed at whatever point of its set-up is gone; the next one works. */
static void
closes_early(void **state)
{
	struct rig *first = rig_new();
	struct sl_launcher *l = started(first, 1);

	(void)state;
	for (int us = 0; us < 2000; us += 50) {
		struct rig *r = rig_new();

		r->o.launcher = l;
		assert_int_equal(sl_box_prepare(&r->o, &r->b, &r->err), 0);
		(void)usleep((useconds_t)us);
		rig_free(r);
	}
	for (int i = 0; i < 3; i++) {
		struct rig *r = box_of(l);

		runs(r, "exit 3", 3);
		rig_free(r);
	}
	sl_launcher_stop(l);
	rig_free(first);
}

/* Boxes prepared at once get each their own init. */
static void
makes_several_at_once(void **state)
{
	struct rig *first = rig_new(), *b[6];
	struct sl_launcher *l = started(first, 2);
	uint8_t id[32] = { 1 }, d[32];

	(void)state;
	for (int i = 0; i < 6; i++) {
		b[i] = rig_new();
		b[i]->o.launcher = l;
		assert_int_equal(sl_box_prepare(&b[i]->o, &b[i]->b, &b[i]->err), 0);
	}
	for (int i = 5; i >= 0; i--) {
		struct sl_permit_view v = { SL_PERMIT_BOX, id, id, &b[i]->g, d };

		assert_int_equal(sl_grant_digest(&b[i]->g, d, &b[i]->err), 0);
		b[i]->permit = sl_permit_mint(&v, 1);
		assert_int_equal(sl_box_open(b[i]->b, b[i]->permit, &b[i]->err), 0);
	}
	for (int i = 0; i < 6; i++) {
		char script[32];

		(void)snprintf(script, sizeof(script), "exit %d", i);
		runs(b[i], script, i);
		rig_free(b[i]);
	}
	sl_launcher_stop(l);
	rig_free(first);
}

static void
ends_with_its_boxes(void **state)
{
	struct rig *first = rig_new(), *b[2];
	char *argv[] = { "/bin/sleep", "1000", NULL };
	struct sl_launcher *l = started(first, 0);

	(void)state;
	for (int i = 0; i < 2; i++) {
		b[i] = box_of(l);
		assert_int_equal(rig_spawn(b[i], argv), 0);
	}
	sl_launcher_stop(l);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(rig_wait(b[i]), 0);
		assert_true(b[i]->has_died);
		rig_free(b[i]);
	}
	assert_int_equal(count_of("sluice-launcher"), 0);
	rig_free(first);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_its_boxes_apart),
		cmocka_unit_test(shows_its_grant),
		cmocka_unit_test(refuses),
		cmocka_unit_test(closes_early),
		cmocka_unit_test(makes_several_at_once),
		cmocka_unit_test(ends_with_its_boxes),
	};
	int r;

	(void)sl_box_init_main(argc, argv);
	if (argc > 2 && strcmp(argv[1], "payload") == 0)
		return payload(argc, argv);
	if (place_make(&place, place_has(argc, argv, "user")) < 0)
		return 1;
	r = run_suite("launcher", tests, SL_ARRAY_LEN(tests));
	place_remove(&place);
	return r;
}
