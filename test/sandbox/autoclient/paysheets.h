/*
 * Pay-sheets: two files are uploaded, then saved; the journal lists what was saved.
 *
 * Promises: replies are JSON in UTF-8 and say so; save-files without an upload before it is refused.
 * Errors are of the pay-sheets family. Source: autoclient.md section 9.
 */
#pragma once

#include "input.h"
#include "model.h"

#include <map>
#include <string>
#include <vector>

namespace sandbox::autoclient
{

class Paysheets
{
public:
    explicit Paysheets(const Model &model) : model_(model) {}

    Reply journal(const Caller &caller) const;
    Reply upload(const Caller &caller, const Request &request);
    Reply save(const Caller &caller);

    std::string to_json() const;

private:
    struct Sheet {
        std::uint32_t company = 0;
        std::string project;
        std::string month;
        std::string paysheet;
        std::string catalog;
        Day day = 0;
    };

    std::string rows_json(const Sheet &sheet) const;

    const Model &model_;
    std::map<std::uint32_t, Sheet> uploaded_; // by company, waiting to be saved
    std::vector<Sheet> saved_;
    std::uint64_t uploads_ = 0;
};

} // namespace sandbox::autoclient
