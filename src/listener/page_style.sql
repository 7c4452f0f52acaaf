-- The style of the status page: one sheet for desk, phone, dark rooms and paper. The listener allows this text by its digest and
-- no other, so attributes of style do not work.

CREATE FUNCTION k2bridge.page_style() RETURNS text
    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
SELECT '
:root { color-scheme: light dark; --ground: #f3f5f8; --card: #fff; --text: #18212c; --quiet: #5a6675; --line: #dfe4ea;
  --accent: #0b6b63; --ok: #2b9a70; --refused: #d99a1c; --failed: #cf4545; --code: #f1f4f7; --onbad: #7c1d1d; --badbg: #fdeeee;
  --okbg: #e6f5ee; --onok: #14563c; --warnbg: #fff5df; --onwarn: #6b4a05; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #10151c; --card: #19212b; --text: #e7ecf2; --quiet: #9aa7b7; --line: #2b3643; --accent: #5cc9bd; --ok: #3fb587;
    --refused: #e0ab3d; --failed: #e66b6b; --code: #121920; --onbad: #ffc9c9; --badbg: #3a1d20; --okbg: #15352a; --onok: #a9e5cb;
    --warnbg: #3a2e12; --onwarn: #f3d58b; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--text); font: 15px/1.45 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif;
  font-variant-numeric: tabular-nums; }
header, main, footer { max-width: 1240px; margin: 0 auto; padding: 0 20px; }
main { padding-top: 14px; }
header { display: flex; flex-wrap: wrap; align-items: center; gap: 8px 20px; padding-top: 20px; padding-bottom: 4px; }
h1 { font-size: 22px; margin: 0; letter-spacing: -.01em; }
h1 span { color: var(--quiet); font-weight: 400; }
h2 { font-size: 16px; margin: 0 0 12px; }
h2 small { color: var(--quiet); font-weight: 400; font-size: 13px; margin-left: 8px; }
.now { color: var(--quiet); margin: 0; font-size: 13px; }
.verdict { margin: 0; padding: 3px 12px; border-radius: 999px; font-weight: 600; font-size: 14px; }
.verdict.ok, .ok-chip { background: var(--okbg); color: var(--onok); }
.verdict.bad, .bad-chip { background: var(--badbg); color: var(--onbad); }
.warn-chip { background: var(--warnbg); color: var(--onwarn); }
.chip { display: inline-block; padding: 0 8px; border-radius: 999px; font-size: 13px; font-weight: 600; white-space: nowrap; }
.plain-chip { background: var(--code); color: var(--quiet); }
form { display: flex; gap: 8px; margin-left: auto; }
input { font: inherit; width: 23em; max-width: 100%; padding: 6px 10px; border: 1px solid var(--line); border-radius: 8px;
  background: var(--card); color: var(--text); }
button { font: inherit; font-weight: 600; padding: 6px 14px; border: 0; border-radius: 8px; background: var(--accent); color: var(--card); }
input:focus-visible, button:focus-visible, a:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.tiles { display: grid; grid-template-columns: repeat(4, 1fr); gap: 14px; margin: 0 0 14px; }
.tile, section { background: var(--card); border: 1px solid var(--line); border-radius: 12px; }
.tile { padding: 12px 16px; }
.tile b { display: block; font-size: 26px; line-height: 1.25; letter-spacing: -.02em; }
.tile p { margin: 0; color: var(--quiet); font-size: 13px; }
.tile .name { color: var(--text); font-weight: 600; }
.tile.alarm b { color: var(--failed); }
section { padding: 16px 18px; margin: 0 0 14px; overflow: hidden; }
.quiet { color: var(--quiet); }
.pair { display: grid; grid-template-columns: 11fr 9fr; gap: 14px; }
ul { list-style: none; margin: 0; padding: 0; }
.problem { border-left: 4px solid var(--failed); padding: 2px 0 2px 14px; margin-bottom: 16px; }
.problem:last-child { margin-bottom: 0; }
.problem.warn { border-color: var(--refused); }
.problem p { margin: 0 0 4px; overflow-wrap: anywhere; }
.problem .where { font-weight: 600; }
.problem pre + .quiet { margin-top: 6px; }
.problem .where span { color: var(--quiet); font-weight: 400; margin-left: 8px; font-size: 13px; }
code, pre { font: 13px/1.5 ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
pre { margin: 4px 0 0; padding: 7px 11px; background: var(--code); border-radius: 8px; white-space: pre-wrap; overflow-wrap: anywhere;
  user-select: all; }
table { width: 100%; border-collapse: collapse; font-size: 14px; }
th { text-align: left; font-weight: 600; font-size: 12px; color: var(--quiet); padding: 0 14px 6px 0; white-space: nowrap; }
td { padding: 6px 14px 6px 0; border-top: 1px solid var(--line); vertical-align: top; overflow-wrap: break-word; unicode-bidi: isolate; }
td.w { overflow-wrap: anywhere; min-width: 14em; }
.pair td.w { min-width: 0; }
summary { cursor: pointer; }
details[open] summary { color: var(--quiet); margin-bottom: 4px; }
td.n, th.n { text-align: right; white-space: nowrap; }
td.t { white-space: nowrap; }
a { color: var(--accent); }
svg { display: block; width: 100%; height: auto; }
svg text { fill: var(--quiet); font-size: 12px; }
svg line { stroke: var(--line); }
.bar-ok { fill: var(--ok); } .bar-refused { fill: var(--refused); } .bar-failed { fill: var(--failed); } .bar-none { fill: transparent; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 8px 0 0; font-size: 13px; color: var(--quiet); }
.legend svg { display: inline-block; width: 10px; height: 10px; margin-right: 6px; }
footer { color: var(--quiet); font-size: 13px; padding-bottom: 28px; }
footer a { margin-right: 14px; }
@media (max-width: 900px) { .tiles { grid-template-columns: 1fr 1fr; } .pair { grid-template-columns: 1fr; gap: 0; } form { margin-left: 0; flex: 1 1 100%; } input { flex: 1; width: auto; min-width: 0; } }
@media (max-width: 640px) {
  header, main, footer { padding-left: 12px; padding-right: 12px; }
  .tiles { gap: 10px; } .tile b { font-size: 22px; } section { padding: 14px; }
  .plot { overflow-x: auto; direction: rtl; } .plot svg { width: 210%; max-width: none; direction: ltr; } svg text { font-size: 16px; }
  thead { display: none; } table, tbody, tr, td { display: block; }
  tr { border-top: 1px solid var(--line); padding: 8px 0; } tbody tr:first-child { border-top: 0; padding-top: 0; }
  td, td.n { border: 0; padding: 2px 0 2px 42%; text-align: left; position: relative; min-height: 1.45em; white-space: normal; overflow-wrap: anywhere; }
  td::before { content: attr(data-label); position: absolute; left: 0; width: 40%; color: var(--quiet); font-size: 13px; }
  td.w { min-width: 0; } td:empty { display: none; } .long tbody tr:nth-child(n+7) { display: none; } }
@media print { form { display: none; } body { background: #fff; } section, .tile { break-inside: avoid; } }
'
$$;
COMMENT ON FUNCTION k2bridge.page_style() IS 'The style sheet of the status page.';
