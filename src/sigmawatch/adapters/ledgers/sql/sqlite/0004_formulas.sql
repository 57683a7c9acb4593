-- What a derived series is computed by, as domain.formula prints it. A formula never changes: another
-- one is another series.
CREATE TABLE formulas (
    series_id INTEGER NOT NULL PRIMARY KEY REFERENCES series (id),
    formula TEXT NOT NULL
) STRICT;
