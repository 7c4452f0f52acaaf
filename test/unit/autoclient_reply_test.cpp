// The families of Autoclient: the five shapes of a "no" (wire/autoclient.md section 1.5) under every family,
// what is a gateway's trouble rather than a refusal, statements without SUCCESS, empty and binary replies.
#include "reply/read.hpp"

#include <gtest/gtest.h>

using namespace reply;

namespace
{

struct Shape {
    int status;
    const char *body;
    const char *code;
    const char *text;
};

const Shape shapes[] = {
    {400,
     R"({"status":"ERROR","code":"400","message":"invalid document number","requestId":"20240223_131617_286f","serviceCode":"PMTSRV0112"})",
     "PMTSRV0112", "invalid document number"},
    {400, R"({"status":"ERROR","code":400,"message":"bad","requestId":"1"})", "400", "bad"},
    {200,
     R"({"status":"ERROR","code":"VE005","message":"Помилка","details":{"descr":"Incorrect: {0}","arguments":["asac"],"additionalInfo":"desc or asc"}})",
     "VE005", "Помилка; Incorrect: {0}; desc or asc"},
    {200, R"({"result":"error","error_message":"Немає файлу"})", "error", "Немає файлу"},
    {400,
     R"({"status":"err","error":{"system":"maspay","code":"V_BAD_PARAM","args":["from",1],"ref":"39278f1a"}})",
     "maspay:V_BAD_PARAM", "maspay:V_BAD_PARAM: from, 1, ref 39278f1a"},
    {422, R"({"status":"ERROR","code":"422","message":"Табель","serviceCode":"TABNUM_NOT_PROJECT"})",
     "TABNUM_NOT_PROJECT", "Табель"},
};

constexpr const char *media = "application/json";

} // namespace

TEST(Autoclient, EveryShapeOfARefusalIsReadUnderEveryFamily)
{
    for (const char *family : {"autoclient", "autoclient_statement", "autoclient_file"})
        for (const Shape &shape : shapes) {
            const Reply reply = read(family, shape.status, media, shape.body);
            EXPECT_EQ(reply.verdict, Verdict::refused) << family << shape.body;
            EXPECT_EQ(reply.code, shape.code);
            EXPECT_EQ(reply.text, shape.text);
            EXPECT_EQ(reply.json, shape.body);
        }
}

TEST(Autoclient, AGatewaysTroubleIsNoRefusal)
{
    for (const int status : {500, 502, 503, 504}) {
        const std::string code = std::to_string(status);
        const std::string own =
            R"({"status":"ERROR","code":")" + code + R"(","message":"temporarily unavailable"})";
        EXPECT_EQ(read("autoclient", status, media, own).verdict, Verdict::unclear) << status;
        const std::string service =
            R"({"status":"ERROR","code":")" + code + R"(","serviceCode":"PMTSRV0000"})";
        EXPECT_EQ(read("autoclient", status, media, service).verdict, Verdict::refused) << status;
    }
    EXPECT_EQ(read("autoclient", 408, media, shapes[0].body).verdict, Verdict::unclear);
    const char *off = R"({"status":"ERROR","code":"403","message":"The application is switched off"})";
    EXPECT_EQ(read("autoclient", 403, media, off).verdict, Verdict::stop);
    EXPECT_EQ(read("autoclient", 403, media, shapes[2].body).verdict, Verdict::refused);
    EXPECT_EQ(read("abs", 403, media, R"({"error_code":5,"error_text":"no"})").verdict, Verdict::stop);
    EXPECT_EQ(read("autoclient", 401, media, shapes[1].body).verdict, Verdict::stop);
    EXPECT_EQ(read("autoclient", 429, media, shapes[1].body).verdict, Verdict::retry);
    EXPECT_EQ(read("autoclient", 416, media, "{}").verdict, Verdict::rejected);
    EXPECT_EQ(read("autoclient", 200, media, "<html>maintenance</html>").verdict, Verdict::unclear);
    EXPECT_EQ(read("autoclient", 200, media, R"({"status":"SUC)").verdict, Verdict::unclear);
}

TEST(Autoclient, StatementsNeedSuccess)
{
    const std::string good = R"({"status":"SUCCESS","type":"settings","settings":{}})";
    EXPECT_EQ(read("autoclient_statement", 200, media, good).json, good);
    const Reply other = read("autoclient_statement", 200, media, R"({"status":"WAIT","error":"later"})");
    EXPECT_EQ(other.verdict, Verdict::refused);
    EXPECT_EQ(other.code, "WAIT");
    EXPECT_EQ(other.text, "later");
    EXPECT_EQ(read("autoclient_statement", 200, media, "{}").verdict, Verdict::unclear);
}

TEST(Autoclient, OtherAnswersAreAccepted)
{
    for (const char *body :
         {R"({"STATUS":"SUCCESS","id":"1"})", R"({"status":"success"})", R"({"reference":"p","status":"N"})",
          R"({"result":"success","documents":[]})", "[]", R"([{"type":"SALARY","rko":0.05}])"})
        EXPECT_EQ(read("autoclient", 200, media, body).verdict, Verdict::ok) << body;
    EXPECT_EQ(read("autoclient", 201, media, R"({"payment_ref":"1"})").verdict, Verdict::ok);
    EXPECT_TRUE(read("autoclient", 204, media, "").absent);
    EXPECT_EQ(read("autoclient", 200, media, "").verdict, Verdict::unclear);
}

TEST(Autoclient, WithoutCharsetTextIsWindows1251)
{
    const Reply reply = read("autoclient", 200, media, "{\"name\":\"\xcf\xd2\"}");
    EXPECT_EQ(reply.json, R"({"name":"ПТ"})");
}

TEST(Autoclient, AFileIsWhatIsNoRefusal)
{
    const Reply pdf = read("autoclient_file", 200, "application/octet-stream", "%PDF-1.4");
    EXPECT_EQ(pdf.verdict, Verdict::ok);
    EXPECT_EQ(pdf.mime, "application/octet-stream");
    EXPECT_EQ(read("autoclient_file", 200, "", "<xml/>").mime, "application/octet-stream");
    EXPECT_EQ(read("autoclient_file", 200, "text/xml; charset=utf-8", "<xml/>").mime, "text/xml");
    EXPECT_EQ(read("autoclient_file", 200, "application/octet-stream", shapes[2].body).verdict,
              Verdict::refused);
    EXPECT_EQ(read("autoclient_file", 200, media, "{}").verdict, Verdict::unclear);
    EXPECT_EQ(read("autoclient_file", 200, "application/pdf", "").verdict, Verdict::unclear);
}
