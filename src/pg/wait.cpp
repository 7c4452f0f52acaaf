// See wait.hpp.
#include "pg/wait.hpp"

namespace pg
{

Woken wait(int descriptor, long timeout_ms)
{
    return call([=] {
        int events = WL_LATCH_SET | WL_EXIT_ON_PM_DEATH;
        if (descriptor >= 0)
            events |= WL_SOCKET_READABLE;
        if (timeout_ms >= 0)
            events |= WL_TIMEOUT;
        const int found = WaitLatchOrSocket(MyLatch, events, descriptor >= 0 ? descriptor : PGINVALID_SOCKET,
                                            timeout_ms, PG_WAIT_EXTENSION);
        if (found & WL_LATCH_SET)
            ResetLatch(MyLatch);
        CHECK_FOR_INTERRUPTS();
        return Woken{(found & WL_LATCH_SET) != 0, (found & WL_SOCKET_READABLE) != 0};
    });
}

void check_interrupts()
{
    call([] { CHECK_FOR_INTERRUPTS(); });
}

} // namespace pg
