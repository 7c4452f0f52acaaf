/*
 * The ABS half of the sandbox bank: the eleven services O1 to O11 of k2.md section 3 and what tests may
 * ask and set about them.
 *
 * Promises: every service is strict (see checks.h); a business refusal is HTTP 200 with error_code != 0.
 * Not thread-safe: the bank calls it under its lock.
 */
#pragma once

#include "data.h"
#include "registry.h"

#include "../router.h"

#include <optional>
#include <string>

namespace sandbox::abs
{

class Abs
{
public:
    void add_services(Router &router);

    /* Control requests /_/data, /_/registry and /_/exclusions; nothing for other paths. May throw Refused. */
    std::optional<Reply> control(const Request &request);

    void clear();

private:
    Reply get_cli(const Request &request) const;
    Reply get_acc(const Request &request) const;
    Reply get_acc_stmt_dt(const Request &request) const;
    Reply get_pdf(const Request &request) const;
    Reply reg_pt(const Request &request);
    Reply settle_pt(PtCall call, const Request &request);
    Reply get_all_pt(const Request &request) const;
    Reply colvir_debt(const Request &request) const;
    Reply way4_debt(const Request &request) const;
    Reply debt_reply(const std::string &key) const;
    Reply post_exclusions(const Request &request);

    Reply put_registry(const Request &request);
    std::string exclusions_json() const;
    void pt_arrived(PtCall call, const Request &request);

    Data data_;
    Registry registry_;
    std::string exclusions_ = "[]"; // the rows of the last accepted list, as received
    std::size_t exclusion_rows_ = 0;
    std::uint64_t exclusion_arrivals_ = 0;
    std::uint64_t exclusion_pushes_ = 0;
};

} // namespace sandbox::abs
