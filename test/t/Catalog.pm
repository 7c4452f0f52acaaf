# Everything about the extension and its tables that two databases can differ in, one line for each object: what
# 013_upgrade.pl compares between an updated database and a fresh one. Columns count by their order, not by their
# number, which a dropped column uses up; the partitions of a day are left to the days.
package Catalog;

use strict;
use warnings;

use Exporter qw(import);
our @EXPORT_OK = qw(catalog_of);

my $acl = q{(SELECT string_agg(x::text, ',' ORDER BY x::text) FROM unnest(%s) x)};
sub acl { return sprintf $acl, $_[0] }

my $routines = q{SELECT concat_ws(' | ', 'routine', p.oid::regprocedure, p.prokind, p.proowner::regrole, l.lanname, p.prosrc, p.probin,
		p.proconfig, p.provolatile, p.proisstrict, p.prosecdef, p.proleakproof, p.proparallel, p.procost, p.prorows,
		pg_get_function_arguments(p.oid), pg_get_function_result(p.oid), obj_description(p.oid, 'pg_proc'), } . acl('p.proacl') . q{) AS line
	FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang WHERE p.pronamespace = ANY (rooms)};

my $relations = q{SELECT concat_ws(' | ', 'relation', c.oid::regclass, c.relkind, c.relpersistence, c.relowner::regrole, c.reloptions,
		c.relrowsecurity, c.relispartition, obj_description(c.oid, 'pg_class'), } . acl('c.relacl') . q{,
		CASE WHEN c.relkind = 'v' THEN pg_get_viewdef(c.oid) WHEN c.relkind IN ('i', 'I') THEN pg_get_indexdef(c.oid)
			WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END,
		(SELECT concat_ws(' ', s.seqtypid::regtype, s.seqstart, s.seqincrement, s.seqmax, s.seqmin, s.seqcache, s.seqcycle)
			FROM pg_sequence s WHERE s.seqrelid = c.oid)) AS line
	FROM pg_class c WHERE c.relnamespace = ANY (rooms) AND c.relname !~ '_\d{8}'};

my $columns = q{SELECT concat_ws(' | ', 'column', c.oid::regclass, row_number() OVER (PARTITION BY c.oid ORDER BY a.attnum), a.attname,
		format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attgenerated, a.attstorage, a.attcompression,
		a.attcollation::regcollation, pg_get_expr(d.adbin, d.adrelid), col_description(c.oid, a.attnum), } . acl('a.attacl') . q{) AS line
	FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
	LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
	WHERE c.relnamespace = ANY (rooms) AND c.relkind IN ('r', 'p', 'v', 'm', 'c') AND c.relname !~ '_\d{8}'};

my $constraints = q{SELECT concat_ws(' | ', 'constraint', k.conrelid::regclass, k.contypid::regtype, k.conname, k.convalidated,
		pg_get_constraintdef(k.oid), obj_description(k.oid, 'pg_constraint')) AS line
	FROM pg_constraint k WHERE k.connamespace = ANY (rooms) AND k.conrelid::regclass::text !~ '_\d{8}'};

my $triggers = q{SELECT concat_ws(' | ', 'trigger', pg_get_triggerdef(t.oid), t.tgenabled, obj_description(t.oid, 'pg_trigger')) AS line
	FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
	WHERE c.relnamespace = ANY (rooms) AND NOT t.tgisinternal AND c.relname !~ '_\d{8}'};

my $others = q{SELECT concat_ws(' | ', 'type', t.oid::regtype, t.typtype, t.typowner::regrole, obj_description(t.oid, 'pg_type'), } . acl('t.typacl') . q{) AS line
		FROM pg_type t WHERE t.typnamespace = ANY (rooms) AND t.typname !~ '_\d{8}'
	UNION ALL SELECT concat_ws(' | ', 'rule', pg_get_ruledef(r.oid)) FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class
		WHERE c.relnamespace = ANY (rooms) AND r.rulename <> '_RETURN'
	UNION ALL SELECT concat_ws(' | ', 'policy', p.polrelid::regclass, p.polname, p.polcmd, pg_get_expr(p.polqual, p.polrelid))
		FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid WHERE c.relnamespace = ANY (rooms)
	UNION ALL SELECT concat_ws(' | ', 'statistics', pg_get_statisticsobjdef(s.oid)) FROM pg_statistic_ext s WHERE s.stxnamespace = ANY (rooms)
	UNION ALL SELECT concat_ws(' | ', 'inheritance', i.inhrelid::regclass, i.inhparent::regclass) FROM pg_inherits i
		JOIN pg_class c ON c.oid = i.inhparent WHERE c.relnamespace = ANY (rooms) AND i.inhrelid::regclass::text !~ '_\d{8}'
	UNION ALL SELECT concat_ws(' | ', 'schema', n.nspname, n.nspowner::regrole, obj_description(n.oid, 'pg_namespace'), } . acl('n.nspacl') . q{)
		FROM pg_namespace n WHERE n.oid = ANY (rooms)
	UNION ALL SELECT concat_ws(' | ', 'wrapper', w.fdwname, w.fdwowner::regrole, w.fdwhandler::regproc, w.fdwvalidator::regproc, w.fdwoptions,
		obj_description(w.oid, 'pg_foreign_data_wrapper'), } . acl('w.fdwacl') . q{) FROM pg_foreign_data_wrapper w
	UNION ALL SELECT concat_ws(' | ', 'event trigger', e.evtname, e.evtevent, e.evtfoid::regproc, e.evtenabled) FROM pg_event_trigger e
	UNION ALL SELECT concat_ws(' | ', 'default', a.defaclrole::regrole, a.defaclnamespace::regnamespace, a.defaclobjtype, } . acl('a.defaclacl') . q{)
		FROM pg_default_acl a
	UNION ALL SELECT concat_ws(' | ', 'extension', e.extname, e.extversion, e.extowner::regrole, e.extconfig::regclass[], e.extcondition,
		obj_description(e.oid, 'pg_extension')) FROM pg_extension e
	UNION ALL SELECT concat_ws(' | ', 'member', pg_describe_object(d.classid, d.objid, 0)) FROM pg_depend d
		JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'k2bridge'
		WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'};

# What setup() writes into dictionaries and the catalogues of endpoints, services and schedules.
my @filled = qw(k2bridge.endpoint k2bridge.service k2bridge.schedule k2.system k2.currency k2.knp k2.req_stat k2.extreq_stat
	k2.return_reason k2.extreq_prefix k2.app_user);

# The lines of one database as keys of a hash; $node is its server.
sub catalog_of
{
	my ($node, $database) = @_;
	my $sql = join ' UNION ALL ', map { "SELECT line FROM ($_) o" } $routines, $relations, $columns, $constraints, $triggers, $others;
	$sql =~ s/\brooms\b/'{k2bridge,k2,abs,autoclient}'::regnamespace[]/g;
	$sql .= " UNION ALL SELECT concat_ws(' | ', 'row', '$_', to_jsonb(t) - '{last_run,last_outcome,last_duration,next_run}'::text[]) FROM $_ t" for @filled;
	return { map { $_ => 1 } split /\x1e/, $node->safe_psql($database, "SELECT string_agg(line, chr(30)) FROM ($sql) o") };
}

1;
