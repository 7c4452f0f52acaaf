// What the readers of reply families share; private to this room. A
// new family is a function of type Reader and a row of the table in
// read.cpp.
#pragma once

#include "http/core_only.hpp"
#include "reply/json_text.hpp"
#include "reply/read.hpp"
#include "reply/status.hpp"

#include <string>
#include <string_view>

namespace reply
{

/// A reply whose status is none of 401, 403, 407, 429: those are settled before the family is asked.
struct Input {
    int status;
    StatusClass meaning;
    std::string_view content_type;
    std::string_view body;
};

using Reader = Reply (*)(const Input &);

Reply read_abs(const Input &input);
Reply read_abs_list(const Input &input);
Reply read_abs_debt(const Input &input);
Reply read_abs_file(const Input &input);
Reply read_autoclient(const Input &input);
Reply read_autoclient_statement(const Input &input);
Reply read_autoclient_file(const Input &input);
Reply read_json(const Input &input);
Reply read_none(const Input &input);

/// The verdict that the status alone gives when the body holds no answer of the family; `why` says what is
/// wrong with the body. 2xx, 408, 425 and 5xx are unclear, 3xx and other 4xx rejected.
Reply without_answer(const Input &input, const std::string &why);

/// The beginning of a body for people: one line, markup removed, at most 200 bytes; "" when it has no words.
std::string excerpt(std::string_view body);

/// The body as UTF-8 JSON text, scanned. Throws http::BadText and BadJson.
struct Text {
    std::string text;
    Document document; ///< slices of `text`
    Text(const Input &input, Tolerance tolerance);
    Text(const Text &) = delete;
    Text &operator=(const Text &) = delete;
};

} // namespace reply
