/* peers.c -- see peers.h. */
#include "peers.h"

#include <stddef.h>
#include <stdio.h>
#include <sys/stat.h>

/* No container may have the name of one before it that is still being taken down: each
 * run waits for the end of its own, so one name is enough. */
static char *const crun[] = {
	"crun", "--cgroup-manager=disabled", "run", "-b", "oci", "sluice-bench", NULL
};
static char *const runc[] = { "runc", "run", "-b", "oci", "sluice-bench", NULL };
static char *const firejail[] = {
	"firejail",        "--quiet",      "--noprofile", "--net=none", "--private",
	"--caps.drop=all", "--nonewprivs", "--seccomp",   "/bin/true",  NULL
};
static char *const minijail[] = { "minijail0",
				  "-v",
				  "-p",
				  "-e",
				  "-l",
				  "-N",
				  "-n",
				  "-c",
				  "0",
				  "-P",
				  "oci/rootfs",
				  "-b",
				  "/usr,/usr",
				  "-b",
				  "/usr/lib,/lib",
				  "-b",
				  "/usr/lib64,/lib64",
				  "--",
				  "/usr/bin/true",
				  NULL };

const struct peer peers[PEERS] = { { "crun", crun },
				   { "runc", runc },
				   { "firejail", firejail },
				   { "minijail", minijail } };

static const char config[] =
    "{\"ociVersion\":\"1.0.0\",\"process\":{\"terminal\":false,\"user\":{\"uid\":0,"
    "\"gid\":0},"
    "\"args\":[\"/usr/bin/true\"],\"env\":[\"PATH=/usr/bin\"],\"cwd\":\"/\","
    "\"noNewPrivileges\":true,\"capabilities\":{\"bounding\":[],\"effective\":[],"
    "\"permitted\":[]}},\"root\":{\"path\":\"rootfs\",\"readonly\":true},\"mounts\":["
    "{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\"},"
    "{\"destination\":\"/dev\",\"type\":\"tmpfs\",\"source\":\"tmpfs\"},"
    "{\"destination\":\"/tmp\",\"type\":\"tmpfs\",\"source\":\"tmpfs\"},"
    "{\"destination\":\"/usr\",\"type\":\"bind\",\"source\":\"/"
    "usr\",\"options\":[\"rbind\","
    "\"ro\"]},{\"destination\":\"/lib64\",\"type\":\"bind\",\"source\":\"/usr/lib64\","
    "\"options\":[\"bind\",\"ro\"]},{\"destination\":\"/"
    "lib\",\"type\":\"bind\",\"source\":"
    "\"/usr/"
    "lib\",\"options\":[\"bind\",\"ro\"]}],\"linux\":{\"namespaces\":[{\"type\":\"pid\"},"
    "{\"type\":\"network\"},{\"type\":\"ipc\"},{\"type\":\"uts\"},{\"type\":\"mount\"},"
    "{\"type\":\"cgroup\"}]}}";

int
peers_prepare(void)
{
	FILE *f;
	int r;

	if (mkdir("oci", 0755) < 0 || mkdir("oci/rootfs", 0755) < 0 ||
	    (f = fopen("oci/config.json", "we")) == NULL)
		return -1;
	r = fputs(config, f) < 0 ? -1 : 0;
	return fclose(f) != 0 ? -1 : r;
}
