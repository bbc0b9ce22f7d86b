/* agentdb */
-- Question: what is in the shop? About 500 000 rows, skewed as real ones are, and the same on every
-- server: hashint4extended() depends on its arguments alone; random() does not.
-- Caller: agentdb.demo (load), after schema.sql. Needs: to own the tables.
CREATE OR REPLACE FUNCTION pg_temp.roll(integer, integer) RETURNS float8  -- by row and column
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  AS 'SELECT (hashint4extended($1, $2) & 1048575) / 1048576.0::float8';

INSERT INTO shop.users
  (email, name, country, role, profile, marketing_opt_in, created_at, last_seen_at, deleted_at)
SELECT CASE WHEN pg_temp.roll(i, 1) < 0.3
            THEN initcap(first || '.' || last) || i || '@' || initcap(domain)
            ELSE lower(first || '.' || last) || i || '@' || domain END,
       first || ' ' || last,
       (ARRAY['US','US','US','US','US','US','BR','BR','BR','IN','IN','IN','DE','DE','GB','ES','FR',
              'PL','MX','CO'])[1 + floor(20 * pg_temp.roll(i, 2))::integer],
       CASE WHEN i % 40 = 0 THEN 'instructor' WHEN i % 1500 = 1 THEN 'staff' ELSE 'learner' END,
       jsonb_build_object(
         'plan', CASE WHEN pg_temp.roll(i, 3) < 0.004 THEN 'enterprise'
                      WHEN pg_temp.roll(i, 3) < 0.12 THEN 'pro' ELSE 'free' END,
         'timezone', (ARRAY['America/New_York','America/Sao_Paulo','Asia/Kolkata','Europe/Berlin',
                            'Europe/London'])[1 + floor(5 * pg_temp.roll(i, 4) ^ 2)::integer],
         'theme', CASE WHEN i % 3 = 0 THEN 'dark' ELSE 'light' END),
       i % 5 < 2,
       timestamptz '2024-07-01 00:00+00' + sqrt(i / 30000.0) * interval '730 days',
       CASE WHEN pg_temp.roll(i, 5) < 0.7
            THEN timestamptz '2026-06-30 00:00+00'
                 - pg_temp.roll(i, 6) ^ 3 * (1 - sqrt(i / 30000.0)) * interval '730 days' END,
       CASE WHEN pg_temp.roll(i, 7) < 0.01
            THEN timestamptz '2026-06-30 00:00+00' - pg_temp.roll(i, 8) * interval '60 days' END
  FROM generate_series(1, 30000) AS i,
       LATERAL (SELECT
         (ARRAY['Ana','Maria','Luis','Carlos','Sofia','Lucas','Emma','Liam','Noah','Olivia','Aarav',
                'Priya','Rohan','Anika','Hans','Greta','Jonas','Marta','Pedro','Julia','Pierre',
                'Chloe','Adam','Zofia','Piotr','Camila','Diego','Valeria','James','Grace','Henry',
                'Isla','Marcus','Martin','Marina','Nadia','Oscar','Paula','Quentin','Rosa'])
         [1 + floor(40 * pg_temp.roll(i, 9))::integer] AS first,
         (ARRAY['Smith','Silva','Garcia','Kumar','Müller','Lopez','Brown','Santos','Sharma','Jones',
                'Oliveira','Martinez','Singh','Schmidt','Taylor','Souza','Rodriguez','Patel',
                'Fischer','Wilson','Costa','Hernandez','Gupta','Weber','Evans','Pereira','Gonzalez',
                'Reddy','Wagner','Thomas','Almeida','Perez','Nair','Becker','Roberts','Ribeiro',
                'Sanchez','Iyer','Hoffmann','Walker','Carvalho','Ramirez','Mehta','Koch','Hughes',
                'Gomes','Torres','Bose','Richter','Kowalczyk'])
         [1 + floor(50 * pg_temp.roll(i, 10) ^ 1.6)::integer] AS last,
         (ARRAY['gmail.example','gmail.example','gmail.example','outlook.example','outlook.example',
                'yahoo.example','proton.example','uni-sevilla.example'])
         [1 + floor(8 * pg_temp.roll(i, 11) ^ 1.5)::integer] AS domain) AS person;
