// The engine on the bad roads: what every failure is called, that its text is clear and free of
// secrets, and whether the request was sent. "Not sent" is only ever asserted where the server saw
// nothing.
#include "support/client.hpp"
#include "support/resolver.hpp"
#include "support/server.hpp"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>

#include <cstdlib>

using namespace test;
using namespace std::chrono_literals;
using http::Failure;

namespace
{

/// An IPv4 address of this machine that is not loopback; empty when it has none.
std::string outer_address()
{
    ifaddrs *list = nullptr;
    std::string found;
    if (getifaddrs(&list) != 0)
        return found;
    for (const ifaddrs *one = list; one != nullptr && found.empty(); one = one->ifa_next) {
        if (one->ifa_addr == nullptr || one->ifa_addr->sa_family != AF_INET)
            continue;
        char text[INET_ADDRSTRLEN];
        const auto *v4 = reinterpret_cast<const sockaddr_in *>(one->ifa_addr);
        if (inet_ntop(AF_INET, &v4->sin_addr, text, sizeof text) != nullptr &&
            text != std::string("127.0.0.1"))
            found = text;
    }
    freeifaddrs(list);
    return found;
}

/// A port on which nothing listens.
int closed_port()
{
    Server server([](Connection &) {});
    return server.port();
}

} // namespace

TEST(EngineFailure, NoSuchHost)
{
    http::Engine engine;
    http::Request request = get("https://nowhere.test/");
    const http::Response response = call(engine, request);
    EXPECT_EQ(response.failure, Failure::resolve);
    EXPECT_EQ(response.error, "could not resolve the host name of nowhere.test:443");
    EXPECT_FALSE(response.sent);
    EXPECT_EQ(response.status, 0);
}

TEST(EngineFailure, NothingListens)
{
    http::Engine engine;
    const std::string place = "127.0.0.1:" + std::to_string(closed_port());
    http::Request request = get("http://" + place + "/?iinbin=000000000000");
    request.credentials = {http::Credentials::Kind::bearer, "", "refused"};
    const http::Response response = call(engine, request);
    EXPECT_EQ(response.failure, Failure::connect);
    EXPECT_EQ(response.error, "could not connect to " + place + ": Connection ***") << "the secret is masked";
    EXPECT_FALSE(response.sent);
}

TEST(EngineFailure, ConnectionLostBeforeTheReply)
{
    http::Engine engine;
    Server server([](Connection &connection) {
        connection.request();
        connection.reset();
    });
    const http::Response response = call(engine, post(server.url(), "{}"));
    EXPECT_EQ(response.failure, Failure::reset);
    EXPECT_TRUE(response.sent);
    EXPECT_EQ(response.status, 0);

    Server half([](Connection &connection) {
        connection.request();
        connection.write("HTTP/1.1 200 OK\r\nContent-Le");
    });
    const http::Response cut = call(engine, post(half.url(), "{}"));
    EXPECT_EQ(cut.failure, Failure::reset);
    EXPECT_EQ(cut.status, 0);
}

TEST(EngineFailure, AnInterimReplyIsNoReply)
{
    http::Engine engine;
    Server server([](Connection &connection) {
        connection.request();
        connection.write("HTTP/1.1 103 Early Hints\r\nX-Early: 1\r\n\r\n");
    });
    const http::Response response = call(engine, post(server.url(), "{}"));
    EXPECT_EQ(response.failure, Failure::reset);
    EXPECT_EQ(response.status, 0);
}

TEST(EngineFailure, ReplyCutShort)
{
    http::Engine engine;
    for (const char *bytes : {"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"error_code\":0",
                              "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc"}) {
        Server server([&](Connection &connection) {
            connection.request();
            connection.write(bytes);
        });
        const http::Response response = call(engine, post(server.url(), "{}"));
        EXPECT_EQ(response.failure, Failure::truncated) << bytes;
        EXPECT_EQ(response.status, 200);
        EXPECT_TRUE(response.sent);
    }
}

TEST(EngineFailure, ReplyTooLarge)
{
    http::Engine engine;
    Server declared(always(reply(std::string(1001, 'x'))));
    Server chunked(always("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n" +
                          std::string(1001, 'x') + "\r\n0\r\n\r\n"));
    for (const Server *server : {&declared, &chunked}) {
        http::Request request = get(server->url());
        request.max_reply_size = 1000;
        const http::Response response = call(engine, request);
        EXPECT_EQ(response.failure, Failure::too_large);
        EXPECT_NE(response.error.find("is larger than 1000 bytes"), std::string::npos) << response.error;
        EXPECT_LE(response.body.size(), 1000U);
        request.max_reply_size = 1001;
        EXPECT_EQ(call(engine, request).body.size(), 1001U);
    }
}

