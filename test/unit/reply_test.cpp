// Reply families: what every answer of the ABS means, documented or not, what
// text is handed on to jsonb byte for byte, and what is refused because jsonb
// could not hold it.
#include "reply/read.hpp"
#include "reply/status.hpp"

#include <gtest/gtest.h>
#include <jansson.h>

#include <stdexcept>

using namespace reply;

namespace
{

constexpr const char *media = "application/json";

Reply abs(std::string_view body, int status = 200)
{
    return read("abs", status, media, body);
}
Reply list(std::string_view body)
{
    return read("abs_list", 200, media, body);
}
Reply debt(std::string_view body)
{
    return read("abs_debt", 200, media, body);
}
Reply file(std::string_view body, int status = 200)
{
    return read("abs_file", status, "application/pdf", body);
}

} // namespace

TEST(Status, TheTableHoldsTheDeliveryPolicy)
{
    for (int status = 100; status < 600; status++) {
        const bool retry = status == 408 || status == 425 || status == 429 || status == 500 ||
                           status == 502 || status == 503 || status == 504;
        EXPECT_EQ(retryable(status), retry) << status;
        EXPECT_EQ(stops_server(status), status == 401 || status == 403 || status == 407) << status;
    }
    EXPECT_EQ(classify(201), StatusClass::success);
    EXPECT_EQ(classify(302), StatusClass::rejected);
    EXPECT_EQ(classify(404), StatusClass::rejected);
    EXPECT_EQ(classify(501), StatusClass::transient);
    EXPECT_EQ(classify(0), StatusClass::transient);
}

TEST(Abs, ZeroIsOkAndKeepsTheTextByteForByte)
{
    const std::string body =
        R"({"error_text":"","error_code":0,"debt":86429.87,"x":[0.10,99999999999999.99,1e2]})";
    const Reply reply = abs(body);
    EXPECT_EQ(reply.verdict, Verdict::ok);
    EXPECT_EQ(reply.json, body);
    EXPECT_EQ(reply.code, "");
    for (const char *zero : {"0", "\"0\"", "0.0", "-0", "\"00\"", "0e5"})
        EXPECT_EQ(abs(std::string(R"({"error_code":)") + zero + "}").verdict, Verdict::ok) << zero;
}

TEST(Abs, AnythingElseIsARefusalWithCodeAndText)
{
    const std::string body = R"({ "error_code": 13, "error_text": "Неверная длина ИИН", "errors":[] })";
    for (const int status : {200, 400, 404, 422, 500, 502, 503}) {
        const Reply reply = abs(body, status);
        EXPECT_EQ(reply.verdict, Verdict::refused) << status;
        EXPECT_EQ(reply.code, "13");
        EXPECT_EQ(reply.text, "Неверная длина ИИН");
        EXPECT_EQ(reply.json, body);
    }
    EXPECT_EQ(abs(R"({"error_code":"E-7","error_text":null})").code, "E-7");
    EXPECT_EQ(abs(R"({"error_code":"E-7","error_text":null})").text, "refused with code E-7 and no text");
    EXPECT_EQ(abs(R"({"error_code":99999999999999999999})").code, "99999999999999999999");
    EXPECT_EQ(abs(R"({"error_code":0,"error_code":5,"error_text":"\u041F\u0422"})").text, "ПТ")
        << "the last one counts";
    EXPECT_EQ(abs(R"({"error\u005fcode":5})").verdict, Verdict::refused);
}

TEST(Abs, ARefusalUnder408IsStillUnclear)
{
    for (const int status : {408, 425}) {
        const Reply reply = abs(R"({"error_code":13})", status);
        EXPECT_EQ(reply.verdict, Verdict::unclear);
        EXPECT_EQ(reply.code, std::to_string(status));
    }
}

