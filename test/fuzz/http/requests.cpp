// See requests.hpp.
#include "requests.hpp"

#include <algorithm>
#include <iterator>

namespace fuzz
{

namespace
{

constexpr const char *targets[] = {"/restapi/services/run/echo",
                                   "/restapi/services/echo",
                                   "/restapi/services/run/k2extreq_by_dbz",
                                   "/restapi/services/run/",
                                   "/restapi/services/run/%00",
                                   "/restapi/services/run/%F0%9F",
                                   "/restapi/getfile?code=CUST-fuzz",
                                   "/restapi/getfile?code=CUST-fuzz&base64=true&inline=1",
                                   "/restapi/getfile?code=%27%22%00%FF&attachment",
                                   "/restapi/getfile?=&&==&code",
                                   "/restapi/upload",
                                   "/healthz",
                                   "/metrics",
                                   "/openapi.json",
                                   "/",
                                   "/?trace=%F0%28%8C%BC",
                                   "//../..",
                                   "*",
                                   "http://other/healthz",
                                   ""};
constexpr const char *methods[] = {"POST",  "GET",     "HEAD",   "PUT",  "OPTIONS",
                                   "TRACE", "CONNECT", "DELETE", "post", "\x01"};
constexpr const char *versions[] = {"HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/0.9",
                                    "HTTP/2.0", "HTTP/9",   "http/1.1", ""};
constexpr const char *headers[] = {"Host: a",
                                   "Host: ",
                                   "Content-Type: application/json",
                                   "Content-Type: application/json; charset=\"utf-8\"",
                                   "Content-Type: text/xml; charset=",
                                   "Content-Type: multipart/form-data; boundary=edge",
                                   "Content-Type: multipart/form-data; boundary=\"",
                                   "Content-Type: multipart/form-data",
                                   "Content-Length: 0",
                                   "Content-Length: 5",
                                   "Content-Length: -1",
                                   "Content-Length: 4194305",
                                   "Content-Length: 18446744073709551617",
                                   "Content-Length: 0x10",
                                   "Content-Length : 3",
                                   "Transfer-Encoding: chunked",
                                   "Transfer-Encoding: gzip, chunked",
                                   "Transfer-Encoding:",
                                   "Expect: 100-continue",
                                   "Expect: 200-ok",
                                   "Connection: close",
                                   "Connection: keep-alive, upgrade",
                                   "Upgrade: h2c",
                                   "Authorization: Basic Og==",
                                   "Authorization: Basic ====",
                                   "Authorization: Bearer",
                                   "Authorization: Digest username=\"\"",
                                   "X-Forwarded-For: 1.2.3.4, ::1, x",
                                   "If-None-Match: \"",
                                   "If-None-Match: *",
                                   "Range: bytes=5-1,0-",
                                   "Content-Encoding: gzip",
                                   "Cookie: a=\"b; =; c",
                                   "no colon here",
                                   ": no name",
                                   " folded: line",
                                   "\xff\xfe: \x01"};
constexpr const char *parts[] = {"refer", "iin", "dbz_num", "dbz_dt", "file", "", "file\"; x=\"", "\xff"};

std::string any_bytes(Random &random, std::size_t most)
{
    std::string bytes(random.below(most + 1), '\0');
    std::generate(bytes.begin(), bytes.end(), [&random] { return static_cast<char>(random.below(256)); });
    return bytes;
}

std::string form(Random &random, const std::string &body)
{
    std::string text;
    for (std::size_t count = random.below(8); count > 0; --count) {
        text += std::string("--edge\r\nContent-Disposition: form-data; name=\"") + random.pick(parts) + "\"";
        if (random.once_in(2))
            text += "; filename=\"" + (random.once_in(3) ? any_bytes(random, 40) : "скан.pdf") + "\"";
        text += random.once_in(4) ? "\r\n" : "\r\nContent-Type: application/pdf\r\n\r\n";
        text += random.once_in(2) ? "HSBKRX0000000003" : random.once_in(2) ? any_bytes(random, 300) : body;
        text += random.once_in(6) ? "\n" : "\r\n";
    }
    return text + (random.once_in(5) ? "" : "--edge--\r\n");
}

std::string chunked(Random &random, const std::string &body)
{
    constexpr const char *sizes[] = {"FFFFFFFFFFFFFFFFF", "-1", "zz", "", "7FFFFFFFFFFFFFFF", "0x5", " 5"};
    std::string text;
    for (std::size_t at = 0; at < body.size();) {
        const std::size_t size = std::min(body.size() - at, 1 + random.below(random.once_in(3) ? 5000 : 40));
        char number[32];
        snprintf(number, sizeof number, random.once_in(2) ? "%zx" : "%04zX", size);
        text += random.once_in(40) ? random.pick(sizes) : number;
        text += random.once_in(20) ? ";name=\"value\"\r\n" : "\r\n";
        text += body.substr(at, size) + (random.once_in(60) ? "" : "\r\n");
        at += size;
    }
    return text + "0\r\n" + (random.once_in(8) ? "Trailer: x\r\n" : "") + (random.once_in(10) ? "" : "\r\n");
}

std::string login(Random &random, const std::string &token)
{
    return "Authorization: Bearer " + (random.once_in(8) ? any_bytes(random, 80) : token) + "\r\n";
}

std::string rough_request(Random &random, const std::string &token, const std::string &body)
{
    const std::string end = random.once_in(12) ? "\n" : "\r\n";
    std::string text =
        std::string(random.once_in(3) ? random.pick(methods) : "POST") + " " + random.pick(targets) +
        (random.once_in(30) ? std::string(random.below(70000), 'a') : "") + " " + random.pick(versions) + end;
    if (!random.once_in(5))
        text += "Host: a" + end;
    if (!random.once_in(3))
        text += login(random, token);
    for (std::size_t count = random.below(random.once_in(30) ? 400 : 6); count > 0; --count)
        text += random.pick(headers) + end;
    if (random.once_in(40))
        text += "X-Long: " + std::string(random.below(70000), 'x') + end;
    const std::string content = random.once_in(3) ? form(random, body) : body;
    if (random.once_in(2))
        return text + "Content-Length: " + std::to_string(content.size()) + end + end + content;
    if (random.once_in(2))
        return text + "Transfer-Encoding: chunked" + end + end + chunked(random, content);
    return text + (random.once_in(4) ? "" : end) + content;
}

void damage(Random &random, std::string &bytes)
{
    for (std::size_t count = random.below(6); count > 0 && !bytes.empty(); --count) {
        const std::size_t at = random.below(bytes.size());
        switch (random.below(4)) {
        case 0:
            bytes[at] = static_cast<char>(random.below(256));
            break;
        case 1:
            bytes.erase(at, 1 + random.below(8));
            break;
        case 2:
            bytes.insert(at, any_bytes(random, 8));
            break;
        default:
            bytes.insert(at, bytes.substr(random.below(bytes.size()), random.below(60)));
        }
    }
}

} // namespace

std::string post(Random &random, const std::string &path, const std::string &token, const std::string &body)
{
    std::string text = "POST " + path + " HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n" +
                       "Authorization: Bearer " + token + "\r\n";
    if (random.once_in(2))
        return text + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    text += "Transfer-Encoding: chunked\r\n\r\n";
    for (std::size_t at = 0; at < body.size();) {
        const std::size_t size = std::min(body.size() - at, 1 + random.below(4000));
        char number[32];
        snprintf(number, sizeof number, "%zx\r\n", size);
        text += number + body.substr(at, size) + "\r\n";
        at += size;
    }
    return text + "0\r\n\r\n";
}

std::vector<std::string> rough(Random &random, const std::string &token, const std::string &body)
{
    std::string bytes;
    if (random.once_in(20))
        bytes = any_bytes(random, 3000);
    else
        for (std::size_t count = 1 + random.below(random.once_in(4) ? 6 : 1); count > 0; --count)
            bytes += rough_request(random, token, body.substr(0, 20000));
    if (random.once_in(2))
        damage(random, bytes);
    std::vector<std::string> pieces;
    const std::size_t most = random.once_in(2) ? bytes.size() + 1 : 1 + random.below(400);
    for (std::size_t at = 0; at < bytes.size() && pieces.size() < 40;) {
        const std::size_t size = pieces.size() == 39 ? bytes.size() - at : 1 + random.below(most);
        pieces.push_back(bytes.substr(at, size));
        at += size;
    }
    return pieces;
}

} // namespace fuzz
