-- Offers freshly posted alerts to groups of a shard: each is merged with what is known of it as Alertmanager does
-- (domain::alert::Alert::updated_by), makes its group if that is missing, and is moved between the group's firing and
-- ended members as its end says.
--
-- KEYS[1]  shard:{sNN}
-- ARGV     instance, number of groups, of each: group, then its facts (text, labels, receiver, wait, interval, repeat,
--          kept); then of each offer: index of its group (from 1), fingerprint, milliseconds until it ends (0 or less:
--          it is over), 1 if somebody is owed its end, milliseconds until the first tick if it makes the group, alert
-- Reply    of each offer, one after the other: the alert as held now ('' = as posted), 1 if it is a member, first tick
--          if it made the group, else -1
--
-- Safe in every prefix because a group has its tick before it has its first member, an offer is complete before the next
-- one begins, and the same batch again changes nothing.

local groups, offers = {}, {}
local at = 3
for index = 1, tonumber(ARGV[2]) do
  groups[index] = { name = ARGV[at], facts = read_facts(at + 1) }
  at = at + 1 + FACTS
end
while ARGV[at] do
  local offer = {
    group = groups[tonumber(ARGV[at])], fingerprint = ARGV[at + 1], lasts_ms = tonumber(ARGV[at + 2]),
    is_owed = ARGV[at + 3] == '1', first_delay_ms = tonumber(ARGV[at + 4]), post = read_alert(ARGV[at + 5] or ''),
  }
  if not (offer.group and offer.group.facts and offer.lasts_ms and offer.first_delay_ms and offer.post) then
    return redis.error_reply('ERR an offer cannot be read')
  end
  offers[#offers + 1] = offer
  at = at + 6
end

-- What is known and a fresh post become one. `is_kept`: the end is the known one.
local function updated_by(known, post)
  local function is_inside(t) return known.start < t and t < known.stop end
  local older, younger = nil, post
  if is_inside(post.stop) or is_inside(post.start) then
    older = known
    if post.updated < known.updated then older, younger = post, known end
  end
  local merged = { is_kept = younger == known }
  for field, value in pairs(younger) do merged[field] = value end
  if older then
    if older.start < younger.start then merged.start, merged.starts = older.start, older.starts end
    local both_over = younger.stop <= younger.updated and older.stop <= younger.updated and older.stop >= younger.stop
    local lasts_longer = younger.stop > younger.updated and older.stop > younger.stop and older.timeout == 'false'
    if both_over or lasts_longer then
      merged.stop, merged.ends, merged.is_kept = older.stop, older.ends, older == known
    end
  end
  return merged
end

local function is_same(a, b)
  return a.start == b.start and a.stop == b.stop and a.timeout == b.timeout and a.rest == b.rest
end

-- The earliest of the ends that came in this run.
local function note_deadline(group, deadline) group.deadline = math.min(group.deadline or deadline, deadline) end

local function update(offer, text, was_over)
  local group, post, known = offer.group.name, offer.post, read_alert(text)
  -- What cannot be read gives way.
  known = known or { start = '', stop = '', updated = '', rest = '' }
  local merged = updated_by(known, post)
  if merged.updated <= known.updated then
    if is_same(merged, known) then return text end
    -- A flush that saw the state before must not let this one go.
    merged.updated = later_by_ms(known.updated)
  end
  local written = write_alert(merged)
  local is_over = is_explicit_end(merged)
  if merged.is_kept then is_over = is_over or was_over else is_over = is_over or offer.lasts_ms <= 0 end
  local deadline = nil
  if not merged.is_kept then deadline = now + offer.lasts_ms end
  place(group, offer.fingerprint, written, is_over, deadline, was_over)
  if deadline and not is_over then note_deadline(offer.group, deadline) end
  return written == post.text and '' or written
end

-- Whoever knows only the key of a group, as its empty text says, makes none and changes none.
local function is_stand_in(facts) return facts.text == '' end

-- Looks whether a group is there. A configuration may have changed its times: what the latest post comes with holds.
local function follow(group)
  local facts, read = group.facts, redis.call('HMGET', meta_of(group.name), 'interval', 'kept', 'net')
  group.is_there, group.net = read[1] ~= false, read[3]
  if is_stand_in(facts) then
    facts.kept = read[2] or facts.kept
    return
  end
  if not group.is_there or (read[1] == facts.interval and read[2] == facts.kept) then return end
  write_facts(group.name, facts)
  if read[1] == facts.interval then return end
  local grid = read_grid(group.name)
  emit_grid(group.name, grid.first, grid.next, int(grid.interval), grid.ticked)
end

local function offer_to_group(offer)
  local group, facts = offer.group.name, offer.group.facts
  if offer.group.is_there then
    local text, was_over = member(group, offer.fingerprint)
    if text then return update(offer, text, was_over), 1, -1 end
  end
  local is_over = offer.lasts_ms <= 0
  if is_stand_in(facts) and not offer.group.is_there then return '', 0, -1 end
  if is_over and not offer.is_owed then return '', 0, -1 end
  if is_over and is_explicit_end(offer.post) then
    -- An end that was told already, stated again to an instance that has not heard of that.
    local tomb = tonumber(redis.call('ZSCORE', tomb_of(group), offer.fingerprint))
    if tomb and tomb >= ms_of(offer.post.stop) then return '', 0, -1 end
  end
  local first = -1
  if not offer.group.is_there then
    first = now + offer.first_delay_ms
    make_group(group, facts, first, first, false, math.max(now, floor_of_shard()))
    offer.group.is_there, offer.group.is_queued = true, true
  end
  join(group, offer.fingerprint, offer.post, is_over, now + offer.lasts_ms)
  if not is_over then note_deadline(offer.group, now + offer.lasts_ms) end
  if first >= 0 then emit_grid(group, first, first, facts.interval, false) end
  if not offer.group.is_queued then
    ensure_queued(group)
    offer.group.is_queued = true
  end
  return '', 1, first
end

local reply = {}
for _, group in ipairs(groups) do follow(group) end
for index, offer in ipairs(offers) do
  local held, is_member, first = offer_to_group(offer)
  if is_member == 1 then offer.group.is_touched = true end
  reply[3 * index - 2], reply[3 * index - 1], reply[3 * index] = held, is_member, first
end
for _, group in ipairs(groups) do
  if group.is_touched then
    if group.deadline then queue_end_by(group.name, group.deadline) end
    touch(group.name, group.facts.kept, group.net or 0)
  end
end
close()
return reply
