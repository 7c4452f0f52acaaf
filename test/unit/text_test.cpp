// Charsets, header fields, multipart bodies: the readers and writers of text that take
// whatever a bank's server sends. The system's iconv is the second opinion on
// windows-1251.
#include "http/charset.hpp"
#include "http/fields.hpp"
#include "http/multipart.hpp"

#include <gtest/gtest.h>
#include <iconv.h>

#include <stdexcept>

using namespace http;

namespace
{

/// What glibc makes of one windows-1251 byte; empty when it refuses.
std::string by_iconv(char byte)
{
    static const iconv_t converter = iconv_open("UTF-8", "CP1251");
    char in[1] = {byte};
    char out[8];
    char *from = in;
    char *to = out;
    std::size_t from_left = 1;
    std::size_t to_left = sizeof out;
    if (iconv(converter, &from, &from_left, &to, &to_left) == static_cast<std::size_t>(-1))
        return {};
    return {out, sizeof out - to_left};
}

std::string error_of(const std::string &text)
{
    try {
        from_utf8(text);
    } catch (const BadText &error) {
        return error.what();
    }
    return "(none)";
}

} // namespace

TEST(Charset, Windows1251AgreesWithTheSystemsTableInBothDirections)
{
    for (int i = 0; i < 256; i++) {
        const std::string byte(1, static_cast<char>(i));
        const std::string expected = by_iconv(byte[0]);
        if (i == 0x98) {
            EXPECT_EQ(expected, "");
            EXPECT_THROW(to_utf8(byte, "text/plain; charset=windows-1251"), BadText);
            continue;
        }
        EXPECT_EQ(to_utf8(byte, "text/plain; charset=windows-1251"), expected) << i;
        EXPECT_EQ(from_utf8(expected), byte) << i;
    }
}

TEST(Charset, FindsWhatWindows1251Lacks)
{
    EXPECT_EQ(missing_in_1251(""), "");
    EXPECT_EQ(missing_in_1251("plain, їжак № 1 «€»"), "");
    EXPECT_EQ(missing_in_1251("їжак Ŧ ☃"), "Ŧ");
    EXPECT_EQ(missing_in_1251("🏦"), "🏦");
    EXPECT_EQ(missing_in_1251("ab\xC3"), "\xC3");
    EXPECT_EQ(missing_in_1251("\xC2\x98"), "\xC2\x98") << "the byte that is not assigned";
}

TEST(Charset, UnderstandsTheWaysACharsetIsDeclared)
{
    EXPECT_EQ(charset_of("application/json;charset=utf8"), "utf8");
    EXPECT_EQ(charset_of("application/json; Charset=\"Windows-1251\""), "windows-1251");
    EXPECT_EQ(charset_of("application/json"), "");
    EXPECT_EQ(charset_of("text/html; boundary=x; charset = cp1251 "), "cp1251");
    EXPECT_EQ(charset_of("; charset="), "");
    const std::string cyrillic = "\xCF\xD2"; // "ПТ" in windows-1251
    for (const char *name : {"windows-1251", "CP1251", "win-1251", "cp-1251"})
        EXPECT_EQ(to_utf8(cyrillic, std::string("application/json;charset=") + name), "ПТ") << name;
}

TEST(Charset, AnAbsentCharsetIsUtf8WhereValidElseWindows1251)
{
    EXPECT_EQ(to_utf8("ПТ", "application/json"), "ПТ");
    EXPECT_EQ(to_utf8("\xCF\xD2", "application/json"), "ПТ");
    EXPECT_EQ(to_utf8("\xCF\xD2", ""), "ПТ");
    EXPECT_EQ(to_utf8("\xEF\xBB\xBF{}", ""), "{}");
    EXPECT_EQ(to_utf8("", ""), "");
}

