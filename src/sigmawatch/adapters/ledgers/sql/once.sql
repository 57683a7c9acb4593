-- Questions that are answered once, whoever asks them again.

-- name: note_question
INSERT INTO questions (owner, key, digest, sealed, made_ms)
VALUES (:owner, :key, :digest, NULL, :now_ms)
ON CONFLICT (owner, key) DO NOTHING
RETURNING key

-- name: put_answer
INSERT INTO questions (owner, key, digest, sealed, made_ms)
VALUES (:owner, :key, :digest, :sealed, :now_ms)
ON CONFLICT (owner, key) DO UPDATE
SET digest = excluded.digest, sealed = excluded.sealed, made_ms = excluded.made_ms
RETURNING key

-- name: forget_question
DELETE FROM questions WHERE owner = :owner AND key = :key AND sealed IS NULL RETURNING key

-- name: find_question
SELECT digest, sealed FROM questions
WHERE owner = :owner AND key = :key AND made_ms > :after_ms

-- name: let_questions_go
DELETE FROM questions
WHERE made_ms <= :before_ms
OR made_ms < (SELECT min(made_ms) FROM (
    SELECT made_ms FROM questions ORDER BY made_ms DESC LIMIT :kept
) AS newest)
RETURNING key
