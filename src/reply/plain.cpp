// The families of own endpoints: json and none; see read.hpp. They know no
// refusal: the status says whether the call succeeded, and json hands on
// whatever document came.
#include "http/charset.hpp"
#include "reply/family.hpp"

namespace reply
{

Reply read_json(const Input &input)
{
    if (input.meaning != StatusClass::success)
        return without_answer(input, "");
    Reply reply;
    if (input.status == 204) {
        reply.verdict = Verdict::ok;
        reply.absent = true;
        return reply;
    }
    try {
        reply.json = Text(input, Tolerance::none).text;
        reply.verdict = Verdict::ok;
        return reply;
    } catch (const http::BadText &error) {
        return without_answer(input, std::string("the reply is not text: ") + error.what());
    } catch (const BadJson &error) {
        return without_answer(input, std::string("the reply is not JSON: ") + error.what());
    }
}

Reply read_none(const Input &input)
{
    if (input.meaning != StatusClass::success)
        return without_answer(input, "");
    Reply reply;
    reply.verdict = Verdict::ok;
    return reply;
}

} // namespace reply
