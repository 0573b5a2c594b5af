/* fuzz_note.c -- signed notes, checkpoints and verifier keys. */
#include "cose/checkpoint.h"

int LLVMFuzzerTestOneInput(const uint8_t *d, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *d, size_t n)
{
	struct sl_slice src = { d, n };
	SL_AUTO_BUF b = { .max = 1 << 12 };
	struct sl_err e1 = { 0 }, e2 = { 0 }, e3 = { 0 };
	struct sl_checkpoint c;
	struct sl_vkey k;
	struct sl_note note;

	if (sl_note_parse(src, &note, &e1) == 0) {
		if (note.n == 0 || note.n > SL_NOTE_SIGS_MAX || note.text.p != d ||
		    note.text.len >= n || d[note.text.len] != '\n')
			abort();
		if (sl_note_verify(&note, NULL, 0, &(uint64_t){ 0 }, NULL, &e1) == 0)
			abort();
	}
	if (sl_checkpoint_parse(src, &c, &e2) == 0 &&
	    (c.size > SL_TREE_SIZE_MAX || c.origin.len == 0 || c.ext.len >= n))
		abort();
	if (sl_vkey_parse(src, &k, &e3) == 0) { /* one form only */
		sl_vkey_put(&k, &b);
		if (!sl_slice_eq(sl_buf_get(&b), src))
			abort();
	}
	return 0;
}
