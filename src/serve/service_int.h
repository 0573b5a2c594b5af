/* service_int.h -- between service.c and register.c. */
#ifndef SL_SERVE_SERVICE_INT_H
#define SL_SERVE_SERVICE_INT_H

#include "serve/service.h"

/* A statement on its way into the log. */
struct sl_job {
	struct sl_job *next;
	uint32_t id;              /* of the request */
	struct sl_slice stmt;     /* in bytes; canonical once it is checked */
	struct sl_gate_foreign f; /* slices point into text */
	char *text;
	struct sl_entry entry;
	uint8_t bytes[];
};

struct sl_jobs { /* first in, first out */
	struct sl_job *first, **last;
	size_t n;
};

struct sl_service {
	const struct sl_service_opts *o;
	struct sl_reader *reader;
	struct sl_buf room, out; /* messages from and to sluice-http */
	struct sl_rate peer, issuer;
	struct sl_jobs waiting; /* to be checked */
	struct sl_jobs checking[SL_SERVE_CHECKERS_MAX];
	struct sl_jobs ready; /* checked */
	struct sl_jobs batch; /* being written */
	bool is_writing;
	bool is_draining, is_drained;
	int64_t refusals_ms; /* when they are stated next */
	uint8_t (*ids)[32];  /* room for the entries of a batch */
	size_t cap_ids;
	char origin[160];
	struct sl_service_stats stats;
};

void sl_jobs_init(struct sl_jobs *l);
void sl_jobs_put(struct sl_jobs *l, struct sl_job *j);
struct sl_job *sl_jobs_take(struct sl_jobs *l); /* or NULL */
/* All of l, which is empty then, before what to has. */
void sl_jobs_back(struct sl_jobs *to, struct sl_jobs *l);
void sl_job_free(struct sl_job *j);

/* Puts an answer into the next message; r->body is freed. */
void sl_service_answer(struct sl_service *s, uint32_t id, struct sl_reply *r);
void sl_service_refuse(struct sl_service *s, uint32_t id, enum sl_problem p,
		       struct sl_slice why);
int sl_service_flush(struct sl_service *s, struct sl_err *err) SL_MUST_CHECK;

/* register.c: gives idle checkers work; starts a batch where none is being written. */
int sl_register_pump(struct sl_service *s, struct sl_err *err) SL_MUST_CHECK;
/* A checker has answered; the batch is durable. */
int sl_register_checked(struct sl_service *s, size_t i, struct sl_err *err) SL_MUST_CHECK;
int sl_register_written(struct sl_service *s, struct sl_err *err) SL_MUST_CHECK;
/* Queues what was refused, and waits for it. */
int sl_register_refusals(struct sl_service *s, struct sl_err *err) SL_MUST_CHECK;

#endif
