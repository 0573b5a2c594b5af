/* register.c -- a statement's way from a request's body to its receipt. */
#include "codec/base64.h"
#include "cose/receipt.h"
#include "log/fresh.h"
#include "record/statement.h"
#include "serve/service_int.h"

#include <stdlib.h>

void
sl_jobs_init(struct sl_jobs *l)
{
	*l = (struct sl_jobs){ .last = &l->first };
}

void
sl_jobs_put(struct sl_jobs *l, struct sl_job *j)
{
	j->next = NULL;
	*l->last = j;
	l->last = &j->next;
	l->n++;
}

struct sl_job *
sl_jobs_take(struct sl_jobs *l)
{
	struct sl_job *j = l->first;

	if (j == NULL)
		return NULL;
	l->first = j->next;
	if (l->first == NULL)
		l->last = &l->first;
	l->n--;
	return j;
}

void
sl_jobs_back(struct sl_jobs *to, struct sl_jobs *l)
{
	if (l->first == NULL) /* its end is in itself, and no end for another */
		return;
	*l->last = to->first;
	if (to->first == NULL)
		to->last = l->last;
	to->first = l->first;
	to->n += l->n;
	sl_jobs_init(l);
}

void
sl_job_free(struct sl_job *j)
{
	if (j != NULL)
		free(j->text);
	free(j);
}

void
sl_entry_location(const uint8_t id[32], char out[64])
{
	SL_AUTO_BUF b = { .max = 64 };

	sl_base64_put(&b, SL_BASE64_URL, (struct sl_slice){ id, 32 });
	(void)snprintf(out, 64, "/entries/%.*s", (int)b.len, (const char *)b.p);
}

bool
sl_entry_parse(struct sl_slice text, uint8_t ret_id[32])
{
	size_t n = 0;

	return text.len == 43 && sl_unbase64(SL_BASE64_URL, text, ret_id, 32, &n) &&
	       n == 32;
}

int
sl_service_register(struct sl_service *s, const struct sl_http_request *q,
		    struct sl_reply *r, struct sl_err *err)
{
	struct sl_job *j;

	if (s->is_draining)
		return sl_reply_problem(r, SL_PROBLEM_UNAVAILABLE,
					"the service is ending");
	if ((j = malloc(sizeof(*j) + q->body.len)) == NULL)
		return SL_ERR(err, NOMEM, "no memory for a statement");
	*j = (struct sl_job){ .id = q->id, .stmt = { j->bytes, q->body.len } };
	memcpy(j->bytes, q->body.p, q->body.len);
	sl_jobs_put(&s->waiting, j);
	return SL_ROUTE_LATER;
}

/* --- checked --- */

static int
feed(struct sl_service *s, size_t i, struct sl_err *err)
{
	struct sl_slice stmt[SL_CHECK_BATCH];
	size_t n = 0, bytes = 0;

	while (n < SL_CHECK_BATCH && s->waiting.first != NULL &&
	       (n == 0 || bytes + s->waiting.first->stmt.len <= SL_CHECK_BYTES)) {
		struct sl_job *j = sl_jobs_take(&s->waiting);

		bytes += j->stmt.len;
		stmt[n++] = j->stmt;
		sl_jobs_put(&s->checking[i], j);
	}
	return n == 0 ? 0 : sl_checker_send(&s->o->checker[i], stmt, n, err);
}

/* What policy is told outlives the checker's answer. */
static bool
keep_fields(struct sl_job *j, const struct sl_checked *c)
{
	const struct sl_slice from[] = { c->iss, c->sub, c->how, c->alg, c->type };
	struct sl_slice *const to[] = { &j->f.iss, &j->f.sub, &j->f.how, &j->f.alg,
					&j->f.type };
	size_t n = 0;
	char *p;

	for (size_t i = 0; i < 5; i++)
		n += from[i].len;
	if ((j->text = p = malloc(n + 1)) == NULL)
		return false;
	for (size_t i = 0; i < 5; i++) {
		*to[i] = (struct sl_slice){ (uint8_t *)p, from[i].len };
		if (from[i].len > 0)
			memcpy(p, from[i].p, from[i].len);
		p += from[i].len;
	}
	j->f.is_envelope = c->is_envelope;
	return true;
}

/* The unprotected header becomes {} (RFC 9943 section 6.3). */
static void
make_canonical(struct sl_job *j, const struct sl_checked *c)
{
	size_t rest = j->stmt.len - c->tail;

	/* safe because head < tail <= len: sl_check_take() */
	j->bytes[c->head] = 0xa0;
	memmove(j->bytes + c->head + 1, j->bytes + c->tail, rest);
	j->stmt.len = c->head + 1 + rest;
}

