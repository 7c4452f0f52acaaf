// The table of HTTP statuses; see status.hpp. Source: design section 4, delivery policy. What the
// table does not name follows from its class: 2xx success, 3xx and 4xx rejected, the rest
// transient.
#include "reply/status.hpp"

#include <algorithm>
#include <array>

namespace reply
{
namespace
{

struct Row {
    int status;
    StatusClass meaning;
    bool retryable;
};

constexpr std::array<Row, 10> table{{
    {401, StatusClass::credentials,
     false}, // "401, 403, 407, certificate errors … stop the server, not the row"
    {403, StatusClass::credentials, false},
    {407, StatusClass::credentials, false},
    {408, StatusClass::transient, true}, // "unclear outcome (timeout, reset, 408/425/5xx …)"
    {425, StatusClass::transient, true},
    {429, StatusClass::not_taken, true}, // "when nothing can have been processed: … or 429"
    {500, StatusClass::transient, true}, // "retried on … 408, 425, 429, 500, 502, 503, 504"
    {502, StatusClass::transient, true},
    {503, StatusClass::transient, true},
    {504, StatusClass::transient, true},
}};

const Row *find(int status)
{
    const auto *const found =
        std::find_if(table.begin(), table.end(), [&](const Row &row) { return row.status == status; });
    return found == table.end() ? nullptr : found;
}

} // namespace

StatusClass classify(int status)
{
    if (const Row *row = find(status))
        return row->meaning;
    if (status >= 200 && status < 300)
        return StatusClass::success;
    return status >= 300 && status < 500 ? StatusClass::rejected : StatusClass::transient;
}

bool retryable(int status)
{
    const Row *row = find(status);
    return row != nullptr && row->retryable;
}

bool stops_server(int status)
{
    return classify(status) == StatusClass::credentials;
}

} // namespace reply
