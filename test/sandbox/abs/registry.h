/*
 * The ПТ (payment requests) this bank was given by O5, and what became of them by O6 and O7.
 *
 * Promises: all 18 fields of O5 are kept, the amount as the received decimal text; per reference it counts
 * how often each call arrived and how often it was processed. Source: k2.md section 3, O5 to O7 and O10.
 */
#pragma once

#include "../json_text.h"

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace sandbox::abs
{

constexpr std::array<std::string_view, 18> pt_fields = {
    "refer",        "accept_dt", "doc_num",  "doc_at",  "iinbin", "acc_fullname",
    "ben_fullname", "ben_bin",   "ben_iban", "ben_kbe", "amount", "cur",
    "knp",          "dbz_num",   "dbz_dt",   "purpose", "head",   "account"};

struct PaymentRequest {
    std::array<std::string, pt_fields.size()> values; // in the order of pt_fields; amount as received
    std::string state = "registered";                 // then recalled or returned
    std::string reason_code;
    bool listed = true; // shown by O10

    std::string &operator[](std::string_view field);
    const std::string &operator[](std::string_view field) const;

    /* The row of O10: the 18 fields, amount as a JSON number. */
    std::string row() const;
};

enum class PtCall { reg, refuse, give_back };

struct PtFilter {
    std::string ben_bin;
    std::string doc_at1;
    std::string doc_at2;
    std::string iinbin;
};

class Registry
{
public:
    void arrived(PtCall call, const std::string &refer) { ++tallies_[refer].arrived[index(call)]; }
    void processed(PtCall call, const std::string &refer) { ++tallies_[refer].processed[index(call)]; }

    /* False when the reference is known already; nothing changes then. */
    bool add(PaymentRequest request);

    /* O6 and O7: false when the ПТ is no longer open. The reference has to be known. */
    bool settle(PtCall call, const std::string &refer, const std::string &reason_code);

    PaymentRequest *find(const std::string &refer);
    bool remove(const std::string &refer);

    /* Listed ПТ that pass the filter, in the order of registration. */
    std::vector<const PaymentRequest *> list(const PtFilter &filter) const;

    /* Everything known, of one reference when `refer` is not empty. */
    std::string to_json(const std::string &refer) const;

    void clear();

private:
    struct Tally {
        std::array<std::uint64_t, 3> arrived{};
        std::array<std::uint64_t, 3> processed{};
    };

    static std::size_t index(PtCall call) { return static_cast<std::size_t>(call); }
    static void describe(JsonObject &out, const Tally &tally);

    std::map<std::string, PaymentRequest> requests_;
    std::vector<std::string> order_;
    std::map<std::string, Tally> tallies_;
};

} // namespace sandbox::abs