TEST(Charset, ADeclaredCharsetBinds)
{
    EXPECT_THROW(to_utf8("\xCF\xD2", "application/json;charset=utf-8"), BadText);
    EXPECT_EQ(to_utf8("ПТ", "application/json;charset=windows-1251"), "РџРў");
    EXPECT_THROW(to_utf8("\xCF\xD2", "application/json;charset=cp866"), BadText);
    EXPECT_EQ(to_utf8("{}", "application/json;charset=ISO-8859-1"), "{}")
        << "ASCII is the same text everywhere";
    try {
        to_utf8("ab\xFFz", "text/plain;charset=utf-8");
        FAIL();
    } catch (const BadText &error) {
        EXPECT_STREQ(error.what(), "byte 0xFF at offset 2 is not UTF-8, as the reply declares it");
    }
}

TEST(Charset, Utf8IsStrict)
{
    EXPECT_EQ(invalid_utf8("aЯ€😀"), std::string::npos);
    EXPECT_EQ(invalid_utf8("\xF4\x8F\xBF\xBF"), std::string::npos);
    for (const char *bad :
         {"a\xC0\x80", "a\xE0\x80\x80", "a\xED\xA0\x80", "a\xF4\x90\x80\x80", "a\xF5\x80\x80\x80", "a\x80",
          "a\xC3", "a\xE2\x82", "a\xF0\x9F\x98", "a\xFE", "a\xC3(", "a\xF0\x80\x80\x80"})
        EXPECT_EQ(invalid_utf8(bad), 1U) << bad;
}

TEST(Charset, NamesTheFirstCharacterThatDoesNotFit)
{
    EXPECT_EQ(error_of("Тест"), "(none)");
    EXPECT_EQ(error_of("АБә"), "character \"ә\" (U+04D9) at position 3 does not exist in windows-1251");
    EXPECT_EQ(error_of("😀"), "character \"😀\" (U+1F600) at position 1 does not exist in windows-1251");
    EXPECT_EQ(error_of("a\xFF"), "the text is not valid UTF-8 at offset 1");
}

TEST(Charset, PrintableIsOneShortValidLine)
{
    EXPECT_EQ(printable("a\r\nb\x01"), "a  b ");
    EXPECT_EQ(printable("\xCF\xD2\x98"), "ПТ?");
    EXPECT_EQ(printable("ПТПТ", 5), "ПТ...");
    EXPECT_EQ(printable("ПТПТ", 8), "ПТПТ");
    EXPECT_EQ(printable(std::string(300, 'x')).size(), 203U);
    EXPECT_EQ(printable(std::string("a\0b", 3)), "a b");
}

TEST(Fields, FileNamesInEveryForm)
{
    EXPECT_EQ(file_name("attachment; filename=\"Имяфайла.pdf\""), "Имяфайла.pdf");
    EXPECT_EQ(file_name("attachment; filename=\"\xC8\xEC\xFF.pdf\""), "Имя.pdf");
    EXPECT_EQ(file_name("attachment; filename*=UTF-8''%D0%98%D0%BC%D1%8F.pdf; filename=\"a.pdf\""),
              "Имя.pdf");
    EXPECT_EQ(file_name("attachment; filename=\"a.pdf\"; filename*=windows-1251'ru'%C8%EC%FF.pdf"),
              "Имя.pdf");
    EXPECT_EQ(file_name("attachment; filename*=iso-8859-1'en'%A3.pdf"), "£.pdf");
    EXPECT_EQ(file_name("attachment; filename*=UTF-8''%FF.pdf; filename=b.pdf"), "b.pdf");
    EXPECT_EQ(file_name("attachment; filename*=broken; filename=b.pdf"), "b.pdf");
    EXPECT_EQ(file_name("attachment; filename=Имя файла.pdf; size=1"), "Имя файла.pdf");
    EXPECT_EQ(file_name("attachment; FileName = \"АО \\\"Рога\\\"; копыта.pdf\""), "АО \"Рога\"; копыта.pdf");
    EXPECT_EQ(file_name("attachment; filename=\"open.pdf"), "open.pdf");
    EXPECT_EQ(file_name("filename=x.pdf"), "x.pdf");
    EXPECT_EQ(file_name("attachment"), "");
    EXPECT_EQ(file_name(""), "");
}

