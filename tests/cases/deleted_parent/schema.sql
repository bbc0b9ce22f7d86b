-- Whoever deletes a parent makes Postgres look for its children: without an index, in all of them.
CREATE TABLE projects (
    id int PRIMARY KEY,
    name text NOT NULL
);

CREATE TABLE tasks (
    id bigint PRIMARY KEY,
    project_id int NOT NULL REFERENCES projects ON DELETE CASCADE,
    title text NOT NULL
);

INSERT INTO projects SELECT i, 'project ' || i FROM generate_series(1, 5000) AS i;

INSERT INTO tasks
SELECT i, (i * 7919) % 5000 + 1, 'task ' || i || repeat('t', 60)
FROM generate_series(1, 40000) AS i;

VACUUM ANALYZE projects;

VACUUM ANALYZE tasks;
