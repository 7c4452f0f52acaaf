/*
 * Replies under those faults that are still whole HTTP replies: another status, a refusal, a redirect,
 * another charset, text that is no proper JSON text.
 *
 * Promises: pure functions of the rule and the usual reply.
 */
#pragma once

#include "faults.h"
#include "message.h"

namespace sandbox
{

/* What goes out for `rule` instead of `usual`; `usual` itself for kinds that do not change the reply (a
 * refusal comes as `usual`). */
Reply shape_reply(const FaultRule &rule, const Reply &usual);

/* The reply as it would stand on the wire, for faults that write bytes themselves. */
std::string wire_text(const Reply &reply);

} // namespace sandbox
