/*
 * Currency payments: SWIFT and internal ones (CPI).
 *
 * Promises: an order is kept as received; nothing moves on the accounts. Source: autoclient.md section 5.6;
 * errors are of the gateway family.
 */
#pragma once

#include "gate.h"

#include <string>
#include <vector>

namespace sandbox::autoclient
{

class ForeignPayments
{
public:
    explicit ForeignPayments(const Model &model) : model_(model) {}

    Reply swift(const Caller &caller);
    Reply internal(const Caller &caller);

    std::string to_json() const;

private:
    Reply take(const Caller &caller, std::string_view kind, const std::string &number);

    const Model &model_;
    std::vector<std::string> orders_; // each as JSON
};

} // namespace sandbox::autoclient
