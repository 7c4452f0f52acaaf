/*
 * The Autoclient half of the sandbox bank: the calls of autoclient.md sections 2 to 13 and what tests may
 * ask and set about them under /_/ac/.
 *
 * Promises: every call passes the gate (gate.h); a reply has the charset the request's Content-Type asked
 * for. Not thread-safe: the bank calls it under its lock.
 */
#pragma once

#include "cards.h"
#include "edoc.h"
#include "foreign.h"
#include "gate.h"
#include "ledger.h"
#include "payments.h"
#include "paysheets.h"
#include "reporting.h"
#include "salary.h"
#include "statements.h"

#include "../router.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace sandbox::autoclient
{

class Autoclient
{
public:
    Autoclient();

    void add_services(Router &router);

    /* Control requests under /_/ac/; nothing for other paths. May throw Refused. */
    std::optional<Reply> control(const Request &request);

    /* Back to the default bank. */
    void clear();

private:
    /* A change of day that waits for so many more calls. */
    struct Later {
        std::int64_t calls = 0;
        Day days = 0;
        int seconds = 0;
    };

    /* One bank with its history; made anew by every configuration. */
    struct Books {
        explicit Books(Model given) : model(std::move(given)) {}

        Model model;
        Ledger ledger{model};
        Statements statements{model, ledger};
        Payments payments{model, ledger};
        ForeignPayments foreign{model};
        Edoc edoc{model};
        Reporting reporting{model};
        Salary salary{model};
        Paysheets paysheets{model};
        Cards cards{model};
        std::vector<Later> later;
        std::uint64_t added = 0; // rows posted by tests
    };

    using Handler = std::function<Reply(Books &, const Caller &, const Request &)>;

    void add(Router &router, const Endpoint &endpoint, Handler handler);
    void add_statements(Router &router);
    void add_payments(Router &router);
    void add_documents(Router &router);
    void add_salary(Router &router);
    void add_others(Router &router);
    Reply serve(const Endpoint &endpoint, const Handler &handler, const Request &request);
    void pass_time();
    void check_open(const Endpoint &endpoint) const;

    Reply control_post(const Request &request);
    Reply control_get(const Request &request) const;
    void advance(const Value &body);
    void set_clock(const Value &body);
    std::string change_account(const Value &body);
    std::string change_row(const Value &body);
    void change_token(const Value &body);
    std::string bank_json() const;
    std::string truth_json(const Request &request) const;
    std::string totals_json() const;

    std::unique_ptr<Books> books_;
};

} // namespace sandbox::autoclient
