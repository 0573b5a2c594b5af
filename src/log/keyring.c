/* keyring.c -- see keyring.h. */
#include "log/keyring.h"

#include "base/hex.h"
#include "codec/json.h"
#include "crypto/sha256.h"

#include <stdlib.h>

enum { PAYLOAD_MAX = 64 << 10 };

void
sl_keyring_init(struct sl_keyring *k, const uint8_t first[32])
{
	*k = (struct sl_keyring){ 0 };
	memcpy(k->first, first, 32);
	memcpy(k->identity, first, 32);
}

void
sl_keyring_done(struct sl_keyring *k)
{
	free(k->key);
	free(k->id);
	*k = (struct sl_keyring){ 0 };
}

static bool
role_of(struct sl_slice s, enum sl_key_role *ret)
{
	static const char *const names[] = { "identity", "working", "platform",
					     "retired" };

	for (int i = 0; i < 4; i++)
		if (sl_slice_eq(s, sl_slice_str(names[i]))) {
			*ret = (enum sl_key_role)i;
			return true;
		}
	return false;
}

int
sl_key_said(struct sl_slice payload, struct sl_key_said *ret, struct sl_err *err)
{
	static const struct sl_limits lim = { PAYLOAD_MAX, 256, 16 };
	SL_AUTO_ARENA a = { 0 };
	struct sl_key_said s = { 0 };
	struct sl_json *v = NULL;
	const struct sl_json *p, *next, *after;

	sl_arena_init(&a, 1 << 20);
	if (sl_json_parse(payload, &lim, &a, &v, err) < 0)
		return sl_err_ctx(err, "key statement");
	p = sl_json_get(v, "predicate");
	next = sl_json_get(p, "next");
	after = sl_json_get(p, "after");
	s.has_next = next != NULL;
	if (!role_of(sl_json_get_str(p, "role"), &s.role) ||
	    !sl_didkey_parse(sl_json_get_str(p, "key"), s.pub) ||
	    !sl_didkey_parse(sl_json_get_str(p, "issuer"), s.issuer) ||
	    (s.has_next && !sl_unhex(s.next, 32, sl_json_get_str(next, "sha256"))) ||
	    (s.role == SL_KEY_RETIRED) != (after != NULL) ||
	    (after != NULL && (after->kind != SL_JSON_INT || after->i < 0)))
		return SL_ERR(err, VERIFY, "key statement: it does not say which key");
	s.after = after != NULL ? (uint64_t)after->i : 0;
	*ret = s;
	return 0;
}

struct sl_ring_key *
sl_keyring_find(const struct sl_keyring *k, const uint8_t pub[32])
{
	for (size_t i = k->n; i-- > 0;)
		if (memcmp(k->key[i].pub, pub, 32) == 0)
			return &k->key[i];
	return NULL;
}

/* One more at the end of a list. */
static int
append(struct sl_ring_key **list, size_t *n, size_t *cap, const uint8_t pub[32],
       uint64_t index, struct sl_err *err)
{
	if (*n == SL_RING_MAX)
		return SL_ERR(err, LIMIT, "more than %d keys", SL_RING_MAX);
	if (*n == *cap) {
		size_t more = *cap ? *cap * 2 : 16;
		struct sl_ring_key *p = reallocarray(*list, more, sizeof(*p));

		if (p == NULL)
			return SL_ERR(err, NOMEM, "no memory for keys");
		*list = p;
		*cap = more;
	}
	(*list)[*n] = (struct sl_ring_key){ .from = index, .until = UINT64_MAX };
	memcpy((*list)[(*n)++].pub, pub, 32);
	return 0;
}

static int
add_working(struct sl_keyring *k, const uint8_t pub[32], uint64_t index,
	    struct sl_err *err)
{
	const struct sl_ring_key *have = sl_keyring_find(k, pub);

	if (have != NULL && have->until != UINT64_MAX)
		return SL_ERR(err, VERIFY, "a key that was ended is certified again");
	if (have != NULL) /* its certificate was out of sight of the last seal */
		return 0;
	if (memcmp(pub, k->identity, 32) == 0)
		return SL_ERR(err, VERIFY,
			      "the identity certifies itself as a working "
			      "key");
	return append(&k->key, &k->n, &k->cap, pub, index, err);
}

/* Entry 0, an announcement where none was made, or a rotation. */
static int
add_identity(struct sl_keyring *k, const struct sl_key_said *s, uint64_t index,
	     struct sl_err *err)
{
	bool is_same = memcmp(s->pub, k->identity, 32) == 0;
	uint8_t d[32];
	int r;

