/* err.h -- the one error type.
 *
 * A fallible function returns int (0, or a negative SL_E(...) code) and takes
 * `struct sl_err *err` as its LAST parameter.
 *   success: 0 is returned and *err is untouched.
 *   failure: the code is returned and *err says why; outputs are untouched.
 * Ownership: the caller owns *err (on its stack, zeroed); nothing in it needs
 * freeing, so an error can be raised when memory is out and in a forked child.
 * The first failure wins: raise once (SL_ERR, SL_ERR_SYS), then only add context
 * (sl_err_ctx) on the way up.  Library code never prints and never exits.
 * msg is printable ASCII: every other byte put in by an argument, and every
 * backslash, appears as \xNN, because arguments carry untrusted text and
 * messages reach terminals and logs.
 */
#ifndef SL_BASE_ERR_H
#define SL_BASE_ERR_H

#include <stdint.h>

#define SL_MUST_CHECK __attribute__((warn_unused_result))
#define SL_PRINTF(f, a) __attribute__((format(printf, f, a)))

/* code, stable id (appears in signed statements: never rename), exit status */
/* clang-format off */
#define SL_CODES(X)                              \
	X(OK,          "ok",                0) \
	X(FAILED,      "flow.failed",       1) \
	X(AUDIT,       "audit.uncovered",   1) \
	X(USAGE,       "usage",             2) \
	X(LIMIT,       "limit.input",       2) \
	X(FORMAT,      "input.malformed",   2) \
	X(UNKNOWN,     "input.unknown-key", 2) \
	X(UNSUPPORTED, "input.unsupported", 2) \
	X(NOENT,       "input.not-found",   2) \
	X(DENIED,      "policy.denied",     3) \
	X(VERIFY,      "verify.failed",     4) \
	X(SIGNER,      "verify.unknown-signer", 4) \
	X(QUORUM,      "verify.no-quorum",  4) \
	X(FORKED,      "log.forked",        4) \
	X(SYS,         "sys",               5) \
	X(NOMEM,       "limit.memory",      5) \
	X(ENV,         "env.unavailable",   5) \
	X(STORE,       "log.damaged",       5) \
	X(BUG,         "bug",              70)

enum sl_code {
#define X(c, id, ex) SL_E_NUM_##c,
	SL_CODES(X)
#undef X
	SL_E_NUM_COUNT
};
/* clang-format on */
#define SL_E(c) (-(int)SL_E_NUM_##c)

enum { SL_ERR_MSG_MAX = 480 };

struct sl_err {
	int code;         /* SL_E(...), 0 when unset */
	int sys;          /* errno at the raise, or 0 */
	const char *file; /* where it was raised (static string) */
	uint16_t line;
	uint16_t len;             /* bytes used in msg, without the NUL */
	char msg[SL_ERR_MSG_MAX]; /* "outer: inner"; ends in "..." if cut */
};

int sl_err_raise(struct sl_err *err, int code, int sys, const char *file, int line,
		 const char *fmt, ...) SL_PRINTF(6, 7);
int sl_err_ctx(struct sl_err *err, const char *fmt, ...) SL_PRINTF(2, 3);
const char *sl_code_id(int code);
int sl_code_exit(int code);

/* The analyzer does not see into err.c: that a raised error is not 0. */
#ifdef __clang_analyzer__
#define SL_ERR_IS_(code, r)                                                              \
	(__extension__({                                                                 \
		(void)(r);                                                               \
		(code);                                                                  \
	}))
#else
#define SL_ERR_IS_(code, r) (r)
#endif
#define SL_ERR(err, c, ...)                                                              \
	SL_ERR_IS_(SL_E(c),                                                              \
		   sl_err_raise((err), SL_E(c), 0, __FILE__, __LINE__, __VA_ARGS__))
#define SL_ERR_SYS(err, neg_errno, ...)                                                  \
	SL_ERR_IS_(SL_E(SYS), sl_err_raise((err), SL_E(SYS), -(neg_errno), __FILE__,     \
					   __LINE__, __VA_ARGS__))

#endif