TEST(Abs, WhatIsNoAnswerIsUnclear)
{
    for (const char *body :
         {"", " ", "<html><body>ok</body></html>", "ASYNC OK", "{", R"({"error_code":0)", "[]", "null", "0",
          R"({"error_code":null})", R"({"error_code":true})", R"({"error_code":[]})", R"({"error_code":""})",
          R"({"result":"ok"})", "{}", R"({"error_code":0}x)", R"({"error_code":0,})", R"({'error_code':0})",
          R"({"error_code":00})"}) {
        const Reply reply = abs(body);
        EXPECT_EQ(reply.verdict, Verdict::unclear) << body;
        EXPECT_NE(reply.text, "") << body;
    }
    EXPECT_EQ(abs("<html><title>Вход</title>\n<b>Login</b>").text,
              "the reply is not JSON: a value expected at byte 0; it begins with: Вход Login");
    EXPECT_EQ(abs(R"({"error_code":0})", 500).verdict, Verdict::unclear) << "contradictory";
}

TEST(Abs, TheStatusDecidesWhereTheBodySaysNothing)
{
    const std::string html = "<html><head><title>502 Bad Gateway</title></head></html>";
    EXPECT_EQ(abs(html, 502).verdict, Verdict::unclear);
    EXPECT_EQ(abs(html, 502).code, "502");
    EXPECT_EQ(abs(html, 502).text, "HTTP 502: 502 Bad Gateway");
    EXPECT_EQ(abs("", 404).verdict, Verdict::rejected);
    EXPECT_EQ(abs("", 404).text, "HTTP 404");
    EXPECT_EQ(abs("", 302).verdict, Verdict::rejected);
    EXPECT_EQ(abs(R"({"error_code":5})", 429).verdict, Verdict::retry);
    for (const int status : {401, 403, 407}) {
        const Reply reply = abs(R"({"error_code":5,"error_text":"Токен истёк"})", status);
        EXPECT_EQ(reply.verdict, Verdict::stop);
        EXPECT_NE(reply.text.find("Токен истёк"), std::string::npos);
    }
}

TEST(Abs, TheCharsetOfTheReplyCounts)
{
    const std::string windows = "{\"error_code\":1,\"error_text\":\"\xCF\xD2\"}";
    EXPECT_EQ(read("abs", 200, "application/json", windows).text, "ПТ");
    EXPECT_EQ(read("abs", 200, "application/json;charset=windows-1251", windows).json,
              "{\"error_code\":1,\"error_text\":\"ПТ\"}");
    const Reply wrong = read("abs", 200, "application/json;charset=utf-8", windows);
    EXPECT_EQ(wrong.verdict, Verdict::unclear);
    EXPECT_NE(wrong.text.find("0xCF at offset 30"), std::string::npos) << wrong.text;
}

TEST(Abs, WhatJsonbCannotHoldIsUnclear)
{
    const auto with = [](const std::string &value) { return abs(R"({"error_code":0,"x":)" + value + "}"); };
    for (const char *value : {R"("\u0000")", R"("\ud800")", R"("\udc00")", R"("\ud800\u0041")",
                              R"("\ud800x")", "1e131073", "1e-16384", "1e999999999999", "0.1e-16383"}) {
        EXPECT_EQ(with(value).verdict, Verdict::unclear) << value;
        EXPECT_EQ(with(value).json, "") << value;
    }
    for (const char *value : {R"("\ud83d\ude00")", R"("\u0001")", "1e131000", "1e-16383", "-0.0"})
        EXPECT_EQ(with(value).verdict, Verdict::ok) << value;
    EXPECT_EQ(with(std::string("\"a\tb\"")).verdict, Verdict::unclear);
    EXPECT_EQ(with(std::string("\"a\0b\"", 5)).verdict, Verdict::unclear);
    const std::string deep = std::string(999, '[') + std::string(999, ']');
    EXPECT_EQ(with(deep).verdict, Verdict::ok);
    EXPECT_EQ(with("[" + deep + "]").verdict, Verdict::unclear);
    EXPECT_EQ(with(std::string(5'000'000, '[')).verdict, Verdict::unclear);
    EXPECT_NE(with(R"("\u0000")").text.find("\\u0000, which cannot be stored, at byte"), std::string::npos);
}

