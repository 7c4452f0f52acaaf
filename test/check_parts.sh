# The parts of check.sh, sourced by it: each runs one kind of test as the unprivileged user in the copy $work/gcc and
# calls pass and fail for every single test.

sanitizers="-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer -O1 -g -U_FORTIFY_SOURCE"

# Runs a command with a time limit, output to log/NAME.log: logged NAME SECONDS COMMAND …
logged() {
    local log=$work/log/$1.log seconds=$2 status=0
    shift 2
    run_as_user timeout -k 10 "$seconds" "$@" >"$log" 2>&1 </dev/null || status=$?
    [ $status -ne 124 ] || echo "stopped after $seconds seconds" >>"$log"
    return $status
}

show_tail() { sed "s/^/    /" "$1" | tail -n "${2:-25}"; }

# One step that passes or fails as a whole: step NAME SECONDS COMMAND …
step() {
    local name=$1
    if logged "$@"; then
        pass "$name"
    else
        fail "$name"
        show_tail "$work/log/$name.log"
        return 1
    fi
}

# Counts the tests of a program that ends with "N passed, N failed", prints GoogleTest's summary or TAP, or says nothing
# but its exit status. A program that exits non-zero without naming a failure counts as one.
counted() {
    local name=$1 log=$work/log/$1.log status=0 good=0 bad=0 line
    logged "$@" || status=$?
    line=$(grep -E '^[0-9]+ passed, [0-9]+ failed$' "$log" | tail -n 1 || true)
    if [ -n "$line" ]; then
        read -r good _ bad _ <<<"${line/,/}"
    elif grep -q '^\[  PASSED  \]' "$log"; then
        good=$(sed -n 's/^\[  PASSED  \] \([0-9]*\) tests\?\..*/\1/p' "$log" | tail -n 1)
        bad=$(sed -n 's/^\[  FAILED  \] \([0-9]*\) tests\?, .*/\1/p' "$log" | tail -n 1)
        bad=${bad:-0}
    else
        good=$(grep -cE '^ok [0-9]+' "$log" || true)
        bad=$(grep -cE '^not ok [0-9]+' "$log" || true)
    fi
    [ $status -eq 0 ] || [ "$bad" -gt 0 ] || bad=1
    [ $status -ne 0 ] || [ $((good + bad)) -gt 0 ] || good=1
    pass "$name" "$good"
    if [ "$bad" -gt 0 ]; then
        fail "$name" "$bad"
        grep -E '^not ok|^#|[Ff]ail|FAILED' "$log" | head -n 20 | sed 's/^/    /'
        show_tail "$log" 15
    fi
}

# The extension under both compilers, and the format of the sources. The rest of the checks run the g++ build.
part_build() {
    say "building with g++"
    copy_tree "$work/gcc"
    # The instrumented code brings warnings of its own, so those are errors only in the plain build.
    step g++ 1200 make -C "$work/gcc" -j"$jobs" WERROR="$([ -n "$sanitize" ] || echo -Werror)" SANITIZE="${sanitize:+$sanitizers}" ||
        return 1
    logged install 120 make -C "$work/gcc" install || { show_tail "$work/log/install.log"; return 1; }
    [[ " $only " == *" build "* ]] || { passed=0; return; }
    [ -z "$sanitize" ] || return 0
    say "building with clang"
    copy_tree "$work/clang"
    step clang 1200 make -C "$work/clang" -j"$jobs" WERROR=-Werror CC=clang CXX=clang++ || true
    rm -rf "$work/clang"
    part_format
}

# What clang-format 14 (Debian 12) makes of .clang-format is the rule; later versions break some lines differently.
part_format() {
    local version
    version=$(clang-format --version | sed -n 's/.*version \([0-9]*\).*/\1/p')
    if [ "$version" != 14 ]; then
        say "format of the sources: not checked, clang-format is version $version and the rule is version 14's"
        return
    fi
    say "format of the sources"
    logged format 120 bash -c "cd '$work/gcc' && find src test \\( -name '*.cpp' -o -name '*.hpp' -o -name '*.h' \\) -print0 |
        xargs -0 clang-format --dry-run -Werror" && pass format ||
        fail "not formatted: $(sed -n 's/^\([^: ]*\):[0-9].*/\1/p' "$work/log/format.log" | sort -u | tr '\n' ' ')"
}

build_sandbox() {
    [ -z "${sandbox_built:-}" ] || return 0
    [ -e "$work/gcc/test/sandbox/Makefile" ] || return 0
    sandbox_built=yes
    step sandbox-build 600 make -C "$work/gcc/test/sandbox" -j"$jobs" EXTRA="${sanitize:+$sanitizers}"
}

part_sandbox() {
    [ -e "$work/gcc/test/sandbox/Makefile" ] || { say "no sandbox bank yet"; return; }
    say "the sandbox bank"
    build_sandbox || return 1
    counted sandbox 900 make -s -C "$work/gcc/test/sandbox" check EXTRA="${sanitize:+$sanitizers}"
}

