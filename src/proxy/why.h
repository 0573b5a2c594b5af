/* why.h -- why the proxy refuses a request: one table, for the record, the answer and
 * the manual.
 *
 * id is stable: it is the rule of a denied row in signed observations.  A request that
 * the grant covers has the rule SL_PROXY_GRANT.
 */
#ifndef SL_PROXY_WHY_H
#define SL_PROXY_WHY_H

#define SL_PROXY_GRANT "grant.net"

/* code, id, HTTP status of the answer, what is wrong */
/* clang-format off */
#define SL_PROXY_WHYS(X)                                                                       \
	X(NONE,    "",                 200, "")                                                \
	X(GRANT,   "grant.none",       403, "no row of the grant lists this host and port")    \
	X(HOST,    "host.form",        400, "the host is not written in its one form")         \
	X(DIFFERS, "host.differs",     400, "Host is not the host and port that is asked for") \
	X(FORM,    "request.form",     400, "this is no request to a proxy")                   \
	X(LINE,    "request.line",     400, "a line does not end in CR LF, or is folded")      \
	X(LENGTH,  "request.length",   400, "the length of the body is not said in one way")   \
	X(SCHEME,  "request.scheme",   400, "only http:// is asked for without CONNECT")       \
	X(SIZE,    "request.size",     431, "the head of the request is too large")            \
	X(SLOW,    "request.slow",     408, "the request took too long")                       \
	X(SECOND,  "request.second",   400, "one request a connection")                        \
	X(CHUNK,   "request.chunk",    400, "a chunk of the body is malformed")                \
	X(SOCKS,   "socks.form",       400, "this is no SOCKS request")                        \
	X(METHOD,  "socks.method",     400, "SOCKS without a password is all there is")        \
	X(COMMAND, "socks.command",    400, "CONNECT is the only SOCKS command")               \
	X(TLS,     "tls.form",         400, "what is sent to port 443 is no TLS ClientHello")  \
	X(NAME,    "tls.name",         400, "the ClientHello names another server, or none")
enum sl_proxy_why {
#define X(code, id, status, text) SL_PROXY_WHY_##code,
	SL_PROXY_WHYS(X)
#undef X
	SL_PROXY_WHY_COUNT
};
/* clang-format on */

const char *sl_proxy_why_id(unsigned why); /* "" for what is none */
const char *sl_proxy_why_text(unsigned why);
unsigned sl_proxy_why_status(unsigned why);

#endif
