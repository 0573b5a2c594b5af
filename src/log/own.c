/* own.c -- the statements that sluice makes about itself: keys, boot, seals.
 * doc/PROTOCOL.log has their fields. */
#include "log/node.h"

#include "base/hex.h"
#include "codec/json.h"
#include "crypto/sha256.h"

#include <sys/utsname.h>

/* Statement under construction: an in-toto Statement v1 with one subject. */
struct own {
	struct sl_arena a;
	struct sl_jb b;
	struct sl_json *top, *pred;
};

static void
own_start(struct own *o, const char *type, const char *subject, const uint8_t digest[32])
{
	struct sl_json *s;

	sl_arena_init(&o->a, 256 << 10);
	o->b = (struct sl_jb){ .a = &o->a };
	o->top = sl_json_obj(&o->b);
	(void)sl_json_set(&o->b, o->top, "_type",
			  sl_json_cstr(&o->b, "https://in-toto.io/Statement/v1"));
	(void)sl_json_set(&o->b, o->top, "predicateType", sl_json_cstr(&o->b, type));
	s = sl_json_add(&o->b, sl_json_set(&o->b, o->top, "subject", sl_json_arr(&o->b)),
			sl_json_obj(&o->b));
	(void)sl_json_set(&o->b, s, "name", sl_json_cstr(&o->b, subject));
	s = sl_json_set(&o->b, s, "digest", sl_json_obj(&o->b));
	(void)sl_json_set(&o->b, s, "sha256", sl_json_hex(&o->b, digest, 32));
	o->pred = sl_json_set(&o->b, o->top, "predicate", sl_json_obj(&o->b));
}

static void
put_str(struct own *o, const char *key, const char *v)
{
	(void)sl_json_set(&o->b, o->pred, key, sl_json_cstr(&o->b, v));
}

/* {"sha256": hex} under key. */
static void
put_digest(struct own *o, const char *key, const uint8_t d[32])
{
	struct sl_json *v = sl_json_set(&o->b, o->pred, key, sl_json_obj(&o->b));

	(void)sl_json_set(&o->b, v, "sha256", sl_json_hex(&o->b, d, 32));
}

/* Signs the statement and appends it; frees o. */
static int
own_put(struct own *o, struct sl_node *n, uint32_t tree, const char *kind,
	const struct sl_log_key *by, const char *sub, struct sl_entry *ret,
	struct sl_err *err)
{
	SL_AUTO_BUF json = { .max = 256 << 10 };
	SL_AUTO_BUF stmt = { .max = 512 << 10 };
	uint8_t unused[32];
	int r;

	if (o->b.is_failed)
		r = SL_ERR(err, NOMEM, "no memory for a statement");
	else if ((r = sl_json_jcs(o->top, &json, err)) == 0 &&
		 (r = sl_log_statement(by, sl_slice_str(sub), sl_buf_get(&json), false,
				       unused, &stmt, err)) == 0)
		r = sl_store_entry(&n->st, tree, kind, sl_buf_get(&stmt), ret->id,
				   &ret->index, err);
	sl_arena_free(&o->a);
	return r;
}

int
sl_own_key(struct sl_node *n, uint32_t tree, const struct sl_key_said *k,
	   struct sl_entry *ret, struct sl_err *err)
{
	static const char *const names[] = { "identity", "working", "platform",
					     "retired" };
	char did[SL_DIDKEY_MAX];
	uint8_t digest[32];
	struct own o;

	sl_sha256((struct sl_slice){ k->pub, 32 }, digest);
	sl_didkey(k->pub, did);
	own_start(&o, "urn:sluice:key:v1", did, digest);
	put_str(&o, "role", names[k->role]);
	put_str(&o, "key", did);
	put_str(&o, "issuer", n->k.identity.did);
	if (k->has_next)
		put_digest(&o, "next", k->next);
	if (k->role == SL_KEY_WORKING)
		put_digest(&o, "build", n->build);
	if (k->role == SL_KEY_RETIRED)
		(void)sl_json_set(&o.b, o.pred, "after",
				  sl_json_int(&o.b, (int64_t)k->after));
	return own_put(&o, n, tree, "key", &n->k.identity, did, ret, err);
}

static int
put_key(struct sl_node *n, uint32_t tree, enum sl_key_role role,
	const struct sl_log_key *k, struct sl_entry *ret, struct sl_err *err)
{
	struct sl_key_said s = { .role = role,
				 .has_next = role == SL_KEY_IDENTITY && n->k.has_next };

	memcpy(s.pub, k->s.pub, 32);
	memcpy(s.next, n->k.next, 32);
	return sl_own_key(n, tree, &s, ret, err);
}