UPDATE shop.users SET country = 'IS' WHERE id % 331 = 7;

INSERT INTO shop.courses
  (title, category, price, tags, description, published, instructor_id, created_at)
SELECT level || ' ' || topic || ' ' || i,
       (ARRAY['programming','programming','programming','data','data','design','business',
              'language','music','health'])[1 + floor(10 * pg_temp.roll(i, 21))::integer],
       (9 + floor(190 * pg_temp.roll(i, 22) ^ 2))::numeric + 0.99,
       ARRAY[lower(topic),
             lower(level),
             (ARRAY['video','quiz','project','live','certificate','mobile','captions'])
             [1 + floor(7 * pg_temp.roll(i, 23))::integer]]
         || CASE WHEN pg_temp.roll(i, 24) < 0.006 THEN ARRAY['staff-pick'] ELSE '{}' END,
       'Learn ' || lower(topic) || ' with '
         || (ARRAY['small exercises','real projects','weekly mentoring','long-form lectures',
                   'peer review','daily practice'])[1 + floor(6 * pg_temp.roll(i, 25))::integer]
         || ' and ' || (ARRAY['a final exam','a portfolio','a capstone','a certificate',
                              'no homework','office hours'])[1 + floor(6 * pg_temp.roll(i, 26))::integer]
         || '. ' || repeat('Prerequisites, schedule and grading are explained in the first lesson. ', 2)
         || CASE WHEN pg_temp.roll(i, 27) < 0.004 THEN 'Covers quantum topics.' ELSE '' END,
       pg_temp.roll(i, 28) < 0.93,
       40 * (1 + floor(750 * pg_temp.roll(i, 29) ^ 2)::integer),
       timestamptz '2024-07-01 00:00+00' + pg_temp.roll(i, 30) * interval '700 days'
  FROM generate_series(1, 6000) AS i,
       LATERAL (SELECT
         (ARRAY['Python','SQL','Rust','Statistics','Photography','Accounting','Spanish','Piano',
                'Yoga','Kubernetes','Typography','Negotiation','Haskell','Calligraphy','Genealogy'])
         [1 + floor(15 * pg_temp.roll(i, 31) ^ 1.8)::integer] AS topic,
         (ARRAY['Beginner','Intermediate','Advanced'])
         [1 + floor(3 * pg_temp.roll(i, 32))::integer] AS level) AS subject;

-- Imported from an older system, so neither learner nor time is in order on disk.
INSERT INTO shop.enrolments
  (user_id, course_id, status, progress, started_at, completed_at, certificate_id)
SELECT learner,
       1 + floor(6000 * pg_temp.roll(i, 42) ^ 2.2)::integer,
       CASE WHEN finished THEN 'completed'
            WHEN pg_temp.roll(i, 43) < 0.0016 THEN 'pending_refund'
            WHEN pg_temp.roll(i, 43) < 0.12 THEN 'cancelled'
            ELSE 'active' END,
       CASE WHEN finished THEN 100 ELSE floor(100 * pg_temp.roll(i, 44) ^ 2) END,
       started,
       CASE WHEN finished THEN started + pg_temp.roll(i, 45) * interval '60 days' END,
       CASE WHEN finished AND pg_temp.roll(i, 46) < 0.5 THEN md5('certificate ' || i)::uuid END
  FROM generate_series(1, 100000) AS i,
       LATERAL (SELECT
         1 + floor(29000 * pg_temp.roll(i, 41) ^ 1.5)::integer AS learner,
         pg_temp.roll(i, 47) < 0.38 AS finished,
         timestamptz '2024-07-02 00:00+00'
           + sqrt(pg_temp.roll(i, 48)) * interval '726 days' AS started) AS enrolment;

