// Who acts, and under which story.
//
// All rules of k2bridge run as the owner of the tables, never as the extension's owner (a superuser): the
// door and the owner trigger switch the current user for the length of one call, as SECURITY DEFINER does,
// and remember the role that came in. A correlation is born once in each top-level transaction, or is given
// by a worker for one item.
#pragma once

#include "pg/pg.hpp"

namespace pg
{

// The role that acts: the current user before the outermost door or owner trigger was passed.
Oid caller();

// The owner of k2bridge's tables. Raises 55000 with HINT k2bridge.setup() while they do not exist.
Oid tables_owner();

// Pretends for its lifetime that `role` came in (a worker settling a row that `role` queued).
class CallerScope
{
public:
    explicit CallerScope(Oid role);
    ~CallerScope();
    CallerScope(const CallerScope &) = delete;
    CallerScope &operator=(const CallerScope &) = delete;

private:
    Oid before;
};

// Current user for its lifetime, under SECURITY_LOCAL_USERID_CHANGE: SET ROLE and RESET ROLE are refused
// meanwhile.
class UserScope
{
public:
    explicit UserScope(Oid role);
    ~UserScope();
    UserScope(const UserScope &) = delete;
    UserScope &operator=(const UserScope &) = delete;

private:
    Oid user;
    int context;
};

// The correlation of what happens now; made on first use, forgotten at the end of the top-level transaction.
pg_uuid_t correlation();
void set_correlation(const pg_uuid_t &id);

// The API client on whose behalf a listener runs this request, or null.
const char *api_client();
void set_api_client(const char *name);

} // namespace pg
