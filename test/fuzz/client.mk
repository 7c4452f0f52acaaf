# What the fuzzers that talk to a server have alike. Their Makefiles say PROGRAM, its sources PARTS, from their own folder or
# from payload/, and its OPTIONS, include this and add "prepare".
CXX     ?= g++
SECONDS ?= 60
CXXFLAGS = -std=c++20 -O1 -g -Wall -Wextra -Wshadow -Werror -I../payload -MMD -MP $(shell pkg-config --cflags libpq)
OBJS     = $(PARTS:%=build/%.o)
vpath %.cpp . ../payload
PSQL     = psql -X -q -v ON_ERROR_STOP=1

all: build/$(PROGRAM)

build/$(PROGRAM): $(OBJS)
	$(CXX) $(CXXFLAGS) -o $@ $(OBJS) $(shell pkg-config --libs libpq)

build/%.o: %.cpp
	@mkdir -p $(@D)
	$(CXX) $(CXXFLAGS) -c -o $@ $<

run: build/$(PROGRAM)
	./build/$(PROGRAM) $(OPTIONS) --findings build --seconds $(SECONDS) $(if $(SEED),--seed $(SEED)) $(ARGS)

clean:
	rm -rf build

-include $(OBJS:.o=.d)
.PHONY: all prepare run clean