-- Twenty visits at a time, fourteen events a visit, written as they happen.
INSERT INTO shop.behavior_logs (user_id, course_id, event_type, occurred_at, payload)
SELECT 1 + floor(30000 * pg_temp.roll(visit, 51) ^ 1.7)::integer,
       CASE WHEN kind < 0.5 THEN 1 + floor(6000 * pg_temp.roll(visit, 52) ^ 2.2)::integer END,
       event,
       timestamptz '2026-04-01 00:00+00' + (i + pg_temp.roll(i, 53)) / 180000.0 * interval '90 days',
       jsonb_build_object(
         'session_id', substr(md5('visit ' || visit), 1, 20),
         'device', CASE WHEN pg_temp.roll(visit, 54) < 0.003 THEN 'tv'
                        WHEN pg_temp.roll(visit, 54) < 0.3 THEN 'android'
                        WHEN pg_temp.roll(visit, 54) < 0.5 THEN 'ios' ELSE 'web' END,
         'ms', floor(2000 * pg_temp.roll(i, 55) ^ 4),
         'page', '/lesson/' || floor(400 * pg_temp.roll(i, 56) ^ 2))
       || CASE event WHEN 'payment_error'
                     THEN jsonb_build_object('code', 'E' || (40 + i % 5)) ELSE '{}' END
  FROM generate_series(1, 180000) AS i,
       LATERAL (SELECT (i / 280) * 20 + i % 20 AS visit, pg_temp.roll(i, 57) AS kind) AS source,
       LATERAL (SELECT CASE WHEN i < 18000 AND kind < 0.15 THEN 'legacy_player_error'
                            WHEN kind < 0.0005 THEN 'payment_error'
                            WHEN kind < 0.01 THEN 'login'
                            WHEN kind < 0.05 THEN 'download'
                            WHEN kind < 0.13 THEN 'quiz_answer'
                            WHEN kind < 0.25 THEN 'video_pause'
                            WHEN kind < 0.50 THEN 'video_play'
                            ELSE 'page_view' END AS event) AS typed;

INSERT INTO shop.orders
  (user_id, status, total, currency, coupon, external_ref, created_at, paid_at)
SELECT 1 + floor(30000 * pg_temp.roll(i, 61) ^ 1.4)::integer,
       state,
       (9 + floor(400 * pg_temp.roll(i, 62) ^ 3))::numeric + 0.99,
       (ARRAY['USD','USD','USD','EUR','BRL','INR'])[1 + floor(6 * pg_temp.roll(i, 63))::integer],
       CASE WHEN pg_temp.roll(i, 64) < 0.08
            THEN 'SAVE' || (100 + floor(900 * pg_temp.roll(i, 65) ^ 1.5)) END,
       'pi_' || substr(md5('payment intent ' || i), 1, 16),
       ordered,
       CASE WHEN state IN ('paid', 'refunded', 'chargeback')
            THEN ordered + pg_temp.roll(i, 66) * interval '20 minutes' END
  FROM generate_series(1, 50000) AS i,
       LATERAL (SELECT CASE WHEN pg_temp.roll(i, 67) < 0.0005 THEN 'chargeback'
                            WHEN pg_temp.roll(i, 67) < 0.002 THEN 'failed'
                            WHEN pg_temp.roll(i, 67) < 0.01 THEN 'pending'
                            WHEN pg_temp.roll(i, 67) < 0.03 THEN 'refunded'
                            WHEN pg_temp.roll(i, 67) < 0.07 THEN 'cancelled'
                            ELSE 'paid' END AS state,
                       timestamptz '2024-07-02 00:00+00'
                         + sqrt((i + pg_temp.roll(i, 68)) / 50001.0) * interval '728 days'
                         AS ordered) AS source;

