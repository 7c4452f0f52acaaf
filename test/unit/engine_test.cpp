// The engine on the good road: what travels on the wire, which connections carry it, how
// the limits hold, what cancelling leaves behind. Everything is judged by what the raw
// server received.
#include "support/client.hpp"
#include "support/resolver.hpp"
#include "support/server.hpp"

#include <algorithm>
#include <stdexcept>

using namespace test;
using http::Failure;

namespace
{

/// The value of a header field in a received request, or "(none)".
std::string sent_header(const std::string &request, const std::string &name)
{
    const auto at = request.find("\r\n" + name + ": ");
    if (at == std::string::npos)
        return request.find("\r\n" + name + ":\r\n") == std::string::npos ? "(none)" : "";
    const auto begin = at + name.size() + 4;
    return request.substr(begin, request.find("\r\n", begin) - begin);
}

} // namespace

TEST(Engine, GetsAReplyWithItsHeaderAndPeer)
{
    Server server(always(reply("hello", 200, "Content-Type: Text/Plain; Charset=\"UTF-8\"\r\nX-A: 1\r\n")));
    http::Engine engine;
    const http::Response response = call(engine, get(server.url("/path?a=1")));
    EXPECT_EQ(response.failure, Failure::none);
    EXPECT_EQ(response.error, "");
    EXPECT_TRUE(response.sent);
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.body, "hello");
    EXPECT_EQ(response.content_type, "Text/Plain; Charset=\"UTF-8\"");
    EXPECT_EQ(response.charset, "utf-8");
    EXPECT_EQ(header(response, "X-A"), "1");
    EXPECT_EQ(response.peer, "127.0.0.1:" + std::to_string(server.port()));
    EXPECT_GT(response.duration.count(), 0);
    ASSERT_EQ(server.requests().size(), 1U);
    const std::string request = server.requests()[0];
    EXPECT_TRUE(request.starts_with("GET /path?a=1 HTTP/1.1\r\n")) << request;
    EXPECT_EQ(sent_header(request, "User-Agent"), "(none)");
    EXPECT_EQ(sent_header(request, "Expect"), "(none)");
    EXPECT_EQ(sent_header(request, "Authorization"), "(none)");
    EXPECT_EQ(sent_header(request, "Accept-Encoding"), "identity");
}

TEST(Engine, SendsEveryMethodWithItsBody)
{
    Server server(always(reply("{}")));
    http::Engine engine;
    const std::string body("{\"amount\":86429.87}\0x", 21);
    for (const char *name : {"POST", "PUT", "DELETE"}) {
        const std::string method = name;
        http::Request request = post(server.url(), body);
        request.method = method;
        EXPECT_EQ(call(engine, request).status, 200);
        const std::string got = server.requests().back();
        EXPECT_TRUE(got.starts_with(method + " / HTTP/1.1\r\n")) << got;
        EXPECT_TRUE(got.ends_with("\r\n\r\n" + body)) << got;
        EXPECT_EQ(sent_header(got, "Content-Type"), "application/json");
        EXPECT_EQ(sent_header(got, "Content-Length"), "21");
    }
    for (const char *name : {"POST", "PUT", "DELETE"}) {
        const std::string method = name;
        http::Request request = get(server.url());
        request.method = method;
        EXPECT_EQ(call(engine, request).status, 200);
        const std::string got = server.requests().back();
        EXPECT_TRUE(got.starts_with(method + " / HTTP/1.1\r\n")) << got;
        EXPECT_EQ(sent_header(got, "Content-Type"), "(none)");
        EXPECT_EQ(sent_header(got, "Content-Length"), method == "DELETE" ? "(none)" : "0");
    }
}

