// What a server may take at a moment: connections and rate, the doubling pauses of an address that does not
// answer, the stop of one that refuses us, and patience that the server asked for. Time is given, never
// waited for.
#include "outbox/circuit.hpp"

#include <climits>

#include <gtest/gtest.h>

using namespace std::chrono_literals;
using outbox::Circuit;
using outbox::Clock;
using outbox::Throttle;

namespace
{

const Clock::time_point start{1000h};

// One call that brings no connection.
void fail(Circuit &circuit, Clock::time_point now)
{
    circuit.started();
    circuit.finished();
    circuit.unanswered(now, true, "down");
}

} // namespace

TEST(Throttle, LimitsConnections)
{
    Throttle throttle;
    EXPECT_EQ(throttle.room(start, 2, 0), 2);
    throttle.started(start, 0);
    throttle.started(start, 0);
    EXPECT_EQ(throttle.room(start, 2, 0), 0);
    EXPECT_EQ(throttle.room(start, 1, 0), 0) << "a limit that was lowered meanwhile";
    throttle.finished();
    EXPECT_EQ(throttle.room(start, 2, 0), 1);
    EXPECT_EQ(throttle.next_token(start, 0), Clock::time_point::max());
}

TEST(Throttle, LimitsTheRateAndSavesOneSecondAtMost)
{
    Throttle throttle;
    EXPECT_EQ(throttle.room(start, 100, 5), 5);
    for (int i = 0; i < 5; ++i)
        throttle.started(start, 5);
    EXPECT_EQ(throttle.room(start, 100, 5), 0);
    EXPECT_EQ(throttle.next_token(start, 5), start + 200ms);
    EXPECT_EQ(throttle.room(start + 200ms, 100, 5), 1);
    EXPECT_EQ(throttle.room(start + 1h, 100, 5), 5);
}

TEST(Throttle, ARateBelowOnePerSecondStillMoves)
{
    Throttle throttle;
    EXPECT_EQ(throttle.room(start, 1, 0.1), 1);
    throttle.started(start, 0.1);
    throttle.finished();
    EXPECT_EQ(throttle.room(start + 9s, 1, 0.1), 0);
    EXPECT_EQ(throttle.room(start + 10s + 1ms, 1, 0.1), 1);
}

TEST(Circuit, OpensAtOnceWhenNothingConnectsAndDoublesItsPause)
{
    Circuit circuit;
    EXPECT_EQ(circuit.room(start), INT_MAX);
    Clock::time_point now = start;
    fail(circuit, now);
    for (const auto pause : {1s, 2s, 4s, 8s, 16s, 32s, 60s, 60s}) {
        EXPECT_STREQ(circuit.word(), "open");
        EXPECT_EQ(circuit.room(now + pause - 1ms), 0);
        EXPECT_EQ(circuit.opens_at(), now + pause);
        now += pause;
        EXPECT_EQ(circuit.room(now), 1) << "one probe";
        fail(circuit, now);
    }
    circuit.started();
    EXPECT_EQ(circuit.room(now + 1h), 0) << "the probe is under way";
    circuit.finished();
    EXPECT_TRUE(circuit.answered());
    EXPECT_TRUE(circuit.closed());
    EXPECT_EQ(circuit.room(now), INT_MAX);
    fail(circuit, now);
    EXPECT_EQ(circuit.opens_at(), now + 1s) << "the pause starts again";
}

TEST(Circuit, AReachableServerMayLeaveFourCallsUnanswered)
{
    Circuit circuit;
    for (int i = 0; i < 4; ++i)
        EXPECT_FALSE(circuit.unanswered(start, false, "reset"));
    EXPECT_TRUE(circuit.closed());
    EXPECT_FALSE(circuit.answered());
    for (int i = 0; i < 4; ++i)
        EXPECT_FALSE(circuit.unanswered(start, false, "reset"));
    EXPECT_TRUE(circuit.unanswered(start, false, "reset"));
    EXPECT_STREQ(circuit.word(), "open");
    EXPECT_EQ(circuit.reason(), "reset");
}

TEST(Circuit, CallsThatWereUnderWayWhenItOpenedDoNotProlongThePause)
{
    Circuit circuit;
    fail(circuit, start);
    EXPECT_FALSE(circuit.unanswered(start + 100ms, true, "down"));
    EXPECT_EQ(circuit.opens_at(), start + 1s);
}

TEST(Circuit, AStoppedServerIsProbedEveryFiveMinutesAndAtOnceAfterAChange)
{
    Circuit circuit;
    EXPECT_TRUE(circuit.stop(start, "token expired"));
    EXPECT_FALSE(circuit.stop(start, "token expired"));
    EXPECT_STREQ(circuit.word(), "stopped");
    EXPECT_EQ(circuit.room(start + 4min), 0);
    EXPECT_EQ(circuit.room(start + 5min), 1);
    circuit.renew();
    EXPECT_EQ(circuit.room(start), 1);
    EXPECT_TRUE(circuit.stop(start, "still expired")) << "another text is news";
    EXPECT_EQ(circuit.room(start), 0);
}

TEST(Circuit, AProbeWithoutReplyLeavesAStoppedServerStopped)
{
    Circuit circuit;
    circuit.stop(start, "token expired");
    EXPECT_FALSE(circuit.unanswered(start + 5min, true, "down"));
    EXPECT_STREQ(circuit.word(), "stopped");
    EXPECT_EQ(circuit.room(start + 9min), 0);
    EXPECT_EQ(circuit.room(start + 10min), 1);
}

TEST(Circuit, PatienceThatTheServerAskedForHoldsEvenWhenClosed)
{
    Circuit circuit;
    circuit.hold(start + 30s);
    circuit.hold(start + 10s);
    EXPECT_TRUE(circuit.closed());
    EXPECT_EQ(circuit.room(start + 29s), 0);
    EXPECT_EQ(circuit.opens_at(), start + 30s);
    EXPECT_EQ(circuit.room(start + 30s), INT_MAX);
}
