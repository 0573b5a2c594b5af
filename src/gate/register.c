/* register.c -- who may register what: statements of others go through the gate as well.
 *
 * Asking policy takes a thousand times as long as looking an answer up, so answers are
 * remembered, by everything that policy is told of a statement.  What is recorded is less
 * than that: one decision for each (issuer, policy digest, rule).  All of it is forgotten
 * with the policy, with a batch that was refused, and when it has grown too large. */
#include "gate/gate.h"

#include "crypto/sha256.h"
#include "gate/int.h"

#include <stdlib.h>

enum {
	ANSWERS = 1 << 14, /* a power of two */
	ANSWERS_FULL = ANSWERS / 2,
	REFUSED_MAX = 64,     /* issuers of whom refusals are counted one by one */
	AGAIN_MS = 60 * 1000, /* how long an answer holds where policy reads the clock */
	NEW_RATE = 200,       /* answers a second that policy is asked for */
	ISS_MAX = 256
};

struct answer {
	uint8_t key[16]; /* zeros: free */
	int64_t until_ms;
	uint32_t line;
	bool is_allowed;
};

/* Refusals of one issuer by one rule. */
struct refused {
	uint8_t key[16];
	struct sl_gate_foreign f; /* slices point into text */
	char text[4 * ISS_MAX];
	uint64_t n;
	int64_t since_ms;
};

struct sl_gate_admissions {
	bool reads_subject, reads_time;
	struct answer answer[ANSWERS];
	struct answer stated[ANSWERS]; /* (issuer, rule): only the keys count */
	size_t n_answer, n_stated;
	struct refused refused[REFUSED_MAX];
	size_t n_refused;
	uint64_t n_others; /* refusals that no row was left for */
	double budget;
	int64_t filled_ms; /* when budget was topped up */
	char message[256];
};

static bool
mentions(struct sl_slice text, const char *word)
{
	return memmem(text.p, text.len, word, strlen(word)) != NULL;
}

int
sl_gate_admit_look(struct sl_gate *g, struct sl_slice text, struct sl_err *err)
{
	if (g->admit == NULL && (g->admit = calloc(1, sizeof(*g->admit))) == NULL)
		return SL_ERR(err, NOMEM, "out of memory");
	/* In a comment too: then more is told, and remembered, than need be. */
	g->admit->reads_subject |= mentions(text, "statement_subject");
	g->admit->reads_time |= mentions(text, "time");
	return 0;
}

void
sl_gate_admit_forget(struct sl_gate *g)
{
	struct sl_gate_admissions *a = g->admit;

	if (a == NULL)
		return;
	memset(a->answer, 0, sizeof(a->answer));
	memset(a->stated, 0, sizeof(a->stated));
	a->n_answer = a->n_stated = 0;
}

void
sl_gate_admit_done(struct sl_gate *g)
{
	free(g->admit);
	g->admit = NULL;
}

/* Length before bytes: no two lists of fields give the same key. */
static void
add(struct sl_sha256 *h, struct sl_slice s)
{
	uint64_t n = s.len;

	sl_sha256_add(h, &n, sizeof(n));
	if (s.len > 0)
		sl_sha256_add(h, s.p, s.len);
}

static void
key_of(const struct sl_gate *g, const struct sl_gate_foreign *f, uint8_t out[16])
{
	struct sl_sha256 h;
	uint8_t d[32];

	sl_sha256_init(&h);
	add(&h, f->iss);
	add(&h, f->how);
	add(&h, f->alg);
	add(&h, f->type);
	add(&h, (struct sl_slice){ (const uint8_t *)(f->is_envelope ? "e" : "p"), 1 });
	if (g->admit->reads_subject)
		add(&h, f->sub);
	sl_sha256_end(&h, d);
	memcpy(out, d, 16);
	out[0] |= 1; /* never a free one's */
}

static void
key_of_rule(const struct sl_gate_foreign *f, uint32_t line, uint8_t out[16])
{
	struct sl_sha256 h;
	uint8_t d[32];

	sl_sha256_init(&h);
	add(&h, f->iss);
	sl_sha256_add(&h, &line, sizeof(line));
	sl_sha256_end(&h, d);
	memcpy(out, d, 16);
	out[0] |= 1;
}

/* The row of the key, or the free one where it belongs. */
static struct answer *
row_of(struct answer *t, const uint8_t key[16])
{
	uint64_t i;

	memcpy(&i, key + 8, sizeof(i));
	while (t[i % ANSWERS].key[0] != 0 && memcmp(t[i % ANSWERS].key, key, 16) != 0)
		i++;
	return &t[i % ANSWERS];
}

