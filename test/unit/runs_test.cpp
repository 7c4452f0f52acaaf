// What reads text eight bytes at a time, against reading it byte by byte, with every byte at every place of a
// word.
#include "http/charset.hpp"
#include "http/runs.hpp"
#include "reply/json_text.hpp"
#include "reply/json_walk.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <string>

namespace
{

constexpr std::size_t places = 26; // three words and a rest

/// Tries `check` with texts of the filler in which one byte stands at one place.
void at_every_place(char filler,
                    const std::function<void(const std::string &, std::size_t, unsigned char)> &check)
{
    for (std::size_t place = 0; place < places; place++)
        for (int byte = 0; byte < 256; byte++) {
            std::string text(places, filler);
            text[place] = static_cast<char>(byte);
            check(text, place, static_cast<unsigned char>(byte));
        }
}

bool is_plain(unsigned char byte)
{
    return byte != '"' && byte != '\\' && byte >= 0x20;
}

bool valid(const std::string &json)
{
    try {
        reply::scan(json);
        return true;
    } catch (const reply::BadJson &) {
        return false;
    }
}

} // namespace

TEST(Runs, EndAtTheFirstByteThatIsNotOfThem)
{
    for (const char filler : {'a', ' ', '\x7F', '!', '#', '['})
        at_every_place(filler, [](const std::string &text, std::size_t place, unsigned char byte) {
            EXPECT_EQ(http::skip_ascii(text, 0), byte < 0x80 ? text.size() : place) << int(byte);
            EXPECT_EQ(http::skip_plain(text, 0), is_plain(byte) ? text.size() : place) << int(byte);
            EXPECT_EQ(http::skip_plain(text, place), is_plain(byte) ? text.size() : place) << int(byte);
        });
    at_every_place('\xD0', [](const std::string &text, std::size_t place, unsigned char byte) {
        EXPECT_EQ(http::skip_plain(text, 0), is_plain(byte) ? text.size() : place) << int(byte);
    });
}

TEST(Runs, StopAtTheFirstOfTwo)
{
    for (std::size_t first = 0; first < places; first++)
        for (std::size_t second = first + 1; second < places; second++) {
            std::string text(places, 'a');
            text[first] = '"';
            text[second] = '\x1F';
            EXPECT_EQ(http::skip_plain(text, 0), first);
            std::swap(text[first], text[second]);
            EXPECT_EQ(http::skip_plain(text, 0), first);
        }
}

TEST(Runs, Utf8IsJudgedAlikeWhereverItStands)
{
    at_every_place('a', [](const std::string &text, std::size_t place, unsigned char byte) {
        EXPECT_EQ(http::invalid_utf8(text), byte < 0x80 ? std::string::npos : place) << int(byte);
    });
    for (std::size_t place = 0; place + 2 < places; place++) {
        std::string text(places, 'a');
        text.replace(place, 2, "\xD0\xAF");
        EXPECT_EQ(http::invalid_utf8(text), std::string::npos) << place;
        text[place + 1] = 'a';
        EXPECT_EQ(http::invalid_utf8(text), place);
    }
}

TEST(Runs, AStringOfJsonEndsAndFailsWhereItDid)
{
    at_every_place('a', [](const std::string &text, std::size_t place, unsigned char byte) {
        if (byte == '"' || byte == '\\')
            return;
        EXPECT_EQ(valid('"' + text + '"'), byte >= 0x20) << int(byte) << " at " << place;
        const std::string escaped = text.substr(0, place) + '\\' + text.substr(place);
        const bool known =
            std::string("/bfnrt").find(static_cast<char>(byte)) != std::string::npos ||
            (byte == 'u' && text.size() - place > 4); // the filler makes four hexadecimal digits
        EXPECT_EQ(valid('"' + escaped + '"'), known) << int(byte) << " at " << place;
    });
}

TEST(Runs, AWalkPassesOverQuotesBehindBackslashes)
{
    for (std::size_t place = 0; place < places; place++)
        for (const char *pair : {"\\\"", "\\\\"}) {
            const std::string literal =
                '"' + std::string(place, 'a') + pair + std::string(places - place, 'b') + '"';
            const std::string text = literal + ",1";
            EXPECT_EQ(reply::Walk(text).value(), literal) << place;
        }
    const std::string open = "\"aaaaaaaaaa\\";
    EXPECT_EQ(reply::Walk(open).value(), open);
}
