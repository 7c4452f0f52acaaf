/*
 * Scans of loan agreements for O4: small but real PDF and TIFF files.
 *
 * Promises: the bytes carry the right magic (%PDF, II*\0, MM\0*), a valid structure and the title; the same
 * arguments give the same bytes.
 */
#pragma once

#include <string>
#include <string_view>

namespace sandbox::abs
{

/* One page with an ASCII rendering of `title`; at least `bytes` long. */
std::string make_pdf(std::string_view title, std::size_t bytes);

/* One bilevel page of 8 by 8 dots, little endian (II) or big endian (MM); at least `bytes` long. */
std::string make_tiff(bool big_endian, std::size_t bytes);

/* "Договор_<number>.<extension>" with everything replaced that a quoted header value cannot carry. */
std::string scan_file_name(std::string_view dbz_num, std::string_view extension);

} // namespace sandbox::abs
