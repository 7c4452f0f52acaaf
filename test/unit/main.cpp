// Runs the unit tests of src/http and src/reply. The process is prepared as
// PostgreSQL prepares its own, because libcurl relies on it: SIGPIPE is
// ignored.
#include <gtest/gtest.h>

#include <csignal>

int main(int argc, char **argv)
{
    std::signal(SIGPIPE, SIG_IGN); // as in every PostgreSQL process
    ::testing::InitGoogleTest(&argc, argv);
    return RUN_ALL_TESTS();
}
