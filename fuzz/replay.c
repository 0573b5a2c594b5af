/* replay.c -- main() for a fuzz target without libFuzzer: run each file that is named,
 * and each file of a directory that is named, in order of names. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { SEED_MAX = 4 << 20, PATH_LEN = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *d, size_t n);

/* The target gets a heap block of exactly n bytes, so ASan sees an over-read.  A seed
 * that does not fit is an error: a cut one would test something else. */
static int
replay_file(const char *path)
{
	uint8_t *room = malloc(SEED_MAX + 1), *d = NULL;
	FILE *f = fopen(path, "re");
	size_t n = 0;
	int r = -1;

	if (f != NULL && room != NULL)
		n = fread(room, 1, SEED_MAX + 1, f);
	if (f != NULL && room != NULL && !ferror(f) && n <= SEED_MAX &&
	    (d = malloc(n ? n : 1)) != NULL) {
		memcpy(d, room, n);
		(void)LLVMFuzzerTestOneInput(d, n);
		r = 0;
	}
	if (r < 0)
		(void)fprintf(stderr, "%s: cannot replay it\n", path);
	if (f != NULL)
		(void)fclose(f);
	free(d);
	free(room);
	return r;
}

static int
replay_dir(const char *path, size_t *n_done)
{
	struct dirent **list = NULL;
	int n = scandir(path, &list, NULL, alphasort), bad = n < 0;

	for (int i = 0; i < n; i++) {
		char name[PATH_LEN];

		if (list[i]->d_name[0] != '.') {
			int len =
			    snprintf(name, sizeof(name), "%s/%s", path, list[i]->d_name);

			bad |= len < 0 || len >= PATH_LEN || replay_file(name) < 0;
			++*n_done;
		}
		free(list[i]);
	}
	free(list);
	return bad ? -1 : 0;
}

int
main(int argc, char **argv)
{
	size_t n_done = 0;
	int bad = 0;

	for (int i = 1; i < argc; i++) {
		struct stat st;

		if (stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode)) {
			bad |= replay_dir(argv[i], &n_done) < 0;
		} else {
			bad |= replay_file(argv[i]) < 0;
			n_done++;
		}
	}
	if (bad)
		return 1;
	return n_done > 0 ? 0 : 77; /* nothing to replay: skipped */
}