static void
settle(struct sl_service *s, struct sl_job *j, const struct sl_checked *c)
{
	static const enum sl_problem problem[] = {
		[SL_CHECK_OK] = SL_PROBLEM_INTERNAL,
		[SL_CHECK_MALFORMED] = SL_PROBLEM_MALFORMED,
		[SL_CHECK_ALGORITHM] = SL_PROBLEM_ALGORITHM,
		[SL_CHECK_PAYLOAD] = SL_PROBLEM_PAYLOAD,
		[SL_CHECK_REJECTED] = SL_PROBLEM_REJECTED,
	};
	uint32_t wait = 0;

	if (c->fault != SL_CHECK_OK) {
		s->stats.n_refused++;
		sl_service_refuse(s, j->id, problem[c->fault], c->why);
	} else if (!sl_rate_take(&s->issuer, c->iss, sl_time_now_ms(), &wait)) {
		sl_service_refuse(s, j->id, SL_PROBLEM_TOO_MANY,
				  SL_LIT("too many statements of this issuer"));
	} else if (!keep_fields(j, c)) {
		sl_service_refuse(s, j->id, SL_PROBLEM_UNAVAILABLE, SL_LIT("no memory"));
	} else {
		make_canonical(j, c);
		sl_jobs_put(&s->ready, j);
		return;
	}
	sl_job_free(j);
}

int
sl_register_checked(struct sl_service *s, size_t i, struct sl_err *err)
{
	struct sl_jobs *l = &s->checking[i];
	struct sl_slice stmt[SL_CHECK_BATCH] = { { 0 } };
	struct sl_checked c[SL_CHECK_BATCH];
	struct sl_job *j = l->first;
	size_t n = l->n;
	int r;

	for (size_t k = 0; k < n; k++, j = j->next)
		stmt[k] = j->stmt;
	if ((r = sl_checker_take(&s->o->checker[i], stmt, n, c, err)) < 0)
		return r;
	for (size_t k = 0; k < n; k++)
		settle(s, sl_jobs_take(l), &c[k]);
	return 0;
}

/* --- registered --- */

/* Through the gate: 1 it is in the batch; 0 it was answered; the batch is full: LIMIT. */
static int
enter(struct sl_service *s, struct sl_job *j, struct sl_err *err)
{
	struct sl_err why = { 0 };
	int r = sl_gate_register(s->o->gate, &j->f, j->stmt, &j->entry, &why);

	if (r == 0)
		return 1;
	if (r == SL_E(DENIED) || r == SL_E(LIMIT)) {
		s->stats.n_refused++;
		sl_service_refuse(s, j->id,
				  r == SL_E(DENIED) ? SL_PROBLEM_REJECTED
						    : SL_PROBLEM_TOO_MANY,
				  (struct sl_slice){ (const uint8_t *)why.msg, why.len });
		return 0;
	}
	*err = why;
	return r;
}

/* Policy may have been changed beside us: what it refuses now never comes to a batch,
 * which would notice. */
static int
follow_policy(struct sl_service *s, struct sl_err *err)
{
	struct sl_reader *rd = NULL;
	struct sl_log_head h;
	int r = sl_service_reader(s, &rd, err);

	if (r < 0)
		return r;
	sl_reader_head(rd, &h);
	if (memcmp(h.policy, sl_gate_info(s->o->gate)->policy, 32) == 0)
		return 0;
	return sl_gate_refresh(s->o->gate, err);
}

static int
start_batch(struct sl_service *s, struct sl_err *err)
{
	size_t bytes = 0;
	int r = follow_policy(s, err);

	while (r >= 0 && s->ready.first != NULL && s->batch.n < SL_SERVE_BATCH &&
	       bytes < SL_SERVE_BATCH_BYTES) {
		struct sl_job *j = sl_jobs_take(&s->ready);

		bytes += j->stmt.len;
		if ((r = enter(s, j, err)) == 1)
			sl_jobs_put(&s->batch, j);
		else
			sl_job_free(j);
	}
	if (r < 0 || (s->batch.n == 0 && !sl_gate_has_queued(s->o->gate)))
		return r < 0 ? r : 0;
	if ((r = sl_gate_commit(s->o->gate, err)) == 0)
		s->is_writing = true;
	return r;
}

int
sl_register_pump(struct sl_service *s, struct sl_err *err)
{
	int r = 0;

	for (size_t i = 0; i < s->o->n_checkers && r == 0; i++)
		if (!s->o->checker[i].is_busy)
			r = feed(s, i, err);
	if (r == 0 && !s->is_writing && s->ready.first != NULL)
		r = start_batch(s, err);
	return r;
}

