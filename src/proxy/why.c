/* why.c -- see why.h. */
#include "proxy/why.h"

static const struct {
	const char *id, *text;
	unsigned status;
} rows[] = {
#define X(code, id, status, text) { id, text, status },
	SL_PROXY_WHYS(X)
#undef X
};

const char *
sl_proxy_why_id(unsigned why)
{
	return why < SL_PROXY_WHY_COUNT ? rows[why].id : "";
}

const char *
sl_proxy_why_text(unsigned why)
{
	return why < SL_PROXY_WHY_COUNT ? rows[why].text : "";
}

unsigned
sl_proxy_why_status(unsigned why)
{
	return why < SL_PROXY_WHY_COUNT ? rows[why].status : 400;
}
