/*
 * What this bank knows of clients, accounts, statements, debts and scans: derived from the parameters,
 * so that the same question gets the same answer in every run, unless a test has overridden it.
 *
 * Promises: amounts are decimal texts; every name, IIN and account number is synthetic. Documented endings
 * (README, "Derived data") give the negative answers without any override.
 */
#pragma once

#include "../json_text.h"

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace sandbox::abs
{

struct ScanChoice {
    std::string kind = "pdf"; // pdf, tiff (little endian), tiff_be (big endian) or none
    std::string name;         // file name, derived when empty
    std::size_t bytes = 0;    // at least so long
};

/* Shapes of replies that the source document leaves open or prints wrongly (k2.md D27, D30, A6). */
struct Shapes {
    std::string list = "canonical"; // canonical, marker, array, printed
    bool debt_printed = false;
    bool count_unfiltered = false;
};

class Data
{
public:
    /* The whole reply of O1; nothing when the client is unknown. */
    std::optional<std::string> client(const std::string &iinbin) const;

    /* The arrays of O2 and O3. A key is "colvir:<dep_id>:<id>" or the IBAN. */
    std::string accounts(const std::string &iinbin) const;
    std::string statement(const std::string &key) const;

    /* The debt of O8 ("colvir:<dep_id>:<id>") or O9 (contract number); nothing when there is no such
     * contract. */
    std::optional<std::string> debt(const std::string &key) const;

    ScanChoice scan(const std::string &iinbin) const;
    const Shapes &shapes() const { return shapes_; }

    /* Takes overrides over; a member set to null forgets (debts and clients: becomes unknown). Throws Refused
     * 400. */
    void load(const Value &document);

private:
    using Overrides = std::map<std::string, std::string, std::less<>>;

    void load_shapes(const Value &object);
    static void load_map(Overrides &target, const Value &object, std::string_view section);

    Overrides clients_;
    Overrides accounts_;
    Overrides statements_;
    Overrides debts_;
    std::map<std::string, ScanChoice, std::less<>> scans_;
    Shapes shapes_;
};

/* A KZ account number with valid check digits, derived from `seed` (k2.md 8.4). */
std::string synthetic_iban(std::string_view seed);

} // namespace sandbox::abs
