/* test_keyring.c -- the succession of keys: what it takes, and what it must not. */
#include "t.h"

#include "base/hex.h"
#include "crypto/sha256.h"
#include "log/keyring.h"
#include "log/sign.h"
#include "lognode.h"

enum { KEYS = 6 };

struct rig {
	struct sl_log_key k[KEYS]; /* 0, 1, 2: identities; 3, 4, 5: working */
	struct sl_keyring ring;
	uint64_t at;
};

static int
setup(void **state)
{
	struct rig *x = calloc(1, sizeof(*x));
	struct sl_err err = { 0 };

	must(sl_crypto_init(&err), &err);
	for (uint8_t i = 0; i < KEYS; i++) {
		uint8_t seed[32] = { 0x40, i };

		sl_log_key_make(&x->k[i], seed);
	}
	sl_keyring_init(&x->ring, x->k[0].s.pub);
	*state = x;
	return 0;
}

static int
teardown(void **state)
{
	struct rig *x = *state;

	for (int i = 0; i < KEYS; i++)
		sl_log_key_done(&x->k[i]);
	sl_keyring_done(&x->ring);
	free(x);
	return 0;
}

struct say {
	const char *role;
	int key, issuer, by; /* by: who signs; issuer: whom it names */
	int next;            /* -1: none */
	long long after;     /* -1: none */
};

/* The statement as the next entry; 0, or why not. */
static int
state_it(struct rig *x, const struct say *s)
{
	struct sl_buf json = { .max = 4096 }, stmt = { .max = 8192 };
	struct sl_err err = { 0 };
	uint8_t d[32], unused[32];
	struct sl_sign1 m;
	char hex[65];
	int r;

	sl_buf_printf(&json, "{\"predicate\":{\"issuer\":\"%s\",\"key\":\"%s\"",
		      x->k[s->issuer].did, x->k[s->key].did);
	if (s->next >= 0) {
		sl_sha256((struct sl_slice){ x->k[s->next].s.pub, 32 }, d);
		sl_hex(hex, d, 32);
		sl_buf_printf(&json, ",\"next\":{\"sha256\":\"%s\"}", hex);
	}
	if (s->after >= 0)
		sl_buf_printf(&json, ",\"after\":%lld", s->after);
	sl_buf_printf(&json, ",\"role\":\"%s\"}}", s->role);
	must(sl_log_statement(&x->k[s->by], sl_slice_str(x->k[s->key].did),
			      sl_buf_get(&json), false, unused, &stmt, &err),
	     &err);
	must(sl_sign1_parse(sl_buf_get(&stmt), 8192, &m, &err), &err);
	r = sl_keyring_add(&x->ring, x->at, &m, &err);
	if (r == 0)
		x->at++;
	sl_buf_done(&json);
	sl_buf_done(&stmt);
	return r;
}

static void
takes(struct rig *x, struct say s)
{
	assert_int_equal(state_it(x, &s), 0);
}

static void
refuses(struct rig *x, struct say s)
{
	struct sl_keyring was = x->ring;

	assert_int_equal(state_it(x, &s), SL_E(VERIFY));
	/* and is as it was */
	assert_memory_equal(&was, &x->ring, sizeof(was));
}

static bool
signs(struct rig *x, int key, uint64_t index)
{
	return sl_keyring_signs(&x->ring, x->k[key].s.pub, index);
}

static void
succession(void **state)
{
	struct rig *x = *state;

	takes(x, (struct say){ "identity", 0, 0, 0, 1, -1 });
	takes(x, (struct say){ "working", 3, 0, 0, -1, -1 });
	assert_true(signs(x, 3, 2) && !signs(x, 3, 1) && !signs(x, 4, 9));
	takes(x, (struct say){ "working", 4, 0, 0, -1, -1 });
	takes(x, (struct say){ "retired", 4, 0, 0, -1, 3 });
	assert_true(signs(x, 3, 9) && !signs(x, 4, 3) && !signs(x, 4, 9));
	assert_true(sl_keyring_signs_root(&x->ring, x->k[4].s.pub, 3));
	assert_false(sl_keyring_signs_root(&x->ring, x->k[4].s.pub, 4));
	takes(x, (struct say){ "identity", 1, 0, 0, 2, -1 });
	assert_true(signs(x, 3, 3) && !signs(x, 3, 4) && !signs(x, 3, 9));
	takes(x, (struct say){ "working", 5, 1, 1, -1, -1 });
	assert_true(signs(x, 5, 9));
	assert_int_equal(x->ring.n_ids, 2);
	assert_int_equal(x->ring.id[0].until, 4);
}

