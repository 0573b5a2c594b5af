/* permit_mint.h -- the constructor of permits.  For src/gate alone (tools/lint-layers):
 * it mints one after the recorder has acknowledged the decision as durable. */
#ifndef SL_GRANT_PERMIT_MINT_H
#define SL_GRANT_PERMIT_MINT_H

#include "grant/permit.h"

/* NULL when memory is out.  The view's slices must outlive the permit. */
struct sl_permit *sl_permit_mint(const struct sl_permit_view *v, unsigned uses);

#endif
