/* route.h -- which handler answers which request.
 *
 * A group of routes is one file routes_NAME.c with one table; routes.c lists the groups.
 * Handlers know no HTTP: a request is what priv/httpmsg.h says, an answer is filled in.
 * They run in the service's process: they read the log (sl_service_reader()), register
 * (sl_service_register()), and parse nothing foreign beyond a path and bounded fields.
 */
#ifndef SL_SERVE_ROUTE_H
#define SL_SERVE_ROUTE_H

#include "priv/httpmsg.h"
#include "priv/problem.h"

struct sl_service;

enum { SL_ROUTE_PARAMS = 2 };

struct sl_ask_for { /* a request as its handler sees it */
	const struct sl_http_request *q;
	struct sl_slice param[SL_ROUTE_PARAMS]; /* of the path; not empty, may hold '/'
						   only where the pattern ends in it */
};

/* Filled in by the handler; zeroed before. */
struct sl_reply {
	struct sl_http_answer a; /* id is set; type and location point to what outlives
				    the call: literals, or text below */
	struct sl_buf body;
	char text[256];
};

/* ANSWERED: r is complete.  LATER: the handler has taken the request, and answers with
 * sl_service_answer().  Else SL_E(...): the service makes a problem of it. */
enum { SL_ROUTE_ANSWERED = 0, SL_ROUTE_LATER = 1 };

struct sl_route {
	enum sl_http_method method;
	const char
	    *path; /* "/entries/{}": {} is a parameter; "{*}" at the end: the rest */
	const char *accept; /* media type that it answers with; NULL: whatever */
	int (*handle)(struct sl_service *s, const struct sl_ask_for *q,
		      struct sl_reply *r, struct sl_err *err);
};

struct sl_routes {
	const char *name; /* of the group */
	const struct sl_route *route;
	size_t n;
};

extern const struct sl_routes sl_routes_scitt, sl_routes_tile;

/* The route of a request; NULL: *ret_problem says what is wrong (NOT_FOUND, METHOD,
 * ACCEPT), *ret_allow which methods the path has. */
const struct sl_route *sl_route_find(const struct sl_http_request *q,
				     struct sl_ask_for *ret, enum sl_problem *ret_problem,
				     const char **ret_allow);
/* Whether a media range of an Accept field takes the type; an empty field takes any. */
bool sl_accepts(struct sl_slice field, const char *type);
/* Whether a Content-Type names the type, whatever its parameters. */
bool sl_is_type(struct sl_slice field, const char *type);

/* Makes r a problem. */
int sl_reply_problem(struct sl_reply *r, enum sl_problem p, const char *detail);

#endif
