/* index_vfs.h -- SQLite's view of a file system with one file, which is open already:
 * whatever name it asks for is that, and there is no other.  Locks are the business of
 * whoever opened it, and so is when it is durable. */
#ifndef SL_HELPERS_INDEX_VFS_H
#define SL_HELPERS_INDEX_VFS_H

#include "priv/helper.h"

#include <sqlite3.h>

enum { INDEX_FD = SL_HELPER_FD + 1 };

int index_vfs(void); /* registers it, as the only one; a code of SQLite */

#endif
