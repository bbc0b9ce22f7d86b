-- A function that writes, labelled STABLE: to look at the statement's plan could be to run it.
CREATE TABLE ledger (
    id int PRIMARY KEY,
    account_id int NOT NULL,
    body text NOT NULL
);

CREATE TABLE touched (at timestamptz NOT NULL);

INSERT INTO ledger SELECT i, (i * 7919) % 2000, repeat('b', 60) FROM generate_series(1, 30000) AS i;

CREATE FUNCTION write_it_down() RETURNS int LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    INSERT INTO touched VALUES (clock_timestamp());
    RETURN 77;
END
$$;

CREATE FUNCTION harmless() RETURNS int LANGUAGE sql STABLE AS 'SELECT write_it_down()';

VACUUM ANALYZE ledger;
