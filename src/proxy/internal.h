/* internal.h -- what the files of the proxy's process share.  Not for other folders. */
#ifndef SL_PROXY_INTERNAL_H
#define SL_PROXY_INTERNAL_H

#include "proxy/msg.h"
#include "proxy/request.h"

enum {
	/* A head, and what it is longer by when it goes on (http.c: Host, Connection). */
	SL_PX_ROOM = SL_PROXY_HEAD_MAX + 1024,
	SL_PX_LAST_MS = 1000, /* for the reader of a refusal */
};

enum sl_px_stage {
	SL_PX_FREE,
	SL_PX_FIRST, /* what kind of request it is */
	SL_PX_HEAD,
	SL_PX_GREETING, /* of SOCKS */
	SL_PX_SOCKS,
	SL_PX_ASKED, /* the supervisor */
	SL_PX_HELLO, /* nothing goes on before TLS has named its server */
	SL_PX_RELAY,
	SL_PX_LAST /* an answer is written, then nothing more */
};

struct sl_px_pipe {
	uint8_t *p; /* SL_PX_ROOM bytes */
	size_t off, len;
	bool is_in_end, is_out_end;
};

struct sl_px_conn {
	enum sl_px_stage stage;
	int client, service; /* -1: none */
	int64_t until_ms;    /* of this stage; 0: for ever */
	uint8_t act;
	bool is_open;  /* for the supervisor, which waits for its end */
	bool is_plain; /* HTTP: the body is judged, and what would follow it */
	uint16_t port;
	enum sl_proxy_why why;
	struct sl_px_pipe up, down; /* to the service, to the client */
	struct sl_proxy_body body;
	uint64_t sent, received;
	char name[SL_HOST_MAX + 1];
	bool is_bare;
	uint8_t n_names;
	char names[SL_PROXY_NAMES_LEN];
};

struct sl_px {
	struct sl_chan chan;
	struct sl_buf room;
	int listener;
	bool is_draining;
	int64_t drain_until_ms;
	struct sl_px_conn conn[SL_PROXY_CONNS_MAX];
};

int64_t sl_px_now_ms(void);
/* To the supervisor; without it there is nothing left to do. */
void sl_px_tell(struct sl_px *x, uint16_t op, const void *body, size_t n);
bool sl_px_begin(struct sl_px_conn *c, int client);
void sl_px_close(struct sl_px *x, struct sl_px_conn *c);
/* What poll() is to wait for; 0: nothing. */
short sl_px_client_events(const struct sl_px_conn *c);
short sl_px_service_events(const struct sl_px_conn *c);
void sl_px_on_client(struct sl_px *x, struct sl_px_conn *c, short events);
void sl_px_on_service(struct sl_px *x, struct sl_px_conn *c, short events);
void sl_px_on_time(struct sl_px *x, struct sl_px_conn *c);
void sl_px_on_opened(struct sl_px *x, struct sl_px_conn *c, const struct sl_pxm_opened *m,
		     struct sl_slice names, int fd);

#endif
