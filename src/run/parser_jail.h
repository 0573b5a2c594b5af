/* parser_jail.h -- the parser's row: what the jailed process may still do. */
#ifndef SL_RUN_PARSER_JAIL_H
#define SL_RUN_PARSER_JAIL_H

#include "priv/role.h"

extern const struct sl_role sl_parser_role;

int sl_parser_jail(int fd); /* in the child; -errno */

#endif