TEST(EngineFailure, EndlessReply)
{
    http::Engine engine;
    Server body([](Connection &connection) {
        connection.request();
        connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        while (connection.write("400\r\n" + std::string(1024, 'x') + "\r\n"))
            continue;
    });
    http::Request request = get(body.url());
    request.max_reply_size = 1 << 20;
    EXPECT_EQ(call(engine, request).failure, Failure::too_large);

    Server head([](Connection &connection) {
        connection.request();
        connection.write("HTTP/1.1 200 OK\r\n");
        while (connection.write("X-Filler: " + std::string(1000, 'x') + "\r\n"))
            continue;
    });
    const http::Response response = call(engine, get(head.url()));
    EXPECT_EQ(response.failure, Failure::too_large);
    EXPECT_NE(response.error.find("the header"), std::string::npos) << response.error;
}

TEST(EngineFailure, SilentServerTimesOut)
{
    http::Engine engine;
    Server server([](Connection &connection) {
        connection.request();
        connection.drain();
    });
    http::Request request = post(server.url(), "{}");
    request.timeout = 100ms;
    const http::Response response = call(engine, request);
    EXPECT_EQ(response.failure, Failure::timeout);
    EXPECT_EQ(response.error, "no reply of 127.0.0.1:" + std::to_string(server.port()) + " within 100 ms");
    EXPECT_TRUE(response.sent);
}

TEST(EngineFailure, DrippingServerTimesOut)
{
    http::Engine engine;
    Server server([](Connection &connection) {
        connection.request();
        connection.write("HTTP/1.1 200 OK\r\n");
        while (connection.write("X: 1\r\n"))
            std::this_thread::sleep_for(5ms);
    });
    http::Request request = get(server.url());
    request.timeout = 300ms;
    EXPECT_EQ(call(engine, request).failure, Failure::timeout);
}

TEST(EngineFailure, NameResolutionTimesOutUnsent)
{
    http::Engine engine;
    http::Request request = get("https://slow.test/");
    request.connect_timeout = 100ms;
    const http::Response response = call(engine, request);
    EXPECT_EQ(response.failure, Failure::timeout);
    EXPECT_EQ(response.error, "no connection to slow.test:443 within 100 ms");
    EXPECT_FALSE(response.sent);
    resolver::release();
}

TEST(EngineFailure, WaitingInTheQueueDoesNotTimeOut)
{
    std::atomic<bool> go{false};
    Server server([&](Connection &connection) {
        while (connection.request()) {
            while (connection.head.starts_with("GET /slow") && !go)
                std::this_thread::yield();
            connection.write(reply("x"));
        }
    });
    http::Engine engine({.connections = 1, .connections_per_host = 1});
    engine.start(1, get(server.url("/slow")));
    http::Request quick = get(server.url("/quick"));
    quick.timeout = 1s;
    engine.start(2, quick);
    const auto held = std::chrono::steady_clock::now() + 1200ms;
    turn_until(engine, [&] { return std::chrono::steady_clock::now() > held; });
    go = true;
    const auto all = run_all(engine);
    EXPECT_EQ(all.at(1).status, 200);
    EXPECT_EQ(all.at(2).status, 200) << all.at(2).error;
}

TEST(EngineFailure, NotHttp)
{
    http::Engine engine;
    for (const char *bytes : {"220 mail.bank.kz ESMTP\r\n", "HTTP/9.9 hello\r\n\r\n"}) {
        Server server([&](Connection &connection) {
            connection.request();
            connection.write(bytes);
            connection.drain();
        });
        const http::Response response = call(engine, get(server.url()));
        EXPECT_EQ(response.failure, Failure::bad_reply) << response.error;
        EXPECT_TRUE(response.sent);
    }
    Server zipped(always(reply("\x1f\x8b", 200, "Content-Encoding: gzip\r\n")));
    EXPECT_EQ(call(engine, get(zipped.url())).failure, Failure::bad_reply);
}

TEST(EngineFailure, BadRequestsAreRefusedUnsent)
{
    http::Engine engine;
    Server server(always(reply("x")));
    for (const std::string &url : {std::string("ftp://127.0.0.1/"), std::string("file:///etc/passwd"),
                                   std::string("127.0.0.1"), server.url("/a b")}) {
        const http::Response response = call(engine, get(url));
        EXPECT_EQ(response.failure, Failure::bad_request) << url;
        EXPECT_FALSE(response.sent);
        EXPECT_NE(response.error, "");
    }
    http::Request injected = get(server.url());
    injected.headers = {{"X-A", "1\r\nX-B: 2"}};
    EXPECT_EQ(call(engine, injected).failure, Failure::bad_request);
    EXPECT_EQ(server.connections(), 0);
    EXPECT_EQ(engine.running(), 0U);
}

