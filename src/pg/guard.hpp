// The border between C++ and PostgreSQL: the only file with a sigsetjmp.
//
// pg::entry(f)  wraps the body of every function the server calls: a C++ exception becomes an ereport, raised
// after
//               the catch block has ended and no C++ object is alive.
// pg::call(f)   wraps every step into PostgreSQL from code that holds C++ objects: an ereport becomes the
// empty token
//               ErrorInFlight; the details stay in PostgreSQL's own error stack, SQLSTATE and all.
//
// Whoever catches ErrorInFlight without rethrowing it must take or flush that error and roll back
// (transaction.hpp). The lambda given to pg::call declares no object with a destructor: a longjmp would skip
// it.
#pragma once

#include <exception>

#include "pg/pg.hpp"

extern "C" {
#include <setjmp.h>
}

namespace pg
{

// A PostgreSQL error is under way; nothing is carried, so nothing can be lost.
struct ErrorInFlight {
};

// An error of our own: SQLSTATE, primary message in the server's style, optional detail and hint. `quiet`
// keeps the statement and its context, which hold a secret, out of the server log.
class Error : public std::exception
{
public:
    Error(int state, std::string text, std::string more = {}, std::string advice = {},
          bool keep_quiet = false)
        : sqlstate(state), message(std::move(text)), detail(std::move(more)), hint(std::move(advice)),
          quiet(keep_quiet)
    {
    }
    const char *what() const noexcept override { return message.c_str(); }

    const int sqlstate;
    const std::string message, detail, hint;
    const bool quiet;
};

namespace border
{

// Saves and restores the two stacks that an error unwinds.
class JumpScope
{
public:
    explicit JumpScope(sigjmp_buf *jump)
        : exception_stack(PG_exception_stack), context_stack(error_context_stack)
    {
        PG_exception_stack = jump;
    }
    ~JumpScope()
    {
        PG_exception_stack = exception_stack;
        error_context_stack = context_stack;
    }
    JumpScope(const JumpScope &) = delete;
    JumpScope &operator=(const JumpScope &) = delete;

private:
    sigjmp_buf *exception_stack;
    ErrorContextCallback *context_stack;
};

// What is left of an exception when its catch block has ended: characters, trivially destructible.
struct Report {
    bool in_flight, quiet;
    int sqlstate;
    char message[1024], detail[2048], hint[2048];
};

void describe(Report &report) noexcept; // call inside a catch block
[[noreturn]] void raise(const Report &report);

} // namespace border

template <class F> auto call(F &&f) -> std::invoke_result_t<F>
{
    using R = std::invoke_result_t<F>;
    static_assert(std::is_void_v<R> || std::is_trivially_destructible_v<R>,
                  "only plain values may cross the border");
    const MemoryContext here = CurrentMemoryContext;
    sigjmp_buf jump;
    border::JumpScope scope(&jump);
    if (sigsetjmp(jump, 0) == 0)
        return f();
    MemoryContextSwitchTo(here);
    throw ErrorInFlight{};
}

template <class F> auto entry(F &&f) -> std::invoke_result_t<F>
{
    border::Report report;
    try {
        return f();
    } catch (...) {
        border::describe(report);
    }
    border::raise(report);
}

} // namespace pg
