/* agentdb */
-- Question: what is in the clinic? About 120 000 rows, the same on every server.
-- Caller: agentdb.demo (load), after schema.sql. Needs: to own the tables.
CREATE OR REPLACE FUNCTION pg_temp.roll(integer, integer) RETURNS float8  -- by row and column
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  AS 'SELECT (hashint4extended($1, $2) & 1048575) / 1048576.0::float8';

INSERT INTO clinic.patients (contact_mail, full_name, region, insurance, registered_at)
SELECT CASE WHEN i % 4 = 0 THEN upper(given || '_' || family) ELSE lower(given || '_' || family) END
         || i || '@mail' || i % 7 || '.example',
       given || ' ' || family,
       (ARRAY['north','north','north','south','south','east','west','coast'])
       [1 + floor(8 * pg_temp.roll(i, 301))::integer],
       jsonb_build_object('carrier', (ARRAY['alba','beta','cura'])[1 + i % 3],
                          'private', pg_temp.roll(i, 302) < 0.01),
       timestamptz '2023-01-01 00:00+00' + i / 12000.0 * interval '1200 days'
  FROM generate_series(1, 12000) AS i,
       LATERAL (SELECT
         (ARRAY['Agnes','Bruno','Celia','Dario','Elena','Felix','Gilda','Hugo','Irene','Jakob',
                'Karin','Leo','Mina','Nils','Olga','Paul','Rita','Sven','Tilda','Udo'])
         [1 + floor(20 * pg_temp.roll(i, 303))::integer] AS given,
         (ARRAY['Abel','Bauer','Conti','Duarte','Ek','Ferrari','Greco','Holm','Ivanov','Jensen',
                'Keller','Lund','Marino','Novak','Olsen','Petrov','Quist','Rossi','Stein','Toth',
                'Urban','Vogel','Wolf','Zeman'])
         [1 + floor(24 * pg_temp.roll(i, 304) ^ 1.4)::integer] AS family) AS person;

INSERT INTO clinic.medicines (brand, labels, unit_cost, leaflet)
SELECT 'Brand ' || i,
       ARRAY[(ARRAY['tablet','tablet','drops','ointment','injection'])
             [1 + floor(5 * pg_temp.roll(i, 311))::integer],
             CASE WHEN pg_temp.roll(i, 312) < 0.008 THEN 'narcotic' ELSE 'common' END],
       (2 + floor(90 * pg_temp.roll(i, 313) ^ 2))::numeric,
       repeat('Read this leaflet carefully before use. ', 6)
  FROM generate_series(1, 4000) AS i;

INSERT INTO clinic.appointments (patient_no, doctor, state, scheduled_for)
SELECT 1 + floor(12000 * pg_temp.roll(i, 321) ^ 1.5)::integer,
       'doctor ' || floor(60 * pg_temp.roll(i, 322)),
       CASE WHEN pg_temp.roll(i, 323) < 0.002 THEN 'no_show_review'
            WHEN pg_temp.roll(i, 323) < 0.08 THEN 'cancelled'
            WHEN pg_temp.roll(i, 323) < 0.25 THEN 'booked' ELSE 'done' END,
       timestamptz '2024-01-01 00:00+00' + pg_temp.roll(i, 324) * interval '900 days'
  FROM generate_series(1, 30000) AS i;

INSERT INTO clinic.device_readings (patient_no, kind, taken_at, sample)
SELECT 1 + floor(12000 * pg_temp.roll(i / 9, 331) ^ 2)::integer,
       (ARRAY['pulse','pulse','pulse','pressure','pressure','glucose','oxygen'])
       [1 + floor(7 * pg_temp.roll(i, 332))::integer],
       timestamptz '2026-03-01 00:00+00' + (i + pg_temp.roll(i, 333)) / 50000.0 * interval '100 days',
       jsonb_build_object('batch', 'b' || (i / 9) * 37 % 100003,
                          'value', floor(200 * pg_temp.roll(i, 334)),
                          'device', 'model ' || floor(12 * pg_temp.roll(i / 9, 335)))
  FROM generate_series(1, 50000) AS i;

INSERT INTO clinic.bills (patient_no, amount, settled_at, issued_at)
SELECT 1 + floor(12000 * pg_temp.roll(i, 341) ^ 1.4)::integer,
       (20 + floor(900 * pg_temp.roll(i, 342) ^ 3))::numeric,
       CASE WHEN pg_temp.roll(i, 343) < 0.985 THEN issued + interval '10 days' END,
       issued
  FROM generate_series(1, 10000) AS i,
       LATERAL (SELECT timestamptz '2025-01-01 00:00+00' + i / 10000.0 * interval '520 days'
                         AS issued) AS source;

INSERT INTO clinic.bill_lines (bill_no, medicine_no, doses)
SELECT (i + 1) / 2,
       1 + floor(4000 * pg_temp.roll(i, 351) ^ 2)::integer,
       1 + floor(4 * pg_temp.roll(i, 352))::integer
  FROM generate_series(1, 20000) AS i;

INSERT INTO clinic."labOrders" ("patientNo", urgency, "requestedAt", "reportedAt")
SELECT 1 + floor(12000 * pg_temp.roll(i, 361))::integer,
       CASE WHEN pg_temp.roll(i, 362) < 0.02 THEN 'stat'
            WHEN pg_temp.roll(i, 362) < 0.1 THEN 'soon' ELSE 'routine' END,
       requested,
       CASE WHEN pg_temp.roll(i, 363) < 0.97 THEN requested + interval '2 days' END
  FROM generate_series(1, 9000) AS i,
       LATERAL (SELECT timestamptz '2025-06-01 00:00+00' + i / 9000.0 * interval '370 days'
                         AS requested) AS source;

DROP FUNCTION pg_temp.roll(integer, integer);
