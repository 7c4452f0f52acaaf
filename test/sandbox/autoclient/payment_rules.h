/*
 * The documented rules of a payment's fields: which there are, which are mandatory, how each is written.
 *
 * Promises: the first broken rule is refused with HTTP 400 and its service code, the message naming the
 * field. Source: autoclient.md sections 5.1 and 5.2; what they leave open is in the README.
 */
#pragma once

#include "model.h"

#include <map>
#include <string>

namespace sandbox::autoclient
{

using PaymentFields = std::map<std::string, std::string, std::less<>>;

/* The fields of a payment body that breaks no rule. `company` must own the payer's account. */
PaymentFields checked_payment(const Model &model, std::uint32_t company, const std::string &body);

} // namespace sandbox::autoclient
