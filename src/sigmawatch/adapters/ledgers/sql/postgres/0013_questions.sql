-- What was asked under a key of the caller's (Idempotency-Key), for a day. digest: of the question.
-- sealed: the answer, encrypted under a key that is not in the database; null where the question
-- was carried out and its answer is not known.
CREATE TABLE questions (
    owner TEXT NOT NULL,
    key TEXT NOT NULL,
    digest BYTEA NOT NULL,
    sealed BYTEA,
    made_ms BIGINT NOT NULL,
    PRIMARY KEY (owner, key)
);

CREATE INDEX questions_by_age ON questions (made_ms);