TEST(AbsList, TheFourShapesGiveOneResult)
{
    const std::string row = R"({"refer":"PTP0000000000001","amount":99999999999999.99})";
    const std::string expected = R"({"all_count":1000,"items":[)" + row + "]}";
    for (const std::string &body :
         {R"({"error_code":0,"error_text":"","all_count":1000,"items":[)" + row + "]}",
          R"([{"all_count":1000},)" + row + ",{}]", "[\n\"all_count\":1000,\n" + row + ",\n{\n},\n{ }\n]",
          R"({"all_count":"1000","items":[)" + row + ",{ }]}"}) {
        const Reply reply = list(body);
        EXPECT_EQ(reply.verdict, Verdict::ok) << body << reply.text;
        EXPECT_EQ(reply.json, expected);
    }
    EXPECT_EQ(list("[" + row + "]").json, R"({"all_count":null,"items":[)" + row + "]}");
    EXPECT_EQ(list("[]").json, R"({"all_count":null,"items":[]})");
    EXPECT_EQ(list("[\"all_count\":0]").json, R"({"all_count":0,"items":[]})");
    EXPECT_EQ(list(R"([{"all_count":0}])").json, R"({"all_count":0,"items":[]})");
}

TEST(AbsList, RefusalsAndNonsense)
{
    EXPECT_EQ(list(R"({"error_code":7,"error_text":"Service already started"})").verdict, Verdict::refused);
    EXPECT_EQ(list(R"(["error_code":7,"error_text":"нет",{}])").text, "нет");
    EXPECT_EQ(list(R"(["error_code":7])").json, "") << "jsonb could not hold it";
    for (const char *body :
         {R"({"error_code":0})", R"({"items":{}})", R"({"items":[1]})", "[null]", "[[]]",
          R"({"all_count":"many","items":[]})", R"({"all_count":[],"items":[]})", "[{},\"all_count\":1]",
          R"(["all_count":1 {}])", "[{]", "", R"(["all_count":1]x)"})
        EXPECT_EQ(list(body).verdict, Verdict::unclear) << body;
}

TEST(AbsDebt, IsReadWithAndWithoutTheComma)
{
    EXPECT_EQ(debt(R"({ "error_text":"", "error_code":0 "debt":86429.87 })").json,
              R"({ "error_text":"", "error_code":0, "debt":86429.87 })");
    EXPECT_EQ(debt("{\"error_code\":0\n\"error_text\":\"\"\n\"debt\":0.10}").json,
              "{\"error_code\":0,\n\"error_text\":\"\",\n\"debt\":0.10}");
    EXPECT_EQ(debt(R"({"error_code":0,"debt":"100000.00"})").verdict, Verdict::ok);
    EXPECT_EQ(debt(R"({"error_code":0,"debt":-5})").verdict, Verdict::ok);
    const Reply refused = debt(R"({"error_code":4 "error_text":"нет договора"})");
    EXPECT_EQ(refused.verdict, Verdict::refused);
    EXPECT_EQ(refused.json, R"({"error_code":4, "error_text":"нет договора"})");
    for (const char *body :
         {R"({"error_code":0})", R"({"error_code":0,"debt":null})", R"({"error_code":0,"debt":""})",
          R"({"error_code":0,"debt":"1 000"})", R"({"error_code":0,"debt":" 1"})",
          R"({"error_code":0,"debt":"1]"})", R"({"error_code":0 debt:1})", R"({"debt":1})",
          R"({"error_code":0,"debt":1,})", R"({"error_code":0,"debt":{"a":1 "b":2}})"})
        EXPECT_EQ(debt(body).verdict, Verdict::unclear) << body;
    EXPECT_EQ(abs(R"({"error_code":0 "debt":1})").verdict, Verdict::unclear) << "other replies must be JSON";
}

