-- One text for both databases. `BIGINT PRIMARY KEY` is written `INTEGER PRIMARY KEY` for SQLite, where that alone makes
-- a number the key of the table itself. Digests are hexadecimal text, moments are UTC microseconds, bodies are JSON.

-- Who leads, and how far the center is. Every commit moves this row, where epoch and sequence are the writer's.
CREATE TABLE leader (
    id BIGINT PRIMARY KEY,
    epoch BIGINT NOT NULL,
    sequence BIGINT NOT NULL,
    position BIGINT NOT NULL,
    last_input_at BIGINT NOT NULL
);
INSERT INTO leader (id, epoch, sequence, position, last_input_at) VALUES (1, 0, 0, 0, 0);

-- The journal: what was asked, and what was decided. `job` and `organization` are whom a fact is looked up by; the
-- latter is only set where money moved.
CREATE TABLE inputs (
    sequence BIGINT PRIMARY KEY,
    at BIGINT NOT NULL,
    build TEXT NOT NULL,
    body TEXT NOT NULL
);
CREATE TABLE facts (
    position BIGINT PRIMARY KEY,
    sequence BIGINT NOT NULL,
    at BIGINT NOT NULL,
    job BIGINT,
    organization BIGINT,
    body TEXT NOT NULL
);
CREATE INDEX facts_of_job ON facts (job, position) WHERE job IS NOT NULL;
CREATE INDEX facts_of_account ON facts (organization, position) WHERE organization IS NOT NULL;

-- Nodes, organizations, users, accounts and the like: what is small, as the state holds it.
CREATE TABLE entities (
    kind TEXT NOT NULL,
    id BIGINT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (kind, id)
);

-- All jobs. `body` is what the state holds; empty once a job has ended. The indexes begin with what lists filter by
-- and end with the order of lists, so that a page costs the same wherever it is.
CREATE TABLE jobs (
    id BIGINT PRIMARY KEY,
    organization BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    state TEXT NOT NULL,
    cards BIGINT NOT NULL,
    elements BIGINT,
    submitted BIGINT NOT NULL,
    ended BIGINT,
    cause BIGINT,
    name TEXT NOT NULL,
    payload TEXT NOT NULL,
    counts TEXT,
    body TEXT NOT NULL,
    detail TEXT NOT NULL
);
CREATE INDEX jobs_by_state ON jobs (state, id);
CREATE INDEX jobs_by_organization ON jobs (organization, state, id);
CREATE INDEX jobs_by_user ON jobs (user_id, state, id);
CREATE INDEX jobs_by_both ON jobs (organization, user_id, state, id);

-- All attempts. `body` is what the state held last.
CREATE TABLE attempts (
    job BIGINT NOT NULL,
    element BIGINT NOT NULL,
    number BIGINT NOT NULL,
    in_array BIGINT NOT NULL,
    state TEXT NOT NULL,
    placed BIGINT NOT NULL,
    started BIGINT,
    ended BIGINT,
    exit_code BIGINT,
    charged_micros BIGINT,
    metered BIGINT,
    ending TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (job, element, number)
);
CREATE INDEX attempts_live ON attempts (job) WHERE ended IS NULL;

-- What engines need of jobs, once per content.
CREATE TABLE payloads (
    digest TEXT PRIMARY KEY,
    body TEXT NOT NULL
);

-- Effects that are not known to be done, in the order of the commits that added them.
CREATE TABLE outbox (
    key TEXT PRIMARY KEY,
    added BIGINT NOT NULL,
    body TEXT NOT NULL
);

-- What was answered under a caller's key.
CREATE TABLE idempotency (
    user_id BIGINT NOT NULL,
    key TEXT NOT NULL,
    request TEXT NOT NULL,
    reply TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (user_id, key)
);

-- Written to find out whether the disk takes writes again.
CREATE TABLE probe (
    id BIGINT PRIMARY KEY,
    body TEXT NOT NULL
);