TEST(Engine, SendsHeadersAndCredentials)
{
    Server server(always(reply("")));
    http::Engine engine;
    http::Request request = get(server.url());
    request.user_agent = "k2bridge";
    request.headers = {{"X-Correlation-Id", "abc"}, {"X-Empty", ""}};
    using Kind = http::Credentials::Kind;
    request.credentials = {Kind::bearer, "", "s3cret"};
    call(engine, request);
    request.credentials = {Kind::basic, "user", "s3:cret"};
    call(engine, request);
    request.credentials = {Kind::header, "token", "s3cret"};
    call(engine, request);
    const auto got = server.requests();
    ASSERT_EQ(got.size(), 3U);
    for (const std::string &one : got) {
        EXPECT_EQ(sent_header(one, "User-Agent"), "k2bridge");
        EXPECT_EQ(sent_header(one, "X-Correlation-Id"), "abc");
        EXPECT_EQ(sent_header(one, "X-Empty"), "");
    }
    EXPECT_EQ(sent_header(got[0], "Authorization"), "Bearer s3cret");
    EXPECT_EQ(sent_header(got[1], "Authorization"), "Basic dXNlcjpzMzpjcmV0");
    EXPECT_EQ(sent_header(got[2], "Authorization"), "(none)");
    EXPECT_EQ(sent_header(got[2], "token"), "s3cret");
}

TEST(Engine, AHandleThatIsUsedAgainKeepsNothingOfTheFormerCall)
{
    Server server(always(reply("x")));
    http::Engine engine;
    http::Request first = post(server.url(), "body");
    first.method = "PUT";
    first.credentials = {http::Credentials::Kind::bearer, "", "s3cret"};
    first.headers = {{"X-One", "1"}};
    first.user_agent = "agent";
    call(engine, first);
    call(engine, get(server.url()));
    const std::string second = server.requests().back();
    EXPECT_TRUE(second.starts_with("GET / HTTP/1.1\r\n")) << second;
    for (const char *name : {"Authorization", "X-One", "User-Agent", "Content-Type", "Content-Length"})
        EXPECT_EQ(sent_header(second, name), "(none)") << name;
}

TEST(Engine, ReusesAConnectionForOrdinaryCalls)
{
    Server server(always(reply("x")));
    http::Engine engine;
    for (int i = 0; i < 5; i++)
        EXPECT_EQ(call(engine, get(server.url())).status, 200);
    EXPECT_EQ(server.connections(), 1);
}

TEST(Engine, GivesAFreshConnectionToEachCallThatAsksForOne)
{
    Server server(always(reply("x")));
    http::Engine engine;
    http::Request fresh = post(server.url(), "{}");
    fresh.fresh_connection = true;
    call(engine, get(server.url()));
    for (int i = 0; i < 3; i++)
        EXPECT_EQ(call(engine, fresh).status, 200);
    EXPECT_EQ(server.connections(), 4);
    call(engine, get(server.url()));
    EXPECT_EQ(server.connections(), 4) << "the first connection is still kept, the fresh ones are not";
}

TEST(Engine, NeverRepeatsACallOnAFreshConnection)
{
    // Answers the first request of a connection and closes it on the second, as an impatient server does.
    Server server([](Connection &connection) {
        if (connection.request() && connection.write(reply("x")))
            connection.request();
    });
    http::Engine engine;
    EXPECT_EQ(call(engine, post(server.url(), "1")).status, 200);
    EXPECT_EQ(call(engine, post(server.url(), "2")).status, 200) << "libcurl repeats it on a new connection";
    EXPECT_EQ(server.requests().size(), 3U);

    Server silent([](Connection &connection) { connection.request(); });
    http::Request fresh = post(silent.url(), "3");
    fresh.fresh_connection = true;
    const http::Response response = call(engine, fresh);
    EXPECT_EQ(response.failure, Failure::reset);
    EXPECT_TRUE(response.sent);
    EXPECT_EQ(silent.requests().size(), 1U);
}

TEST(Engine, ConnectsOnlyWhenAskedTo)
{
    Server server(always(reply("x")));
    http::Engine engine;
    http::Request probe = post(server.url(), "{}");
    probe.connect_only = true;
    const http::Response response = call(engine, probe);
    EXPECT_EQ(response.failure, Failure::none) << response.error;
    EXPECT_EQ(response.status, 0);
    EXPECT_FALSE(response.sent);
    EXPECT_EQ(call(engine, get(server.url())).status, 200);
    EXPECT_EQ(server.connections(), 2);
    EXPECT_EQ(server.requests().size(), 1U) << "only the second connection brought a request";
}

