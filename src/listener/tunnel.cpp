// See tunnel.hpp.
#include "listener/tunnel.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace listener
{

namespace
{

constexpr const char *protocols = "NORMAL:-VERS-TLS1.0:-VERS-TLS1.1";
constexpr size_t record = 16384;
constexpr int records_at_once = 16;

gnutls_datum_t datum(const std::string &text)
{
    return {reinterpret_cast<unsigned char *>(const_cast<char *>(text.data())),
            static_cast<unsigned>(text.size())};
}

bool must_wait(ssize_t result)
{
    return result == GNUTLS_E_AGAIN || result == GNUTLS_E_INTERRUPTED;
}

} // namespace

Tls::Tls(const std::string &certificate, const std::string &key, const std::string &client_ca)
    : asks(!client_ca.empty())
{
    const gnutls_datum_t cert = datum(certificate), secret = datum(key), authorities = datum(client_ca);
    int error = gnutls_certificate_allocate_credentials(&credentials);
    if (error == GNUTLS_E_SUCCESS)
        error = gnutls_certificate_set_x509_key_mem(credentials, &cert, &secret, GNUTLS_X509_FMT_PEM);
    if (error >= 0 && asks)
        error = gnutls_certificate_set_x509_trust_mem(credentials, &authorities, GNUTLS_X509_FMT_PEM);
    if (error >= 0)
        error = gnutls_priority_init(&priorities, protocols, nullptr);
    if (error >= 0)
        return;
    if (credentials != nullptr)
        gnutls_certificate_free_credentials(credentials);
    throw std::runtime_error(std::string("could not start the HTTP server with this certificate: ") +
                             gnutls_strerror(error));
}

Tls::~Tls()
{
    gnutls_priority_deinit(priorities);
    gnutls_certificate_free_credentials(credentials);
}

Tunnel::Tunnel(const Tls &tls, int wire) : outside(wire)
{
    static const char http[] = "http/1.1";
    const gnutls_datum_t protocol = {reinterpret_cast<unsigned char *>(const_cast<char *>(http)),
                                     sizeof http - 1};
    int pair[2] = {-1, -1};
    const bool made =
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0 &&
        gnutls_init(&session, GNUTLS_SERVER | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL) == GNUTLS_E_SUCCESS &&
        gnutls_priority_set(session, tls.priorities) == GNUTLS_E_SUCCESS &&
        gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, tls.credentials) == GNUTLS_E_SUCCESS;
    if (!made) {
        if (session != nullptr)
            gnutls_deinit(session);
        for (const int end : pair)
            close(end);
        throw std::runtime_error("could not begin a TLS session");
    }
    near = pair[0];
    far = pair[1];
    gnutls_alpn_set_protocols(session, &protocol, 1, 0);
    gnutls_certificate_server_set_request(session, tls.asks ? GNUTLS_CERT_REQUEST : GNUTLS_CERT_IGNORE);
    gnutls_transport_set_int(session, outside);
}

Tunnel::~Tunnel()
{
    gnutls_deinit(session);
    for (const int file : {outside, near, far})
        if (file >= 0)
            close(file);
}

int Tunnel::far_end()
{
    return std::exchange(far, -1);
}

int Tunnel::leave()
{
    return std::exchange(outside, -1);
}

bool Tunnel::certified() const
{
    unsigned status = 0;
    return gnutls_certificate_verify_peers2(session, &status) == GNUTLS_E_SUCCESS && status == 0;
}

bool Tunnel::shake_hands()
{
    if (open || broken)
        return open;
    const int result = gnutls_handshake(session);
    open = result == GNUTLS_E_SUCCESS;
    broken = result < 0 && gnutls_error_is_fatal(result) != 0;
    return open;
}

// From the client; true when something moved.
bool Tunnel::move_in()
{
    if (in.empty() && !left) {
        char buffer[record];
        const ssize_t size = gnutls_record_recv(session, buffer, sizeof buffer);
        if (size > 0)
            in.assign(buffer, static_cast<size_t>(size));
        left = size == 0 || size == GNUTLS_E_PREMATURE_TERMINATION;
        spoke = spoke || size > 0;
        broken = !left && size < 0 && gnutls_error_is_fatal(static_cast<int>(size)) != 0;
        if (left)
            shutdown(near, SHUT_WR);
        if (size <= 0)
            return !left && !broken && !must_wait(size); // a warning: the next may be data
    }
    if (in.empty())
        return false;
    const ssize_t taken = deaf ? static_cast<ssize_t>(in.size())
                               : send(near, in.data(), in.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (taken < 0 && errno == EAGAIN)
        return false;
    in.erase(0, taken < 0 ? in.size() : static_cast<size_t>(taken)); // the library wants no more of it
    return true;
}

// From the library; true when something moved.
bool Tunnel::move_out()
{
    if (out.empty() && !quiet) {
        char buffer[record];
        const ssize_t size = recv(near, buffer, sizeof buffer, MSG_DONTWAIT);
        quiet = size == 0 || (size < 0 && errno != EAGAIN);
        if (size > 0)
            out.assign(buffer, static_cast<size_t>(size));
    }
    if (out.empty())
        return false;
    const ssize_t sent = pending ? gnutls_record_send(session, nullptr, 0)
                                 : gnutls_record_send(session, out.data(), std::min(out.size(), record));
    pending = must_wait(sent);
    if (pending)
        return false;
    broken = sent < 0;
    if (!broken)
        out.erase(0, static_cast<size_t>(sent));
    return !broken;
}

void Tunnel::say_goodbye()
{
    finished = !must_wait(gnutls_bye(session, GNUTLS_SHUT_WR));
}

bool Tunnel::pump()
{
    bool moved = true;
    for (int i = 0; moved && i < records_at_once && shake_hands() && !ended(); ++i) {
        const bool inwards = move_in();
        moved = (!broken && move_out()) || inwards;
    }
    if (open && quiet && out.empty() && !ended())
        say_goodbye();
    if (broken)
        shutdown(near, SHUT_RDWR); // for the library the client has gone
    return moved && open && !ended();
}

void Tunnel::last_word(std::string text)
{
    char buffer[record];
    for (ssize_t size; !quiet && (size = recv(near, buffer, sizeof buffer, MSG_DONTWAIT)) > 0;)
        out.append(buffer, static_cast<size_t>(size));
    out += text;
    deaf = quiet = true;
}

} // namespace listener
