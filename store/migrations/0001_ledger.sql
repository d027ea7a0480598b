-- Times are milliseconds since 1970. What each column means is said by policy_engine::ledger::Charge.

CREATE TABLE accounts (
    account TEXT PRIMARY KEY,
    used_milli_gpu BIGINT NOT NULL,
    used_devices BIGINT NOT NULL,
    used_milli_cpu BIGINT NOT NULL,
    used_memory_bytes BIGINT NOT NULL,
    reserved_milli_gpu BIGINT NOT NULL,
    reserved_devices BIGINT NOT NULL,
    reserved_milli_cpu BIGINT NOT NULL,
    reserved_memory_bytes BIGINT NOT NULL
);

CREATE TABLE charges (
    uid TEXT NOT NULL,
    reference TEXT NOT NULL,
    place TEXT NOT NULL,
    milli_gpu BIGINT NOT NULL,
    devices BIGINT NOT NULL,
    milli_cpu BIGINT NOT NULL,
    memory_bytes BIGINT NOT NULL,
    bound BIGINT NOT NULL,
    seen BIGINT NOT NULL,
    raised_at BIGINT NOT NULL,
    ticket BIGINT NOT NULL,
    pod_uid TEXT NOT NULL,
    pod_reference TEXT NOT NULL,
    claim_uid TEXT NOT NULL,
    payers TEXT NOT NULL,
    tags TEXT NOT NULL,
    PRIMARY KEY (uid, reference)
);
CREATE INDEX charges_place ON charges (place);
CREATE INDEX charges_pod ON charges (pod_uid);
-- Few stand for a claim.
CREATE INDEX charges_claim ON charges (claim_uid) WHERE claim_uid <> '';

CREATE TABLE uses (
    place TEXT NOT NULL,
    pod_uid TEXT NOT NULL,
    PRIMARY KEY (place, pod_uid)
);
CREATE INDEX uses_pod ON uses (pod_uid);

CREATE TABLE usage_intervals (
    claim_uid TEXT NOT NULL,
    opened_at BIGINT NOT NULL,
    closed_at BIGINT,
    milli_gpu BIGINT NOT NULL,
    devices BIGINT NOT NULL,
    project TEXT NOT NULL,
    user_id TEXT NOT NULL,
    group_id TEXT NOT NULL,
    queue TEXT NOT NULL,
    model TEXT NOT NULL
);
CREATE UNIQUE INDEX usage_open ON usage_intervals (claim_uid) WHERE closed_at IS NULL;
CREATE INDEX usage_closed ON usage_intervals (closed_at);

-- When the ledger was first known to hold what runs. Until then nothing is reserved in it.
CREATE TABLE compared (at BIGINT NOT NULL);
