/* confine.c -- the generated seccomp programs and the names of what they watch. */
#include "box/internal.h"
#include "os/jail.h"

#include "box_bpf.h"

int
sl_box_gate_on(void)
{
	return sl_jail_seccomp(sl_bpf_gate, sizeof(sl_bpf_gate) / sizeof(sl_bpf_gate[0]),
			       false);
}

int
sl_box_watch_on(void)
{
	return sl_jail_seccomp(sl_bpf_watch,
			       sizeof(sl_bpf_watch) / sizeof(sl_bpf_watch[0]), true);
}

struct sl_bpf_name
sl_box_call_name(int nr)
{
	for (size_t i = 0; i < sizeof(sl_bpf_call) / sizeof(sl_bpf_call[0]); i++)
		if (sl_bpf_call[i].nr == nr)
			return (struct sl_bpf_name){ sl_bpf_call[i].name,
						     sl_bpf_call[i].class };
	return (struct sl_bpf_name){ NULL, NULL };
}
