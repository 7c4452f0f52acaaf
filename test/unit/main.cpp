// Runs the unit tests of src/http and src/reply.
#include <gtest/gtest.h>

#include <csignal>

int main(int argc, char **argv)
{
    std::signal(SIGPIPE, SIG_IGN); // as in every PostgreSQL process
    ::testing::InitGoogleTest(&argc, argv);
    return RUN_ALL_TESTS();
}
