/* policy.h -- facts and a policy in, a verdict with its proof out.
 *
 * The language is the text dialect of Biscuit v3.3 Datalog with one block: facts,
 * rules, `check if`, `check all`, `reject if`, `allow if`, `deny if`, and the whole
 * term and expression language but for what doc/PROTOCOL.policy lists as refused
 * (`extern::`, `trusting`): those are errors at load, by name, with a place.
 *
 * Guarantees.  A decision is a function of (policy text, fact set, limits): the same
 * verdict, fuel and proof bytes on any host, whatever the order of the facts.
 * Evaluation always ends.  Everything that is not a clear allow is a deny: failed
 * check, no policy, fuel or an engine limit used up, an expression that failed.
 * Untrusted: the text and the facts.  No I/O, no globals, nothing printed.
 *
 * Ownership: all results live in the arena that the call was given; a policy borrows
 * its text and its decls, a verdict borrows policy and facts.
 */
#ifndef SL_POLICY_POLICY_H
#define SL_POLICY_POLICY_H

#include "base/arena.h"
#include "base/err.h"
#include "base/limits.h"
#include "codec/json.h"

/* ---- terms ---- */

/* The order of the kinds is the canonical order of terms of different kinds. */
enum sl_term_kind {
	SL_TERM_NULL,
	SL_TERM_BOOL,
	SL_TERM_INT,
	SL_TERM_STR,
	SL_TERM_DATE,
	SL_TERM_BYTES,
	SL_TERM_SET, /* items sorted, distinct, of one kind, none of them a collection */
	SL_TERM_ARRAY, /* items as given */
	SL_TERM_MAP,   /* items: key, value, key, value...; keys sorted, distinct */
};

struct sl_term {
	enum sl_term_kind kind;
	int64_t i;         /* BOOL 0/1; INT; DATE seconds since 1970, >= 0 */
	struct sl_slice s; /* STR (UTF-8), BYTES */
	const struct sl_term *items;
	size_t n; /* items: twice the members of a map */
};

static inline struct sl_term
sl_term_int(int64_t v)
{
	return (struct sl_term){ .kind = SL_TERM_INT, .i = v };
}

static inline struct sl_term
sl_term_bool(bool v)
{
	return (struct sl_term){ .kind = SL_TERM_BOOL, .i = v };
}

static inline struct sl_term
sl_term_date(int64_t seconds)
{
	return (struct sl_term){ .kind = SL_TERM_DATE, .i = seconds };
}

static inline struct sl_term
sl_term_str(struct sl_slice v)
{
	return (struct sl_term){ .kind = SL_TERM_STR, .s = v };
}

static inline struct sl_term
sl_term_cstr(const char *v)
{
	return sl_term_str(sl_slice_str(v));
}

static inline struct sl_term
sl_term_bytes(struct sl_slice v)
{
	return (struct sl_term){ .kind = SL_TERM_BYTES, .s = v };
}

/* Canonical total order, < 0, 0, > 0: kind, then value; strings and bytes by bytes,
 * collections member by member, shorter first. */
int sl_term_cmp(const struct sl_term *a, const struct sl_term *b);
/* Appends the text form; what is not printable ASCII in a string, and `"` and `\`,
 * is escaped (\n, \", \\, \u{HEX}), so the result may be shown and parses again. */
void sl_term_print(struct sl_buf *out, const struct sl_term *t);
struct sl_json *sl_term_json(struct sl_jb *b, const struct sl_term *t);

/* ---- declarations (data/facts.decl) ---- */

struct sl_decls;

/* `decl name(type, ...) by gate|policy; // what it means`, one a line.  FORMAT with
 * the place for anything else, and for a name declared twice. */
int sl_decls_parse(struct sl_slice text, const char *name, const struct sl_limits *lim,
		   struct sl_arena *a, const struct sl_decls **ret_decls,
		   struct sl_err *err) SL_MUST_CHECK;
/* The files embedded in the binary. */
struct sl_slice sl_policy_default_text(void);
struct sl_slice sl_policy_decls_text(void);

/* ---- load ---- */

struct sl_policy;

/* 1 MiB of text, 200,000 nodes (terms, atoms, operators), nesting 128. */
extern const struct sl_limits sl_policy_text_limits;

