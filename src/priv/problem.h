/* problem.h -- concise problem details (RFC 9290) as SCRAPI uses them: the CBOR map
 * {-1: title, -2: detail}. */
#ifndef SL_PRIV_PROBLEM_H
#define SL_PRIV_PROBLEM_H

#include "base/buf.h"

/* Titles that SCRAPI names, with their status; then ours.  Clients go by the title. */
/* clang-format off */
#define SL_PROBLEMS(X)                                          \
	X(MALFORMED,   400, "Malformed request")                \
	X(ALGORITHM,   400, "Bad Signature Algorithm")          \
	X(PAYLOAD,     400, "Payload Missing")                  \
	X(REJECTED,    400, "Rejected")                         \
	X(LOCATOR,     400, "Invalid locator")                  \
	X(NO_KEY,      404, "No such key")                      \
	X(NOT_FOUND,   404, "Not Found")                        \
	X(METHOD,      405, "Method Not Allowed")               \
	X(ACCEPT,      406, "Not Acceptable")                   \
	X(TOO_LARGE,   413, "Content Too Large")                \
	X(MEDIA,       415, "Unsupported Media Type")           \
	X(TOO_MANY,    429, "Too Many Requests")                \
	X(INTERNAL,    500, "Internal Server Error")            \
	X(UNAVAILABLE, 503, "Service Unavailable")
/* clang-format on */

enum sl_problem {
#define X(c, status, title) SL_PROBLEM_##c,
	SL_PROBLEMS(X)
#undef X
	    SL_PROBLEM_COUNT
};

#define SL_PROBLEM_TYPE "application/concise-problem-details+cbor"

uint16_t sl_problem_status(enum sl_problem p);
const char *sl_problem_title(enum sl_problem p);
/* Appends the map; detail is cut to 480 bytes of printable ASCII. */
void sl_problem_put(struct sl_buf *out, enum sl_problem p, struct sl_slice detail);

#endif