INSERT INTO shop.order_items (order_id, course_id, quantity, unit_price)
SELECT (i * 2 + 1) / 3,
       1 + floor(6000 * pg_temp.roll(i, 72) ^ 2.2)::integer,
       CASE WHEN pg_temp.roll(i, 73) < 0.02 THEN 5 ELSE 1 END,
       (9 + floor(190 * pg_temp.roll(i, 74) ^ 2))::numeric + 0.99
  FROM generate_series(1, 74998) AS i;

INSERT INTO shop.payments (order_id, method, state, amount, booked_at)
SELECT o.id,
       (ARRAY['card','card','card','card','pix','upi','paypal'])
       [1 + floor(7 * pg_temp.roll(o.id, 81))::integer],
       CASE WHEN attempt > 1 OR o.status = 'failed' THEN 'declined' ELSE 'captured' END,
       o.total,
       o.created_at + (2 - attempt) * interval '1 minute'
  FROM shop.orders o, generate_series(1, 2) AS attempt
 WHERE o.created_at >= '2026-01-01 00:00+00'
   AND (attempt = 1 OR pg_temp.roll(o.id, 82) < 0.12);

INSERT INTO shop.sessions (token, user_id, ip, created_at, expires_at)
SELECT md5('token ' || i) || md5('secret ' || i),
       1 + floor(30000 * pg_temp.roll(i, 91) ^ 1.5)::integer,
       inet '10.0.0.0' + floor(16000000 * pg_temp.roll(i, 92))::bigint,
       opened,
       opened + CASE WHEN pg_temp.roll(i, 93) < 0.5 THEN interval '31 days'
                     ELSE interval '100 years' END      -- 'remember me'
  FROM generate_series(1, 15000) AS i,
       LATERAL (SELECT timestamptz '2026-06-01 00:00+00'
                         + (i / 15000.0) * interval '29 days' AS opened) AS source;

INSERT INTO shop."supportTickets"
  ("userId", subject, priority, "assignedTo", "openedAt", "closedAt")
SELECT 1 + floor(30000 * pg_temp.roll(i, 101) ^ 1.3)::integer,
       (ARRAY['Cannot play the video','Refund for course','Wrong invoice','Certificate missing',
              'Change my e-mail','Captions out of sync','Payment declined'])
       [1 + floor(7 * pg_temp.roll(i, 102))::integer] || ' #' || (i * 7919 % 100003),
       CASE WHEN pg_temp.roll(i, 103) < 0.01 THEN 'urgent'
            WHEN pg_temp.roll(i, 103) < 0.08 THEN 'high'
            WHEN pg_temp.roll(i, 103) < 0.5 THEN 'normal' ELSE 'low' END,
       CASE WHEN pg_temp.roll(i, 104) < 0.97
            THEN 1 + 1500 * floor(20 * pg_temp.roll(i, 105))::integer END,
       opened,
       CASE WHEN pg_temp.roll(i, 106) < 0.96
            THEN opened + pg_temp.roll(i, 107) * interval '5 days' END
  FROM generate_series(1, 14000) AS i,
       LATERAL (SELECT timestamptz '2024-08-01 00:00+00'
                         + (i + pg_temp.roll(i, 108)) / 14000.0 * interval '697 days'
                         AS opened) AS source;

INSERT INTO shop_billing.invoices (number, order_id, user_id, amount, due_on, settled)
SELECT 'INV-' || to_char(o.created_at, 'YYYY') || '-' || lpad((o.id * 7 % 1000003)::text, 7, '0'),
       o.id,
       o.user_id,
       o.total,
       (o.created_at AT TIME ZONE 'UTC')::date + 30,
       o.paid_at IS NOT NULL AND pg_temp.roll(o.id, 111) < 0.99
  FROM shop.orders o
 WHERE o.id > 30000;

DROP FUNCTION pg_temp.roll(integer, integer);
