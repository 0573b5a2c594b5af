/* roles.h -- every process that sluice consists of: who starts it, what it sees, what it
 * never does, and the jail that holds it to that.  A new process is a new row; its jail
 * stands beside its main, in the folder that owns it (doc/PROTOCOL.roles has the
 * messages).
 */
#ifndef SL_CLI_ROLES_H
#define SL_CLI_ROLES_H

#include "priv/role.h"

struct sl_role_row {
	const char *name, *started, *sees, *never;
	const char *limits;         /* beside the system calls; "" for none of its own */
	const struct sl_role *jail; /* NULL: not of this kind, limits says which */
};

const struct sl_role_row *sl_roles(size_t *ret_n);

#endif
