/* payload.c -- see foreign.h: sl_payload_check(). */
#include "crypto/sha256.h"
#include "crypto/sha512.h"
#include "issuer/foreign.h"

#include <errno.h>
#include <unistd.h>

enum { CHUNK = 1 << 16 };

struct look { /* all that a payload can be compared with, while it goes by */
	struct sl_sha256 h256;
	struct sl_sha512 h512;
	struct sl_slice rest; /* of the payload that the statement holds */
	bool is_other;
};

static void
look_at(struct look *k, const struct sl_cose_hdr *h, struct sl_slice part)
{
	if (h->has_hash_alg && h->hash_alg == SL_ALG_SHA256)
		sl_sha256_add(&k->h256, part.p, part.len);
	else if (h->has_hash_alg)
		sl_sha512_add(&k->h512, part.p, part.len);
	else if (!sl_slice_starts(k->rest, part))
		k->is_other = true;
	else
		k->rest = sl_slice_skip(k->rest, part.len);
}

int
sl_payload_check(const struct sl_sign1 *s, int fd, struct sl_err *err)
{
	struct look k = { .rest = s->payload };
	uint8_t chunk[CHUNK], d[64];
	struct sl_slice digest = { d, s->payload.len };
	ssize_t n;

	if (s->is_detached)
		return SL_ERR(err, USAGE, "the statement holds no payload to compare");
	sl_sha256_init(&k.h256);
	sl_sha512_init(&k.h512, s->payload.len);
	while ((n = read(fd, chunk, sizeof(chunk))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return SL_ERR_SYS(err, -errno, "cannot read the payload");
		look_at(&k, &s->h, (struct sl_slice){ chunk, (size_t)n });
	}
	if (!s->h.has_hash_alg)
		return !k.is_other && k.rest.len == 0
			   ? 0
			   : SL_ERR(err, VERIFY,
				    "the payload is not the one that was signed");
	if (s->h.hash_alg == SL_ALG_SHA256)
		sl_sha256_end(&k.h256, d);
	else
		sl_sha512_end(&k.h512, d);
	/* safe because the parser held the digest's length to its algorithm's */
	return sl_slice_eq(digest, s->payload)
		   ? 0
		   : SL_ERR(err, VERIFY,
			    "the payload is not the preimage of the digest that was "
			    "signed");
}
