/*
 * Small real PDF and TIFF files. Contracts stand in scan.h.
 */
#include "scan.h"

#include <array>
#include <cstdint>
#include <cstdio>
#include <vector>

namespace sandbox::abs
{

namespace
{

class Tiff
{
public:
    explicit Tiff(bool big_endian) : big_endian_(big_endian) { out_ = big_endian ? "MM" : "II"; }

    void put(std::uint32_t value, unsigned bytes)
    {
        for (unsigned i = 0; i < bytes; ++i) {
            const unsigned shift = 8 * (big_endian_ ? bytes - 1 - i : i);
            out_ += static_cast<char>(value >> shift & 0xFFU);
        }
    }

    /* An entry of type SHORT (3) or LONG (4); a short value is left-justified in its four bytes. */
    void entry(std::uint32_t tag, std::uint32_t type, std::uint32_t value)
    {
        put(tag, 2);
        put(type, 2);
        put(1, 4);
        put(value, type == 3 ? 2 : 4);
        if (type == 3)
            put(0, 2);
    }

    void append(std::string_view bytes) { out_ += bytes; }
    std::string str() && { return std::move(out_); }

private:
    bool big_endian_;
    std::string out_;
};

std::string printable(std::string_view text)
{
    std::string out;
    for (char c : text)
        out += c >= 0x20 && c < 0x7F && c != '(' && c != ')' && c != '\\' ? c : '.';
    return out;
}

} // namespace

std::string make_pdf(std::string_view title, std::size_t bytes)
{
    const std::string page = "BT /F1 14 Tf 72 770 Td (" + printable(title) + ") Tj ET";
    const std::vector<std::string> objects = {
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R "
        "/Resources << /Font << /F1 5 0 R >> >> >>",
        "<< /Length " + std::to_string(page.size()) + " >>\nstream\n" + page + "\nendstream",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    };
    std::string out = "%PDF-1.4\n%\xE2\xE3\xCF\xD3\n";
    if (out.size() < bytes)
        out += "%" + std::string(bytes - out.size(), '.') + "\n";
    std::string table = "xref\n0 " + std::to_string(objects.size() + 1) + "\n0000000000 65535 f \n";
    for (std::size_t i = 0; i < objects.size(); ++i) {
        std::array<char, 32> line{};
        std::snprintf(line.data(), line.size(), "%010zu 00000 n \n", out.size());
        table += line.data();
        out += std::to_string(i + 1) + " 0 obj\n" + objects[i] + "\nendobj\n";
    }
    const std::size_t start = out.size();
    return out + table + "trailer\n<< /Size " + std::to_string(objects.size() + 1) +
           " /Root 1 0 R >>\nstartxref\n" + std::to_string(start) + "\n%%EOF\n";
}

std::string make_tiff(bool big_endian, std::size_t bytes)
{
    constexpr std::uint32_t strip_offset = 8;
    constexpr std::uint32_t directory_offset = 16;
    Tiff out(big_endian);
    out.put(42, 2);
    out.put(directory_offset, 4);
    out.append({"\x7E\x42\x42\x42\x42\x42\x42\x7E", 8});
    out.put(8, 2);
    out.entry(256, 3, 8); // width
    out.entry(257, 3, 8); // height
    out.entry(258, 3, 1); // bits per sample
    out.entry(259, 3, 1); // no compression
    out.entry(262, 3, 1); // zero is black
    out.entry(273, 4, strip_offset);
    out.entry(278, 3, 8); // rows per strip
    out.entry(279, 4, 8); // bytes of the strip
    out.put(0, 4);
    std::string file = std::move(out).str();
    if (file.size() < bytes)
        file.append(bytes - file.size(), '\0');
    return file;
}

std::string scan_file_name(std::string_view dbz_num, std::string_view extension)
{
    std::string name = "Договор_";
    for (char c : dbz_num)
        name +=
            static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\' || c == '/' || c == 0x7F ? '_' : c;
    return name + "." + std::string(extension);
}

} // namespace sandbox::abs
