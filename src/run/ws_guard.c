/* ws_guard.c -- which changes are named and held back: what the host would obey later
 * (delayed escapes, CWE-829), and what points or reaches out of the tree. */
#include "run/ws_int.h"

/* Component sequences, at any depth, ASCII case ignored (file systems exist that ignore
 * it).  A last '*' in a component matches any rest.  What lies below matches too. */
static const char *const obeyed[] = {
	/* hooks and what continuous integration runs */
	".githooks",
	".husky",
	".gitmodules",
	".gitattributes",
	".gitconfig",
	".hg",
	".svn",
	".pre-commit-config.yaml",
	"lefthook.y*",
	".lefthook*",
	".github/workflows",
	".github/actions",
	".forgejo",
	".gitea",
	".gitlab-ci.yml",
	".circleci",
	"jenkinsfile",
	".woodpecker*",
	/* agents */
	".agents",
	".aider*",
	".amazonq",
	".claude*",
	".codex",
	".continue",
	".copilot",
	".cursor*",
	".gemini",
	".github/copilot*",
	".github/instructions",
	".github/agents",
	".github/hooks",
	".mcp.json",
	".opencode",
	".roo*",
	".windsurf*",
	"opencode.json*",
	"agents.md",
	"agents.override.md",
	"claude.md",
	"claude.local.md",
	"gemini.md",
	/* shells, and tools that read a file where they stand */
	".bash_aliases",
	".bash_login",
	".bash_logout",
	".bash_profile",
	".bashrc",
	".cshrc",
	".direnv",
	".envrc",
	".inputrc",
	".kshrc",
	".login",
	".mise*",
	"mise.toml",
	".profile",
	".tcshrc",
	".tmux.conf",
	".tool-versions",
	".zlogin",
	".zlogout",
	".zprofile",
	".zshenv",
	".zshrc",
	".config/fish",
	".config/git",
	".gdbinit",
	".lldbinit",
	".npmrc",
	".yarnrc*",
	".pnpmfile.cjs",
	".pypirc",
	".netrc",
	".ssh",
	".gnupg",
	".cargo/config*",
	".gradle/init*",
	".mvn",
	".sluice*",
	/* editors */
	".devcontainer*",
	".dir-locals*",
	".emacs*",
	".exrc",
	".idea",
	".nvim*",
	".vim*",
	".vscode*",
	".zed",
};

/* Of a `.git` only what git itself writes when one commits: the rest (config, hooks,
 * modules, commondir, info, ...) says which programs run, or where all that is. */
/* clang-format off */
static const char *const git_data[] = {
	"objects",	"refs",	       "logs",	     "index",	       "head",
	"orig_head",	"fetch_head",  "merge_head", "packed-refs",    "commit_editmsg",
	"merge_msg",	"merge_mode",  "auto_merge", "cherry_pick_head", "revert_head",
	"squash_msg",	"description", "shallow",    "gc.log",	       "gc.pid",
};
/* clang-format on */

static uint8_t
lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

/* One component against the pattern up to its '/' or end. */
static bool
component_is(struct sl_slice c, const char *pat, size_t len)
{
	bool is_open = len > 0 && pat[len - 1] == '*';

	len -= is_open;
	if (is_open ? c.len < len : c.len != len)
		return false;
	for (size_t i = 0; i < len; i++)
		if (lower(c.p[i]) != (uint8_t)pat[i])
			return false;
	return true;
}

/* Do the first components of path match pat? */
static bool
starts_with(struct sl_slice path, const char *pat)
{
	for (;;) {
		size_t len = strcspn(pat, "/");
		struct sl_slice c = sl_slice_upto(path, '/');

		if (!component_is(c, pat, len))
			return false;
		if (pat[len] == '\0')
			return true;
		pat += len + 1;
		path = sl_slice_skip(path, c.len + 1);
	}
}

/* rest is what follows ".git/"; objects/info can name other stores. */
static bool
is_git_data(struct sl_slice rest)
{
	struct sl_slice first = sl_slice_upto(rest, '/');

	if (starts_with(rest, "objects/info"))
		return false;
	for (size_t i = 0; i < sizeof(git_data) / sizeof(git_data[0]); i++)
		if (component_is(first, git_data[i], strlen(git_data[i])))
			return true;
	return false;
}

/* A file that names its type at its end. */
static bool
has_obeyed_ending(struct sl_slice name)
{
	static const char *const ending[] = { ".code-workspace", ".sublime-project" };

	for (size_t i = 0; i < sizeof(ending) / sizeof(ending[0]); i++) {
		size_t n = strlen(ending[i]);

		if (name.len > n &&
		    component_is(sl_slice_skip(name, name.len - n), ending[i], n))
			return true;
	}
	return false;
}

static bool
is_obeyed(struct sl_slice path, enum sl_ws_type type)
{
	for (;;) {
		struct sl_slice c = sl_slice_upto(path, '/');
		bool is_last = c.len == path.len;

		if (component_is(c, ".git", 4)) {
			/* a plain new directory is nothing yet; a file or link redirects
			 */
			if (is_last)
				return type != SL_WT_DIR;
			if (!is_git_data(sl_slice_skip(path, c.len + 1)))
				return true;
		}
		for (size_t i = 0; i < sizeof(obeyed) / sizeof(obeyed[0]); i++)
			if (starts_with(path, obeyed[i]))
				return true;
		if (is_last)
			return has_obeyed_ending(c);
		path = sl_slice_skip(path, c.len + 1);
	}
}

bool
ws_link_leaves(struct sl_slice path, struct sl_slice target)
{
	size_t depth = 0;
	bool went_down = false;

	for (size_t i = 0; i < path.len; i++)
		depth += path.p[i] == '/';
	if (target.len == 0 || target.p[0] == '/')
		return true;
	while (target.len > 0) {
		struct sl_slice c = sl_slice_upto(target, '/');

		target = sl_slice_skip(target, c.len + 1);
		if (c.len == 0 || sl_slice_eq(c, SL_LIT(".")))
			continue;
		if (!sl_slice_eq(c, SL_LIT(".."))) {
			went_down = true;
			continue;
		}
		/* ".." after a name: that name may be a link, so where it goes up from
		 * cannot be told from the text */
		if (went_down || depth == 0)
			return true;
		depth--;
	}
	return false;
}

unsigned
ws_guard(struct sl_slice path, enum sl_ws_type type, unsigned mode, struct sl_slice link)
{
	unsigned w = is_obeyed(path, type) ? SL_WW_RUNS : 0;

	if (type == SL_WT_LINK && ws_link_leaves(path, link))
		w |= SL_WW_LINK;
	if (type == SL_WT_FILE && (mode & 06000) != 0)
		w |= SL_WW_SETID;
	/* something that cannot be read cannot be carried either */
	if (type != SL_WT_DIR && type != SL_WT_FILE && type != SL_WT_LINK)
		w |= SL_WW_SPECIAL;
	return w;
}
