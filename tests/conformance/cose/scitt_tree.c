/* scitt_tree.c -- Merkle roots and proofs: ours made, ours checked, others' probes. */
#include "base/hex.h"
#include "codec/base64.h"
#include "merkle/proof.h"
#include "scitt.h"

#include "crypto/sha256.h"

enum { TREE = 600 };

/* An array of hashes, hex or base64; a wrong length in one spoils it. */
static bool
take_path(const struct sl_json *arr, bool is_hex, struct sl_proof *p)
{
	p->n = 0;
	SL_JSON_EACH(h, arr)
	{
		size_t n = 0;

		if (p->n == SL_PROOF_MAX)
			return false;
		if (is_hex ? !sl_unhex(p->h[p->n].b, 32, h->s)
			   : !sl_unbase64(SL_BASE64_STD, h->s, p->h[p->n].b, 32, &n) ||
				 n != 32)
			return false;
		p->n++;
	}
	return true;
}

static bool
take_hash(const struct sl_json *v, const char *key, bool is_hex, struct sl_hash *h)
{
	struct sl_slice s = sl_json_get_str(v, key);
	size_t n = 0;

	return is_hex ? sl_unhex(h->b, 32, s)
		      : sl_unbase64(SL_BASE64_STD, s, h->b, 32, &n) && n == 32;
}

/* Some probes hold 2^64-1, which JSON's integers here do not reach. */
static uint64_t
take_number(const struct sl_json *v, const char *key)
{
	const struct sl_json *m = sl_json_get(v, key);

	if (m != NULL && m->kind == SL_JSON_REAL)
		return UINT64_MAX;
	return (uint64_t)sl_json_get_int(v, key);
}

static void
make_leaves(struct sl_hash *leaf, struct sl_hash *root)
{
	struct sl_edge e = { 0 };

	for (size_t i = 0; i < TREE; i++) {
		uint8_t entry[32];
		char text[32];

		sl_edge_root(&e, &root[i]);
		(void)snprintf(text, sizeof(text), "sluice kat %zu", i);
		sl_sha256(sl_slice_str(text), entry);
		sl_merkle_leaf((struct sl_slice){ entry, 32 }, &leaf[i]);
		sl_edge_add(&e, &leaf[i], NULL, NULL);
	}
	sl_edge_root(&e, &root[TREE]);
}

static void
roots(struct conf *c, const struct sl_hash *root)
{
	SL_AUTO_BUF text = { .max = CONF_FILE_MAX };
	struct sl_slice rest, line;

	if (!conf_read(c, &text, "scitt/made/tree-roots.tsv"))
		return;
	for (rest = sl_buf_get(&text); conf_line(&rest, &line);) {
		struct sl_slice size = sl_slice_upto(line, '\t');
		struct sl_hash want;
		long n = line.len > 0 && line.p[0] != '#'
			     ? strtol((const char *)line.p, NULL, 10)
			     : -1;

		if (n < 0)
			continue;
		conf_case(c,
			  n <= TREE &&
			      sl_unhex(want.b, 32, sl_slice_skip(line, size.len + 1)) &&
			      memcmp(&want, &root[n], 32) == 0,
			  "made/tree-roots.tsv size %ld", n);
	}
}

static void
made_inclusion(struct conf *c, const struct sl_json *v, struct sl_leaves *l)
{
	uint64_t size = (uint64_t)sl_json_get_int(v, "size");
	uint64_t index = (uint64_t)sl_json_get_int(v, "index");
	struct sl_proof want, got = { 0 };
	struct sl_err err = { 0 };
	struct sl_hash root;
	bool ok;

	ok = take_path(sl_json_get(v, "path"), true, &want) &&
	     take_hash(v, "root", true, &root) &&
	     sl_proof_inclusion(sl_leaves_node, l, index, size, &got, &err) == 0 &&
	     got.n == want.n && memcmp(got.h, want.h, got.n * 32) == 0 &&
	     sl_proof_check_inclusion(&got, index, size, &l->h[index], &root, &err) == 0;
	conf_case(c, ok, "made/inclusion.jsonl %llu in %llu: %s",
		  (unsigned long long)index, (unsigned long long)size, err.msg);
}

