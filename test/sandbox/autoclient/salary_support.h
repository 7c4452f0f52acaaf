/*
 * What the calls of the salary project share: pages and the complaints of their family.
 */
#pragma once

#include "input.h"

#include <cstddef>
#include <string>

namespace sandbox::autoclient
{

struct PageOf {
    std::size_t first = 0;
    std::size_t size = 100;

    bool holds(std::size_t index) const { return index >= first && index < first + size; }
};

/* `page` from 0 and `page-size` from 1 to 100. */
PageOf page_of(const Request &request);

void complain_salary(const std::string &name, const std::string &why);

void know_salary_parameters(const Request &request, Input::Names known);

} // namespace sandbox::autoclient
