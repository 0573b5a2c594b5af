/* root_change.h -- the roots of a node are changed by requests like others: decided by
 * policy, durable, before a root appears or goes; then the outcome, with its digest, in
 * the node's log.
 *
 * Facts: request "root-add" or "root-drop", store_root, root_source (data/facts.decl).
 */
#ifndef SL_RUN_ROOT_CHANGE_H
#define SL_RUN_ROOT_CHANGE_H

#include "gate/gate.h"
#include "roots/store.h"
#include "run/parser.h"

/* parser: started before anything foreign was read; it reads archives.
 * As sl_root_add() and sl_root_drop(); DENIED where policy says no.  Where the outcome
 * cannot be recorded that is the error, and the next start records it as interrupted. */
int sl_root_change_add(struct sl_gate *g, const struct sl_home *h, const char *name,
		       const char *source, struct sl_parser *parser, struct sl_root *ret,
		       struct sl_err *err) SL_MUST_CHECK;
int sl_root_change_drop(struct sl_gate *g, const struct sl_home *h, const char *which,
			bool *ret_gone, struct sl_err *err) SL_MUST_CHECK;

#endif
