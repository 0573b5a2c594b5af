/* bundle.c -- see bundle.h: the form, both ways. */
#include "record/bundle.h"

#include "base/hex.h"
#include "codec/cbor.h"
#include "cose/receipt.h"
#include "crypto/sha256.h"
#include "log/sign.h"
#include "record/statement.h"

#include <stdlib.h>

static const char magic[] = "sluice-bundle";

static int
take_entries(struct sl_cbor_rd *rd, struct sl_arena *a, struct sl_bundle_tree *t,
	     size_t *left)
{
	size_t n = sl_cbor_arr(rd);

	if (rd->code == 0 && (n == 0 || n > *left))
		return sl_cbor_refuse(rd, n == 0 ? SL_E(FORMAT) : SL_E(LIMIT),
				      "%zu statements in a tree", n);
	if (rd->code != 0)
		return rd->code;
	*left -= n;
	if ((t->entry = SL_NEW_N(a, struct sl_bundle_entry, n)) == NULL)
		return sl_cbor_refuse(rd, SL_E(NOMEM), "out of memory");
	for (size_t i = 0; i < n && rd->code == 0; i++) {
		struct sl_bundle_entry *e = &t->entry[i];

		sl_cbor_arr_n(rd, 3);
		e->index = sl_cbor_uint(rd);
		e->statement = sl_cbor_bstr(rd);
		e->receipt = sl_cbor_bstr(rd);
		if (rd->code == 0 && i > 0 && e->index <= t->entry[i - 1].index)
			return sl_cbor_refuse(rd, SL_E(FORMAT),
					      "entries are not in order");
		if (rd->code == 0 && (e->statement.len > SL_BUNDLE_STATEMENT_MAX ||
				      e->receipt.len > SL_RECEIPT_BYTES_MAX))
			return sl_cbor_refuse(rd, SL_E(LIMIT),
					      "a statement or receipt is too long");
	}
	t->n = n;
	return rd->code;
}

static int
take_trees(struct sl_cbor_rd *rd, struct sl_arena *a, struct sl_bundle *b)
{
	size_t n = sl_cbor_arr(rd), left = SL_BUNDLE_ENTRIES_MAX;

	if (rd->code == 0 && n != 2 && n != 3)
		return sl_cbor_refuse(rd, SL_E(FORMAT), "%zu trees, 2 or 3 are due", n);
	for (size_t i = 0; i < n && rd->code == 0; i++) {
		struct sl_bundle_tree *t = &b->tree[i];

		sl_cbor_arr_n(rd, 3);
		t->origin = sl_cbor_tstr(rd);
		t->checkpoint = sl_cbor_bstr(rd);
		if (rd->code == 0 && (t->origin.len >= SL_ORIGIN_MAX ||
				      t->checkpoint.len > SL_BUNDLE_NOTE_MAX))
			return sl_cbor_refuse(rd, SL_E(LIMIT),
					      "an origin or checkpoint is too long");
		if (take_entries(rd, a, t, &left) != 0)
			return rd->code;
	}
	b->n_trees = n;
	return rd->code;
}

/* A list in ascending order of digests: of blobs, or, is_erased, of digests alone. */
static int
take_blobs(struct sl_cbor_rd *rd, struct sl_arena *a, bool is_erased, size_t max,
	   const struct sl_bundle_blob **ret, size_t *ret_n)
{
	size_t n = sl_cbor_arr(rd);
	struct sl_bundle_blob *v;

	if (rd->code == 0 && n > max)
		return sl_cbor_refuse(rd, SL_E(LIMIT), "%zu blobs", n);
	if (rd->code != 0)
		return rd->code;
	if ((v = SL_NEW_N(a, struct sl_bundle_blob, n + 1)) == NULL)
		return sl_cbor_refuse(rd, SL_E(NOMEM), "out of memory");
	for (size_t i = 0; i < n && rd->code == 0; i++) {
		struct sl_slice s = is_erased ? sl_cbor_bstr_n(rd, 32) : sl_cbor_bstr(rd);

		if (rd->code != 0)
			break;
		if (is_erased) {
			memcpy(v[i].digest, s.p, 32);
		} else {
			v[i].bytes = s;
			sl_sha256(s, v[i].digest);
		}
		if (i > 0 && memcmp(v[i - 1].digest, v[i].digest, 32) >= 0)
			return sl_cbor_refuse(rd, SL_E(FORMAT), "blobs are not in order");
	}
	*ret = v;
	*ret_n = n;
	return rd->code;
}

int
sl_bundle_decode(struct sl_slice src, struct sl_arena *a, struct sl_bundle *ret,
		 struct sl_err *err)
{
	const struct sl_limits lim = { SL_BUNDLE_BYTES_MAX,
				       4 * (size_t)SL_BUNDLE_ENTRIES_MAX +
					   SL_BUNDLE_BLOBS_MAX + 64,
				       8 };
	struct sl_bundle b = { 0 };
	struct sl_cbor_rd rd;
	struct sl_slice s;
	uint64_t version;
	int r;

