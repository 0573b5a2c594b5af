/* tpm_msg.h -- what sluice-tpm (helpers/tpm.c) is asked and answers.  Integers are
 * little-endian; a PCR mask has bit n for PCR n of the SHA-256 bank.
 *
 *   SEAL     mask u32; the helper's fourth descriptor is a file with the 32 bytes to seal
 *   RECOVER  mask u32, code[SL_TPM_CODE_LEN], recovery[SL_TPM_RECOVERY_LEN]
 *   both ->  SEALED   code[SL_TPM_CODE_LEN], recovery[SL_TPM_RECOVERY_LEN], blob
 *   UNSEAL   blob                       -> SECRET 32 bytes (asked by the recorder alone)
 *   OUT      blob                       -> GOOD    the secret is in the fourth descriptor
 *   OUT_CODE code, recovery             -> GOOD    the same, without a TPM
 *   QUOTE    mask u32, nonce[32]        -> QUOTED as below
 *   CHECK    mask u32, nonce[32], the body of a QUOTED -> GOOD
 *   anything -> FAILED   text
 *
 * QUOTED: u16 length, TPMS_ATTEST as the TPM signed it; r, s (32 each); the attestation
 * key, P-256, x, y (32 each); the quoted PCRs' values (32 each) in ascending order. CHECK
 * needs no TPM, and is what a verifier does with OpenSSL.
 *
 * A blob (keys/identity.tpm): SL_TPM_MAGIC, mask u32, u16 length, TPM2B_PUBLIC, u16
 * length, TPM2B_PRIVATE (TPM 2.0 Library, part 2, 12.2.5 and 12.3.7).  A recovery
 * (keys/identity.recovery): nonce[24] and crypto_secretbox of the secret under
 * SHA-256("sluice-recovery" || the code's 20 bytes).  A code is 20 random bytes in base32
 * (RFC 4648), 32 letters, shown to a person once.
 */
#ifndef SL_PRIV_TPM_MSG_H
#define SL_PRIV_TPM_MSG_H

#define SL_TPM_MAGIC "SLTPM1\n"
#define SL_TPM_HELPER "sluice-tpm"
/* The first argument of a helper that only checks. */
#define SL_TPM_NONE "none"

enum {
	SL_TPM_SEAL = 1,
	SL_TPM_RECOVER,
	SL_TPM_UNSEAL,
	SL_TPM_OUT,
	SL_TPM_OUT_CODE,
	SL_TPM_QUOTE,
	SL_TPM_CHECK,
	SL_TPM_SEALED,
	SL_TPM_SECRET,
	SL_TPM_QUOTED,
	SL_TPM_GOOD,
	SL_TPM_FAILED
};

enum {
	SL_TPM_PCRS = 24,
	SL_TPM_CODE_LEN = 32,
	SL_TPM_RECOVERY_LEN = 24 + 16 + 32,
	SL_TPM_BLOB_MAX = 1024,
	SL_TPM_ATTEST_MAX = 512,
	SL_TPM_QUOTED_MAX = 2 + SL_TPM_ATTEST_MAX + 64 + 64 + 32 * SL_TPM_PCRS,
	SL_TPM_TEXT_MAX = 256
};

#endif
