/* lib.h -- a policy text and facts to a verdict, for the tests of src/policy. */
#ifndef SL_TESTS_POLICY_LIB_H
#define SL_TESTS_POLICY_LIB_H

#include "t.h"

#include "policy/run.h"

struct world {
	struct sl_arena a;
	const struct sl_policy *p;
	struct sl_policy_facts *f;
	struct sl_verdict v;
	struct sl_err err;
};

static inline void
world_init(struct world *w)
{
	*w = (struct world){ 0 };
	sl_arena_init(&w->a, (size_t)512 << 20);
	w->f = sl_policy_facts_new(&w->a);
	assert_non_null(w->f);
}

static inline void
world_done(struct world *w)
{
	sl_arena_free(&w->a);
}

static inline void
world_load(struct world *w, const char *text)
{
	int r = sl_policy_load(sl_slice_str(text), "t", NULL, &sl_policy_text_limits,
			       &w->a, &w->p, &w->err);

	if (r < 0)
		print_message("%s\n%s\n", text, w->err.msg);
	assert_return_code(r, 0);
}

static inline void
world_decide(struct world *w, const struct sl_policy_limits *lim)
{
	int r = sl_policy_decide(w->p, w->f, lim ? lim : &sl_policy_default_limits, &w->a,
				 &w->v, &w->err);

	if (r < 0)
		print_message("%s\n", w->err.msg);
	assert_return_code(r, 0);
}

/* The reason of the verdict on no facts but the text's own. */
static inline const char *
reason_of(struct world *w, const char *text)
{
	world_init(w);
	world_load(w, text);
	world_decide(w, NULL);
	return w->v.reason;
}

static inline bool
slice_has(struct sl_slice s, const char *what)
{
	return s.len > 0 && memmem(s.p, s.len, what, strlen(what)) != NULL;
}

#endif
