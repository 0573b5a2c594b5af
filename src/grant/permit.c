/* permit.c -- see permit.h and permit_mint.h. */
#include "grant/permit_mint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct sl_permit {
	struct sl_permit_view view;
	uint8_t run[32], decision[32], act[32];
	unsigned uses; /* left */
	pid_t pid; /* a permit does not survive a fork: the child has decided nothing */
};

struct sl_permit *
sl_permit_mint(const struct sl_permit_view *v, unsigned uses)
{
	struct sl_permit *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	memcpy(p->run, v->run, sizeof(p->run));
	memcpy(p->decision, v->decision, sizeof(p->decision));
	if (v->act != NULL)
		memcpy(p->act, v->act, sizeof(p->act));
	p->view =
	    (struct sl_permit_view){ v->kind, p->run, p->decision, v->grant, p->act };
	p->uses = uses;
	p->pid = getpid();
	return p;
}

struct sl_permit_view
sl_permit_use(struct sl_permit *p, enum sl_permit_kind kind)
{
	if (p == NULL || p->uses == 0 || p->view.kind != kind || p->pid != getpid()) {
		static const char msg[] = "sluice: bug: an act without a decision\n";

		(void)!write(2, msg, sizeof(msg) - 1);
		abort();
	}
	p->uses--;
	return p->view;
}

void
sl_permit_drop(struct sl_permit *p)
{
	if (p != NULL)
		p->uses = 0;
	free(p);
}