part_unit() {
    [ -e "$work/gcc/test/unit/Makefile" ] || { say "no unit tests yet"; return; }
    say "unit tests"
    counted unit 900 make -s -C "$work/gcc/test/unit" -j"$jobs" check SANITIZE="${sanitize:+1}"
}

start_cluster() {
    [ -z "${cluster:-}" ] || return 0
    cluster=$work/cluster
    logged cluster 120 bash "$work/gcc/test/cluster.sh" start "$cluster" || { show_tail "$work/log/cluster.log"; return 1; }
    cluster_port=$(cat "$cluster/port")
}

# Counts the lines of pg_regress and pg_isolation_regress, of 15 ("test x ... ok") and of 16 and later ("ok 1 - x").
regress_results() {
    local name=$1 status=$2 log=$work/log/$1.log diffs=$3 good bad
    good=$(grep -cE '^((test )?.*\.\.\. ok|ok [0-9])' "$log" || true)
    bad=$(grep -cE '^((test )?.*\.\.\. FAILED|not ok [0-9])' "$log" || true)
    [ "$status" -eq 0 ] || [ "$bad" -gt 0 ] || bad=1
    pass "$name" "$good"
    [ "$bad" -gt 0 ] || return 0
    fail "$name" "$bad"
    if [ -s "$diffs" ]; then
        cp "$diffs" "$work/log/$name.diffs"
        head -n 120 "$diffs" | sed 's/^/    /'
    else
        show_tail "$log"
    fi
    cp "$cluster/log/server.log" "$work/log/$name-server.log"
    tail -n 25 "$cluster/log/server.log" | sed 's/^/    server: /'
}