/* Whoever has the identity's key, and no more than that. */
static void
thief(void **state)
{
	struct rig *x = *state;

	takes(x, (struct say){ "identity", 0, 0, 0, 1, -1 });
	refuses(x, (struct say){ "identity", 2, 0, 0, 3, -1 }); /* not announced */
	refuses(x, (struct say){ "identity", 0, 0, 0, 2, -1 }); /* announced anew */
	refuses(x, (struct say){ "identity", 1, 0, 1, 2, -1 }); /* by itself */
	refuses(x, (struct say){ "identity", 1, 1, 1, 2, -1 });
	refuses(x, (struct say){ "identity", 1, 0, 0, -1, -1 }); /* and none after it */
	takes(x, (struct say){ "identity", 1, 0, 0, 2, -1 });
	refuses(x, (struct say){ "working", 3, 0, 0, -1, -1 }); /* by the old one */
	refuses(x, (struct say){ "working", 3, 1, 0, -1, -1 });
	refuses(x, (struct say){ "identity", 2, 0, 0, 3, -1 });
	refuses(x, (struct say){ "identity", 0, 1, 1, 2, -1 }); /* back */
}

static void
working_keys(void **state)
{
	struct rig *x = *state;

	takes(x, (struct say){ "identity", 0, 0, 0, 1, -1 });
	refuses(x, (struct say){ "working", 0, 0, 0, -1, -1 }); /* the identity itself */
	refuses(x, (struct say){ "working", 3, 0, 3, -1, -1 });
	refuses(x, (struct say){ "platform", 3, 0, 0, -1, -1 });
	refuses(x, (struct say){ "root", 3, 0, 0, -1, -1 });
	takes(x, (struct say){ "working", 3, 0, 0, -1, -1 });
	takes(x, (struct say){ "working", 3, 0, 0, -1, -1 }); /* known: no harm */
	assert_int_equal(x->ring.n, 1);
	refuses(x, (struct say){ "retired", 4, 0, 0, -1, 3 }); /* unknown */
	refuses(x, (struct say){ "retired", 3, 0, 0, -1, 2 }); /* from elsewhere */
	refuses(x, (struct say){ "retired", 3, 0, 0, -1, -1 });
	refuses(x, (struct say){ "working", 4, 0, 0, -1, 3 });
	takes(x, (struct say){ "retired", 3, 0, 0, -1, 3 });
	refuses(x, (struct say){ "retired", 3, 0, 0, -1, 4 });  /* twice */
	refuses(x, (struct say){ "working", 3, 0, 0, -1, -1 }); /* certified again */
	takes(x, (struct say){ "working", 4, 0, 0, -1, -1 });
	takes(x, (struct say){ "identity", 1, 0, 0, 2, -1 });
	refuses(x, (struct say){ "working", 4, 1, 1, -1, -1 }); /* ended */
	refuses(x, (struct say){ "retired", 4, 1, 1, -1, (long long)x->at });
}

/* A log whose first identity announced nothing: it may do so once. */
static void
announcement(void **state)
{
	struct rig *x = *state;

	refuses(x, (struct say){ "identity", 1, 1, 1, 2, -1 }); /* not its name */
	takes(x, (struct say){ "identity", 0, 0, 0, -1, -1 });
	refuses(x, (struct say){ "identity", 1, 0, 0, 2, -1 });
	refuses(x, (struct say){ "identity", 0, 0, 0, -1, -1 });
	takes(x, (struct say){ "identity", 0, 0, 0, 1, -1 });
	assert_int_equal(x->ring.n_ids, 1);
	refuses(x, (struct say){ "identity", 0, 0, 0, 2, -1 });
	takes(x, (struct say){ "identity", 1, 0, 0, 2, -1 });
}

int
main(void)
{
	const struct CMUnitTest t[] = {
		cmocka_unit_test_setup_teardown(succession, setup, teardown),
		cmocka_unit_test_setup_teardown(thief, setup, teardown),
		cmocka_unit_test_setup_teardown(working_keys, setup, teardown),
		cmocka_unit_test_setup_teardown(announcement, setup, teardown),
	};

	return run_suite("keyring", t, SL_ARRAY_LEN(t));
}
