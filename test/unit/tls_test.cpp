// TLS of the engine against a self-made authority: what is verified,
// what is refused, and that nothing was sent then.
#include "support/client.hpp"
#include "support/resolver.hpp"
#include "support/server.hpp"

#include <cstdlib>
#include <filesystem>

using namespace test;
using http::Failure;

namespace
{

/// A directory with certificates: two authorities (ca, stranger), a server's for localhost and 127.0.0.1
/// (server), one for another name (other), one that has expired (expired), a client's (client).
class Certificates
{
public:
    Certificates()
    {
        char name[] = "/tmp/k2bridge-tls-XXXXXX";
        directory_ = mkdtemp(name);
        authority("ca");
        authority("stranger");
        leaf("server", "DNS:localhost,DNS:tls.test,IP:127.0.0.1", "30");
        leaf("other", "DNS:other.test", "30");
        leaf("client", "DNS:client.test", "30");
        // It ends in the second in which it is made: newer versions of openssl make no shorter ones.
        leaf("expired", "DNS:localhost,IP:127.0.0.1", "0");
    }
    ~Certificates() { std::filesystem::remove_all(directory_); }
    Certificates(const Certificates &) = delete;
    Certificates &operator=(const Certificates &) = delete;

    std::string file(const std::string &name) const { return directory_ + "/" + name; }
    ServerTls server(const std::string &name) const
    {
        return {file(name + ".pem"), file(name + ".key"), "", 0};
    }

private:
    void run(const std::string &arguments) const
    {
        const std::string command = "cd " + directory_ + " && openssl " + arguments + " >log 2>&1";
        ASSERT_EQ(std::system(command.c_str()), 0) << command;
    }
    void authority(const std::string &name) const
    {
        run("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout " + name + ".key -out " +
            name + ".pem -days 30 -subj /CN=" + name);
    }
    void leaf(const std::string &name, const std::string &names, const std::string &days) const
    {
        run("req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout " + name + ".key -out " + name +
            ".csr -subj /CN=" + name + " -addext subjectAltName=" + names);
        run("x509 -req -in " + name + ".csr -CA ca.pem -CAkey ca.key -copy_extensions copy -days " + days +
            " -out " + name + ".pem");
    }

    std::string directory_;
};

class EngineTls : public ::testing::Test
{
protected:
    static void SetUpTestSuite() { certificates = new Certificates; }
    static void TearDownTestSuite()
    {
        delete certificates;
        certificates = nullptr;
    }

    static http::Request request(const Server &server, const std::string &authority = "ca.pem")
    {
        http::Request out = post(server.url(), "{}");
        if (!authority.empty())
            out.tls.ca_file = certificates->file(authority);
        return out;
    }

    static void expect_certificate_failure(const http::Response &response)
    {
        EXPECT_EQ(response.failure, Failure::certificate) << response.error;
        EXPECT_FALSE(response.sent);
        EXPECT_EQ(response.status, 0);
        EXPECT_NE(response.error, "");
    }

    static Certificates *certificates;
    http::Engine engine;
};

Certificates *EngineTls::certificates = nullptr;

} // namespace

TEST_F(EngineTls, AcceptsAServerOfTheGivenAuthority)
{
    const ServerTls tls = certificates->server("server");
    Server server(always(reply("over TLS")), "127.0.0.1", &tls);
    for (int i = 0; i < 2; i++) {
        const http::Response response = call(engine, request(server));
        EXPECT_EQ(response.failure, Failure::none) << response.error;
        EXPECT_EQ(response.body, "over TLS");
    }
    EXPECT_EQ(server.connections(), 1) << "TLS connections are kept alive too";
    resolver::answer("tls.test", {"127.0.0.1"});
    http::Request by_name = request(server);
    by_name.url = "https://tls.test:" + std::to_string(server.port()) + "/";
    EXPECT_EQ(call(engine, by_name).status, 200);
}

TEST_F(EngineTls, RefusesAnUnknownAuthority)
{
    const ServerTls tls = certificates->server("server");
    Server server(always(reply("x")), "127.0.0.1", &tls);
    expect_certificate_failure(call(engine, request(server, "stranger.pem")));
    expect_certificate_failure(call(engine, request(server, "")));
    EXPECT_TRUE(server.requests().empty());
}

TEST_F(EngineTls, RefusesAnotherHostsCertificateAndAnExpiredOne)
{
    for (const char *name : {"other", "expired"}) {
        const ServerTls tls = certificates->server(name);
        Server server(always(reply("x")), "127.0.0.1", &tls);
        expect_certificate_failure(call(engine, request(server)));
        EXPECT_TRUE(server.requests().empty());
    }
}

TEST_F(EngineTls, AcceptsAnyCertificateOnlyWhenToldTo)
{
    const ServerTls tls = certificates->server("other");
    Server server(always(reply("x")), "127.0.0.1", &tls);
    http::Request trusting = request(server, "");
    trusting.tls.verify = false;
    EXPECT_EQ(call(engine, trusting).status, 200);
    expect_certificate_failure(call(engine, request(server))); // the trusting call's connection is not reused
}

TEST_F(EngineTls, HoldsTheMinimumVersion)
{
    ServerTls tls = certificates->server("server");
    tls.max_version = TLS1_2_VERSION;
    Server server(always(reply("x")), "127.0.0.1", &tls);
    EXPECT_EQ(call(engine, request(server)).status, 200);
    http::Request strict = request(server);
    strict.tls.minimum = http::Tls::Version::tls1_3;
    const http::Response response = call(engine, strict);
    EXPECT_EQ(response.failure, Failure::tls) << response.error;
    EXPECT_FALSE(response.sent);
    tls.max_version = TLS1_1_VERSION;
    Server old(always(reply("x")), "127.0.0.1", &tls);
    EXPECT_EQ(call(engine, request(old)).failure, Failure::tls);
}

TEST_F(EngineTls, ShowsTheClientCertificate)
{
    ServerTls tls = certificates->server("server");
    tls.client_ca_file = certificates->file("ca.pem");
    Server server(always(reply("x")), "127.0.0.1", &tls);
    http::Request known = request(server);
    known.tls.cert_file = certificates->file("client.pem");
    known.tls.key_file = certificates->file("client.key");
    EXPECT_EQ(call(engine, known).status, 200);
    // With TLS 1.3 the refusal arrives after the request has left, so `sent` is true then.
    const http::Response response = call(engine, request(server));
    EXPECT_EQ(response.failure, Failure::certificate) << response.error;
    EXPECT_EQ(server.requests().size(), 1U);
}

TEST_F(EngineTls, FilesThatCannotBeReadAreCertificateFailures)
{
    const ServerTls tls = certificates->server("server");
    Server server(always(reply("x")), "127.0.0.1", &tls);
    expect_certificate_failure(call(engine, request(server, "missing.pem")));
    http::Request mine = request(server);
    mine.tls.cert_file = certificates->file("missing.pem");
    expect_certificate_failure(call(engine, mine));
    mine.tls.cert_file = certificates->file("client.pem");
    mine.tls.key_file = certificates->file("other.key");
    expect_certificate_failure(call(engine, mine));
}

TEST_F(EngineTls, AServerThatSpeaksNoTlsFailsTheHandshake)
{
    Server server([](Connection &connection) {
        connection.write("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
        connection.drain();
    });
    http::Request plain = request(server);
    plain.url = "https://127.0.0.1:" + std::to_string(server.port()) + "/";
    const http::Response response = call(engine, plain);
    EXPECT_EQ(response.failure, Failure::tls) << response.error;
    EXPECT_FALSE(response.sent);
}
