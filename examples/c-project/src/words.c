/* words.c -- counts the words on standard input. */
#include <ctype.h>
#include <stdio.h>

int
main(void)
{
	unsigned long n = 0;
	int c, in_word = 0;

	while ((c = getchar()) != EOF) {
		int is_space = isspace(c);

		n += !is_space && !in_word;
		in_word = !is_space;
	}
	printf("%lu\n", n);
	return ferror(stdin) ? 1 : 0;
}
