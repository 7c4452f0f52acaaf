// Reading a complete HTTP reply: says what it means for the call and hands on the text that PostgreSQL's
// jsonb reads. The text is the received one (as UTF-8, repaired where wire/k2.md section 5 asks for it): no
// number ever passes through binary floating point, and what jsonb cannot hold is refused here with a clear
// text.
#pragma once

#include "http/core_only.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace reply
{

enum class Verdict {
    ok,      ///< done; `json` (or the file) is the result
    refused, ///< a well-formed "no" of the family, final, whatever the status: `code` and `text` are the
             ///< bank's
    unclear, ///< garbage, HTML, truncated, empty, contradictory, 408, 425, 5xx: may have been processed
    retry,   ///< 429: not processed, send again later (Retry-After is in the response)
    stop,    ///< 401, 403 (unless a service of Autoclient refuses by it), 407: the server must be stopped;
             ///< `text` holds the bank's words
    rejected ///< 3xx or another 4xx without a refusal of the family: repeating the same request is useless
};

/// The name of a verdict as in the enumeration.
std::string_view name(Verdict verdict);

struct Reply {
    Verdict verdict{Verdict::unclear};
    std::string
        code; ///< error_code of a refusal as written, else the HTTP status when that decided, else empty
    std::string text; ///< error_text of a refusal, else what is wrong, for people; may quote up to 200 bytes
                      ///< of the body
    std::string json; ///< valid JSON that jsonb accepts, or empty when the body holds none
    std::string mime; ///< abs_file: application/pdf or image/tiff, by magic bytes; autoclient_file: the media
                      ///< type of the header; the body is the file
    bool absent{false}; ///< ok, and the answer is the documented "there is none" (O4's HTTP 404)
};

/// Reply families (`k2bridge.endpoint.reply_family`):
///   abs       {"error_code":0,"error_text":"",…} (wire/k2.md section 1); error_code ≠ 0 is a refusal
///   abs_list  O10 in its four shapes (D30), normalised to {"all_count":N|null,"items":[…]}, empty objects
///   dropped abs_debt  O8 and O9, also without the comma between members (D27); `debt` must be a number or
///   numeric string abs_file  O4: 200 with PDF or TIFF by magic bytes (D23); 404 = no scan; 200 with a
///   refusal envelope = refused
///   autoclient  PrivatBank: JSON without one of the five error shapes (wire/autoclient.md section 1.5), or
///   204; autoclient_statement  the same, and status must be SUCCESS; autoclient_file  any other body is the
///   file json      any well-formed JSON under 2xx (own endpoints) none      2xx; the body is ignored
/// `content_type` is the whole header value (its charset counts). Throws std::invalid_argument for an unknown
/// family.
Reply read(std::string_view family, int status, std::string_view content_type, std::string_view body);

/// All family names, in the order of the table.
std::vector<std::string_view> families();

bool is_family(std::string_view name);

} // namespace reply
