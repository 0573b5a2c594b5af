/* test_jobs.c -- lists of statements on their way: none is lost where one list goes back
 * in front of another. */
#include "serve/service_int.h"

#include "t.h"

#include <stdlib.h>

static struct sl_job *
job(uint32_t id)
{
	struct sl_job *j = calloc(1, sizeof(*j));

	assert_non_null(j);
	j->id = id;
	return j;
}

static void
back(size_t n_to, size_t n_l)
{
	struct sl_jobs to, l;
	struct sl_job *j;
	size_t n = 0;

	sl_jobs_init(&to);
	sl_jobs_init(&l);
	for (uint32_t i = 0; i < n_l + n_to; i++)
		sl_jobs_put(i < n_l ? &l : &to, job(i));
	sl_jobs_back(&to, &l);
	assert_null(sl_jobs_take(&l));
	/* One more is the last of all, and in no other list. */
	sl_jobs_put(&to, job((uint32_t)(n_l + n_to)));
	assert_null(l.first);
	assert_int_equal(to.n, n_l + n_to + 1);
	while ((j = sl_jobs_take(&to)) != NULL) {
		assert_int_equal(j->id, n++);
		sl_job_free(j);
	}
	assert_int_equal(n, n_l + n_to + 1);
	assert_int_equal(to.n, 0);
}

static void
all(void **state)
{
	(void)state;
	for (size_t n_to = 0; n_to < 3; n_to++)
		for (size_t n_l = 0; n_l < 3; n_l++)
			back(n_to, n_l);
}

int
main(void)
{
	const struct CMUnitTest t[] = { cmocka_unit_test(all) };

	return run_suite("serve-jobs", t, SL_ARRAY_LEN(t));
}
