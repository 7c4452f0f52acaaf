# k2bridge: PGXS build. `make && make install`; `make check-unit`, `make sandbox` build what the tests need.
EXTENSION    = k2bridge
EXTVERSION   = $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" k2bridge.control)
MODULE_big   = k2bridge
OBJS         = $(patsubst %.cpp,%.o,$(sort $(wildcard src/*.cpp src/*/*.cpp)))

# The order of the rooms' SQL, written down here and nowhere else. *.sql become the extension's members,
# *.tables.sql are what k2bridge.setup() runs.
include src/order.mk
INSTALL_SQL  = k2bridge--$(EXTVERSION).sql

# The version from which the update to this one is made; its install script is frozen in src/versions.
FORMER       = 1.0
UPDATE_PARTS = $(addprefix src/versions/,k2bridge--$(FORMER).sql begin.sql $(FORMER)--$(EXTVERSION).sql)
UPDATE_SQL   = k2bridge--$(FORMER)--$(EXTVERSION).sql
DATA         = $(wildcard src/versions/k2bridge--*.sql)
DATA_built   = $(INSTALL_SQL) $(UPDATE_SQL)

REGRESS_OPTS = --inputdir=. --load-extension=plpgsql
REGRESS      = $(patsubst sql/%.sql,%,$(sort $(wildcard sql/[0-9]*.sql)))
ISOLATION    = $(patsubst test/isolation/specs/%.spec,%,$(sort $(wildcard test/isolation/specs/*.spec)))
ISOLATION_OPTS = --inputdir=test/isolation --outputdir=build/isolation
TAP_TESTS    = 1

PG_CPPFLAGS  = -Isrc -DK2BRIDGE_VERSION='"$(EXTVERSION)"' -MMD -MP -isystem $(shell $(PG_CONFIG) --includedir-server)
PG_CXXFLAGS  = -std=c++20 -Wall -Wextra -Wno-register -Wno-unknown-warning-option -Wno-deprecated-volatile $(WERROR) $(SANITIZE)
SHLIB_LINK   = -lcurl -ljansson -lmicrohttpd -lgnutls -lstdc++ -Wl,--version-script=src/exports.map $(SANITIZE)
EXTRA_CLEAN  = $(OBJS:.o=.d) build results
override with_llvm = no
PG_CONFIG   ?= pg_config
PGXS        := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)
-include $(OBJS:.o=.d)

$(shlib): src/exports.map

$(INSTALL_SQL): src/install.sql $(SQL_MEMBERS) $(SQL_TABLES) src/finish.sql src/order.mk k2bridge.control
	{ cat src/install.sql $(SQL_MEMBERS); \
	  echo 'CREATE FUNCTION k2bridge.setup_script(OUT part integer, OUT ddl text) RETURNS SETOF record'; \
	  echo '    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$setup_script$$ VALUES'; \
	  position=0; for room in $(SQL_TABLES); do \
	    [ $$position = 0 ] || echo ','; position=$$((position + 1)); \
	    echo "($$position, \$$setup_tables\$$"; cat $$room; printf '%s' '$$setup_tables$$)'; \
	  done; \
	  echo ' $$setup_script$$;'; \
	  echo "COMMENT ON FUNCTION k2bridge.setup_script() IS 'The DDL that k2bridge.setup() runs, part by part.';"; \
	  cat src/finish.sql; } | sed 's/@EXTVERSION@/$(EXTVERSION)/g' > $@.part && mv $@.part $@

$(UPDATE_SQL): src/versions/update.awk $(UPDATE_PARTS) $(INSTALL_SQL)
	awk -f src/versions/update.awk $(UPDATE_PARTS) $(INSTALL_SQL) > $@.part && mv $@.part $@

installcheck: build/isolation
build/isolation:
	mkdir -p $@

sandbox:
	$(MAKE) -C test/sandbox

.PHONY: sandbox