TEST(AbsFile, IsKnownByItsMagicBytes)
{
    EXPECT_EQ(file("%PDF-1.4\n\xFF").mime, "application/pdf");
    EXPECT_EQ(file(std::string_view("II*\0\xFF", 5)).mime, "image/tiff");
    EXPECT_EQ(file(std::string_view("MM\0*\xFF", 5)).mime, "image/tiff");
    EXPECT_EQ(file("%PDF-1.4").verdict, Verdict::ok);
    const Reply none = file("<html>not found</html>", 404);
    EXPECT_EQ(none.verdict, Verdict::ok);
    EXPECT_TRUE(none.absent);
    EXPECT_EQ(none.mime, "");
    EXPECT_EQ(file(R"({"error_code":1,"error_text":"Нет сканов ДБЗ"})").verdict, Verdict::refused);
    EXPECT_EQ(file(R"({"error_code":1,"error_text":"x"})", 500).verdict, Verdict::refused);
    for (const char *body : {"", "<html>", "hello %PDF", R"({"error_code":0})", "[]", "PK\x03\x04", "II*"})
        EXPECT_EQ(file(body).verdict, Verdict::unclear) << body;
    EXPECT_TRUE(file("<html>").text.starts_with("the reply is neither PDF nor TIFF"));
    EXPECT_TRUE(file(R"({"error_code":0})").text.starts_with("the reply is neither PDF nor TIFF"));
    EXPECT_EQ(file("%PDF-1.4", 500).verdict, Verdict::unclear);
    EXPECT_EQ(file("%PDF-1.4", 206).verdict, Verdict::unclear);
}

TEST(OwnEndpoints, JsonAndNone)
{
    EXPECT_EQ(read("json", 201, media, " [1.10] ").json, " [1.10] ");
    EXPECT_EQ(read("json", 200, media, "1").verdict, Verdict::ok);
    EXPECT_TRUE(read("json", 204, "", "").absent);
    EXPECT_EQ(read("json", 200, media, "").verdict, Verdict::unclear);
    EXPECT_EQ(read("json", 422, media, R"({"why":1})").verdict, Verdict::rejected);
    EXPECT_EQ(read("json", 422, media, R"({"why":1})").json, R"({"why":1})");
    EXPECT_EQ(read("json", 503, media, "{}").verdict, Verdict::unclear);
    EXPECT_EQ(read("none", 200, "", "\xFF\xFE garbage").verdict, Verdict::ok);
    EXPECT_EQ(read("none", 500, "", "").verdict, Verdict::unclear);
    EXPECT_EQ(read("none", 401, "", "").verdict, Verdict::stop);
}

TEST(Families, AreNamedInOneTable)
{
    for (const std::string_view name : families())
        EXPECT_TRUE(is_family(name));
    EXPECT_EQ(families().size(), 9U);
    EXPECT_FALSE(is_family("abs "));
    EXPECT_THROW(read("soap", 200, "", ""), std::invalid_argument);
}

TEST(OwnEndpoints, AgreeWithJanssonOnWhatIsJson)
{
    for (const char *body : {"{\"a\":[1,2,{\"b\":null}],\"c\":\"\\n\\u00e9\"}",
                             "[1,]",
                             "[,1]",
                             "{\"a\"}",
                             "{\"a\":}",
                             "-",
                             "-1",
                             "01",
                             "1.",
                             ".5",
                             "1e",
                             "1e+5",
                             "+1",
                             "tru",
                             "true",
                             "nul",
                             "\"\\x\"",
                             "\"\\u12\"",
                             "[1 2]",
                             "{} {}",
                             "\"a",
                             "{\"a\":1,\"a\":2}",
                             "\xC2\xA0[]",
                             "[1]\f"}) {
        json_t *value = json_loads(body, JSON_DECODE_ANY, nullptr);
        EXPECT_EQ(read("json", 200, media, body).verdict == Verdict::ok, value != nullptr) << body;
        json_decref(value);
    }
}
