/* routes_tile.c -- the node's log as C2SP tiles, for the clients that read those: its
 * checkpoint, hashes and entries (log/tile.h). */
#include "serve/service.h"

#include "log/tile.h"

enum { FOREVER_S = 31536000, SOON_S = 5 };

static int
checkpoint(struct sl_service *s, const struct sl_ask_for *q, struct sl_reply *r,
	   struct sl_err *err)
{
	struct sl_reader *rd = NULL;
	int e = sl_service_reader(s, &rd, err);

	(void)q;
	if (e < 0 || (e = sl_reader_checkpoint(rd, SL_TREE_NODE, 0, &r->body, err)) < 0)
		return e;
	r->a.status = 200;
	r->a.type = SL_LIT("text/plain; charset=utf-8");
	r->a.max_age_s = SOON_S;
	return SL_ROUTE_ANSWERED;
}

static int
tile(struct sl_service *s, const struct sl_ask_for *q, struct sl_reply *r,
     struct sl_err *err)
{
	struct sl_reader *rd = NULL;
	struct sl_tile t;
	int e;

	if (!sl_tile_parse(sl_slice_skip(q->q->path, 1), &t))
		return sl_reply_problem(
		    r, SL_PROBLEM_LOCATOR,
		    "a tile is /tile/LEVEL/N or /tile/entries/N, perhaps "
		    "with .p/WIDTH (c2sp.org/tlog-tiles)");
	if ((e = sl_service_reader(s, &rd, err)) < 0)
		return e;
	if ((e = sl_reader_tile(rd, SL_TREE_NODE, &t, &r->body, err)) == SL_E(NOENT))
		return sl_reply_problem(r, SL_PROBLEM_NOT_FOUND,
					"the log has not so many entries");
	if (e < 0)
		return e;
	r->a.status = 200;
	r->a.type = SL_LIT("application/octet-stream");
	r->a.max_age_s = FOREVER_S;
	return SL_ROUTE_ANSWERED;
}

static const struct sl_route rows[] = {
	{ SL_HTTP_GET, "/checkpoint", NULL, checkpoint },
	{ SL_HTTP_GET, "/tile/{*}", NULL, tile },
};

const struct sl_routes sl_routes_tile = { "tile", rows, sizeof(rows) / sizeof(rows[0]) };