int
sl_own_tombstone(struct sl_node *n, const uint8_t digest[32], uint64_t n_bytes,
		 struct sl_entry *ret, struct sl_err *err)
{
	char sub[5 + 65] = "blob:";
	struct own o;

	sl_hex(sub + 5, digest, 32);
	own_start(&o, "urn:sluice:tombstone:v1", "blob", digest);
	put_digest(&o, "erased", digest);
	(void)sl_json_set(&o.b, o.pred, "bytes", sl_json_int(&o.b, (int64_t)n_bytes));
	return own_put(&o, n, 1, "tombstone", &n->k.working, sub, ret, err);
}

/* "tpm": what it signed, and by which key, over which values (priv/tpm_msg.h). */
static int
put_quote(struct own *o, struct sl_node *n, struct sl_err *err)
{
	struct sl_json *v = sl_json_set(&o->b, o->pred, "tpm", sl_json_obj(&o->b)), *pcrs;
	struct sl_tpm_quote q = { 0 };
	uint8_t nonce[32];
	size_t k = 0;
	char name[4];
	int r;

	sl_tpm_nonce(n->st.boot, n->did, nonce);
	if ((r = sl_tpm_quote(n->tpm, nonce, &q, err)) < 0)
		return r;
	(void)sl_json_set(&o->b, v, "bank", sl_json_cstr(&o->b, "sha256"));
	(void)sl_json_set(&o->b, v, "key", sl_json_hex(&o->b, q.key, 64));
	(void)sl_json_set(&o->b, v, "quote",
			  sl_json_hex(&o->b, q.attest.p, q.attest.len));
	(void)sl_json_set(&o->b, v, "signature", sl_json_hex(&o->b, q.sig, 64));
	(void)sl_json_set(&o->b, v, "is_identity_sealed",
			  sl_json_bool(&o->b, n->tpm->has_identity));
	pcrs = sl_json_set(&o->b, v, "pcrs", sl_json_obj(&o->b));
	for (unsigned i = 0; i < SL_TPM_PCRS; i++) {
		if ((n->tpm->mask & 1U << i) == 0)
			continue;
		(void)snprintf(name, sizeof(name), "%u", i);
		(void)sl_json_set(&o->b, pcrs, name,
				  sl_json_hex(&o->b, q.pcrs.p + 32 * k++, 32));
	}
	return 0;
}

/* What is known of the platform without anything that vouches for it.  No names of
 * the host: the statement may be shown to others. */
static int
put_boot(struct sl_node *n, uint32_t tree, struct sl_err *err)
{
	struct sl_entry e;
	struct utsname u;
	struct own o;
	int r;

	if (uname(&u) < 0)
		return SL_ERR(err, ENV, "the kernel does not say what it is");
	own_start(&o, "urn:sluice:context:v1", "boot", n->st.boot);
	(void)sl_json_set(&o.b, o.pred, "level", sl_json_int(&o.b, 0));
	put_str(&o, "attestation", n->tpm != NULL ? "tpm2" : "none");
	if (n->tpm != NULL && (r = put_quote(&o, n, err)) < 0) {
		sl_arena_free(&o.a);
		return r;
	}
	put_str(&o, "kernel", u.release);
	put_str(&o, "machine", u.machine);
	put_digest(&o, "boot", n->st.boot);
	memcpy(n->st.next.boot, n->st.boot, 32);
	return own_put(&o, n, tree, "context", sl_platform_key(&n->k), "platform", &e,
		       err);
}

int
sl_own_seal(struct sl_node *n, const struct sl_tree_state *t, struct sl_entry *ret,
	    struct sl_err *err)
{
	SL_AUTO_BUF note = { .max = 4096 };
	char origin[SL_ORIGIN_MAX], did[SL_DIDKEY_MAX];
	struct sl_tree_state *node = sl_state_tree(&n->st.next, 1);
	struct own o;
	int r;

