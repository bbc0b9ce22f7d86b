-- A hospital: patients by UUID, wards by a small number, everything else by bigint.
CREATE TABLE ward (
    ward_no smallint PRIMARY KEY,
    title text NOT NULL,
    wing text NOT NULL
);
CREATE TABLE patient (
    patient_id uuid PRIMARY KEY,
    surname text NOT NULL,
    given_name text NOT NULL,
    mail text,
    born date NOT NULL,
    allergies text[] NOT NULL,
    insurance jsonb NOT NULL,
    practice_ref text,
    registered_at timestamptz NOT NULL
);
CREATE TABLE admission (
    admission_id bigint PRIMARY KEY,
    patient_id uuid NOT NULL REFERENCES patient,
    ward_no smallint NOT NULL REFERENCES ward,
    urgency text NOT NULL,
    admitted_at timestamptz NOT NULL,
    discharged_at timestamptz
);
CREATE TABLE lab_order (
    order_no bigint PRIMARY KEY,
    patient_id uuid NOT NULL REFERENCES patient,
    panel text NOT NULL,
    stage text NOT NULL,
    sample_code text NOT NULL,
    ordered_at timestamptz NOT NULL,
    voided_at timestamptz
);
CREATE TABLE vital_sign (
    vital_id bigint PRIMARY KEY,
    admission_id bigint NOT NULL REFERENCES admission,
    pulse integer NOT NULL,
    measured_at timestamptz NOT NULL
);
CREATE TABLE clinical_note (
    note_id bigint PRIMARY KEY,
    patient_id uuid NOT NULL REFERENCES patient,
    author text NOT NULL,
    body text NOT NULL,
    written_at timestamptz NOT NULL
);
CREATE TABLE duty (
    duty_id bigint PRIMARY KEY,
    ward_no smallint NOT NULL REFERENCES ward,
    physician text NOT NULL,
    deputy text NOT NULL,
    grade text NOT NULL,
    begins_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL
);
CREATE TABLE portal_token (
    token text PRIMARY KEY,
    patient_id uuid NOT NULL REFERENCES patient,
    expires_at timestamptz NOT NULL
);
INSERT INTO ward
SELECT n, 'Ward ' || n, (ARRAY['north', 'south', 'east'])[1 + n % 3] FROM generate_series(1, 24) AS n;
INSERT INTO patient
SELECT
    md5('patient' || n)::uuid,
    (ARRAY['Abel', 'Becker', 'Castro', 'Dietrich', 'Evans', 'Fischer', 'Garcia', 'Huber'])[1 + n % 8] || n / 8,
    (ARRAY['Ana', 'Ben', 'Cleo', 'Dan', 'Eva'])[1 + n % 5],
    'Person' || n || '@Mail.example',
    date '1930-01-01' + n * 5,
    CASE WHEN n % 40 = 0 THEN ARRAY['penicillin', 'nuts'] WHEN n % 9 = 0 THEN ARRAY['pollen'] ELSE '{}' END,
    jsonb_build_object('policy', 'P' || n, 'company', 'Insurer ' || n % 12),
    'PR-' || (n * 7919) % 100000,
    timestamptz '2020-01-01' + n * interval '7 hours'
FROM generate_series(1, 6000) AS n;
INSERT INTO admission
SELECT
    n,
    md5('patient' || 1 + (n * 37) % 6000)::uuid,
    1 + n % 24,
    (ARRAY['elective', 'urgent', 'emergency'])[1 + (n % 10) / 5 + (n % 50) / 49],
    timestamptz '2022-01-01' + n * interval '90 minutes',
    CASE WHEN n < 11900 THEN timestamptz '2022-01-04' + n * interval '90 minutes' END
FROM generate_series(1, 12000) AS n;
INSERT INTO lab_order
SELECT
    n,
    md5('patient' || 1 + (n * 53) % 6000)::uuid,
    'panel ' || n % 30,
    CASE WHEN n % 200 = 0 THEN 'waiting' WHEN n % 11 = 0 THEN 'running' ELSE 'reported' END,
    'S' || (n * 104729) % 1000000,
    timestamptz '2023-01-01' + n * interval '20 minutes',
    CASE WHEN n % 25 = 0 THEN timestamptz '2023-01-02' + n * interval '20 minutes' END
FROM generate_series(1, 15000) AS n;
INSERT INTO vital_sign
SELECT n, 1 + n % 12000, 50 + (n * 31) % 70, timestamptz '2024-01-01' + n * interval '3 minutes'
FROM generate_series(1, 30000) AS n;
INSERT INTO clinical_note
SELECT
    n,
    md5('patient' || 1 + (n * 17) % 6000)::uuid,
    'dr' || n % 60,
    (ARRAY['stable after surgery', 'complains of chest pain', 'discharge planned', 'blood pressure raised'])[1 + n % 4]
        || CASE WHEN n % 300 = 0 THEN ' suspected sepsis' ELSE '' END || ' visit ' || n,
    timestamptz '2023-06-01' + n * interval '50 minutes'
FROM generate_series(1, 8000) AS n;
INSERT INTO duty
SELECT
    n, 1 + n % 24, 'dr' || n % 80, 'dr' || (n * 3 + 5) % 80,
    (ARRAY['senior', 'junior', 'trainee'])[1 + n % 3],
    timestamptz '2024-01-01' + n * interval '2 hours',
    timestamptz '2024-01-01 08:00' + n * interval '2 hours'
FROM generate_series(1, 7000) AS n;
INSERT INTO portal_token
SELECT md5('token' || n), md5('patient' || 1 + n % 6000)::uuid, timestamptz '2024-01-01' + n * interval '1 hour'
FROM generate_series(1, 9000) AS n;