static void
made_consistency(struct conf *c, const struct sl_json *v, struct sl_leaves *l)
{
	uint64_t a = (uint64_t)sl_json_get_int(v, "size1"),
		 b = (uint64_t)sl_json_get_int(v, "size2");
	struct sl_proof want, got = { 0 };
	struct sl_err err = { 0 };
	struct sl_hash r1, r2;
	bool ok;

	ok = take_path(sl_json_get(v, "path"), true, &want) &&
	     take_hash(v, "root1", true, &r1) && take_hash(v, "root2", true, &r2) &&
	     sl_proof_consistency(sl_leaves_node, l, a, b, &got, &err) == 0 &&
	     got.n == want.n && memcmp(got.h, want.h, got.n * 32) == 0 &&
	     sl_proof_check_consistency(&got, a, b, &r1, &r2, &err) == 0;
	conf_case(c, ok, "made/consistency.jsonl %llu to %llu: %s", (unsigned long long)a,
		  (unsigned long long)b, err.msg);
}

static void
probe_inclusion(struct conf *c, const struct sl_json *v, struct sl_leaves *l)
{
	bool want = !sl_json_get_bool(v, "wantErr"), got;
	struct sl_err err = { 0 };
	struct sl_hash leaf, root;
	struct sl_proof p;

	(void)l;
	got =
	    take_path(sl_json_get(v, "proof"), false, &p) &&
	    take_hash(v, "root", false, &root) &&
	    take_hash(v, "leafHash", false, &leaf) &&
	    sl_proof_check_inclusion(&p, take_number(v, "leafIdx"),
				     take_number(v, "treeSize"), &leaf, &root, &err) == 0;
	conf_case(c, got == want, "merkle-probes %.*s: %s",
		  SL_ARG(sl_json_get_str(v, "file")), got ? "accepted" : err.msg);
}

static void
probe_consistency(struct conf *c, const struct sl_json *v, struct sl_leaves *l)
{
	bool want = !sl_json_get_bool(v, "wantErr"), got;
	struct sl_err err = { 0 };
	struct sl_hash r1, r2;
	struct sl_proof p;

	(void)l;
	if (want && sl_json_get_str(v, "root1").len == 16) {
		conf_exclude(c,
			     "merkle-probes %.*s: its roots have 12 bytes, which no "
			     "SHA-256 tree has",
			     SL_ARG(sl_json_get_str(v, "file")));
		return;
	}
	got = take_path(sl_json_get(v, "proof"), false, &p) &&
	      take_hash(v, "root1", false, &r1) && take_hash(v, "root2", false, &r2) &&
	      sl_proof_check_consistency(&p, take_number(v, "size1"),
					 take_number(v, "size2"), &r1, &r2, &err) == 0;
	conf_case(c, got == want, "merkle-probes %.*s: %s",
		  SL_ARG(sl_json_get_str(v, "file")), got ? "accepted" : err.msg);
}

static void
each_line(struct conf *c, const char *file, struct sl_leaves *l,
	  void (*fn)(struct conf *, const struct sl_json *, struct sl_leaves *))
{
	SL_AUTO_BUF text = { .max = CONF_FILE_MAX };
	struct sl_slice rest, line;

	if (!conf_read(c, &text, "scitt/%s", file))
		return;
	for (rest = sl_buf_get(&text); conf_line(&rest, &line);) {
		SL_AUTO_ARENA a = { .cap = 1 << 20 };
		const struct sl_json *v = scitt_json(line, &a);

		if (v != NULL)
			fn(c, v, l);
		else
			conf_case(c, false, "%s: a line is not JSON", file);
	}
}

void
scitt_tree(struct conf *c)
{
	static const char *const subtree[] = { "subtreeinclusion", "subtreeconsistency" };
	struct sl_hash *h = calloc(2 * TREE + 1, sizeof(*h));
	struct sl_leaves l = { h, TREE };
	SL_AUTO_BUF text = { .max = CONF_FILE_MAX };

	if (h == NULL)
		return;
	make_leaves(h, h + TREE);
	roots(c, h + TREE);
	each_line(c, "made/inclusion.jsonl", &l, made_inclusion);
	each_line(c, "made/consistency.jsonl", &l, made_consistency);
	each_line(c, "merkle-probes/inclusion.jsonl", NULL, probe_inclusion);
	each_line(c, "merkle-probes/consistency.jsonl", NULL, probe_consistency);
	for (size_t i = 0; i < 2; i++) {
		size_t n = 0;

		if (!conf_read(c, &text, "scitt/merkle-probes/%s.jsonl", subtree[i]))
			continue;
		for (size_t k = 0; k < text.len; k++)
			n += text.p[k] == '\n';
		conf_exclude(
		    c,
		    "merkle-probes/%s.jsonl (%zu cases): proofs of subtrees are of a "
		    "draft, not of RFC 9162",
		    subtree[i], n);
	}
	free(h);
}
