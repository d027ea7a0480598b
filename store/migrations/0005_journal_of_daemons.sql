-- Of each daemon so many entries are kept.
CREATE INDEX journal_ended_of ON journal (daemon, ended_at) WHERE ended_at IS NOT NULL;
