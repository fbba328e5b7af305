-- Sums by calendar month (UTC+8), of which statements are made: what moved on each account of the books, and what was used by
-- whom. `month` is year × 100 + month, `project` is 0 where there is none, `micros` are millionths. Filled from the journal
-- when the tables are made.
CREATE TABLE month_accounts (
    organization BIGINT NOT NULL,
    month BIGINT NOT NULL,
    account TEXT NOT NULL,
    kind TEXT NOT NULL,
    postings BIGINT NOT NULL,
    micros BIGINT NOT NULL,
    PRIMARY KEY (organization, month, account, kind)
);
CREATE TABLE month_users (
    organization BIGINT NOT NULL,
    month BIGINT NOT NULL,
    project BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    used BIGINT NOT NULL,
    micros BIGINT NOT NULL,
    PRIMARY KEY (organization, month, project, user_id)
);
