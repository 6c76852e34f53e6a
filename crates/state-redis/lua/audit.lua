-- Gives groups that have no place in a queue one, and answers how many there were: there must be none.
--
-- KEYS[1]  shard:{sNN}
-- ARGV     instance, groups
-- Reply    how many were repaired
--
-- Safe in every prefix because each repair is one write.

local repaired = 0
for index = 2, #ARGV do
  if ensure_queued(ARGV[index]) then repaired = repaired + 1 end
end
return repaired