TEST(Engine, DoesNotFollowRedirects)
{
    Server target(always(reply("secret")));
    Server server(always(reply("", 302, "Location: " + target.url() + "\r\n")));
    http::Engine engine;
    const http::Response response = call(engine, get(server.url()));
    EXPECT_EQ(response.failure, Failure::none);
    EXPECT_EQ(response.status, 302);
    EXPECT_EQ(header(response, "Location"), target.url());
    EXPECT_EQ(target.connections(), 0);
}

TEST(Engine, ReadsChunksAndIgnoresTrailersAndInterimReplies)
{
    Server server(
        always("HTTP/1.1 103 Early Hints\r\nX-Early: 1\r\n\r\n"
               "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"
               "3\r\nabc\r\n4;x=1\r\ndefg\r\n0\r\nContent-Type: text/html\r\nX-Trailer: 1\r\n\r\n"));
    http::Engine engine;
    const http::Response response = call(engine, get(server.url()));
    EXPECT_EQ(response.failure, Failure::none);
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.body, "abcdefg");
    EXPECT_EQ(response.content_type, "text/plain");
    EXPECT_EQ(header(response, "X-Early"), "(none)");
    EXPECT_EQ(header(response, "X-Trailer"), "(none)");
}

TEST(Engine, SendsALargeBodyWithoutWaitingForContinue)
{
    Server server(always(reply("ok")));
    http::Engine engine;
    const std::string body(5U << 20, 'x');
    EXPECT_EQ(call(engine, post(server.url(), body)).body, "ok");
    EXPECT_EQ(sent_header(server.requests()[0], "Expect"), "(none)");
    EXPECT_TRUE(server.requests()[0].ends_with("\r\n\r\n" + body));
}

