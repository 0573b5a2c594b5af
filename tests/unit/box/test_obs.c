/* test_obs.c -- folding of observations: counting, escaping, the bound. */
#include "t.h"

#include "box/internal.h"

#include <errno.h>

static struct sl_obs_table t;

static void
folds_equal_ones(void **state)
{
	static const char class[] = "exec", act[] = "execve";
	const struct sl_obs *o;
	bool is_new;

	(void)state;
	sl_obs_clear(&t);
	o = sl_obs_add(&t, class, act, SL_LIT("/bin/true"), false, 0, &is_new);
	assert_true(is_new);
	assert_int_equal(o->count, 1);
	o = sl_obs_add(&t, class, act, SL_LIT("/bin/true"), false, 0, &is_new);
	assert_false(is_new);
	assert_int_equal(o->count, 2);
	assert_int_equal(t.n, 1);
}

static void
keeps_different_ones(void **state)
{
	static const char class[] = "exec", other[] = "bind", act[] = "execve";
	bool is_new;

	(void)state;
	sl_obs_clear(&t);
	(void)sl_obs_add(&t, class, act, SL_LIT("a"), false, 0, &is_new);
	(void)sl_obs_add(&t, class, act, SL_LIT("b"), false, 0, &is_new);
	(void)sl_obs_add(&t, class, act, SL_LIT("a"), true, 0, &is_new);
	(void)sl_obs_add(&t, class, act, SL_LIT("a"), true, 13, &is_new);
	(void)sl_obs_add(&t, other, act, SL_LIT("a"), true, 13, &is_new);
	assert_int_equal(t.n, 5);
}

static void
escapes(void **state)
{
	static const char want[] = "a\\x1b[2J\\x5c\\x00\\xff ";
	static const char raw[] = "a\x1b[2J\\\0\xff ";
	struct sl_slice s = { at_edge(raw, sizeof(raw) - 1), sizeof(raw) - 1 };
	const struct sl_obs *o;
	bool is_new;

	(void)state;
	sl_obs_clear(&t);
	o = sl_obs_add(&t, "exec", "execve", s, false, 0, &is_new);
	assert_int_equal(o->object.len, sizeof(want) - 1);
	assert_memory_equal(o->object.p, want, sizeof(want) - 1);
}

static void
cuts_long_objects_whole(void **state)
{
	uint8_t long_name[4000];
	const struct sl_obs *o;
	bool is_new;

	(void)state;
	memset(long_name, 1, sizeof(long_name));
	sl_obs_clear(&t);
	o = sl_obs_add(&t, "exec", "execve",
		       (struct sl_slice){ long_name, sizeof(long_name) }, false, 0,
		       &is_new);
	assert_true(o->object.len <= SL_BOX_OBJ_MAX);
	assert_int_equal(o->object.len % 4, 0); /* never half an escape */
}

static void
counts_what_is_lost(void **state)
{
	static const char class[] = "exec";
	const struct sl_obs *o = NULL;
	char name[32];
	bool is_new;

	(void)state;
	sl_obs_clear(&t);
	for (int i = 0; i < SL_BOX_OBS_SAME + 7; i++) {
		int n = snprintf(name, sizeof(name), "/bin/%d", i);

		o = sl_obs_add(&t, class, "execve",
			       (struct sl_slice){ (uint8_t *)name, (size_t)n }, false, 0,
			       &is_new);
		assert_int_equal(is_new, i <= SL_BOX_OBS_SAME);
	}
	assert_true(o->is_rest);
	assert_int_equal(o->object.len, 0);
	assert_int_equal(o->count, 7);
	assert_int_equal(t.n, SL_BOX_OBS_SAME + 1);
	assert_int_equal(t.lost.total, 7);
	assert_false(sl_obs_is_complete(sl_obs_class("exec"), &t.lost));
	assert_true(sl_obs_is_complete(sl_obs_class("exec"), NULL));
	assert_true(sl_obs_is_complete(sl_obs_class("mount"), &t.lost));
	/* Neither a refusal nor another class is crowded out. */
	o = sl_obs_add(&t, class, "execve", SL_LIT("/x"), true, EACCES, &is_new);
	assert_true(is_new && !o->is_rest);
	o = sl_obs_add(&t, "mount", "mount", SL_LIT("/x"), true, EPERM, &is_new);
	assert_true(is_new && !o->is_rest);
	/* What is known is still counted. */
	assert_non_null(sl_obs_add(&t, t.row[0].class, (const char *)t.row[0].act.p,
				   SL_LIT("/bin/0"), false, 0, &is_new));
}

