-- What daemons began to carry out, and what became of it. Times are milliseconds since 1970.

CREATE TABLE journal (
    id TEXT PRIMARY KEY,
    daemon TEXT NOT NULL,
    subjects TEXT NOT NULL,
    objects TEXT NOT NULL,
    plan TEXT NOT NULL,
    state TEXT NOT NULL,
    begun_at BIGINT NOT NULL,
    ended_at BIGINT,
    outcome TEXT
);
CREATE INDEX journal_open ON journal (daemon, begun_at) WHERE ended_at IS NULL;
CREATE INDEX journal_ended ON journal (ended_at) WHERE ended_at IS NOT NULL;

-- By which Pods an entry is found: those for which something is done, and those to which.
CREATE TABLE journal_pods (
    entry TEXT NOT NULL REFERENCES journal (id) ON DELETE CASCADE,
    uid TEXT NOT NULL,
    namespace TEXT NOT NULL,
    name TEXT NOT NULL,
    is_subject BIGINT NOT NULL,
    PRIMARY KEY (entry, uid)
);
CREATE INDEX journal_pods_uid ON journal_pods (uid);
CREATE INDEX journal_pods_name ON journal_pods (namespace, name);

-- For whom something is being done. The key is the daemon's name and the UID, so that it is done once, whoever leads.
CREATE TABLE journal_subjects (
    subject TEXT PRIMARY KEY,
    entry TEXT NOT NULL REFERENCES journal (id) ON DELETE CASCADE
);
CREATE INDEX journal_subjects_entry ON journal_subjects (entry);
