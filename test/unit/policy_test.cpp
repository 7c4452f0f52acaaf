// The delivery policy, row by row of the table in design section 4: what each kind of response means for
// calls that may be repeated and for calls that may not; what is blamed on the server; the backoff.
#include "outbox/policy.hpp"

#include <gtest/gtest.h>

using namespace std::chrono_literals;
using outbox::Decision;
using outbox::Delivery;
using outbox::Verdict;

namespace
{

Decision of_failure(Delivery delivery, http::Failure failure, bool sent)
{
    http::Response response;
    response.failure = failure;
    response.sent = sent;
    response.error = "what went wrong";
    return outbox::decide(delivery, response, {}, true);
}

Decision of_status(Delivery delivery, int status, const std::string &body, bool worked = true,
                   std::optional<std::chrono::seconds> retry_after = std::nullopt)
{
    http::Response response;
    response.status = status;
    response.body = body;
    response.content_type = "application/json";
    response.retry_after = retry_after;
    return outbox::decide(delivery, response, reply::read("abs", status, response.content_type, body),
                          worked);
}

constexpr auto least = Delivery::at_least_once, most = Delivery::at_most_once;
const std::string yes = R"({"error_code": 0, "error_text": ""})";
const std::string no = R"({"error_code": 5, "error_text": "Нет"})";
const std::string html = "<html>Bad gateway</html>";

} // namespace

TEST(Policy, AFailureAfterSendingIsUncertainOnlyForMoney)
{
    for (const auto failure : {http::Failure::timeout, http::Failure::reset, http::Failure::truncated,
                               http::Failure::bad_reply, http::Failure::aborted, http::Failure::other}) {
        SCOPED_TRACE(http::name(failure));
        EXPECT_EQ(of_failure(least, failure, true).verdict, Verdict::again);
        EXPECT_EQ(of_failure(most, failure, true).verdict, Verdict::uncertain);
        EXPECT_FALSE(of_failure(least, failure, true).outage);
    }
}

TEST(Policy, WhatWasNeverSentIsSentAgainUnderBothPolicies)
{
    for (const auto delivery : {least, most}) {
        for (const auto failure : {http::Failure::resolve, http::Failure::connect, http::Failure::tls}) {
            SCOPED_TRACE(http::name(failure));
            const Decision decision = of_failure(delivery, failure, false);
            EXPECT_EQ(decision.verdict, Verdict::again);
            EXPECT_TRUE(decision.outage);
            EXPECT_TRUE(decision.unreachable);
        }
        EXPECT_EQ(of_failure(delivery, http::Failure::timeout, false).verdict, Verdict::again);
        EXPECT_EQ(of_failure(delivery, http::Failure::reset, false).verdict, Verdict::again);
    }
}

TEST(Policy, ACertificateOrAddressStopsTheServerAndABadRequestFailsTheRow)
{
    for (const auto delivery : {least, most}) {
        for (const auto failure : {http::Failure::certificate, http::Failure::forbidden_address}) {
            EXPECT_EQ(of_failure(delivery, failure, false).verdict, Verdict::stop);
            EXPECT_TRUE(of_failure(delivery, failure, false).outage);
        }
        EXPECT_EQ(of_failure(delivery, http::Failure::bad_request, false).verdict, Verdict::failed);
    }
}

TEST(Policy, AReplyAboveTheLimitIsNotAskedForAgain)
{
    EXPECT_EQ(of_failure(least, http::Failure::too_large, true).verdict, Verdict::failed);
    EXPECT_EQ(of_failure(most, http::Failure::too_large, true).verdict, Verdict::uncertain);
}

TEST(Policy, TheFamilyDecidesBeforeTheStatus)
{
    for (const auto delivery : {least, most}) {
        EXPECT_EQ(of_status(delivery, 200, yes).verdict, Verdict::ok);
        for (const int status : {200, 400, 404, 500, 503}) {
            SCOPED_TRACE(status);
            const Decision decision = of_status(delivery, status, no);
            EXPECT_EQ(decision.verdict, Verdict::refused);
            EXPECT_EQ(decision.code, "5");
            EXPECT_EQ(decision.text, "Нет");
            EXPECT_FALSE(decision.outage);
        }
    }
}

TEST(Policy, UnclearStatusesAreRepeatedOrUncertain)
{
    for (const int status : {200, 408, 425, 500, 502, 503, 504}) {
        SCOPED_TRACE(status);
        EXPECT_EQ(of_status(least, status, html).verdict, Verdict::again);
        EXPECT_EQ(of_status(most, status, html).verdict, Verdict::uncertain);
        EXPECT_EQ(of_status(least, status, html).outage, status >= 502);
        EXPECT_FALSE(of_status(most, status, html).outage);
    }
}

TEST(Policy, TooManyRequestsIsTheOnlyReplyAfterWhichMoneyIsSentAgain)
{
    for (const auto delivery : {least, most}) {
        const Decision decision = of_status(delivery, 429, html, true, 7s);
        EXPECT_EQ(decision.verdict, Verdict::again);
        EXPECT_EQ(decision.pause, 7s);
        EXPECT_TRUE(decision.outage);
    }
}

TEST(Policy, CredentialsStopTheServer)
{
    for (const auto delivery : {least, most})
        for (const int status : {401, 403, 407}) {
            SCOPED_TRACE(status);
            EXPECT_EQ(of_status(delivery, status, html).verdict, Verdict::stop);
            EXPECT_TRUE(of_status(delivery, status, html).outage);
        }
}

TEST(Policy, AnUnknownPathIsTheServersFaultUntilTheAddressHasWorked)
{
    for (const auto delivery : {least, most}) {
        for (const int status : {404, 405}) {
            SCOPED_TRACE(status);
            EXPECT_EQ(of_status(delivery, status, html, false).verdict, Verdict::stop);
            EXPECT_EQ(of_status(delivery, status, html, true).verdict, Verdict::failed);
        }
        for (const int status : {301, 302, 400, 409, 413, 422}) {
            SCOPED_TRACE(status);
            EXPECT_EQ(of_status(delivery, status, html, false).verdict, Verdict::failed);
        }
    }
}

TEST(Policy, RetryAfterIsHonouredWithinAnHour)
{
    EXPECT_EQ(of_status(least, 503, html, true, 120s).pause, 120s);
    EXPECT_EQ(of_status(least, 503, html, true, 0s).pause, 1s);
    EXPECT_EQ(of_status(least, 503, html, true, 86400s).pause, 3600s);
    EXPECT_EQ(of_status(least, 500, html, true, 120s).pause, 0s);
    EXPECT_EQ(of_status(least, 200, yes, true, 120s).pause, 0s);
}

TEST(Policy, BackoffDoublesIsSpreadAndCapped)
{
    EXPECT_EQ(outbox::backoff(0, 0), 0ms);
    EXPECT_EQ(outbox::backoff(0, 0.5), 500ms);
    EXPECT_EQ(outbox::backoff(3, 0.5), 4s);
    EXPECT_EQ(outbox::backoff(10, 0.5), 5min);
    EXPECT_EQ(outbox::backoff(1'000'000, 0.999), 599'400ms);
    EXPECT_EQ(outbox::backoff(-1, 0.5), 500ms);
}
