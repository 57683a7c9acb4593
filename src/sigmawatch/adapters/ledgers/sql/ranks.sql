-- Standing rankings of the past.

-- name: put_rank_column
INSERT INTO rank_columns
    (metric, ranked_by, window_ms, interval_ms, slot, end_ms, hourly, body)
VALUES
    (:metric, :ranked_by, :window_ms, :interval_ms, :slot, :end_ms, :hourly, :body)
ON CONFLICT (metric, ranked_by, window_ms, interval_ms, slot) DO UPDATE SET body = excluded.body

-- name: select_rank_slots
SELECT slot
FROM rank_columns
WHERE metric = :metric AND ranked_by = :ranked_by AND window_ms = :window_ms
  AND interval_ms = :interval_ms AND slot >= :from_slot AND slot < :to_slot
ORDER BY slot

-- name: select_rank_column
SELECT body
FROM rank_columns
WHERE metric = :metric AND ranked_by = :ranked_by AND window_ms = :window_ms
  AND interval_ms = :interval_ms AND slot = :slot

-- name: thin_rank_columns
DELETE FROM rank_columns
WHERE (metric, ranked_by, window_ms, interval_ms, slot) IN (
    SELECT metric, ranked_by, window_ms, interval_ms, slot
    FROM rank_columns
    WHERE hourly = :hourly AND end_ms <= :before_ms
    LIMIT :rows
)
RETURNING slot