TEST(EngineFailure, LoopbackOnlyJudgesTheResolvedAddress)
{
    http::Engine engine;
    Server server(always(reply("x")));
    const std::string port = std::to_string(server.port());
    resolver::answer("bank.test", {"203.0.113.1"});
    resolver::answer("six.test", {"2001:db8::1", "::ffff:203.0.113.1"});
    resolver::answer("here.test", {"127.0.0.1"});
    resolver::answer("both.test", {"203.0.113.1", "127.0.0.1"});
    for (const char *host : {"203.0.113.1", "bank.test", "six.test", "[2001:db8::1]", "0.0.0.0"}) {
        for (const char *scheme : {"http://", "https://"}) {
            http::Request request = get(scheme + (host + (":" + port)) + "/");
            request.allow_http = true;
            request.loopback_only = true;
            const http::Response response = call(engine, request);
            EXPECT_EQ(response.failure, Failure::forbidden_address) << host << " " << response.error;
            EXPECT_FALSE(response.sent);
            EXPECT_NE(response.error, "");
        }
    }
    EXPECT_EQ(server.connections(), 0);
    for (const char *host :
         {"127.0.0.1", "127.1.2.3", "localhost", "here.test", "both.test", "[::ffff:127.0.0.1]"}) {
        http::Request request = get("http://" + (host + (":" + port)) + "/");
        request.loopback_only = true;
        const http::Response response = call(engine, request);
        if (std::string(host) == "127.1.2.3") // an allowed address where nothing listens
            EXPECT_EQ(response.failure, Failure::connect) << response.error;
        else
            EXPECT_EQ(response.status, 200) << host << " " << response.error;
    }
}

TEST(EngineFailure, LoopbackOnlyAlsoJudgesAConnectionThatIsReused)
{
    const std::string outer = outer_address();
    if (outer.empty())
        GTEST_SKIP() << "this machine has no address but loopback";
    Server server(always(reply("x")), outer);
    http::Engine engine;
    http::Request request = get(server.url());
    request.allow_http = true;
    EXPECT_EQ(call(engine, request).status, 200);
    request.loopback_only = true;
    const http::Response response = call(engine, request);
    EXPECT_EQ(response.failure, Failure::forbidden_address) << response.error;
    EXPECT_FALSE(response.sent);
    EXPECT_EQ(server.requests().size(), 1U);
}

TEST(EngineFailure, PlainHttpReachesOnlyLoopbackUnlessAllowed)
{
    http::Engine engine;
    resolver::answer("bank.test", {"203.0.113.1"});
    const http::Response response = call(engine, get("http://bank.test/"));
    EXPECT_EQ(response.failure, Failure::forbidden_address);
    EXPECT_EQ(response.error, "bank.test:80 may be reached by plain http only if that is allowed");
    EXPECT_FALSE(response.sent);
}

TEST(EngineFailure, TheEnvironmentsProxyIsIgnored)
{
    Server proxy(always(reply("from the proxy")));
    Server server(always(reply("direct")));
    setenv("http_proxy", proxy.url().c_str(), 1);
    setenv("ALL_PROXY", proxy.url().c_str(), 1);
    http::Engine engine;
    EXPECT_EQ(call(engine, get(server.url())).body, "direct");
    unsetenv("http_proxy");
    unsetenv("ALL_PROXY");
    EXPECT_EQ(proxy.connections(), 0);
}

TEST(EngineFailure, AProxyIsUsedAndItsRefusalProvesThatNothingWasSent)
{
    Server proxy([](Connection &connection) {
        while (connection.request()) {
            const bool tunnel = connection.head.starts_with("CONNECT ");
            connection.write(tunnel ? reply("", 407, "X-Proxy: 1\r\n") : reply("by proxy"));
        }
    });
    http::Engine engine;
    http::Request request = post("http://bank.test/pt", "{}");
    request.proxy = "127.0.0.1:" + std::to_string(proxy.port());
    EXPECT_EQ(call(engine, request).failure, Failure::forbidden_address) << "plain http through a proxy";
    request.allow_http = true;
    EXPECT_EQ(call(engine, request).body, "by proxy");
    EXPECT_TRUE(proxy.requests().at(0).starts_with("POST http://bank.test/pt HTTP/1.1\r\n"));

    request.url = "https://bank.test/pt";
    const http::Response response = call(engine, request);
    EXPECT_EQ(response.failure, Failure::connect);
    EXPECT_EQ(response.error, "the proxy refused to connect to bank.test:443: HTTP 407");
    EXPECT_FALSE(response.sent);
    EXPECT_EQ(response.status, 0);
    request.loopback_only = true;
    EXPECT_EQ(call(engine, request).failure, Failure::forbidden_address);
}
