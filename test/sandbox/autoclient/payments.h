/*
 * Payments made through the API: drafts, their signatures, and what becomes of them.
 *
 * Promises: a draft moves no money; once every needed signature is there (or a test has the cabinet sign
 * and pay it) the amount is posted to the payer's account with DLR = payment_pack_ref. Source:
 * autoclient.md sections 5.1 to 5.5; states beyond `new` are the sandbox's choice (README).
 */
#pragma once

#include "gate.h"
#include "ledger.h"
#include "payment_rules.h"

#include "../message.h"

#include <array>
#include <string>
#include <vector>

namespace sandbox::autoclient
{

struct Payment {
    std::string ref;
    std::string pack_ref;
    std::uint32_t company = 0;
    PaymentFields fields;
    std::string state = "new"; // then accepted (all signatures), paid, deleted
    bool forecast = false;
    std::array<bool, 2> signed_levels{};
    std::uint64_t row = 0; // online id of the debit, once paid

    bool draft() const { return state == "new"; }
};

class Payments
{
public:
    Payments(const Model &model, Ledger &ledger) : model_(model), ledger_(ledger) {}

    /* The calls of the API. May throw RefusedWith. */
    Reply create(bool forecast, const Caller &caller);
    Reply get(const Caller &caller, const Request &request);
    Reply add_sign(const Caller &caller, const Request &request);
    Reply remove(const Caller &caller, const Request &request);

    /* Has the cabinet sign and the bank pay it. Throws Refused 404 or 409. */
    void pay(const std::string &ref);

    std::int64_t drafts() const;

    /* Everything created, of one reference when `ref` is not empty. */
    std::string to_json(const std::string &ref) const;

private:
    Payment &find(const Caller &caller, const Request &request);
    void refuse_duplicate(std::uint32_t company, const PaymentFields &fields) const;
    void execute(Payment &payment);
    std::string document(const Payment &payment) const;

    const Model &model_;
    Ledger &ledger_;
    std::vector<Payment> payments_;
};

} // namespace sandbox::autoclient
