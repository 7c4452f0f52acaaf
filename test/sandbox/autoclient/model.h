/*
 * Who and what this bank serves: companies, their accounts, the tokens that open them, and the settings
 * from which statements are derived.
 *
 * Promises: plain data; made from a configuration document (README, "The Autoclient bank") or the default
 * one; every name, code and account number is synthetic. Source: autoclient.md sections 1.1, 2.2 and 3.
 */
#pragma once

#include "clock.h"

#include "../json_text.h"

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace sandbox::autoclient
{

struct Account {
    std::uint32_t index = 0; // its place in Model::accounts
    std::uint32_t company = 0;
    std::string currency;
    std::string iban;
    std::string number; // the old number: the last 14 digits of the IBAN
    std::string name;
    Day opened = 0;
    std::optional<Day> closed;
    Amount start = 0;      // balance before its first day
    std::string own_side;  // the members AUT_MY_* of a statement row, as JSON text
    std::int64_t rows = 0; // rows per operational day

    bool active(Day day) const { return opened <= day && (!closed || day <= *closed); }
};

struct Company {
    std::string id; // client id of group mode
    std::string code;
    std::string name;
    int signatures = 1; // levels a payment needs
};

struct Token {
    std::string name; // shown in the log instead of the secret
    std::string secret;
    std::optional<std::uint32_t> company; // none: a group token
    std::string app_id;                   // not empty: the old pair, header `id` has to be this
    bool enabled = true;
    int level = 1;                                // which signature it may give
    std::optional<std::set<std::string>> allowed; // service groups, none: all
};

/* Choices where the wire document leaves the bank free. */
struct Habits {
    std::uint64_t seed = 1;
    bool vary = true;              // different numbers of rows on different days
    bool oddities = true;          // rows that change, vanish or appear; own transfers; nulls
    bool quiet_day_rows = true;    // a balance row also for days without movement
    bool declared_charset = false; // the reply's Content-Type names the charset
    bool payment_data = true;      // the answer to a created payment carries the document
    bool duplicates = true;        // payments are checked for duplicates
    std::string group_id = "any";  // where the client id of group mode is looked for: any, query, header
    std::string leftover = "auto"; // next_page_id of a last page: filled, null, absent or any of them
};

struct Model {
    std::vector<Company> companies;
    std::vector<Account> accounts;
    std::vector<Token> tokens;
    Habits habits;
    Clock clock;

    const Account *account(std::string_view number_or_iban) const;
    Account &open_account(std::uint32_t company, const std::string &currency, Day opened, std::int64_t rows);

    /* The company with this client id, or nothing. */
    std::optional<std::uint32_t> company(std::string_view id) const;
};

/* The bank a configuration document describes; what it does not name is as by default. Throws Refused 400. */
Model make_model(const Value &configuration);

/* A number that depends on nothing but its arguments, well mixed. */
std::uint64_t mixed(std::uint64_t seed, std::uint64_t a, std::uint64_t b = 0, std::uint64_t c = 0);

} // namespace sandbox::autoclient
