-- roster: the places of the block that the section holds (adapters.ledgers.roster); empty where it
-- was sealed before there were any.
ALTER TABLE sections ADD COLUMN roster BLOB NOT NULL DEFAULT x'';
