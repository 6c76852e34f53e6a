-- Ends a flush (domain::group::Group::let_go): members leave of which nothing newer is known, what was given up is no longer
-- owed, and the group goes on to its next tick, or away when it has no members left.
--
-- KEYS[1]  shard:{sNN}
-- ARGV     instance, group, fence, life of a tombstone in milliseconds, 1 if what was told of who is to leave is in other groups
--          already, number of integrations that count as told otherwise, then or if all who are to leave do, of each:
--          integration, seq, last, pending ('' = none); then of each member that is to leave: fingerprint, the instant
--          `updated` the flush saw
-- Reply    {'lost'} (also when members were thrown away by the server), {'gone'}, or {'again', next tick}
--
-- Safe in every prefix because a member is remembered as gone before it goes, and the lease is given back last.

local group, fence, tomb_ms, is_move, retold_count = ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5] == '1', tonumber(ARGV[6])
if not (tomb_ms and retold_count) then return redis.error_reply('ERR a farewell cannot be read') end
if not lease_end(group, fence) then return { 'lost' } end
local left, do_all_leave, at = {}, true, 7 + 4 * retold_count
while ARGV[at + 1] do
  local fingerprint, text = ARGV[at], member(group, ARGV[at])
  local alert = text and read_alert(text)
  if alert and alert.updated <= ARGV[at + 1] then
    bury(group, fingerprint, ARGV[at + 1], true)
    take_out(group, fingerprint, alert.rank)
    left[#left + 1] = fingerprint
  elseif alert then
    do_all_leave = false
  end
  at = at + 2
end
if #left > 0 then
  keep_tombs(group, tomb_ms)
  emit('left', group, 'f', table.concat(left, ','))
end
for index = 1, (is_move or do_all_leave) and retold_count or 0 do
  at = 3 + 4 * index
  write_told(group, ARGV[at], { seq = tonumber(ARGV[at + 1]), last = ARGV[at + 2], pend = ARGV[at + 3] })
end
if count_members(group) == 0 then
  local is_gone = drop_group(group)
  close()
  return { is_gone and 'gone' or 'lost' }
end
if #left > 0 then queue_end(group) end
local grid = read_grid(group)
-- A grid that was restarted meanwhile has its own first tick still to come (Grid::go_on).
if not grid.restart and not is_seized(group, fence) then
  grid.next = math.max(tick_after(grid, grid.next), tick_after(grid, now) - grid.interval)
  redis.call('HSET', meta_of(group), 'next', int(grid.next))
end
release(group)
touch(group)
close()
return { 'again', grid.next }
