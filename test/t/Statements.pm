# What the tests of Autoclient share: a company at the stand-in bank, waiting until everything is fetched, comparing the
# tables with what the bank says is true.
package Statements;

use strict;
use warnings;

use Exporter qw(import);
use File::Temp qw(tempdir);
use K2bridge;
use MIME::Base64 ();
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(add_company settled same_as_bank upload_many);

# Polls by hand only, so that a test decides when; more options of the server as NAME => VALUE.
sub add_company
{
	my ($node, $database, $bank, $server, $token, %more) = @_;
	my $start = delete $more{start_date} // '2000-01-01';
	my $directory = tempdir('k2token_XXXX', TMPDIR => 1, CLEANUP => 1);
	append_to_file("$directory/token", $token);
	chmod 0600, "$directory/token";
	my $url = $bank->url;
	my $options = join '', map { ", ADD $_ '$more{$_}'" } sort keys %more;
	$node->safe_psql($database, qq{CREATE SERVER $server TYPE 'autoclient' FOREIGN DATA WRAPPER k2bridge OPTIONS (base_url '$url');
		CREATE USER MAPPING FOR PUBLIC SERVER $server OPTIONS (token_file '$directory/token');}
		  . ($options ? "ALTER SERVER $server OPTIONS (" . substr($options, 2) . ');' : ''));
	$node->safe_psql($database, "INSERT INTO autoclient.company (server, start_date) VALUES ('$server', '$start')");
	return;
}

# Polls until nothing is under way and every account is fetched up to the bank's last final day and was polled since.
sub settled
{
	my ($node, $database, $server, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$node->safe_psql($database, "SELECT autoclient.poll('$server')");
	wait_for_sql($node, $database, "SELECT count(*) = 0 FROM k2bridge.outbox WHERE server = '$server' AND endpoint ~ '(settings|balances|transactions)'",
		"$name: nothing is under way") or return 0;
	return is($node->safe_psql($database, "SELECT string_agg(concat_ws(' ', acc, final_through, walked_through, a.last_error), ', ') FROM autoclient.account a
		JOIN autoclient.server_day d USING (server) WHERE a.server = '$server' AND a.start_date <= d.date_final_statement
		AND (final_through IS DISTINCT FROM date_final_statement OR a.last_poll IS NULL OR a.last_error IS NOT NULL)"), '', "$name: every account is final to the last final day");
}

# Rows, amounts and finality: each row of the bank exactly once, and nothing else but rows that were shown and are gone.
sub same_as_bank
{
	my ($node, $database, $bank, $server, $company, $name, $quiet_days_untold) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $truth = $bank->get("/_/ac/truth?company=$company");
	my %theirs = map { join('/', @$_{qw(acc trantype ref refn)}) => join ' ', @$_{qw(sum sum_e dat_od pr_pr fl_real)}, $_->{is_final} ? 't' : 'f' } @{ $truth->{rows} };
	my %gone = map { join('/', @$_{qw(acc trantype ref refn)}) => 1 } @{ $truth->{gone} };
	my %ours = map { my ($key, $value) = split /\|/; $key => $value } split /\n/, $node->safe_psql($database,
		"SELECT concat_ws('/', acc, trantype, ref, refn), concat_ws(' ', sum, sum_e, dat_od, pr_pr, fl_real, is_final::text::char(1))
		   FROM autoclient.transaction WHERE server = '$server' AND NOT vanished");
	my %left = split /[|\n]/, $node->safe_psql($database,
		"SELECT concat_ws('/', acc, trantype, ref, refn), CASE WHEN vanished THEN 'vanished' WHEN is_final THEN 'final' ELSE 'open' END
		   FROM autoclient.transaction WHERE server = '$server'");
	delete $ours{$_} for grep { !exists $theirs{$_} && $gone{$_} && $left{$_} eq 'open' } keys %ours;
	my @wrong = grep { ($ours{$_} // '') ne ($theirs{$_} // '') } sort keys %{ { %ours, %theirs } };
	is(join("\n", map { "$_: " . ($ours{$_} // 'missing') . ' instead of ' . ($theirs{$_} // 'nothing') } grep { defined } @wrong[ 0 .. 4 ]),
		'', "$name: the " . keys(%theirs) . ' rows are those of the bank');
	my %balances = map { ("$_->{acc} $_->{day}" => join ' ', @$_{qw(balance_in balance_out turnover_debt turnover_cred)}) } grep { $_->{is_final} } @{ $truth->{balances} };
	my %stored = split /[|\n]/, $node->safe_psql($database, "SELECT acc || ' ' || day, concat_ws(' ', balance_in, balance_out, turnover_debt, turnover_cred)
		FROM autoclient.balance WHERE server = '$server' AND is_final");
	# A bank that sends no balances of days without movement has them all the same.
	if ($quiet_days_untold)
	{
		delete $balances{$_} for grep { !exists $stored{$_} && $balances{$_} =~ / 0\.00 0\.00$/ } keys %balances;
	}
	is_deeply(\%stored, \%balances, "$name: the final balances are those of the bank");
	return;
}

# Documents at the bank, more than a page of its journal; returns how many.
sub upload_many
{
	my ($bank, $token, $okpo) = @_;
	my $count = 510;
	for my $number (1 .. $count)
	{
		my %form = (uploadedFileB64 => MIME::Base64::encode_base64("%PDF-1.4 $number", ''), uploadedFileName => "many $number.pdf", okpo => $okpo, recipientOkpo => '34554355');
		$bank->{http}->post_form($bank->url . '/api/proxy/edoc/loader/upload-pdf-b64', \%form, { headers => { token => $token } });
	}
	return $count;
}

1;