TEST(Fields, FileNamesAreMadeHarmless)
{
    EXPECT_EQ(file_name("attachment; filename=\"../../etc/passwd\""), "passwd");
    EXPECT_EQ(file_name("attachment; filename=\"C:\\scans\\a.pdf\""), "a.pdf");
    EXPECT_EQ(file_name("attachment; filename*=UTF-8''%2e%2e%2fa.pdf"), "a.pdf");
    EXPECT_EQ(file_name("attachment; filename*=UTF-8''a%00%0d%0ab.pdf"), "a   b.pdf");
    EXPECT_EQ(file_name("attachment; filename=\"..\""), "");
    EXPECT_EQ(file_name("attachment; filename=\"a/\""), "");
    std::string many;
    for (int i = 0; i < 300; i++)
        many += "Я";
    const std::string cut = file_name("attachment; filename=\"" + many + "\"");
    EXPECT_EQ(cut.size(), 254U);
    EXPECT_EQ(invalid_utf8(cut), std::string::npos);
}

TEST(Fields, WordsOfAList)
{
    for (const char *field : {"close", "Close", " close ", "keep-alive, close", "close\t,TE", ",,close,"})
        EXPECT_TRUE(lists(field, "close")) << field;
    for (const char *field : {"", " ", ",", "keep-alive", "closed", "clos", "close;x", "\"close\""})
        EXPECT_FALSE(lists(field, "close")) << field;
}

TEST(Fields, RetryAfterInBothForms)
{
    using std::chrono::seconds;
    EXPECT_EQ(retry_after("120", ""), seconds(120));
    EXPECT_EQ(retry_after(" 0 ", ""), seconds(0));
    EXPECT_EQ(retry_after("99999999999999999999", ""), seconds(365L * 24 * 3600));
    const char *date = "Sun, 06 Nov 1994 08:49:37 GMT";
    EXPECT_EQ(retry_after("Sun, 06 Nov 1994 08:50:37 GMT", date), seconds(60));
    EXPECT_EQ(retry_after("Sunday, 06-Nov-94 08:50:37 GMT", date), seconds(60));
    EXPECT_EQ(retry_after("Sun, 06 Nov 1994 08:00:00 GMT", date), seconds(0));
    EXPECT_EQ(retry_after("Sun, 06 Nov 1994 08:00:00 GMT", ""), seconds(0)) << "long ago by our clock";
    for (const char *bad : {"", "soon", "-5", "1.5", "12 s"})
        EXPECT_FALSE(retry_after(bad, "").has_value()) << bad;
}

TEST(Multipart, FramesThePartsAndEscapesNames)
{
    const Multipart form = multipart(
        {{"file", "Ведомость \"1\".pdf", "application/pdf", "%PDF\r\n--x"}, {"na\r\nme", "", "", "value"}});
    ASSERT_TRUE(form.content_type.starts_with("multipart/form-data; boundary="));
    const std::string boundary = form.content_type.substr(form.content_type.find('=') + 1);
    EXPECT_EQ(form.body,
              "--" + boundary +
                  "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"Ведомость %221%22.pdf\"\r\n"
                  "Content-Type: application/pdf\r\n\r\n%PDF\r\n--x\r\n--" +
                  boundary + "\r\nContent-Disposition: form-data; name=\"na%0D%0Ame\"\r\n\r\nvalue\r\n--" +
                  boundary + "--\r\n");
    EXPECT_NE(multipart({}).content_type, form.content_type) << "every body has its own boundary";
    EXPECT_THROW(multipart({{"a", "", "text/plain\r\nX: 1", ""}}), std::invalid_argument);
}
