// TLS before the library: what a client sends is decrypted and goes through a pair of sockets to the library,
// what the library says comes back the same way. So both sides of every connection are in our hands, and a
// last word reaches the client encrypted or not.
//
// Plain C++ on GnuTLS. Constructors raise std::runtime_error, nothing else does.
#pragma once

#include "http/core_only.hpp"

#include <gnutls/gnutls.h>
#include <string>

namespace listener
{

// Certificate, key and those whose client certificates are asked for, shared by all tunnels of a server.
class Tls
{
public:
    // PEM texts; client_ca empty: nobody is asked for a certificate.
    Tls(const std::string &certificate, const std::string &key, const std::string &client_ca);
    ~Tls();
    Tls(const Tls &) = delete;
    Tls &operator=(const Tls &) = delete;

private:
    friend class Tunnel;
    gnutls_certificate_credentials_t credentials = nullptr;
    gnutls_priority_t priorities = nullptr;
    bool asks = false;
};

class Tunnel
{
public:
    Tunnel(const Tls &tls, int wire); // takes the socket over unless it raises
    ~Tunnel();
    Tunnel(const Tunnel &) = delete;
    Tunnel &operator=(const Tunnel &) = delete;

    int inside() const { return near; }
    int far_end(); // the socket for the library, which closes it; once

    bool pump();                      // moves what can be moved; true: not all of it yet
    void last_word(std::string text); // follows what the library has said so far; what it says later is lost
    bool ended() const { return finished || broken; }
    int leave(); // the client's socket, not ours any more

    bool client_left() const { return left || broken; }
    bool client_spoke() const { return spoke; }
    bool certified() const; // by a client certificate that is valid

private:
    bool shake_hands();
    bool move_in();
    bool move_out();
    void say_goodbye();

    gnutls_session_t session = nullptr;
    int outside, near = -1, far = -1;
    std::string in, out; // on their way, not yet taken
    bool open = false;   // hands are shaken
    bool spoke = false, left = false;
    bool pending = false; // GnuTLS keeps a record that did not go out yet
    bool deaf = false;    // to the library
    bool quiet = false;   // the library has said all
    bool finished = false, broken = false;
};

} // namespace listener
