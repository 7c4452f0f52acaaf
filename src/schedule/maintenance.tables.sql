
-- The first daily partitions; the schedule makes the next ones.
SELECT k2bridge.make_partitions();
