-- What people arranged about markets and venues while the program ran: patterns that are followed,
-- what is paused, other names. body: JSON, as domain.arrangement writes it.
CREATE TABLE arrangements (
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    body TEXT NOT NULL,
    changed_ms BIGINT NOT NULL,
    checksum BIGINT NOT NULL,
    PRIMARY KEY (kind, name)
);
