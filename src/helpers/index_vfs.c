/* index_vfs.c -- see index_vfs.h. */
#include "helpers/index_vfs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static int
f_close(sqlite3_file *f)
{
	(void)f;
	return SQLITE_OK;
}

static int
f_read(sqlite3_file *f, void *p, int n, sqlite3_int64 off)
{
	ssize_t r, have = 0;

	(void)f;
	while (have < n) {
		r = pread(INDEX_FD, (char *)p + have, (size_t)(n - have), off + have);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return SQLITE_IOERR_READ;
		if (r == 0)
			break;
		have += r;
	}
	if (have == n)
		return SQLITE_OK;
	memset((char *)p + have, 0, (size_t)(n - have));
	return SQLITE_IOERR_SHORT_READ;
}

static int
f_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 off)
{
	ssize_t r;

	(void)f;
	for (int have = 0; have < n; have += (int)r) {
		r = pwrite(INDEX_FD, (const char *)p + have, (size_t)(n - have),
			   off + have);
		if (r < 0 && errno == EINTR)
			r = 0;
		else if (r < 0)
			return errno == ENOSPC ? SQLITE_FULL : SQLITE_IOERR_WRITE;
	}
	return SQLITE_OK;
}

static int
f_truncate(sqlite3_file *f, sqlite3_int64 n)
{
	(void)f;
	return ftruncate(INDEX_FD, n) < 0 ? SQLITE_IOERR_TRUNCATE : SQLITE_OK;
}

static int
f_sync(sqlite3_file *f, int flags)
{
	(void)f;
	(void)flags;
	return SQLITE_OK; /* COMMIT syncs, once */
}

static int
f_size(sqlite3_file *f, sqlite3_int64 *ret)
{
	struct stat st;

	(void)f;
	if (fstat(INDEX_FD, &st) < 0)
		return SQLITE_IOERR_FSTAT;
	*ret = st.st_size;
	return SQLITE_OK;
}

static int
f_lock(sqlite3_file *f, int how)
{
	(void)f;
	(void)how;
	return SQLITE_OK; /* the caller holds the file's lock */
}

static int
f_is_locked(sqlite3_file *f, int *ret)
{
	(void)f;
	*ret = 0;
	return SQLITE_OK;
}

static int
f_control(sqlite3_file *f, int op, void *arg)
{
	(void)f;
	(void)op;
	(void)arg;
	return SQLITE_NOTFOUND;
}

static int
f_sector(sqlite3_file *f)
{
	(void)f;
	return 4096;
}

static int
f_traits(sqlite3_file *f)
{
	(void)f;
	return 0;
}

static const sqlite3_io_methods methods = {
	.iVersion = 1,
	.xClose = f_close,
	.xRead = f_read,
	.xWrite = f_write,
	.xTruncate = f_truncate,
	.xSync = f_sync,
	.xFileSize = f_size,
	.xLock = f_lock,
	.xUnlock = f_lock,
	.xCheckReservedLock = f_is_locked,
	.xFileControl = f_control,
	.xSectorSize = f_sector,
	.xDeviceCharacteristics = f_traits,
};

static int
v_open(sqlite3_vfs *v, const char *name, sqlite3_file *f, int flags, int *ret_flags)
{
	(void)v;
	(void)name;
	f->pMethods = NULL;
	if ((flags & SQLITE_OPEN_MAIN_DB) == 0)
		return SQLITE_CANTOPEN; /* journals and temporary tables: memory */
	f->pMethods = &methods;
	if (ret_flags != NULL)
		*ret_flags = flags;
	return SQLITE_OK;
}

static int
v_delete(sqlite3_vfs *v, const char *name, int sync)
{
	(void)v;
	(void)name;
	(void)sync;
	return SQLITE_OK;
}

static int
v_access(sqlite3_vfs *v, const char *name, int flags, int *ret)
{
	(void)v;
	(void)name;
	(void)flags;
	*ret = 0;
	return SQLITE_OK;
}

static int
v_path(sqlite3_vfs *v, const char *name, int n, char *out)
{
	(void)v;
	return snprintf(out, (size_t)n, "%s", name) < n ? SQLITE_OK : SQLITE_CANTOPEN;
}

static int
v_random(sqlite3_vfs *v, int n, char *out)
{
	(void)v;
	return getrandom(out, (size_t)n, 0) < 0 ? 0 : n;
}

static int
v_sleep(sqlite3_vfs *v, int us)
{
	(void)v;
	return us;
}

static int
v_time(sqlite3_vfs *v, double *ret)
{
	(void)v;
	*ret = 2440587.5 + (double)time(NULL) / 86400.0;
	return SQLITE_OK;
}

static int
v_error(sqlite3_vfs *v, int n, char *out)
{
	(void)v;
	if (n > 0)
		out[0] = '\0';
	return 0;
}

int
index_vfs(void)
{
	static sqlite3_vfs vfs = {
		.iVersion = 1,
		.szOsFile = sizeof(sqlite3_file),
		.mxPathname = 64,
		.zName = "one",
		.xOpen = v_open,
		.xDelete = v_delete,
		.xAccess = v_access,
		.xFullPathname = v_path,
		.xRandomness = v_random,
		.xSleep = v_sleep,
		.xCurrentTime = v_time,
		.xGetLastError = v_error,
	};

	return sqlite3_vfs_register(&vfs, 1);
}
