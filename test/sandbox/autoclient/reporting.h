/*
 * Electronic reporting (eo): reports handed in as files.
 *
 * Promises: a report is kept byte for byte; its external id is its file name; errors are of the eo family.
 * Source: autoclient.md section 7.
 */
#pragma once

#include "input.h"
#include "model.h"

#include <string>
#include <vector>

namespace sandbox::autoclient
{

class Reporting
{
public:
    explicit Reporting(const Model &model) : model_(model) {}

    Reply create(const Caller &caller, bool base64);
    std::string to_json() const;

private:
    struct Report {
        std::uint64_t id = 0;
        std::uint32_t company = 0;
        std::string name;
        std::string content;
    };

    const Model &model_;
    std::vector<Report> reports_;
    std::uint64_t last_ = 0;
};

} // namespace sandbox::autoclient