TEST(Engine, ReadsTheFieldsOfTheReply)
{
    Server server(always(reply("%PDF-1.4", 503,
                               "Content-Disposition: attachment; filename=\"\xC8\xEC\xFF.pdf\"\r\n"
                               "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                               "Retry-After: Sun, 06 Nov 1994 08:51:37 GMT\r\nX-Bad: a\x01\xFF\r\n")));
    http::Engine engine;
    const http::Response response = call(engine, get(server.url()));
    EXPECT_EQ(response.file_name, "Имя.pdf");
    ASSERT_TRUE(response.retry_after.has_value());
    EXPECT_EQ(response.retry_after->count(), 120);
    EXPECT_EQ(header(response, "X-Bad"), "a я");
}

TEST(Engine, KeepsToTheLimitsPerHostAndInAll)
{
    std::atomic<int> busy{0};
    std::atomic<int> most{0};
    std::atomic<int> waiting{0};
    const auto script = [&](Connection &connection) {
        while (connection.request()) {
            const int now = ++busy;
            for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);)
                continue;
            waiting++;
            while (waiting < 2 && busy < 2) // holds the first call until a second one is there
                std::this_thread::yield();
            busy--;
            connection.write(reply("x"));
        }
    };
    Server server(script);
    http::Engine engine({.connections = 3, .connections_per_host = 2});
    for (std::uint64_t tag = 1; tag <= 20; tag++)
        engine.start(tag, get(server.url("/" + std::to_string(tag))));
    EXPECT_EQ(engine.running(), 20U);
    const auto all = run_all(engine);
    EXPECT_EQ(all.size(), 20U);
    EXPECT_EQ(most, 2);
    EXPECT_LE(server.connections(), 2);
}

TEST(Engine, ClosesAnIdleConnectionRatherThanHaveTooMany)
{
    std::atomic<int> open{0};
    const auto script = [&](Connection &connection) {
        open++;
        while (connection.request() && connection.write(reply("x")))
            continue;
        open--;
    };
    Server first(script);
    Server second(script);
    Server third(script);
    http::Engine engine({.connections = 2, .connections_per_host = 2});
    for (const Server *server : {&first, &second, &third})
        EXPECT_EQ(call(engine, get(server->url())).status, 200);
    turn_until(engine, [&] { return open == 2; });
    EXPECT_EQ(first.connections() + second.connections() + third.connections(), 3);
}

TEST(Engine, ServesOtherHostsWhileOneIsSilent)
{
    Server silent([](Connection &connection) { connection.drain(); });
    Server server(always(reply("x")));
    http::Engine engine({.connections = 8, .connections_per_host = 2});
    for (std::uint64_t tag = 1; tag <= 10; tag++)
        engine.start(tag, get(silent.url()));
    for (std::uint64_t tag = 11; tag <= 20; tag++)
        engine.start(tag, get(server.url()));
    std::size_t good = 0;
    turn_until(engine, [&] {
        std::uint64_t tag = 0;
        http::Response response;
        while (engine.finished(tag, response))
            good += tag > 10 && response.status == 200 ? 1 : 0;
        return good == 10;
    });
    EXPECT_EQ(engine.running(), 10U);
}

TEST(Engine, CancelsARunningACallThatWaitsAndAFinishedOne)
{
    Server silent([](Connection &connection) {
        connection.request();
        connection.drain();
    });
    http::Engine engine({.connections = 1, .connections_per_host = 1});
    engine.start(1, post(silent.url(), "{}"));
    engine.start(2, post(silent.url(), "{}"));
    turn_until(engine, [&] { return silent.requests().size() == 1; });
    auto waiting = engine.cancel(2);
    ASSERT_TRUE(waiting.has_value());
    EXPECT_EQ(waiting->failure, Failure::aborted);
    EXPECT_FALSE(waiting->sent);
    auto running = engine.cancel(1);
    ASSERT_TRUE(running.has_value());
    EXPECT_EQ(running->failure, Failure::aborted);
    EXPECT_TRUE(running->sent);
    EXPECT_FALSE(engine.cancel(1).has_value());
    EXPECT_EQ(engine.running(), 0U);

    Server server(always(reply("done")));
    engine.start(3, get(server.url()));
    turn_until(engine, [&] { return engine.running() == 0; });
    auto finished = engine.cancel(3);
    ASSERT_TRUE(finished.has_value());
    EXPECT_EQ(finished->body, "done");
    std::uint64_t tag = 0;
    http::Response response;
    EXPECT_FALSE(engine.finished(tag, response));
}

TEST(Engine, CancelsDuringNameResolutionWithoutWaitingForIt)
{
    http::Engine engine;
    http::Request request = get("http://slow.test/");
    request.allow_http = true;
    engine.start(1, request);
    engine.step();
    ASSERT_TRUE(resolver::wait_until_blocked());
    auto response = engine.cancel(1);
    // Newer versions of libcurl look up the two address families apart.
    EXPECT_GE(resolver::blocked(), 1) << "the lookup is still under way";
    ASSERT_TRUE(response.has_value());
    EXPECT_EQ(response->failure, Failure::aborted);
    EXPECT_FALSE(response->sent);
    resolver::release();
    EXPECT_TRUE(resolver::signals_were_blocked());
}

TEST(Engine, RefusesATagThatIsInUse)
{
    Server silent([](Connection &connection) { connection.drain(); });
    http::Engine engine;
    engine.start(7, get(silent.url()));
    EXPECT_THROW(engine.start(7, get(silent.url())), std::invalid_argument);
    EXPECT_THROW(http::Engine({.connections = 0}), std::invalid_argument);
}

TEST(Engine, MayBeDestroyedWhileTransfersRun)
{
    Server silent([](Connection &connection) { connection.drain(); });
    {
        http::Engine engine;
        for (std::uint64_t tag = 1; tag <= 5; tag++)
            engine.start(tag, get(silent.url()));
        turn_until(engine, [&] { return silent.connections() == 5; });
    }
    SUCCEED();
}
