// URLs, the gate that every request passes, and admission: what is refused
// before anything is sent, in which words, and in which order hosts and
// transfers are served.
#include "http/admission.hpp"
#include "http/request.hpp"
#include "http/url.hpp"

#include <gtest/gtest.h>

using namespace http;

namespace
{

Request good()
{
    Request request;
    request.url = "https://abs.bank.kz/cli";
    return request;
}

std::string reason(const std::string &url)
{
    try {
        parse_url(url);
    } catch (const BadUrl &error) {
        return error.what();
    }
    return "(none)";
}

} // namespace

TEST(Url, IsTakenApart)
{
    const Url url = parse_url("HTTPS://Abs.Bank.KZ/cli/x?a=1&b=2#top");
    EXPECT_EQ(url.scheme, "https");
    EXPECT_EQ(url.host, "abs.bank.kz");
    EXPECT_EQ(url.port, 443);
    EXPECT_EQ(url.path, "/cli/x");
    EXPECT_EQ(url.query, "a=1&b=2");
    EXPECT_EQ(url.origin(), "https://abs.bank.kz:443");
    EXPECT_EQ(parse_url("http://[::1]:8080").origin(), "http://[::1]:8080");
    EXPECT_EQ(parse_url("http://127.1/").host, "127.0.0.1") << "as libcurl will read it";
}

TEST(Url, IsRefusedWithAReasonThatHidesSecrets)
{
    EXPECT_EQ(reason("ftp://x/"), "the URL's scheme is neither http nor https");
    EXPECT_EQ(reason("gopherx://x/"), "the URL's scheme is neither http nor https");
    EXPECT_EQ(reason("abs.bank.kz/cli"), "the URL does not start with http:// or https://");
    EXPECT_EQ(reason("https://user:s3cret@abs.bank.kz/"), "the URL contains a user name or password");
    EXPECT_EQ(reason("https://abs.bank.kz/a b"), "the URL contains a blank or control character");
    EXPECT_EQ(reason(std::string("https://abs.bank.kz/\0x", 22)),
              "the URL contains a blank or control character");
    for (const char *bad :
         {"https://", "https:///", "https://host:99999/", "https://host:x/", "https://[::1/", ""})
        EXPECT_NE(reason(bad), "(none)") << bad;
}

TEST(Url, OfASettingIsCompleted)
{
    EXPECT_EQ(complete_url("abs.bank.kz/cli?"), "https://abs.bank.kz/cli");
    EXPECT_EQ(complete_url(" abs.bank.kz:8443/cli\n"), "https://abs.bank.kz:8443/cli");
    EXPECT_EQ(complete_url("http://127.0.0.1:8080/x?a=1"), "http://127.0.0.1:8080/x?a=1");
    EXPECT_EQ(complete_url("abs.bank.kz/go?to=http://x"), "https://abs.bank.kz/go?to=http://x");
    for (const char *bad :
         {"", "http:/abs", "https:abs", "ftp://abs/", "user:pw@abs.bank.kz", "a b", "/path"})
        EXPECT_THROW(complete_url(bad), BadUrl) << bad;
}

TEST(Url, GetsItsQueryEncoded)
{
    EXPECT_EQ(with_query("https://a/x", {}), "https://a/x");
    EXPECT_EQ(with_query("https://a/x", {{"iinbin", "000000000000"}, {"n", "А b&c=d+%"}}),
              "https://a/x?iinbin=000000000000&n=%D0%90%20b%26c%3Dd%2B%25");
    EXPECT_EQ(with_query("https://a/x?k=1", {{"a", "2"}}), "https://a/x?k=1&a=2");
    EXPECT_EQ(with_query("https://a/x?", {{"a", "2"}}), "https://a/x?a=2");
    EXPECT_EQ(with_query("https://a/x#f", {{"a", ""}}), "https://a/x?a=#f");
}

TEST(Url, LoopbackHostsAreKnown)
{
    for (const char *host : {"localhost", "LOCALHOST.", "a.localhost", "127.0.0.1", "127.255.0.3", "::1",
                             "[::1]", "::ffff:127.0.0.1", "0:0:0:0:0:0:0:1"})
        EXPECT_TRUE(is_loopback_host(host)) << host;
    for (const char *host : {"", "localhost.bank.kz", "128.0.0.1", "0.0.0.0", "::", "::2", "::ffff:10.0.0.1",
                             "10.0.0.1", "127.0.0.1.bank.kz", "127.1"})
        EXPECT_FALSE(is_loopback_host(host)) << host;
}

TEST(Url, IsRedacted)
{
    EXPECT_EQ(redact_url("https://user:pw@host/x?a=1&api_key=z&Token=q#f"),
              "https://***@host/x?a=1&api_key=***&Token=***#f");
    EXPECT_EQ(redact_url("user:p@w@proxy:3128"), "***@proxy:3128");
    EXPECT_EQ(redact_url("user:pw@host/?next=http://other/"), "***@host/?next=http://other/");
    EXPECT_EQ(redact_url("user:pw@host/http://other/"), "***@host/http://other/");
    EXPECT_EQ(redact_url("odd_scheme://user:pw@host/"), "odd_scheme://***@host/");
    EXPECT_EQ(redact_url("https://host/a@b?x=c@d"), "https://host/a@b?x=c@d");
    EXPECT_EQ(redact_url("host/?token"), "host/?token");
    EXPECT_EQ(redact_url("host?password="), "host?password=***");
    EXPECT_EQ(redact_url(""), "");
}

