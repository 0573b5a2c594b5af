/* lint.h -- what the files of the lint share; private to src/policy. */
#ifndef SL_POLICY_LINT_H
#define SL_POLICY_LINT_H

#include "policy/ast.h"

/* lint_type.c: joins and operators whose types never fit. */
void sl_policy_lint_types(const struct sl_policy *p, struct sl_pdiags *d);

#endif
