/* fuzz_segment.c -- a segment of any bytes: opening, scanning and checking it end with an
 * answer.  Checksums are put right first, so that what lies behind them is reached. */
#include "log/le.h"
#include "log/reader.h"
#include "log/rec.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Trusted code base: log/{rec,seal,last,find,reader,prove,check}.c, cose/, merkle/ */
int LLVMFuzzerTestOneInput(const uint8_t *d, size_t n);

static void
mend(uint8_t *p, size_t n)
{
	for (size_t i = 0; i + SL_REC_HDR <= n; i += 8) {
		size_t len = sl_get32(p + i + 4), room = n - i - SL_REC_HDR;

		if (memcmp(p + i, "SLR", 3) == 0 && len <= room)
			sl_le32(p + i + 8,
				sl_rec_crc(p + i, (enum sl_rec_type)p[i + 3],
					   (struct sl_slice){ p + i + SL_REC_HDR, len }));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *d, size_t n)
{
	char dir[] = "/tmp/sl-fuzz-XXXXXX", name[64];
	uint8_t *p = malloc(n + 1);
	struct sl_log_report rep;
	struct sl_err err = { 0 }, none = { 0 };
	struct sl_reader *r = NULL;
	int home = mkdtemp(dir) ? open(dir, O_RDONLY | O_DIRECTORY) : -1, fd;

	if (p == NULL || home < 0 || mkdirat(home, "log", 0700) < 0 ||
	    mkdirat(home, "log/seg", 0700) < 0)
		abort();
	memcpy(p, d, n);
	mend(p, n);
	fd = openat(home, "log/seg/000000.log", O_WRONLY | O_CREAT, 0600);
	if (write(fd, p, n) != (ssize_t)n)
		abort();
	if (sl_log_check(home, NULL, NULL, &rep, &err) < 0)
		abort(); /* it could read */
	if (sl_reader_open(home, &r, &none) == 0) {
		struct sl_buf b = { .max = 1 << 16 };

		for (uint32_t t = 0; t < 4; t++)
			if (sl_reader_receipt(r, t, 0, 0, &b, &(struct sl_err){ 0 }) > 0)
				abort();
		sl_buf_done(&b);
	}
	sl_reader_close(r);
	(void)close(fd);
	for (size_t i = 0; i < 3; i++) {
		(void)snprintf(name, sizeof(name), "%s%s", dir,
			       i == 0   ? "/log/seg/000000.log"
			       : i == 1 ? "/log/seg"
					: "/log");
		(void)remove(name);
	}
	(void)close(home);
	(void)rmdir(dir);
	free(p);
	return 0;
}
