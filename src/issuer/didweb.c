/* didweb.c -- see trust.h: did:web documents out of a mirror. */
#include "base/auto.h"
#include "issuer/trust.h"
#include "os/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

static const char did_prefix[] = "did:web:";
static const struct sl_limits document_limits = { SL_TRUST_FILE_BYTES, 1 << 14, 16 };

/* safe because a part can hold no '/', no NUL, and is neither "." nor ".." */
static bool
is_part(struct sl_slice s)
{
	if (s.len == 0 || s.len > NAME_MAX || sl_slice_eq(s, SL_LIT(".")) ||
	    sl_slice_eq(s, SL_LIT("..")))
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (!((s.p[i] >= 'a' && s.p[i] <= 'z') ||
		      (s.p[i] >= 'A' && s.p[i] <= 'Z') ||
		      (s.p[i] >= '0' && s.p[i] <= '9') ||
		      (s.p[i] != 0 && strchr("._%-", s.p[i]) != NULL)))
			return false;
	return true;
}

/* HOST/.well-known or HOST/A/B. */
static int
directory_of(struct sl_slice did, char ret[PATH_MAX], struct sl_err *err)
{
	struct sl_slice rest = sl_slice_skip(did, sizeof(did_prefix) - 1);
	size_t n = 0, parts = 0;

	do {
		struct sl_slice part = sl_slice_upto(rest, ':');

		if (!is_part(part) || (part.len == rest.len - 1))
			return SL_ERR(err, FORMAT, "'%.*s' is no did:web", SL_ARG(did));
		if (n + part.len + 32 > PATH_MAX)
			return SL_ERR(err, LIMIT, "did:web: a path of more than %d bytes",
				      PATH_MAX);
		n += (size_t)snprintf(ret + n, PATH_MAX - n, "%s%.*s",
				      parts > 0 ? "/" : "", (int)part.len,
				      (const char *)part.p);
		rest = sl_slice_skip(rest, part.len + 1);
		parts++;
	} while (rest.len > 0);
	if (parts == 1)
		(void)snprintf(ret + n, PATH_MAX - n, "/.well-known");
	return 0;
}

static int
read_document(int web_fd, struct sl_slice did, struct sl_buf *out, struct sl_err *err)
{
	char path[PATH_MAX];
	SL_AUTO_FD dir = -1;
	SL_AUTO_FD fd = -1;
	struct stat st;
	uint8_t *to;
	ssize_t n;
	int e, r = directory_of(did, path, err);

	if (r < 0)
		return r;
	if ((dir = sl_os_walk(web_fd, path, false)) >= 0)
		fd = openat(dir, "did.json",
			    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	e = dir < 0 ? -dir : errno;
	/* A link is not followed: it could lead out of the mirror. */
	if (fd < 0 && (e == ENOENT || e == ENOTDIR || e == ELOOP))
		return SL_ERR(err, NOENT, "'%.*s' is not in the mirror: no %s/did.json",
			      SL_ARG(did), path);
	if (fd < 0)
		return SL_ERR_SYS(err, -e, "cannot read %s/did.json of the mirror", path);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    st.st_size > SL_TRUST_FILE_BYTES)
		return SL_ERR(err, LIMIT, "%s/did.json is no file of at most %d bytes",
			      path, SL_TRUST_FILE_BYTES);
	if ((to = sl_buf_room(out, (size_t)st.st_size + 1)) == NULL)
		return SL_ERR(err, NOMEM, "out of memory for %s/did.json", path);
	while ((n = read(fd, to + out->len, (size_t)st.st_size - out->len)) > 0)
		out->len += (size_t)n;
	return n < 0 ? SL_ERR_SYS(err, -errno, "cannot read %s/did.json", path) : 0;
}

/* kid names the method: its whole id, its fragment, or "#" and that. */
static bool
is_method(struct sl_slice id, struct sl_slice kid, const struct sl_pubkey *k)
{
	struct sl_slice at = sl_slice_upto(id, '#');
	struct sl_slice fragment = sl_slice_skip(id, at.len);

	return kid.len == 0 || sl_slice_eq(id, kid) ||
	       (fragment.len > 1 && (sl_slice_eq(fragment, kid) ||
				     sl_slice_eq(sl_slice_skip(fragment, 1), kid))) ||
	       sl_pubkey_has_kid(k, kid);
}

static const struct sl_json *
find_method(const struct sl_json *doc, struct sl_slice did, struct sl_slice id)
{
	SL_JSON_EACH(m, sl_json_get(doc, "verificationMethod"))
	{
		struct sl_slice own = sl_json_get_str(m, "id");

		if (sl_slice_eq(own, id) ||
		    (own.len > 0 && own.p[0] == '#' && sl_slice_starts(id, did) &&
		     sl_slice_eq(sl_slice_skip(id, did.len), own)))
			return m;
	}
	return NULL;
}

/* A method's key; 0 where it is of a kind that is not ours. */
static int
take_method(const struct sl_json *m, struct sl_slice did, struct sl_pubkey *ret)
{
	const struct sl_json *jwk = sl_json_get(m, "publicKeyJwk");
	struct sl_slice multi = sl_json_get_str(m, "publicKeyMultibase");
	struct sl_err none = { 0 };

	/* Another's key does not speak for this issuer. */
	if (!sl_slice_eq(sl_json_get_str(m, "controller"), did))
		return 0;
	if (jwk != NULL)
		return sl_pubkey_jwk(jwk, ret, &none) == 0;
	return multi.len > 0 && sl_pubkey_multibase(multi, ret, &none) == 0;
}

int
sl_didweb_keys(int web_fd, struct sl_slice did, struct sl_slice kid,
	       struct sl_pubkey *ret, size_t max, size_t *ret_n, struct sl_err *err)
{
	SL_AUTO_BUF text = { .max = SL_TRUST_FILE_BYTES + 1 };
	SL_AUTO_ARENA a = { .cap = SL_TRUST_MEMORY };
	struct sl_json *doc;
	size_t n = 0;
	int r;

	if ((r = read_document(web_fd, did, &text, err)) < 0)
		return r;
	if (sl_json_parse(sl_buf_get(&text), &document_limits, &a, &doc, err) < 0)
		return sl_err_ctx(err, "did:web");
	if (!sl_slice_eq(sl_json_get_str(doc, "id"), did))
		return SL_ERR(err, VERIFY, "did:web: the document is of '%.*s'",
			      SL_ARG(sl_json_get_str(doc, "id")));
	SL_JSON_EACH(use, sl_json_get(doc, "assertionMethod"))
	{
		const struct sl_json *m =
		    use->kind == SL_JSON_STR ? find_method(doc, did, use->s) : use;

		if (n < max && m != NULL && take_method(m, did, &ret[n]) > 0 &&
		    is_method(sl_json_get_str(m, "id"), kid, &ret[n]))
			n++;
	}
	if (n == 0)
		return SL_ERR(err, SIGNER, "did:web: '%.*s' has no key for assertions%s",
			      SL_ARG(did), kid.len > 0 ? " of that kid" : "");
	*ret_n = n;
	return 0;
}
