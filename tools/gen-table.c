/* gen-table.c -- a table of data/ as C initialisers: tab-separated columns, '#' lines
 * are comments, every row has the same number of columns; `yes` and `no` are booleans.
 *
 *   gen-table IN OUT COLUMNS
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int
main(int argc, char **argv)
{
	char line[4096];
	unsigned long want, row = 0;
	FILE *in, *out;

	if (argc != 4 || (in = fopen(argv[1], "r")) == NULL ||
	    (out = fopen(argv[2], "w")) == NULL) {
		fprintf(stderr, "usage: gen-table IN OUT COLUMNS\n");
		return 2;
	}
	want = strtoul(argv[3], NULL, 10);
	while (fgets(line, sizeof(line), in) != NULL) {
		unsigned long n = 0;

		row++;
		line[strcspn(line, "\n")] = '\0';
		if (line[0] == '\0' || line[0] == '#')
			continue;
		fputs("\t{", out);
		for (char *p = line, *e; p != NULL; p = e) {
			if ((e = strchr(p, '\t')) != NULL)
				*e++ = '\0';
			if (strpbrk(p, "\"\\") != NULL) {
				fprintf(stderr, "%s:%lu: quote or backslash\n", argv[1],
					row);
				return 1;
			}
			fputs(n++ > 0 ? ", " : " ", out);
			if (strcmp(p, "yes") == 0 || strcmp(p, "no") == 0)
				fputs(p[0] == 'y' ? "true" : "false", out);
			else
				fprintf(out, "\"%s\"", p);
		}
		fputs(" },\n", out);
		if (n != want) {
			fprintf(stderr, "%s:%lu: %lu columns, not %lu\n", argv[1], row, n,
				want);
			return 1;
		}
	}
	return fclose(out) != 0;
}
