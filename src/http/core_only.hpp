// Makes "this file knows nothing of PostgreSQL" a compile-time fact: the rooms http and reply are plain
// C++20, unit-tested and fuzzed without a server. Server code may include their headers, but before
// postgres.h, never after it (postgres.h redefines printf and friends, and its error jumps know no
// destructors). No include guard: every header that includes this one makes the test anew.

#if defined(POSTGRES_H) || defined(PG_VERSION_NUM)
#error "headers of src/http and src/reply must be included before postgres.h"
#endif
