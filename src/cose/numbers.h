/* numbers.h -- labels and registered values of COSE, CWT and SCITT, in one place. */
#ifndef SL_COSE_NUMBERS_H
#define SL_COSE_NUMBERS_H

enum sl_cose_label { /* header parameters */
		     SL_COSE_ALG = 1,
		     SL_COSE_CRIT = 2,
		     SL_COSE_CONTENT_TYPE = 3,
		     SL_COSE_KID = 4,
		     SL_COSE_KCWT =
			 13, /* RFC 9528; drafts of SCITT had their CWT claims here */
		     SL_COSE_CWT_CLAIMS = 15, /* RFC 9597 */
		     SL_COSE_TYP = 16,        /* RFC 9596 */
		     SL_COSE_X5BAG = 32,      /* RFC 9360 */
		     SL_COSE_X5CHAIN = 33,
		     SL_COSE_X5T = 34,
		     SL_COSE_X5U = 35,
		     SL_COSE_HASH_ALG = 258, /* RFC 9995: hash envelope */
		     SL_COSE_PREIMAGE_TYPE = 259,
		     SL_COSE_LOCATION = 260,
		     SL_COSE_DRAFT_FIRST = 391, /* of SCITT drafts, never registered */
		     SL_COSE_DRAFT_LAST = 393,
		     SL_COSE_RECEIPTS = 394, /* RFC 9942 */
		     SL_COSE_VDS = 395,
		     SL_COSE_VDP = 396,
		     SL_COSE_DRAFT_VDS = -111,
		     SL_COSE_DRAFT_VDP = -222
};

enum sl_cwt_claim { /* RFC 8392 */
		    SL_CWT_ISS = 1,
		    SL_CWT_SUB,
		    SL_CWT_AUD,
		    SL_CWT_EXP,
		    SL_CWT_NBF,
		    SL_CWT_IAT,
		    SL_CWT_CTI
};

enum {
	SL_COSE_TAG_SIGN1 = 18,
	SL_ALG_ES256 = -7,    /* here P-256 only, as of RFC 9864 */
	SL_ALG_EDDSA = -8,    /* RFC 9053; here Ed25519 only */
	SL_ALG_ESP256 = -9,   /* RFC 9864 */
	SL_ALG_ED25519 = -19, /* RFC 9864 */
	SL_ALG_ES384 = -35,   /* here P-384 only */
	SL_ALG_ES512 = -36,   /* here P-521 only */
	SL_ALG_PS256 = -37,
	SL_ALG_PS384 = -38,
	SL_ALG_PS512 = -39,
	SL_ALG_ESP384 = -51, /* RFC 9864 */
	SL_ALG_ESP512 = -52,
	SL_ALG_SHA256 = -16, /* RFC 9054 */
	SL_ALG_SHA384 = -43,
	SL_ALG_SHA512 = -44,
	SL_VDS_RFC9162 = 1, /* RFC 9942: RFC9162_SHA256 */
	SL_VDS_CCF = 2,
	SL_VDP_INCLUSION = -1,
	SL_VDP_CONSISTENCY = -2,
	SL_KEY_KTY = 1, /* COSE_Key, RFC 9052 section 7 */
	SL_KEY_KID = 2,
	SL_KEY_ALG = 3,
	SL_KEY_OPS = 4,
	SL_KEY_CRV = -1,
	SL_KEY_X = -2,
	SL_KEY_Y = -3,
	SL_KEY_D = -4,
	SL_KEY_OP_VERIFY = 2,
	SL_KTY_OKP = 1,
	SL_KTY_EC2 = 2,
	SL_KTY_RSA = 3,
	SL_CRV_P256 = 1,
	SL_CRV_P384 = 2,
	SL_CRV_P521 = 3,
	SL_CRV_ED25519 = 6
};

/* "ES256" for -7, and so on; NULL for what no statement is signed with. */
const char *sl_cose_alg_name(long long alg);

#endif
