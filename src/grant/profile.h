/* profile.h -- a grant with a name, as people write it: data/profiles/NAME.yml, built in,
 * and $SLUICE_HOME/profiles/NAME.yml.
 *
 * A profile is YAML.  `description` is required; what it does not list is absent, and a
 * limit that it does not name has its default:
 *
 *   description: one line
 *   read: [., ~/src, /srv/data]  # as --read and --write of exec: absolute, or below the
 *   write: [./build]             # working directory (.) or the home directory (~)
 *   env: [CC, CFLAGS]            # names of the caller's variables
 *   tty: true                    # a private terminal, where the caller has one
 *   net: [HOST:PORT, ...]        # as --net of exec; none: nobody, as without the key
 *   tier: T1                     # the least kind of box that will do
 *   limits: { memory: 2G, pids: 64, cpu: 60, wall: 300, ... }
 *
 * Unknown and repeated keys, names and paths are refused, each with its place.  Parsing
 * looks at no file: whether the paths are there shows when a grant is made (run/want.h).
 * Profiles are sluice's own or the user's, like policy: trusted, and parsed unjailed.
 */
#ifndef SL_GRANT_PROFILE_H
#define SL_GRANT_PROFILE_H

#include "codec/yaml.h"
#include "grant/grant.h"

enum { SL_PROFILE_BYTES_MAX = 64 << 10, SL_PROFILE_DIAGS_MAX = 16 };

struct sl_profile_path {
	struct sl_slice text; /* as written; NUL-terminated */
	unsigned access;      /* enum sl_access */
	struct sl_yaml_at at;
};

struct sl_profile {
	struct sl_slice description;
	const struct sl_profile_path *path;
	size_t n_path;
	const struct sl_slice *env;
	size_t n_env;
	const struct sl_grant_net *net;
	size_t n_net;
	bool is_tty, has_tier; /* has: it says that it needs T1 */
	struct sl_grant_limit limit[SL_LIM_COUNT];
	uint8_t digest[32]; /* SHA-256 of the text */
};

struct sl_profile_diag {
	struct sl_yaml_at at;
	struct sl_err err;
};

struct sl_profile_diags {
	struct sl_profile_diag d[SL_PROFILE_DIAGS_MAX];
	size_t n, n_more; /* more: counted, not kept */
};

/* What is wrong with the text is in ret_diags, at least one where FORMAT, UNKNOWN,
 * UNSUPPORTED or LIMIT comes back; err then says the first one, with its place in file.
 */
int sl_profile_parse(struct sl_slice src, const char *file, struct sl_arena *a,
		     const struct sl_profile **ret, struct sl_profile_diags *ret_diags,
		     struct sl_err *err) SL_MUST_CHECK;

/* NULL, or why a tier that a profile or a flow asks for cannot be had: words behind its
 * name.  T0 is never theirs to ask for. */
const char *sl_tier_problem(struct sl_slice tier);
bool sl_profile_is_name(struct sl_slice s); /* [a-z0-9][a-z0-9_-]*, at most 40 */
bool sl_env_is_name(struct sl_slice s);     /* [A-Za-z_][A-Za-z0-9_]* */

/* The shipped ones, by name. */
struct sl_profile_text {
	const char *name;
	struct sl_slice text;
};
enum { SL_PROFILES_SHIPPED_MAX = 16 };
size_t sl_profile_shipped(struct sl_profile_text ret[SL_PROFILES_SHIPPED_MAX]);

#endif
