-- What was refused lately, so that people can ask why. The time is milliseconds since 1970.

CREATE TABLE refusals (
    id TEXT PRIMARY KEY,
    refused_at BIGINT NOT NULL,
    username TEXT NOT NULL,
    project TEXT NOT NULL,
    namespace TEXT NOT NULL,
    subject TEXT NOT NULL,
    asked TEXT NOT NULL,
    denials TEXT NOT NULL
);
CREATE INDEX refusals_at ON refusals (refused_at);
CREATE INDEX refusals_subject ON refusals (namespace, subject, refused_at);
