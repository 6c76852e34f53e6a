-- Offers freshly posted alerts to groups of a shard: each is merged with what is known of it as Alertmanager does
-- (domain::alert::Alert::updated_by), makes its group if that is missing, and is moved between the group's firing and
-- ended members as its end says.
--
-- KEYS[1]  shard:{sNN}
-- ARGV     instance, when it was sent by the shard clock ('' = unknown), longest wait of who sent it in milliseconds, number of groups, of each: group, then its facts (text, labels, receiver, wait, interval, repeat,
--          kept); then of each offer: index of its group (from 1), fingerprint, milliseconds until it ends (0 or less:
--          it is over), 1 if somebody is owed its end, 1 if it was offered before without an answer, milliseconds until the
--          first tick if it makes the group, alert
-- Reply    {'late', now} if who sent it has given up: nothing is changed; else of each offer, one after the other: the alert as held now ('' = as posted), 1 if it is a member, first tick
--          if it made the group, else -1
--
-- Safe in every prefix because a group has its tick before it has its first member, an offer is complete before the next
-- one begins but for the feed, which hears of what was done also when an offer fails, and the same batch again changes
-- nothing.

local sent, patience_ms, group_count = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
if not (patience_ms and group_count) then return redis.error_reply('ERR offers cannot be read') end
-- What it says may have been overtaken by others since.
if sent and sent + patience_ms < now then return { 'late', now } end

local groups, offers = {}, {}
local at = 5
for index = 1, group_count do
  groups[index] = { name = ARGV[at], facts_at = at + 1, kept = tonumber(ARGV[at + FACTS]), asked = {} }
  at = at + 1 + FACTS