/* When all rows are taken, what is new still shows, without its object; when even those
 * are taken it is counted. */
static void
keeps_kinds_when_full(void **state)
{
	static const char act[200][2] = { { 0 } };
	char name[32];
	const struct sl_obs *o;
	size_t n_class, lost;
	const struct sl_obs_class *c = sl_obs_classes(&n_class);
	bool is_new;

	(void)state;
	sl_obs_clear(&t);
	for (int i = 0; i < 4 * SL_BOX_OBS_SAME; i++) {
		int n = snprintf(name, sizeof(name), "%d", i);

		(void)sl_obs_add(&t, c[i % 4].name, act[0],
				 (struct sl_slice){ (uint8_t *)name, (size_t)n }, true, 1,
				 &is_new);
	}
	assert_int_equal(t.n - t.n_rest, SL_BOX_OBS_MAX);
	o = sl_obs_add(&t, c[9].name, act[0], SL_LIT("x"), true, 1, &is_new);
	assert_true(is_new && o->is_rest);
	assert_false(sl_obs_is_complete(&c[9], &t.lost));
	assert_true(sl_obs_is_complete(&c[8], &t.lost));
	lost = t.lost.total;
	for (int i = 0; i < SL_BOX_OBS_REST + 3; i++)
		(void)sl_obs_add(&t, c[9].name, act[i + 1], SL_LIT("x"), true, 1,
				 &is_new);
	assert_int_equal(t.n, SL_BOX_OBS_MAX + SL_BOX_OBS_REST);
	assert_int_equal(t.lost.total, lost + SL_BOX_OBS_REST + 3);
	assert_null(sl_obs_add(&t, c[9].name, act[199], SL_LIT("x"), true, 1, &is_new));
	assert_false(is_new);
}

/* Every watched call belongs to a row of data/observation.tsv that names it, and every
 * complete class that the filter observes is watched. */
static void
agrees_with_the_table(void **state)
{
	size_t watched = 0, n;

	(void)state;
	assert_null(sl_obs_class("no such class"));
	for (int nr = 0; nr < 600; nr++) {
		struct sl_bpf_name name = sl_box_call_name(nr);
		const struct sl_obs_class *row;
		const char *at;
		size_t len;

		if (name.class == NULL)
			continue;
		watched++;
		row = sl_obs_class(name.class);
		assert_non_null(row);
		assert_true(row->is_complete);
		len = strlen(name.act);
		for (at = row->acts; (at = strstr(at, name.act)) != NULL; at += len)
			if ((at == row->acts || at[-1] == ' ') &&
			    (at[len] == ' ' || at[len] == '\0'))
				break;
		assert_non_null(at);
	}
	assert_true(watched > 50);
	(void)sl_obs_classes(&n);
	assert_true(n >= 15);
	assert_false(sl_obs_class("open")->is_complete);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(folds_equal_ones),
		cmocka_unit_test(keeps_different_ones),
		cmocka_unit_test(escapes),
		cmocka_unit_test(cuts_long_objects_whole),
		cmocka_unit_test(counts_what_is_lost),
		cmocka_unit_test(keeps_kinds_when_full),
		cmocka_unit_test(agrees_with_the_table),
	};

	return run_suite("obs", tests, SL_ARRAY_LEN(tests));
}