static int
facts(void *arg, struct sl_policy_facts *p, struct sl_err *err)
{
	const struct sl_gate_foreign *f = arg;
	static const char src[] = "statement";

	(void)err;
	SL_FACT(p, src, "issuer", sl_term_str(f->iss));
	SL_FACT(p, src, "issuer_by", sl_term_str(f->how));
	SL_FACT(p, src, "statement_alg", sl_term_str(f->alg));
	SL_FACT(p, src, "statement_type", sl_term_str(f->type));
	SL_FACT(p, src, "statement_envelope", sl_term_bool(f->is_envelope));
	if (f->sub.p != NULL)
		SL_FACT(p, src, "statement_subject", sl_term_str(f->sub));
	return 0;
}

static struct sl_json *
context(const struct sl_gate *g, struct sl_jb *b, const struct sl_gate_foreign *f)
{
	struct sl_json *c = sl_json_obj(b);

	(void)sl_json_set(b, c, "v", sl_json_int(b, 1));
	(void)sl_json_set(b, c, "level", sl_json_cstr(b, "node"));
	(void)sl_json_set(b, c, "kind", sl_json_cstr(b, "register"));
	(void)sl_json_set(b, c, "policy", sl_json_hex(b, g->info.policy, 32));
	(void)sl_json_set(b, c, "issuer", sl_json_str(b, f->iss));
	return c;
}

/* The request about f: q points into the rest. */
struct ask {
	struct sl_gate_foreign f;
	struct sl_gate_source src;
	struct sl_gate_request q;
};

static void
ask_about(struct ask *x, const struct sl_gate *g, const struct sl_gate_foreign *f)
{
	x->f = *f;
	if (!g->admit->reads_subject)
		x->f.sub = (struct sl_slice){ 0 };
	x->src = (struct sl_gate_source){ facts, &x->f };
	x->q = (struct sl_gate_request){ .kind = "register",
					 .requester = x->f.iss,
					 .sources = &x->src,
					 .n_sources = 1 };
}

/* Room for one more; whatever is dropped is asked for again. */
static void
keep_small(struct sl_gate_admissions *a)
{
	if (a->n_answer >= ANSWERS_FULL) {
		memset(a->answer, 0, sizeof(a->answer));
		a->n_answer = 0;
	}
	if (a->n_stated >= ANSWERS_FULL) {
		memset(a->stated, 0, sizeof(a->stated));
		a->n_stated = 0;
	}
}

static bool
has_budget(struct sl_gate_admissions *a)
{
	int64_t now = sl_time_now_ms();

	if (now > a->filled_ms)
		a->budget += (double)(now - a->filled_ms) * NEW_RATE / 1000;
	if (a->filled_ms == 0 || a->budget > NEW_RATE)
		a->budget = NEW_RATE;
	a->filled_ms = now;
	if (a->budget < 1)
		return false;
	a->budget -= 1;
	return true;
}

/* The decision, unless one of this rule about this issuer is on record. */
static int
state(struct sl_gate *g, struct ask *x, uint32_t line, struct sl_err *err)
{
	struct sl_gate_admissions *a = g->admit;
	SL_AUTO_ARENA tmp = { 0 };
	struct sl_jb b = { .a = &tmp };
	bool is_allowed = false;
	uint8_t key[16];
	struct answer *s;
	int r;

	key_of_rule(&x->f, line, key);
	s = row_of(a->stated, key);
	if (s->key[0] != 0)
		return 0;
	sl_arena_init(&tmp, 1 << 20);
	x->q.context = context(g, &b, &x->f);
	if (b.is_failed)
		return SL_ERR(err, NOMEM, "out of memory");
	if ((r = sl_gate_decide_unkept(g, &x->q, &is_allowed, err)) < 0)
		return r;
	if (!is_allowed) /* the clock moved between the two */
		return SL_ERR(err, DENIED, "policy has come to another answer");
	memcpy(s->key, key, 16);
	a->n_stated++;
	return 0;
}

static int
answer(struct sl_gate *g, const struct sl_gate_foreign *f, const uint8_t key[16],
       struct answer *to, struct sl_err *err)
{
	struct sl_gate_foreseen v;
	struct ask x;
	int r;

