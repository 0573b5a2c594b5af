/* recorder_role.h -- the recorder's row: what its process may still do. */
#ifndef SL_LOG_RECORDER_ROLE_H
#define SL_LOG_RECORDER_ROLE_H

#include "priv/role.h"

extern const struct sl_role sl_recorder_role;

#endif