	sl_log_origin(n->did, t->kind, t->kind == SL_TREE_RUN ? t->run : NULL, origin);
	if ((r = sl_log_note(t, origin, &note, err)) < 0)
		return r;
	sl_didkey(t->pub, did);
	own_start(&o, "urn:sluice:seal:v1", origin, t->root);
	put_str(&o, "origin", origin);
	put_str(&o, "key", did);
	(void)sl_json_set(&o.b, o.pred, "size", sl_json_int(&o.b, (int64_t)t->edge.size));
	(void)sl_json_set(&o.b, o.pred, "root", sl_json_hex(&o.b, t->root, 32));
	(void)sl_json_set(&o.b, o.pred, "checkpoint",
			  sl_json_str(&o.b, sl_buf_get(&note)));
	if (t->kind == SL_TREE_RUN)
		(void)sl_json_set(&o.b, o.pred, "run", sl_json_hex(&o.b, t->run, 32));
	if ((r = own_put(&o, n, 1, "seal", &n->k.working, origin, ret, err)) == 0)
		ret->size = node->edge.size;
	return r;
}

static int
put_tree(struct sl_node *n, uint8_t kind, const struct sl_log_key *k, uint32_t *ret,
	 struct sl_err *err)
{
	char origin[SL_ORIGIN_MAX];

	sl_log_origin(n->did, kind, NULL, origin);
	return sl_store_tree(&n->st, kind, NULL, k->s.pub, sl_slice_str(origin), ret,
			     err);
}

/* The platform's checkpoint as this batch leaves it, into the node tree. */
static int
seal_platform(struct sl_node *n, struct sl_entry *ret, struct sl_err *err)
{
	struct sl_tree_state t = *sl_store_get(&n->st, 0);
	char origin[SL_ORIGIN_MAX];
	int r;

	sl_log_origin(n->did, SL_TREE_PLATFORM, NULL, origin);
	if ((r = sl_log_sign_root(sl_platform_key(&n->k), origin, &t, err)) < 0)
		return r;
	return sl_own_seal(n, &t, ret, err);
}

int
sl_own_boot(struct sl_node *n, struct sl_entry *ret, struct sl_err *err)
{
	int r = put_boot(n, 0, err);

	return r < 0 ? r : seal_platform(n, ret, err);
}

/* The working key of this build, unless it was certified lately. */
int
sl_own_certify(struct sl_node *n, struct sl_err *err)
{
	struct sl_state *s = &n->st.next;
	struct sl_entry e = { 0 };
	int r = put_key(n, 1, SL_KEY_WORKING, &n->k.working, &e, err);

	if (r < 0)
		return r;
	if (s->n_keys < SL_STATE_KEYS)
		s->n_keys++;
	memmove(&s->keys[1], &s->keys[0], (s->n_keys - 1) * sizeof(s->keys[0]));
	memcpy(s->keys[0].pub, n->k.working.s.pub, 32);
	s->keys[0].index = e.index;
	return 0;
}

static int
genesis(struct sl_node *n, struct sl_err *err)
{
	uint32_t platform, node;
	struct sl_entry e;
	int r;

	if ((r = put_tree(n, SL_TREE_PLATFORM, sl_platform_key(&n->k), &platform, err)) <
		0 ||
	    (r = put_tree(n, SL_TREE_NODE, &n->k.working, &node, err)) < 0 ||
	    (r = put_key(n, platform, SL_KEY_PLATFORM, sl_platform_key(&n->k), &e, err)) <
		0 ||
	    (r = put_boot(n, platform, err)) < 0 ||
	    (r = put_key(n, node, SL_KEY_IDENTITY, &n->k.identity, &e, err)) < 0 ||
	    (r = sl_own_certify(n, err)) < 0 || (r = seal_platform(n, &e, err)) < 0)
		return r;
	if (n->k.has_next)
		memcpy(n->st.next.next_key, n->k.next, 32);
	return 0;
}

bool
sl_own_is_certified(const struct sl_state *s, const uint8_t pub[32])
{
	for (uint32_t i = 0; i < s->n_keys; i++)
		if (memcmp(s->keys[i].pub, pub, 32) == 0)
			return true;
	return false;
}

int
sl_own_ensure(struct sl_node *n, struct sl_err *err)
{
	const struct sl_state *s = &n->st.st;
	bool is_built = sl_own_is_certified(s, n->k.working.s.pub);
	bool is_booted = memcmp(s->boot, n->st.boot, 32) == 0;
	struct sl_entry e;
	int r = 0;

	if (s->seq > 0 && is_built && is_booted) {
		sl_store_abort(&n->st);
		return 0;
	}
	n->is_new = s->seq == 0;
	if (s->seq == 0)
		r = genesis(n, err);
	if (r == 0 && s->seq > 0 && !is_built)
		r = sl_node_sync_keys(n, err);
	if (r == 0 && s->seq > 0 && !is_booted)
		r = sl_own_boot(n, &e, err);
	if (r < 0) {
		sl_store_abort(&n->st);
		return r;
	}
	return sl_node_end(n, err);
}