TEST(Check, LetsAGoodRequestThrough)
{
    Request request = good();
    EXPECT_EQ(check(request), "");
    request.method = "POST";
    request.body = "{}";
    request.content_type = "application/json;charset=utf8";
    request.headers = {{"X-Correlation-Id", "a b\tc"}, {"X-Name", "Тест"}};
    request.credentials = {Credentials::Kind::basic, "user", ""};
    request.proxy = "http://proxy.bank.kz:3128";
    EXPECT_EQ(check(request), "");
    for (const char *proxy : {"proxy:3128", "https://p", "socks5h://127.0.0.1:9050", "[::1]:3128"}) {
        request.proxy = proxy;
        EXPECT_EQ(check(request), "") << proxy;
    }
}

TEST(Check, MakesHeaderInjectionImpossible)
{
    const std::string nul("a\0b", 3);
    for (const std::string &value :
         {std::string("a\r\nX: 1"), std::string("a\nX: 1"), std::string("a\rb"), nul}) {
        Request request = good();
        request.headers = {{"X-A", value}};
        EXPECT_EQ(check(request), "the value of header \"X-A\" contains a control character");
        request = good();
        request.user_agent = value;
        EXPECT_NE(check(request), "");
        request = good();
        request.content_type = value;
        EXPECT_NE(check(request), "");
        for (const auto kind :
             {Credentials::Kind::bearer, Credentials::Kind::basic, Credentials::Kind::header}) {
            request = good();
            request.credentials = {kind, "name", value};
            EXPECT_EQ(check(request), "the credentials contain a control character");
            request.credentials = {kind, value, "secret"};
            EXPECT_NE(check(request), "");
        }
    }
    for (const std::string &name :
         {std::string(), std::string("A:"), std::string("A B"), std::string("A\r\nB"), std::string("Имя"),
          nul, std::string("Content-Length"), std::string("host"), std::string("Transfer-Encoding"),
          std::string("authorization"), std::string("Content-type"), std::string("User-Agent")}) {
        Request request = good();
        request.headers = {{name, "x"}};
        EXPECT_NE(check(request), "") << name;
    }
}

TEST(Check, RefusesWhatCannotBeMeant)
{
    const auto refused = [](auto change) {
        Request request = good();
        change(request);
        return check(request);
    };
    EXPECT_NE(refused([](Request &r) { r.method = "TRACE"; }), "");
    EXPECT_NE(refused([](Request &r) { r.method = "POST / HTTP/1.1\r\nX: 1\r\n\r\n"; }), "");
    EXPECT_NE(refused([](Request &r) { r.body = "x"; }), "");
    EXPECT_NE(refused([](Request &r) { r.timeout = std::chrono::milliseconds(0); }), "");
    EXPECT_NE(refused([](Request &r) { r.connect_timeout = std::chrono::hours(48); }), "");
    EXPECT_NE(refused([](Request &r) { r.tls.key_file = "/k"; }), "");
    EXPECT_NE(refused([](Request &r) { r.credentials = {Credentials::Kind::bearer, "", ""}; }), "");
    EXPECT_NE(refused([](Request &r) { r.credentials = {Credentials::Kind::basic, "a:b", "c"}; }), "");
    EXPECT_NE(refused([](Request &r) { r.credentials = {Credentials::Kind::header, "Host", "c"}; }), "");
    for (const char *proxy : {"ftp://p", "p/x", "user:s3cret@p", "http://p?x", "a b", "http://"}) {
        const std::string text = refused([&](Request &r) { r.proxy = proxy; });
        EXPECT_NE(text, "") << proxy;
        EXPECT_EQ(text.find("s3cret"), std::string::npos);
    }
}

TEST(Admission, ServesHostsInTurnAndTransfersInOrder)
{
    Admission admission(3, 2);
    Admission::Host *a = nullptr;
    for (std::uint64_t tag = 1; tag <= 4; tag++)
        a = admission.enqueue(tag, "a");
    Admission::Host *b = admission.enqueue(11, "b");
    admission.enqueue(12, "b");
    EXPECT_EQ(admission.next(), 1U);
    EXPECT_EQ(admission.next(), 11U);
    EXPECT_EQ(admission.next(), 2U);
    EXPECT_FALSE(admission.next().has_value()) << "three run";
    admission.done(b);
    EXPECT_EQ(admission.next(), 12U) << "two of a run already";
    admission.withdraw(3, a);
    admission.done(a);
    EXPECT_EQ(admission.next(), 4U);
    admission.done(b);
    EXPECT_FALSE(admission.next().has_value());
    admission.done(a);
    admission.done(a);
    EXPECT_EQ(admission.enqueue(5, "a")->running, 0U);
    EXPECT_EQ(admission.next(), 5U);
}

TEST(Admission, ForgetsAHostThatIsWithdrawnWhileListed)
{
    Admission admission(1, 1);
    Admission::Host *a = admission.enqueue(1, "a");
    admission.withdraw(1, a);
    EXPECT_FALSE(admission.next().has_value());
    admission.enqueue(2, "a");
    EXPECT_EQ(admission.next(), 2U);
}