end
while ARGV[at] do
  local offer = {
    group = groups[tonumber(ARGV[at])], fingerprint = ARGV[at + 1], lasts_ms = tonumber(ARGV[at + 2]),
    is_owed = ARGV[at + 3] == '1', is_again = ARGV[at + 4] == '1', first_delay_ms = tonumber(ARGV[at + 5]),
    text = ARGV[at + 6],
  }
  if not (offer.group and offer.group.kept and offer.lasts_ms and offer.first_delay_ms and is_alert(offer.text or '')) then
    return redis.error_reply('ERR an offer cannot be read')
  end
  offers[#offers + 1] = offer
  local asked = offer.group.asked
  asked[#asked + 1] = offer.fingerprint
  at = at + 7
end

-- An alert that begins as one says, ends as another does, and is otherwise as a third.
local function joined(whole, starter, ender, updated)
  read_whole(whole)
  return {
    start = starter.start, starts = read_whole(starter).starts, stop = ender.stop, ends = read_whole(ender).ends,
    updated = updated, rank = whole.rank, timeout = whole.timeout, rest = whole.rest,
  }
end

-- What is known and a fresh post become one; also whether the end is the known one.
local function updated_by(known, post)
  local function is_inside(t) return known.start < t and t < known.stop end
  local is_overlapping = is_inside(post.stop) or is_inside(post.start)
  if not is_overlapping or not read_whole(known).rest then return post, false end
  local older, younger = known, post
  if post.updated < known.updated then older, younger = post, known end
  local starter, ender = younger, younger
  if older.start < younger.start then starter = older end
  local both_over = younger.stop <= younger.updated and older.stop <= younger.updated and older.stop >= younger.stop
  local lasts_longer = younger.stop > younger.updated and older.stop > younger.stop and not is_timeout(older)
  if both_over or lasts_longer then ender = older end
  if starter == younger and ender == younger then return younger, younger == known end
  return joined(younger, starter, ender, younger.updated), ender == known
end

local function is_same(a, b)
  if a.start ~= b.start or a.stop ~= b.stop then return false end
  read_whole(a)
  read_whole(b)
  return a.timeout == b.timeout and a.rest == b.rest
end

-- The earliest of the ends that came in this run.
local function note_deadline(group, deadline) group.deadline = math.min(group.deadline or deadline, deadline) end

-- What groups hold of the alerts they are offered: their texts by fingerprint.
local function note_member(group, fingerprint, text, is_over)
  group.firing[fingerprint] = not is_over and text or nil
  group.over[fingerprint] = is_over and text or nil
end

local function update(offer, text, was_over)
  local group, post = offer.group.name, read_alert(offer.text)
  -- What cannot be read gives way.
  local known = read_alert(text) or { start = '', stop = '', updated = '', timeout = '', rest = '' }
  -- It may have been taken in before: what others said since counts.
  if offer.is_again and post.updated <= known.updated then return text end
  local merged, is_kept = updated_by(known, post)
  if merged.updated <= known.updated then
    if is_same(merged, known) then return text end
    -- A flush that saw the state before must not let this one go.
    merged = joined(merged, merged, merged, later_by_ms(known.updated))
  end
  local written = merged.text or write_alert(merged)
  local is_over = is_explicit_end(merged)
  if is_kept then is_over = is_over or was_over else is_over = is_over or offer.lasts_ms <= 0 end
  local deadline = nil
  if not is_kept then deadline = now + offer.lasts_ms end
  place(group, offer.fingerprint, written, is_over, deadline, was_over)
  note_member(offer.group, offer.fingerprint, written, is_over)
  if deadline and not is_over then note_deadline(offer.group, deadline) end
  return written == offer.text and '' or written
end

-- Whoever knows only the key of a group, as its empty text says, makes none, joins none and changes none.
local function is_stand_in(group) return ARGV[group.facts_at] == '' end

-- Looks whether a group is there. A configuration may have changed its times: what the latest post comes with holds.
local function follow(group)
  local read = redis.call('HMGET', meta_of(group.name), 'interval', 'kept', 'net')
  group.is_there, group.net = read[1] ~= false, read[3]
  if is_stand_in(group) then
    group.kept = read[2] or group.kept
    return
  end
  local interval, kept = ARGV[group.facts_at + 4], ARGV[group.facts_at + 6]
  if not group.is_there or (read[1] == interval and read[2] == kept) then return end
  write_facts(group.name, read_facts(group.facts_at))
  if read[1] == interval then return end
  local grid = read_grid(group.name)
  emit_grid(group.name, grid.first, grid.next, int(grid.interval), grid.ticked)
end

-- Which of the group's keys are there, asked with one command: each counts by how often it is named.
local function note_keys(group)
  local firing, recovery, ends = firing_of(group), recovery_of(group), ends_of(group)
  local count = redis.call('EXISTS', firing, recovery, recovery, ends, ends, ends, ends)
  was_there[firing], was_there[recovery], was_there[ends] = count % 2 == 1, count % 4 >= 2, count >= 4
  return was_there[recovery]
end

-- Finds what the group holds of the alerts it is offered; answers whether some are new to it.
local function look(group)
  local firing, over, asked = {}, {}, group.asked
  group.firing, group.over = firing, over
  if not group.is_there then return false end
  local texts, new = redis.call('HMGET', firing_of(group.name), unpack(asked)), {}
  for index = 1, #asked do
    if texts[index] then firing[asked[index]] = texts[index] else new[#new + 1] = asked[index] end
  end
  if #new == 0 then return false end
  if note_keys(group.name) then
    texts = redis.call('HMGET', recovery_of(group.name), unpack(new))
    for index = 1, #new do over[new[index]] = texts[index] or nil end
  end
  return true
end

-- Makes sure that the groups have a place in a queue.
local function ensure_all_queued(names)
  if #names == 0 then return end
  local places = redis.call('ZMSCORE', QUEUE_DUE, unpack(names))
  for index, name in ipairs(names) do
    if not places[index] then ensure_queued(name) end
  end
end

local function offer_to_group(offer)
  local group = offer.group.name
  local firing, over = offer.group.firing[offer.fingerprint], offer.group.over[offer.fingerprint]
  if firing or over then return update(offer, firing or over, not firing), 1, -1 end
  local is_over = offer.lasts_ms <= 0
  if is_stand_in(offer.group) then return '', 0, -1 end
  if is_over and not offer.is_owed then return '', 0, -1 end
  local post = (is_over or offer.is_again) and read_alert(offer.text)
  local is_end = post and is_explicit_end(post)
  if is_end or offer.is_again then
    -- An end that was told already, stated again to an instance that has not heard of that; or what was taken in before and
    -- has left since.
    local tomb = tonumber(redis.call('ZSCORE', tomb_of(group), offer.fingerprint))
    if tomb and tomb >= ms_of(is_end and post.stop or post.updated) then return '', 0, -1 end
  end
  local first, facts = -1, nil
  if not offer.group.is_there then
    facts = read_facts(offer.group.facts_at)
    first = now + offer.first_delay_ms
    make_group(group, facts, first, first, false, math.max(now, floor_of_shard()))
    offer.group.is_there = true
  end
  join(group, offer.fingerprint, offer.text, is_over, now + offer.lasts_ms)
  note_member(offer.group, offer.fingerprint, offer.text, is_over)
  if not is_over then note_deadline(offer.group, now + offer.lasts_ms) end
  if first >= 0 then emit_grid(group, first, first, facts.interval, false) end
  return '', 1, first
end

local reply, joining, ends = {}, {}, {}
for _, group in ipairs(groups) do
  follow(group)
  if look(group) then joining[#joining + 1] = group.name end
end
ensure_all_queued(joining)
local function offer_all()
  for index, offer in ipairs(offers) do
    local held, is_member, first = offer_to_group(offer)
    if is_member == 1 then offer.group.is_touched = true end
    reply[3 * index - 2], reply[3 * index - 1], reply[3 * index] = held, is_member, first
  end
end
entry_alerts_max = 8
local is_done, failure = pcall(offer_all)
for _, group in ipairs(groups) do
  if group.deadline then ends[#ends + 1], ends[#ends + 2] = int(group.deadline), group.name end
  if group.is_touched then touch(group.name, group.kept, group.net or 0) end
end
queue_ends(ends)
close()
if not is_done then return type(failure) == 'table' and failure or redis.error_reply('ERR ' .. failure) end
return reply
