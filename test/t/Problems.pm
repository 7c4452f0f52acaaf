# The remedies of k2bridge.problems, pasted into psql as they stand: how the tests see that what a person is shown mends what
# he is shown it for.
package Problems;

use strict;
use warnings;

use Exporter qw(import);
use K2bridge;
use Test::More;

our @EXPORT = qw(pasted paste_remedy is_mended was_pasted);

my %seen;

# Runs a remedy, as a test that it can be pasted; returns what it showed.
sub pasted
{
	my ($node, $name, $remedy, $database) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($status, $out, $err) = $node->psql($database // 'bank', $remedy, on_error_stop => 1);
	is($status, 0, "$name: its remedy can be pasted: $remedy") or diag($err);
	return $out;
}

# Waits for a problem, one that the filter lets through, and pastes its remedy; returns what that showed.
sub paste_remedy
{
	my ($node, $kind, $filter, $database) = @_;
	$database //= 'bank';
	my $which = "kind = '$kind'" . ($filter ? " AND $filter" : '');
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	wait_for_sql($node, $database, "SELECT count(*) > 0 FROM k2bridge.problems WHERE $which", "$kind shows in problems") or return;
	$seen{$kind} = 1;
	isnt($node->safe_psql($database, "SELECT text FROM k2bridge.problems WHERE $which LIMIT 1"), '', "$kind: in words");
	return pasted($node, $kind, $node->safe_psql($database, "SELECT remedy FROM k2bridge.problems WHERE $which LIMIT 1"), $database);
}

sub is_mended
{
	my ($node, $kind) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return wait_for_sql($node, 'bank', "SELECT count(*) FROM k2bridge.problems WHERE kind = '$kind'", "$kind is mended", 0);
}

# Whether a remedy of that kind was pasted by this test.
sub was_pasted { return $seen{ $_[0] } }

1;
