// The two halves of the border that need no template: describing an exception, raising it as an ereport.
#include "pg/guard.hpp"

#include <cstring>
#include <new>

namespace pg::border
{

static void copy(char *to, size_t size, const std::string &text) noexcept
{
    // Cut on a character boundary: half a UTF-8 sequence would make the error message itself invalid.
    size_t length = std::min(text.size(), size - 1);
    while (length < text.size() && length > 0 && (static_cast<unsigned char>(text[length]) & 0xC0) == 0x80)
        --length;
    std::memcpy(to, text.data(), length);
    to[length] = '\0';
}

void describe(Report &report) noexcept
{
    report.in_flight = report.quiet = false;
    report.sqlstate = ERRCODE_INTERNAL_ERROR;
    report.message[0] = report.detail[0] = report.hint[0] = '\0';
    try {
        throw;
    } catch (const ErrorInFlight &) {
        report.in_flight = true;
    } catch (const Error &error) {
        report.sqlstate = error.sqlstate;
        report.quiet = error.quiet;
        copy(report.message, sizeof report.message, error.message);
        copy(report.detail, sizeof report.detail, error.detail);
        copy(report.hint, sizeof report.hint, error.hint);
    } catch (const std::bad_alloc &) {
        report.sqlstate = ERRCODE_OUT_OF_MEMORY;
        strlcpy(report.message, "out of memory", sizeof report.message);
    } catch (const std::exception &error) {
        strlcpy(report.message, error.what(), sizeof report.message);
    } catch (...) {
        strlcpy(report.message, "unrecognized C++ exception", sizeof report.message);
    }
}

void raise(const Report &report)
{
    if (report.in_flight)
        PG_RE_THROW();
    ereport(ERROR, errcode(report.sqlstate), errmsg("%s", report.message), errhidestmt(report.quiet),
            errhidecontext(report.quiet), report.detail[0] ? errdetail("%s", report.detail) : 0,
            report.hint[0] ? errhint("%s", report.hint) : 0);
    pg_unreachable();
}

} // namespace pg::border