/* name is for messages ("NAME:LINE:COL: what is wrong", columns in bytes from 1).
 * decls NULL: any predicate goes.  Errors: FORMAT (syntax, unsafe variable, literal of
 * the wrong type), UNKNOWN (predicate that nobody states, with a suggestion),
 * UNSUPPORTED (by name), LIMIT, NOMEM.  The text must be UTF-8 without NUL. */
int sl_policy_load(struct sl_slice text, const char *name, const struct sl_decls *decls,
		   const struct sl_limits *lim, struct sl_arena *a,
		   const struct sl_policy **ret_policy, struct sl_err *err) SL_MUST_CHECK;

struct sl_policy_diag {
	bool is_warning;
	int code; /* SL_E(...), of an error */
	size_t line, col;
	const char *msg; /* without the place; printable ASCII */
};

/* Every error (at most 100) and, where there is none, the warnings: a rule that
 * nothing asks for, a policy behind an unconditional one, no `allow if` at all.
 * In the order of the text.  Fails only with LIMIT or NOMEM. */
int sl_policy_check_text(struct sl_slice text, const struct sl_decls *decls,
			 const struct sl_limits *lim, struct sl_arena *a,
			 const struct sl_policy_diag **ret_diags, size_t *ret_n,
			 struct sl_err *err) SL_MUST_CHECK;

/* ---- facts ---- */

struct sl_policy_facts;

/* NULL when memory is out (all functions below accept NULL as a failed set). */
struct sl_policy_facts *sl_policy_facts_new(struct sl_arena *a) SL_MUST_CHECK;
/* Copies everything.  source says who states the fact ("request", "host", a digest)
 * and shows up in proofs; the same fact from two sources keeps both.  Failure
 * (memory, n == 0, invalid UTF-8) is sticky and reported by the calls that read. */
void sl_policy_fact(struct sl_policy_facts *f, const char *source, const char *pred,
		    const struct sl_term *args, size_t n);
#define SL_FACT(f, source, pred, ...)                                                    \
	sl_policy_fact((f), (source), (pred), (const struct sl_term[]){ __VA_ARGS__ },   \
		       sizeof((const struct sl_term[]){ __VA_ARGS__ }) /                 \
			   sizeof(struct sl_term))
/* The canonical form: sorted by predicate, terms, source; duplicates dropped.
 *   {"v": 1, "facts": [[pred, [term, ...], source], ...]}
 * integer, string, boolean and null terms are themselves; others are objects with one
 * member: date (seconds), bytes (hex), set, array, map ([[key, value], ...]). */
int sl_policy_facts_json(struct sl_policy_facts *f, struct sl_jb *b, struct sl_json **ret,
			 struct sl_err *err) SL_MUST_CHECK;
/* Refuses what sl_policy_facts_json() would not have written, order included. */
int sl_policy_facts_from_json(const struct sl_json *v, struct sl_arena *a,
			      struct sl_policy_facts **ret,
			      struct sl_err *err) SL_MUST_CHECK;
/* SHA-256 of the deterministic CBOR of the canonical form. */
int sl_policy_facts_digest(struct sl_policy_facts *f, uint8_t ret_digest[32],
			   struct sl_err *err) SL_MUST_CHECK;

/* ---- decide ---- */

/* doc/PROTOCOL.policy section 4 defines version 1.  Never reuse a number. */
enum { SL_POLICY_FUEL_V1 = 1 };

struct sl_policy_limits {
	uint64_t fuel;      /* of the decision, doc/PROTOCOL.policy section 4 */
	uint64_t max_facts; /* distinct facts in the model */
	uint64_t max_work;  /* partial bindings that the engine may look at */
	uint64_t max_bytes; /* of values that one expression may make */
};

/* 1,000,000 fuel, 200,000 facts, 20,000,000 bindings, 64 MiB. */
extern const struct sl_policy_limits sl_policy_default_limits;

enum sl_verdict_kind { SL_VERDICT_DENY, SL_VERDICT_ALLOW, SL_VERDICT_NONE };

struct sl_policy_failed {
	size_t index; /* among the checks of the policy, from 0 */
	size_t line;
	struct sl_slice text; /* the check, printed */
};

struct sl_verdict {
	/* NONE: no policy matched and no check failed; treat it as a deny. */
	enum sl_verdict_kind kind;
	/* Stable id: "allow", "deny" (a policy), "none", "check", "fuel", "limit",
	 * "error". */
	const char *reason;
	struct sl_slice message; /* one sentence for people, printable ASCII */
	long policy;             /* index of the policy that matched, or -1 */
	struct sl_slice text; /* that policy; or what used up fuel or failed, printed */
	size_t line;          /* its line, or 0 */
	const struct sl_policy_failed *failed;
	size_t n_failed;
	uint64_t fuel; /* used; with reason "fuel" it is the limit plus one */
	uint32_t fuel_version;
	const struct sl_json *proof; /* doc/PROTOCOL.policy section 5 */
	struct sl_policy_run *run;   /* for sl_policy_query() */
};

