#!lua
--[[
session/index: notes in its tenant's index that a session lives for so long, and forgets those that have ended.

Run before a session is created, so that no session can be used that cannot be listed and revoked; and after each
reading, so that the index follows.

KEYS[1]  index    sorted set, session id -> when it ends (ms), of one tenant

ARGV[1]  id          of the session
ARGV[2]  lasts_ms    how long it lives from now, 1 or more
ARGV[3]  max         most sessions the tenant may have

Returns  {"indexed"} | {"full"}
Writes   1. what has ended goes.
         2. the session is noted: without the session itself, its entry ends like any other.
         3. the index lasts as long as its longest session.
]]
local index_key = KEYS[1]
local id, lasts_ms, max = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
if id == "" or not lasts_ms or lasts_ms < 1 or not max then
  return redis.error_reply("BADARG session/index: an id, a time of 1 ms or more, a bound")
end

local time = redis.call("TIME")
local now_ms = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
redis.call("ZREMRANGEBYSCORE", index_key, "-inf", string.format("%.0f", now_ms))

local noted_ms = tonumber(redis.call("ZSCORE", index_key, id) or nil)
if not noted_ms and redis.call("ZCARD", index_key) >= max then
  return { "full" }
end
if not noted_ms or noted_ms < now_ms + lasts_ms then
  redis.call("ZADD", index_key, string.format("%.0f", now_ms + lasts_ms), id)
end
if redis.call("PTTL", index_key) < lasts_ms then
  redis.call("PEXPIRE", index_key, lasts_ms)
end
return { "indexed" }