	if (index == 0 || is_same) {
		if (!is_same)
			return SL_ERR(err, VERIFY,
				      "the first identity is not the one that the log is "
				      "called after");
		if (index > 0 && (k->has_next || !s->has_next))
			return SL_ERR(err, VERIFY,
				      "the next identity was announced already");
	} else {
		sl_sha256((struct sl_slice){ s->pub, 32 }, d);
		if (!k->has_next || memcmp(d, k->next, 32) != 0)
			return SL_ERR(err, VERIFY,
				      "the new identity is not the one that was "
				      "announced beforehand");
		if (!s->has_next)
			return SL_ERR(err, VERIFY,
				      "a new identity that announces none to follow it");
	}
	if ((index == 0 || !is_same) &&
	    (r = append(&k->id, &k->n_ids, &k->cap_ids, s->pub, index, err)) < 0)
		return r;
	if (!is_same) {
		if (k->n_ids > 1)
			k->id[k->n_ids - 2].until = index;
		for (size_t i = 0; i < k->n; i++)
			if (k->key[i].until == UINT64_MAX)
				k->key[i].until = index;
	}
	memcpy(k->identity, s->pub, 32);
	k->has_next = s->has_next;
	memcpy(k->next, s->next, 32);
	return 0;
}

static int
add_retired(struct sl_keyring *k, const struct sl_key_said *s, uint64_t index,
	    struct sl_err *err)
{
	struct sl_ring_key *r = sl_keyring_find(k, s->pub);

	if (r == NULL || r->until != UINT64_MAX || s->after != index)
		return SL_ERR(err, VERIFY,
			      "it retires what is no working key in use, or not from "
			      "here on");
	r->until = index;
	r->is_retired = true;
	return 0;
}

int
sl_keyring_add(struct sl_keyring *k, uint64_t index, const struct sl_sign1 *s,
	       struct sl_err *err)
{
	const struct sl_slice none = { 0 };
	struct sl_key_said said;
	uint8_t iss[32];
	int r = sl_key_said(s->payload, &said, err);

	if (r < 0)
		return r;
	if (!sl_didkey_parse(s->h.iss, iss) || memcmp(iss, k->identity, 32) != 0 ||
	    memcmp(said.issuer, k->identity, 32) != 0)
		return SL_ERR(err, VERIFY,
			      "a key statement by another than the identity in force");
	if ((r = sl_sign1_verify(s, none, none, iss, err)) < 0)
		return r;
	switch (said.role) {
	case SL_KEY_IDENTITY:
		return add_identity(k, &said, index, err);
	case SL_KEY_WORKING:
		return add_working(k, said.pub, index, err);
	case SL_KEY_RETIRED:
		return add_retired(k, &said, index, err);
	case SL_KEY_PLATFORM:
	default:
		return SL_ERR(err, VERIFY, "the platform's key has no place here");
	}
}

bool
sl_keyring_signs(const struct sl_keyring *k, const uint8_t pub[32], uint64_t index)
{
	const struct sl_ring_key *r = sl_keyring_find(k, pub);

	return r != NULL && r->from < index && index < r->until;
}

/* The tree of that size ends with entry size - 1; a batch that holds what ended a key is
 * signed by another. */
bool
sl_keyring_signs_root(const struct sl_keyring *k, const uint8_t pub[32], uint64_t size)
{
	const struct sl_ring_key *r = sl_keyring_find(k, pub);

	return r != NULL && r->from < size && size <= r->until;
}

int
sl_keyring_read(struct sl_keyring *k, const struct sl_view *v, struct sl_err *err)
{
	SL_AUTO_BUF b = { .max = SL_REC_MAX + 8 };
	struct sl_sign1 m;
	struct sl_rec rec;
	int r;

	for (uint64_t pos = 0; pos < v->st->end; pos = rec.end) {
		if ((r = sl_seg_read(v->g, pos, NULL, &rec, err)) < 0)
			return r;
		if (r == 0) { /* the rest of this segment is empty */
			rec.end = (pos / SL_SEG_SIZE + 1) * SL_SEG_SIZE;
			continue;
		}
		if (rec.type != SL_REC_ENTRY || rec.tree != 1 ||
		    strcmp(rec.kind, "key") != 0)
			continue;
		if ((r = sl_seg_read(v->g, pos, &b, &rec, err)) < 0 ||
		    (r = sl_sign1_parse(sl_buf_get(&b), SL_REC_MAX, &m, err)) < 0 ||
		    (r = sl_keyring_add(k, rec.index, &m, err)) < 0)
			return r;
	}
	return 0;
}
