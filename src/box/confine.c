/* confine.c -- the generated seccomp programs and the names of what they watch. */
#include "box/internal.h"
#include "os/bpf.h"
#include "os/jail.h"

#include "box_bpf.h"

int
sl_box_gate_on(void)
{
	return sl_jail_seccomp(sl_bpf_gate, sizeof(sl_bpf_gate) / sizeof(sl_bpf_gate[0]),
			       false);
}

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

int
sl_box_watch_on(enum sl_traced traced)
{
	if (traced == SL_TRACED_LAND)
		return sl_jail_seccomp(sl_bpf_land, LEN(sl_bpf_land), true);
	if (traced == SL_TRACED_SEEK)
		return sl_jail_seccomp(sl_bpf_seek, LEN(sl_bpf_seek), true);
	if (traced == SL_TRACED_OPEN)
		return sl_jail_seccomp(sl_bpf_trace, LEN(sl_bpf_trace), true);
	return sl_jail_seccomp(sl_bpf_watch, LEN(sl_bpf_watch), true);
}

bool
sl_box_is_watched(const struct seccomp_data *d)
{
	return sl_bpf_run(sl_bpf_watch, LEN(sl_bpf_watch), d) != SECCOMP_RET_ALLOW;
}

static struct sl_bpf_name
name_in(const struct sl_bpf_call *c, size_t n, int nr)
{
	for (size_t i = 0; i < n; i++)
		if (c[i].nr == nr)
			return (struct sl_bpf_name){ c[i].name, c[i].class };
	return (struct sl_bpf_name){ NULL, NULL };
}

struct sl_bpf_name
sl_box_call_name(int nr)
{
	return name_in(sl_bpf_call, LEN(sl_bpf_call), nr);
}

struct sl_bpf_name
sl_box_land_name(int nr)
{
	return name_in(sl_bpf_land_call, LEN(sl_bpf_land_call), nr);
}

struct sl_bpf_name
sl_box_traced_name(int nr)
{
	return name_in(sl_bpf_traced, LEN(sl_bpf_traced), nr);
}