	if ((r = sl_cbor_open_lim(&rd, src, &lim, "bundle", err)) < 0)
		return r;
	sl_cbor_arr_n(&rd, 6);
	s = sl_cbor_tstr(&rd);
	if (rd.code == 0 && !sl_slice_eq(s, sl_slice_str(magic)))
		return sl_cbor_refuse(&rd, SL_E(FORMAT), "not a bundle of sluice");
	version = sl_cbor_uint(&rd);
	if (rd.code == 0 && version != SL_BUNDLE_VERSION)
		return sl_cbor_refuse(&rd, SL_E(FORMAT), "version %llu is not known here",
				      (unsigned long long)version);
	s = sl_cbor_bstr_n(&rd, 32);
	if (rd.code == 0)
		memcpy(b.run, s.p, 32);
	if (rd.code == 0 && take_trees(&rd, a, &b) == 0 &&
	    take_blobs(&rd, a, false, SL_BUNDLE_BLOBS_MAX, &b.blob, &b.n_blobs) == 0)
		(void)take_blobs(&rd, a, true, SL_BUNDLE_BLOBS_MAX - b.n_blobs, &b.erased,
				 &b.n_erased);
	if ((r = sl_cbor_close(&rd)) < 0)
		return r;
	*ret = b;
	return 0;
}

void
sl_bundle_encode(const struct sl_bundle *b, struct sl_buf *out)
{
	sl_cbor_put_arr(out, 6);
	sl_cbor_put_tstr(out, sl_slice_str(magic));
	sl_cbor_put_uint(out, SL_BUNDLE_VERSION);
	sl_cbor_put_bstr(out, (struct sl_slice){ b->run, 32 });
	sl_cbor_put_arr(out, b->n_trees);
	for (size_t i = 0; i < b->n_trees; i++) {
		const struct sl_bundle_tree *t = &b->tree[i];

		sl_cbor_put_arr(out, 3);
		sl_cbor_put_tstr(out, t->origin);
		sl_cbor_put_bstr(out, t->checkpoint);
		sl_cbor_put_arr(out, t->n);
		for (size_t k = 0; k < t->n; k++) {
			sl_cbor_put_arr(out, 3);
			sl_cbor_put_uint(out, t->entry[k].index);
			sl_cbor_put_bstr(out, t->entry[k].statement);
			sl_cbor_put_bstr(out, t->entry[k].receipt);
		}
	}
	sl_cbor_put_arr(out, b->n_blobs);
	for (size_t i = 0; i < b->n_blobs; i++)
		sl_cbor_put_bstr(out, b->blob[i].bytes);
	sl_cbor_put_arr(out, b->n_erased);
	for (size_t i = 0; i < b->n_erased; i++)
		sl_cbor_put_bstr(out, (struct sl_slice){ b->erased[i].digest, 32 });
}

static int
by_digest(const void *x, const void *y)
{
	const struct sl_bundle_blob *a = x, *b = y;

	return memcmp(a->digest, b->digest, 32);
}

static const struct sl_bundle_blob *
find(const struct sl_bundle_blob *v, size_t n, const uint8_t digest[32])
{
	struct sl_bundle_blob key = { 0 };

	memcpy(key.digest, digest, 32);
	return n > 0 ? bsearch(&key, v, n, sizeof(*v), by_digest) : NULL;
}

const struct sl_bundle_blob *
sl_bundle_blob(const struct sl_bundle *b, const uint8_t digest[32], bool *ret_erased)
{
	if (ret_erased != NULL)
		*ret_erased = find(b->erased, b->n_erased, digest) != NULL;
	return find(b->blob, b->n_blobs, digest);
}

size_t
sl_bundle_refs(const struct sl_json *statement, const uint8_t *payload_digest,
	       uint8_t ret[SL_BUNDLE_REFS_MAX][32])
{
	static const char *const keys[] = { "policy", "decls", "facts", "proof" };
	const struct sl_statement_row *row =
	    sl_statement_find(sl_json_get_str(statement, "predicateType"));
	const struct sl_json *p = sl_json_get(statement, "predicate");
	size_t n = 0, n_keys = 0;

	if (payload_digest != NULL)
		memcpy(ret[n++], payload_digest, 32);
	if (row == sl_statement_row(SL_STMT_POLICY))
		n_keys = 2;
	if (row == sl_statement_row(SL_STMT_DECISION)) {
		p = sl_json_get(p, "sluice");
		n_keys = 4;
	}
	for (size_t i = 0; i < n_keys; i++)
		n += sl_unhex(ret[n], 32, sl_json_get_str(p, keys[i]));
	return n;
}
