/* parser_ops.h -- the messages between supervisor and parser (doc/PROTOCOL.roles). */
#ifndef SL_RUN_PARSER_OPS_H
#define SL_RUN_PARSER_OPS_H

#include "codec/json.h"
#include "flow/engine.h"

enum sl_parser_op {
	/* to the parser */
	SL_PO_NEW = 1, /* {"src","path","event","params"} */
	SL_PO_NEXT,    /* empty */
	SL_PO_LINE,    /* the raw line */
	SL_PO_DONE,    /* as sl_engine_done() */
	SL_PO_CANCEL,  /* empty */
	SL_PO_ANSWER,  /* to an upcall: {"ok":bytes} or {"code","msg"} */
	SL_PO_ARCHIVE, /* its size, 8 bytes; a descriptor to read it by */
	SL_PO_POLICY,  /* {"src","path"}: a policy in YAML */
	SL_PO_UNTAR,   /* the same */
	/* from the parser */
	SL_PO_OK = 64, /* the result, or empty */
	SL_PO_FAIL,    /* {"code","msg","diags","more"} */
	SL_PO_READ,    /* upcall: {"path"} */
	SL_PO_HASH,    /* upcall: {"patterns"} */
	SL_PO_MEMBER,  /* of UNTAR, unanswered: struct sl_po_member, name, target */
	SL_PO_BYTES,   /* likewise: content of the member before it */
};

struct sl_po_member {
	uint64_t size;
	uint8_t type; /* enum sl_unpack_type */
	uint8_t is_exec, has_set_id;
	uint16_t n_name, n_target;
};

enum {
	SL_PO_MAX = 48 << 20,         /* of any body */
	SL_PARSER_MEMORY = 256 << 20, /* of the engine, and of one message as a tree */
};

extern const struct sl_limits sl_parser_msg_limits;

int sl_parser_main(int fd); /* the role's main: never returns to the supervisor's code */

#endif
