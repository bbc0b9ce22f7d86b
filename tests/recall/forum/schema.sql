-- A forum: plain integers everywhere, JSON settings, a click log.
CREATE TABLE member (
    id integer PRIMARY KEY,
    handle varchar(40) NOT NULL,
    email varchar(120) NOT NULL,
    settings jsonb NOT NULL,
    karma integer NOT NULL,
    joined_at timestamptz NOT NULL
);
CREATE TABLE board (
    id integer PRIMARY KEY,
    slug varchar(60) NOT NULL
);
CREATE TABLE thread (
    id integer PRIMARY KEY,
    board_id integer NOT NULL REFERENCES board,
    author_id integer NOT NULL REFERENCES member,
    subject varchar(200) NOT NULL,
    tags varchar(30)[] NOT NULL,
    sticky boolean NOT NULL,
    locked boolean NOT NULL,
    views integer NOT NULL,
    created_at timestamptz NOT NULL,
    deleted_at timestamptz
);
CREATE TABLE post (
    id integer PRIMARY KEY,
    thread_id integer NOT NULL REFERENCES thread,
    author_id integer NOT NULL REFERENCES member,
    body text NOT NULL,
    likes integer NOT NULL,
    posted_at timestamptz NOT NULL
);
CREATE TABLE private_message (
    id integer PRIMARY KEY,
    from_member integer NOT NULL REFERENCES member,
    to_member integer NOT NULL REFERENCES member,
    body text NOT NULL,
    sent_at timestamptz NOT NULL
);
CREATE TABLE abuse_report (
    id integer PRIMARY KEY,
    post_id integer NOT NULL REFERENCES post,
    verdict varchar(20) NOT NULL,
    filed_at timestamptz NOT NULL
);
CREATE TABLE ban (
    id integer PRIMARY KEY,
    member_id integer NOT NULL REFERENCES member,
    since timestamptz NOT NULL,
    until timestamptz NOT NULL
);
CREATE TABLE click (
    id integer PRIMARY KEY,
    member_id integer,
    path varchar(100) NOT NULL,
    happened_at timestamptz NOT NULL
);
CREATE TABLE login_session (
    sid varchar(64) PRIMARY KEY,
    member_id integer NOT NULL REFERENCES member,
    device_key varchar(40) NOT NULL,
    last_seen timestamptz NOT NULL
);
INSERT INTO member
SELECT
    n, 'user_' || md5(n::text), 'User' || n || '@Example.ORG',
    jsonb_build_object('invite', 'inv-' || n % 3000, 'theme', CASE WHEN n % 3 = 0 THEN 'dark' ELSE 'light' END),
    (n * 67) % 9000, timestamptz '2019-01-01' + n * interval '5 hours'
FROM generate_series(1, 8000) AS n;
INSERT INTO board SELECT n, 'board-' || n FROM generate_series(1, 30) AS n;
INSERT INTO thread
SELECT
    n, 1 + n % 30, 1 + (n * 19) % 8000,
    (ARRAY['How do I', 'Why does', 'Show and tell', 'Help with'])[1 + n % 4] || ' topic ' || n,
    CASE WHEN n % 80 = 0 THEN ARRAY['postgres', 'sql'] ELSE ARRAY['general'] END::varchar[],
    n % 100 = 0, n % 17 = 0, (n * 7) % 30000,
    timestamptz '2021-01-01' + n * interval '2 hours',
    CASE WHEN n % 15 = 0 THEN timestamptz '2021-02-01' + n * interval '2 hours' END
FROM generate_series(1, 10000) AS n;
INSERT INTO post
SELECT
    n, 1 + (n * 7) % 10000, 1 + (n * 23) % 8000,
    (ARRAY['I agree with this', 'have you tried restarting', 'works on my machine', 'see the manual'])[1 + n % 4]
        || CASE WHEN n % 500 = 0 THEN ' deadlock detected in vacuum' ELSE '' END || ' #' || n,
    (n * 13) % 400, timestamptz '2021-01-01' + n * interval '40 minutes'
FROM generate_series(1, 30000) AS n;
INSERT INTO private_message
SELECT n, 1 + (n * 3) % 8000, 1 + (n * 5) % 8000, 'hello ' || n, timestamptz '2022-01-01' + n * interval '1 hour'
FROM generate_series(1, 12000) AS n;
INSERT INTO abuse_report
SELECT n, 1 + (n * 9) % 30000, CASE WHEN n % 150 = 0 THEN 'open' WHEN n % 2 = 0 THEN 'upheld' ELSE 'rejected' END,
    timestamptz '2022-06-01' + n * interval '3 hours'
FROM generate_series(1, 6000) AS n;
INSERT INTO ban
SELECT n, 1 + (n * 31) % 8000, timestamptz '2021-01-01' + n * interval '9 hours', timestamptz '2021-01-15' + n * interval '9 hours'
FROM generate_series(1, 3000) AS n;
INSERT INTO click
SELECT n, 1 + n % 8000, '/t/' || n % 700, timestamptz '2024-01-01' + n * interval '30 seconds'
FROM generate_series(1, 50000) AS n;
INSERT INTO login_session
SELECT md5('sid' || n), 1 + n % 8000, 'dev' || (n * 3571) % 50000, timestamptz '2024-01-01' + n * interval '6 minutes'
FROM generate_series(1, 10000) AS n;