	if (!has_budget(g->admit))
		return SL_ERR(err, LIMIT, "too many new issuers at once");
	ask_about(&x, g, f);
	if ((r = sl_gate_foresee(g, &x.q, &v, err)) < 0)
		return r;
	if (v.is_allowed && (r = state(g, &x, (uint32_t)v.line, err)) < 0)
		return r;
	if (to->key[0] == 0)
		g->admit->n_answer++;
	memcpy(to->key, key, 16);
	to->is_allowed = v.is_allowed;
	to->line = (uint32_t)v.line;
	to->until_ms = sl_time_now_ms() + AGAIN_MS;
	memcpy(g->admit->message, v.message, sizeof(v.message));
	return 0;
}

static struct sl_slice
copy(char **to, struct sl_slice s)
{
	struct sl_slice r = { (uint8_t *)*to, s.len < ISS_MAX ? s.len : ISS_MAX };

	if (r.len > 0)
		memcpy(*to, s.p, r.len);
	*to += r.len;
	return r;
}

static void
count(struct sl_gate_admissions *a, const struct sl_gate_foreign *f, uint32_t line)
{
	struct refused *x = NULL;
	uint8_t key[16];
	char *p;

	key_of_rule(f, line, key);
	for (size_t i = 0; i < a->n_refused && x == NULL; i++)
		if (memcmp(a->refused[i].key, key, 16) == 0)
			x = &a->refused[i];
	if (x != NULL) {
		x->n++;
		return;
	}
	/* One that does not fit whole cannot be stated as it was. */
	if (a->n_refused == REFUSED_MAX || f->iss.len > ISS_MAX ||
	    f->type.len > ISS_MAX || f->sub.len > ISS_MAX) {
		a->n_others++;
		return;
	}
	x = &a->refused[a->n_refused++];
	*x = (struct refused){ .f = *f, .n = 1, .since_ms = sl_time_now_ms() };
	memcpy(x->key, key, 16);
	p = x->text;
	x->f.iss = copy(&p, f->iss);
	x->f.sub = copy(&p, f->sub);
	x->f.type = copy(&p, f->type);
	/* both are names of ours, and short */
	x->f.how =
	    copy(&p, (struct sl_slice){ f->how.p, f->how.len < 32 ? f->how.len : 32 });
	x->f.alg =
	    copy(&p, (struct sl_slice){ f->alg.p, f->alg.len < 32 ? f->alg.len : 32 });
}

int
sl_gate_register(struct sl_gate *g, const struct sl_gate_foreign *f, struct sl_slice stmt,
		 struct sl_entry *ret_entry, struct sl_err *err)
{
	struct sl_gate_admissions *a = g->admit;
	const struct answer *is;
	struct answer *x;
	uint8_t key[16];
	int r;

	key_of(g, f, key);
	keep_small(a);
	x = row_of(a->answer, key);
	a->message[0] = '\0';
	if ((x->key[0] == 0 || (a->reads_time && x->until_ms < sl_time_now_ms())) &&
	    (r = answer(g, f, key, x, err)) < 0)
		return r;
	is = x;
	if (!is->is_allowed) {
		count(a, f, is->line);
		return SL_ERR(err, DENIED, "%s",
			      a->message[0] != '\0'
				  ? a->message
				  : "policy does not let this issuer register");
	}
	return sl_gate_queue_foreign(g, stmt, (struct sl_gate_item){ .entry = ret_entry },
				     err);
}

static int
state_one(struct sl_gate *g, struct refused *x, uint64_t n_others, struct sl_err *err)
{
	SL_AUTO_ARENA tmp = { 0 };
	struct sl_jb b = { .a = &tmp };
	struct sl_json *c;
	bool unused;
	struct ask q;

	sl_arena_init(&tmp, 1 << 20);
	ask_about(&q, g, &x->f);
	c = context(g, &b, &x->f);
	(void)sl_json_set(&b, c, "refused", sl_json_int(&b, (int64_t)x->n));
	(void)sl_json_set(&b, c, "since", sl_json_int(&b, x->since_ms / 1000));
	if (n_others > 0)
		(void)sl_json_set(&b, c, "others", sl_json_int(&b, (int64_t)n_others));
	q.q.context = c;
	if (b.is_failed)
		return SL_ERR(err, NOMEM, "out of memory");
	return sl_gate_decide_unkept(g, &q.q, &unused, err);
}

int
sl_gate_state_refusals(struct sl_gate *g, size_t *ret_n, struct sl_err *err)
{
	struct sl_gate_admissions *a = g->admit;
	size_t n = a->n_refused;
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++)
		r = state_one(g, &a->refused[i], i == 0 ? a->n_others : 0, err);
	a->n_refused = 0;
	a->n_others = 0;
	*ret_n = n;
	return r;
}