/* Fails (and decides nothing: treat as a deny) with NOMEM, and with FORMAT for a fact
 * that the policy's decls do not know.  Give it an arena of its own: the model of a
 * decision of N facts takes about 200 N bytes. */
int sl_policy_decide(const struct sl_policy *p, struct sl_policy_facts *f,
		     const struct sl_policy_limits *lim, struct sl_arena *a,
		     struct sl_verdict *ret_verdict, struct sl_err *err) SL_MUST_CHECK;

/* How the model is come by: what the decision asks for, or all of it.  Verdict, fuel and
 * proof are the same, unless a bound of the engine is met on the way. */
enum sl_policy_mode { SL_POLICY_DEMAND, SL_POLICY_WHOLE };

/* sl_policy_decide() is this with DEMAND. */
int sl_policy_decide_by(enum sl_policy_mode mode, const struct sl_policy *p,
			struct sl_policy_facts *f, const struct sl_policy_limits *lim,
			struct sl_arena *a, struct sl_verdict *ret_verdict,
			struct sl_err *err) SL_MUST_CHECK;

struct sl_policy_rows {
	const struct sl_term *t; /* row i: t[i * arity] ... */
	size_t n, arity;
};

/* All tuples of a predicate in the final model, in canonical order.  Not part of the
 * decision's fuel, but bounded by the same number; FORMAT where a rule for it failed,
 * LIMIT where the bound was hit, or the verdict's reason is "limit". */
int sl_policy_query(const struct sl_verdict *v, const char *pred, size_t arity,
		    struct sl_policy_rows *ret_rows, struct sl_err *err) SL_MUST_CHECK;

/* ---- one policy, many decisions ---- */

/* A policy with facts that stand, whose model is kept.  Borrows the policy; copies the
 * facts.  What it decides on a request's facts is what sl_policy_decide() does on both
 * together, fuel and proof included.  Not thread-safe. */
struct sl_policy_world;

/* max_memory: bytes, at least about 100 a fact of the model.  LIMIT where the model of
 * the standing facts goes beyond lim, else as sl_policy_decide(). */
int sl_policy_world_open(const struct sl_policy *p, struct sl_policy_facts *f,
			 const struct sl_policy_limits *lim, size_t max_memory,
			 struct sl_policy_world **ret, struct sl_err *err) SL_MUST_CHECK;
/* The verdict lives in a; sl_policy_query() on it works until the next call here. */
int sl_policy_world_decide(struct sl_policy_world *w, struct sl_policy_facts *f,
			   struct sl_arena *a, struct sl_verdict *ret,
			   struct sl_err *err) SL_MUST_CHECK;
/* Facts go (FORMAT where one did not stand), then facts come; either may be NULL.  After
 * another error the world only says NOMEM: open one anew, as also when its memory has
 * filled up with facts that have come and gone. */
int sl_policy_world_change(struct sl_policy_world *w, struct sl_policy_facts *gone,
			   struct sl_policy_facts *come,
			   struct sl_err *err) SL_MUST_CHECK;
void sl_policy_world_close(struct sl_policy_world *w);

/* ---- check a proof ---- */

/* Whether the proof, which may come from anybody, shows what it says of that policy and
 * those facts: one pass, nothing is evaluated but the expressions of the steps it names.
 * *ret_whole: it shows its verdict; else some result says something about all of the
 * model, or the reason is "fuel", "limit" or "error", and only deciding again tells.
 * `fuel` and `message` are not shown by any proof.  VERIFY: it does not show it. */
int sl_policy_check_proof(const struct sl_policy *p, struct sl_policy_facts *f,
			  const struct sl_json *proof, bool *ret_whole,
			  struct sl_err *err) SL_MUST_CHECK;

/* ---- explain ---- */

/* Renders a proof, which may come from anybody: bounded, printable ASCII.  FORMAT
 * where it is not a proof. */
int sl_policy_explain(const struct sl_json *proof, struct sl_buf *out,
		      struct sl_err *err) SL_MUST_CHECK;

#endif