/* The IDs of what the batch added to the node's tree, in order. */
static int
collect(struct sl_service *s, const struct sl_batch_root *root, struct sl_err *err)
{
	size_t n = 0, want = (size_t)(root->size - root->base.size);
	const struct sl_entry *e = sl_gate_entries(s->o->gate, &n);
	uint64_t next = root->base.size;

	if (want > s->cap_ids) {
		void *p = realloc(s->ids, want * 32);

		if (p == NULL)
			return SL_ERR(err, NOMEM, "no memory for a batch");
		s->ids = p;
		s->cap_ids = want;
	}
	for (size_t i = 0; i < n && next < root->size; i++)
		if (e[i].index == next)
			memcpy(s->ids[next++ - root->base.size], e[i].id, 32);
	return next == root->size ? 0
				  : SL_ERR(err, BUG, "the recorder leaves out entries");
}

/* One that the tree held before: its receipt is as good, at today's size. */
static int
old_receipt(struct sl_service *s, uint64_t index, struct sl_buf *out, struct sl_err *err)
{
	struct sl_reader *rd = NULL;
	int r = sl_service_reader(s, &rd, err);

	return r < 0 ? r : sl_reader_receipt(rd, SL_TREE_NODE, index, 0, out, err);
}

static void
answer_one(struct sl_service *s, struct sl_fresh *f, struct sl_job *j)
{
	struct sl_reply r = { .a = { .status = 201,
				     .max_age_s = -1,
				     .type = SL_LIT("application/cose") },
			      .body = { .max = SL_RECEIPT_BYTES_MAX } };
	bool is_old = j->entry.index < f->root->base.size;
	struct sl_err err = { 0 };
	int e = 0;

	sl_entry_location(j->entry.id, r.text);
	r.a.location = sl_slice_str(r.text);
	if (s->o->is_legacy) {
		r.a.status = 303;
		r.a.type = (struct sl_slice){ 0 };
	} else if (is_old) {
		e = old_receipt(s, j->entry.index, &r.body, &err);
	} else {
		e = sl_fresh_receipt(f, j->entry.index, &r.body, &err);
	}
	if (e < 0) {
		sl_buf_done(&r.body);
		sl_service_refuse(s, j->id, SL_PROBLEM_INTERNAL,
				  (struct sl_slice){ (uint8_t *)err.msg, err.len });
		return;
	}
	s->stats.n_registered += !is_old;
	s->stats.n_again += is_old;
	sl_service_answer(s, j->id, &r);
}

static int
answer_batch(struct sl_service *s, struct sl_err *err)
{
	const struct sl_batch_root *root = sl_gate_root(s->o->gate);
	struct sl_fresh f = { 0 };
	struct sl_job *j;
	int r;

	if (root == NULL && s->batch.n == 0)
		return 0; /* decisions alone */
	if (root == NULL)
		return SL_ERR(err, BUG, "the recorder does not say what it wrote");
	if ((r = collect(s, root, err)) < 0)
		return r;
	if ((r = sl_fresh_init(&f, root, s->origin, (const uint8_t(*)[32])s->ids, err)) <
	    0) {
		sl_fresh_done(&f);
		return r;
	}
	while ((j = sl_jobs_take(&s->batch)) != NULL) {
		answer_one(s, &f, j);
		sl_job_free(j);
	}
	sl_fresh_done(&f);
	s->stats.n_batches++;
	return 0;
}

/* Decided under a policy that is no longer in force: nothing of it was appended, and all
 * of it is asked again. */
static int
again(struct sl_service *s, struct sl_err *err)
{
	sl_jobs_back(&s->ready, &s->batch);
	return sl_gate_refresh(s->o->gate, err);
}

int
sl_register_written(struct sl_service *s, struct sl_err *err)
{
	int r;

	s->is_writing = false;
	r = sl_gate_wait(s->o->gate, err);
	if (r == SL_E(DENIED)) {
		*err = (struct sl_err){ 0 };
		return again(s, err);
	}
	return r < 0 ? r : answer_batch(s, err);
}

int
sl_register_refusals(struct sl_service *s, struct sl_err *err)
{
	size_t n = 0;
	int r;

	if ((r = sl_gate_refresh(s->o->gate, err)) < 0 ||
	    (r = sl_gate_state_refusals(s->o->gate, &n, err)) < 0 || n == 0)
		return r;
	return sl_gate_has_queued(s->o->gate) ? sl_gate_sync(s->o->gate, err) : 0;
}
