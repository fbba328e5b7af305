-- Payloads by the first job that runs them instead of by digest: each new one then goes to the end of the table.
CREATE TABLE payloads_by_job (
    job BIGINT PRIMARY KEY,
    digest TEXT NOT NULL,
    body TEXT NOT NULL
);
INSERT INTO payloads_by_job (job, digest, body)
    SELECT MIN(jobs.id), payloads.digest, payloads.body FROM payloads JOIN jobs ON jobs.payload = payloads.digest
    GROUP BY payloads.digest, payloads.body;

-- The job that holds a job's payload: itself, or an earlier one.
ALTER TABLE jobs ADD COLUMN payload_of BIGINT NOT NULL DEFAULT 0;
CREATE INDEX holders ON payloads_by_job (digest);
UPDATE jobs SET payload_of = (SELECT job FROM payloads_by_job WHERE digest = jobs.payload)
    WHERE EXISTS (SELECT 1 FROM payloads_by_job WHERE digest = jobs.payload);
DROP INDEX holders;
DROP TABLE payloads;
ALTER TABLE payloads_by_job RENAME TO payloads;
ALTER TABLE jobs DROP COLUMN payload;
