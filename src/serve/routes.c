/* routes.c -- the groups of routes, and finding one; see route.h. */
#include "serve/route.h"

#include <strings.h>

/* One row a group. */
static const struct sl_routes *const groups[] = {
	&sl_routes_scitt,
	&sl_routes_tile,
};

static bool
same_word(struct sl_slice a, const char *b)
{
	return a.len == strlen(b) &&
	       (a.len == 0 || strncasecmp((const char *)a.p, b, a.len) == 0);
}

static struct sl_slice
trim(struct sl_slice s)
{
	while (s.len > 0 && (s.p[0] == ' ' || s.p[0] == '\t'))
		s = sl_slice_skip(s, 1);
	while (s.len > 0 && (s.p[s.len - 1] == ' ' || s.p[s.len - 1] == '\t'))
		s.len--;
	return s;
}

bool
sl_is_type(struct sl_slice field, const char *type)
{
	return same_word(trim(sl_slice_upto(field, ';')), type);
}

bool
sl_accepts(struct sl_slice field, const char *type)
{
	size_t main_type = (size_t)(strchr(type, '/') - type) + 1;

	if (trim(field).len == 0)
		return true;
	while (field.len > 0) {
		struct sl_slice one = sl_slice_upto(field, ',');
		struct sl_slice range = trim(sl_slice_upto(one, ';'));

		if (same_word(range, type) || same_word(range, "*/*") ||
		    (range.len == main_type + 1 && range.p[main_type] == '*' &&
		     strncasecmp((const char *)range.p, type, main_type) == 0))
			return true;
		field = sl_slice_skip(field, one.len + 1);
	}
	return false;
}

/* The parameters, where the path is of that form. */
static bool
fits(const char *pattern, struct sl_slice path, struct sl_slice param[SL_ROUTE_PARAMS])
{
	size_t n = 0;

	for (; *pattern != '\0'; pattern++) {
		bool is_rest = strcmp(pattern, "{*}") == 0;

		if (is_rest || strncmp(pattern, "{}", 2) == 0) {
			struct sl_slice v = is_rest ? path : sl_slice_upto(path, '/');

			if (v.len == 0 || n == SL_ROUTE_PARAMS)
				return false;
			param[n++] = v;
			path = sl_slice_skip(path, v.len);
			pattern += is_rest ? 2 : 1;
		} else {
			if (path.len == 0 || path.p[0] != (uint8_t)*pattern)
				return false;
			path = sl_slice_skip(path, 1);
		}
	}
	return path.len == 0;
}

const struct sl_route *
sl_route_find(const struct sl_http_request *q, struct sl_ask_for *ret,
	      enum sl_problem *ret_problem, const char **ret_allow)
{
	static const char *const allow[] = { "", "GET, HEAD", "POST", "GET, HEAD, POST" };
	unsigned has = 0; /* methods of the path, by bit */

	*ret_problem = SL_PROBLEM_NOT_FOUND;
	for (size_t g = 0; g < sizeof(groups) / sizeof(groups[0]); g++)
		for (size_t i = 0; i < groups[g]->n; i++) {
			const struct sl_route *r = &groups[g]->route[i];
			struct sl_ask_for a = { .q = q };

			if (!fits(r->path, q->path, a.param))
				continue;
			has |= r->method == SL_HTTP_GET ? 1 : 2;
			if (r->method != q->method)
				continue;
			if (r->accept != NULL && !sl_accepts(q->accept, r->accept)) {
				*ret_problem = SL_PROBLEM_ACCEPT;
				return NULL;
			}
			*ret = a;
			return r;
		}
	if (has != 0)
		*ret_problem = SL_PROBLEM_METHOD;
	*ret_allow = allow[has];
	return NULL;
}

int
sl_reply_problem(struct sl_reply *r, enum sl_problem p, const char *detail)
{
	r->a.status = sl_problem_status(p);
	r->a.type = SL_LIT(SL_PROBLEM_TYPE);
	r->a.location = (struct sl_slice){ 0 };
	r->a.max_age_s = 0;
	if (r->a.status == 429 || r->a.status == 503)
		r->a.retry_s = r->a.retry_s > 0 ? r->a.retry_s : 1;
	sl_buf_clear(&r->body);
	sl_problem_put(&r->body, p, sl_slice_str(detail));
	return SL_ROUTE_ANSWERED;
}