# Results must not depend on the session's time zone, so all of it runs three times. pg_regress sets PGTZ itself; what
# launches psql may set it again.
part_regress() {
    local tests zone name status
    tests=$(cd "$work/gcc" && ls sql/[0-9]*.sql 2>/dev/null | sed 's,sql/\(.*\)\.sql,\1,')
    [ -n "$tests" ] || { say "no regression tests yet"; return; }
    start_cluster || return 1
    for zone in UTC Asia/Almaty America/New_York; do
        say "regression tests, time zone $zone"
        name=regress-${zone##*/}
        status=0
        run_as_user mkdir -p "$work/gcc/build/$name"
        # shellcheck disable=SC2086
        logged "$name" 600 "$(regress_program regress pg_regress)" \
            --inputdir="$work/gcc" --outputdir="$work/gcc/build/$name" --bindir="$("$PG_CONFIG" --bindir)" \
            --host="$cluster/run" --port="$cluster_port" --user=postgres --dbname=contrib_regression \
            --load-extension=plpgsql --launcher="env PGTZ=$zone" $tests || status=$?
        regress_results "$name" $status "$work/gcc/build/$name/regression.diffs"
    done
}

regress_program() { echo "$("$PG_CONFIG" --pkglibdir)/pgxs/src/test/$1/$2"; }

part_isolation() {
    local tests status=0
    tests=$(cd "$work/gcc" && ls test/isolation/specs/*.spec 2>/dev/null | sed 's,.*/\(.*\)\.spec,\1,')
    [ -n "$tests" ] || { say "no isolation tests yet"; return; }
    start_cluster || return 1
    say "isolation tests"
    run_as_user mkdir -p "$work/gcc/build/isolation"
    # shellcheck disable=SC2086
    logged isolation 900 "$(regress_program isolation pg_isolation_regress)" --inputdir="$work/gcc/test/isolation" \
        --outputdir="$work/gcc/build/isolation" --bindir="$("$PG_CONFIG" --bindir)" --host="$cluster/run" \
        --port="$cluster_port" --user=postgres --dbname=isolation_regression $tests || status=$?
    regress_results isolation $status "$work/gcc/build/isolation/regression.diffs"
}

# What a failed TAP test and its servers said, which prove does not show.
keep_tap_logs() {
    local logs=$work/gcc/tmp_check/log
    if [[ " ${failures[*]} " == *" tap-$1 "* ]] && [ -d "$logs" ]; then
        cp -r "$logs" "$work/log/tap-$1"
        sed 's/^/    /' "$logs/regress_log_$1" | tail -n 25
    fi
    rm -rf "$logs"
}

part_tap() {
    local file name before
    ls "$work"/gcc/test/t/*.pl >/dev/null 2>&1 || { say "no TAP tests yet"; return; }
    build_sandbox || true
    for file in "$work"/gcc/test/t/*.pl; do
        name=$(basename "$file" .pl)
        before=$SECONDS
        counted "tap-$name" 900 env -C "$work/gcc" "PATH=$work/server/bin:$("$PG_CONFIG" --bindir):$PATH" \
            "PG_REGRESS=$(regress_program regress pg_regress)" "TESTDATADIR=$work/gcc/tmp_check" "TESTLOGDIR=$work/gcc/tmp_check/log" \
            prove -v -I test/t -I "$("$PG_CONFIG" --pkglibdir)/pgxs/src/test/perl" "$file"
        say "TAP $name took $((SECONDS - before)) s"
        keep_tap_logs "$name"
    done
}

# The address sanitizer must be awake before the server's first library takes a lock that its own start needs: a
# library whose constructor runs first does that. The private server's postgres becomes a script that loads both.
sanitized_server() {
    local bin
    bin=$("$PG_CONFIG" --bindir)
    printf '#include <stdlib.h>\n__attribute__((constructor)) static void wake(void) { free(malloc(1)); }\n' >"$work/first.c"
    gcc -shared -fPIC -Wl,-z,initfirst -o "$work/first.so" "$work/first.c"
    chmod 755 "$work/first.so"
    mv "$bin/postgres" "$bin/postgres.real"
    cat >"$bin/postgres" <<END
#!/bin/bash
export LD_PRELOAD=$(gcc -print-file-name=libasan.so):$work/first.so
export ASAN_OPTIONS=detect_leaks=0:abort_on_error=1:allocator_may_return_null=1:detect_stack_use_after_return=0:log_path=$work/log/asan
export UBSAN_OPTIONS=print_stacktrace=1
exec -a "\$0" "$bin/postgres.real" "\$@"
END
    chmod 755 "$bin/postgres"
}

sanitizer_reports() {
    local report
    say "reports of the sanitizers"
    if ls "$work"/log/asan.* >/dev/null 2>&1; then
        for report in "$work"/log/asan.*; do
            fail "address sanitizer: $(grep -m 1 -E 'ERROR|runtime error' "$report" || basename "$report")"
            head -n 30 "$report" | sed 's/^/    /'
        done
    else
        pass "address sanitizer"
    fi
    report=$(grep -rhE 'runtime error: ' "$work" --include='*.log' 2>/dev/null | sort | uniq -c || true)
    if [ -n "$report" ]; then
        fail "undefined behaviour"
        printf '%s\n' "$report" | head -n 20 | sed 's/^/    /'
    else
        pass "undefined behaviour"
    fi
}

part_fuzz() {
    local target
    [ -e "$work/gcc/test/fuzz/Makefile" ] || { say "no fuzz targets yet"; return; }
    say "fuzz targets, $fuzz seconds each"
    step fuzz-build 1200 make -C "$work/gcc/test/fuzz" -j"$jobs" || return 0
    while IFS= read -r target; do
        say "fuzzing $target"
        step "fuzz-$target" $((fuzz + 120)) make -C "$work/gcc/test/fuzz" "run-$target" SECONDS="$fuzz" || true
    done < <(find "$work/gcc/test/fuzz/build" -maxdepth 1 -type f -perm -u+x -printf '%f\n' | sort)
    part_fuzz_payload
}

# The payload readers and the listener need a server whose extension carries sanitizers: the build at hand, or one more. Comes last,
# since the private server is the sanitized one afterwards.
part_fuzz_payload() {
    local tree=$work/gcc dir=$work/fuzz environment
    if [ -z "$sanitize" ]; then
        say "building with sanitizers"
        tree=$work/sanitized
        copy_tree "$tree"
        step g++-sanitized 1800 make -C "$tree" -j"$jobs" SANITIZE="$sanitizers" || return 0
        sanitize=yes
        sanitized_server
    fi
    logged fuzz-cluster 300 bash "$tree/test/cluster.sh" start "$dir" || { show_tail "$work/log/fuzz-cluster.log"; fail fuzz-cluster; return 0; }
    environment=("PGHOST=$dir/run" "PGPORT=$(cat "$dir/port")" PGUSER=postgres PGDATABASE=postgres
                 "PATH=$("$PG_CONFIG" --bindir):$PATH")
    step fuzz-payload-build 600 env "${environment[@]}" make -C "$tree/test/fuzz/payload" all prepare || return 0
    say "fuzzing the payloads of the services"
    step fuzz-payload $((fuzz + 300)) env "${environment[@]}" make -C "$tree/test/fuzz/payload" run SECONDS="$fuzz" || true
    sed -n 's/^[0-9]* payloads in /    &/p' "$work/log/fuzz-payload.log"
    step fuzz-handler-build 600 env "${environment[@]}" make -C "$tree/test/fuzz/handler" all prepare || return 0
    say "fuzzing the handlers of replies"
    step fuzz-handler $((fuzz + 300)) env "${environment[@]}" make -C "$tree/test/fuzz/handler" run SECONDS="$fuzz" || true
    sed -n 's/^[0-9]* replies, /    &/p' "$work/log/fuzz-handler.log"
    step fuzz-http-build 600 env "${environment[@]}" make -C "$tree/test/fuzz/http" all prepare || return 0
    say "fuzzing the listener"
    step fuzz-http $((fuzz + 300)) env "${environment[@]}" make -C "$tree/test/fuzz/http" run SECONDS="$fuzz" || true
    sed -n 's/^[0-9]* requests in /    &/p' "$work/log/fuzz-http.log"
}
