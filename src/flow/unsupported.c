/* unsupported.c -- see unsupported.h. */
#include "flow/unsupported.h"

static const struct sl_unsupported table[] = {
	{ "F-REMOTE-ACTION", "uses: owner/repo@ref",
	  "actions of other repositories are not fetched; copy the action into the "
	  "workspace "
	  "and use ./path" },
	{ "F-CHECKOUT", "actions/checkout with repository, ref, path, submodules, lfs",
	  "the workspace is what is checked out; nothing else is fetched" },
	{ "F-REMOTE-FLOW", "jobs.x.uses: owner/repo/.github/workflows/f.yml@ref",
	  "workflows of other repositories are not fetched" },
	{ "F-FLOW-CALL", "jobs.x.uses: ./.github/workflows/f.yml",
	  "calling a workflow from a job is not supported yet" },
	{ "F-IMAGE", "container, services, uses: docker://image",
	  "images are not available offline" },
	{ "F-BUILD", "runs.image: Dockerfile", "building images is not supported" },
	{ "F-NODE", "runs.using: node", "JavaScript actions are not supported yet" },
	{ "F-RUNNER", "runs-on: windows, macos, a group, an unknown label; snapshot",
	  "steps run in a Linux box; use ubuntu-latest or self-hosted" },
	{ "F-SHELL", "shell: pwsh, powershell, cmd, or one that is not installed",
	  "use bash, sh or a shell that the root file system has" },
	{ "F-ENV", "environment", "nobody can approve a deployment here" },
	{ "F-TIER", "sandbox: tier: T0, T2, T3",
	  "boxes are of tier T1; a flow may ask for a higher one, never a lower one" },
	{ "F-DEVICE",
	  "sandbox: devices: other than the six, or below the flow's own level",
	  "a box has null, zero, full, random, urandom and tty, for all of its steps" },
	{ "F-STEP-PATH",
	  "sandbox of a step: a part of a place, or less of one in another that it keeps",
	  "a step keeps or gives up whole places of its job, none in /tmp" },
	{ "F-BACKGROUND", "background, wait, wait-all, cancel, parallel",
	  "steps run one after another" },
};

const struct sl_unsupported *
sl_unsupported_table(size_t *ret_n)
{
	*ret_n = sizeof(table) / sizeof(*table);
	return table;
}
