#!lua flags=allow-oom
--[[
session/read: reads a session of a tenant and moves its end to its idle time from now, never past its absolute end.

KEYS[1]  session    hash, see session/create

ARGV[1]  tenant     whose session it has to be: another tenant's is answered as if it were not there, and stays as it is

Returns  {"session", fields of the hash} | {"absent"}
Writes   1. when it was seen.
         2. its expiry, which follows from that.
]]
local session_key = KEYS[1]
local tenant = ARGV[1]
if tenant == "" then
  return redis.error_reply("BADARG session/read: a tenant")
end

local time = redis.call("TIME")
local now_ms = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local found = redis.call("HMGET", session_key, "tenant", "seen_at_ms", "idle_ms", "ends_at_ms")
if found[1] ~= tenant then
  return { "absent" }
end
local seen_at_ms, idle_ms, ends_at_ms = tonumber(found[2]), tonumber(found[3]), tonumber(found[4])
if not seen_at_ms or not idle_ms or not ends_at_ms or ends_at_ms <= now_ms then
  return { "absent" }
end

-- The server's clock may have stepped back; a session is not cut for that.
seen_at_ms = math.max(seen_at_ms, now_ms)
redis.call("HSET", session_key, "seen_at_ms", string.format("%.0f", seen_at_ms))
redis.call("PEXPIREAT", session_key, string.format("%.0f", math.min(seen_at_ms + idle_ms, ends_at_ms)))
return { "session", redis.call("HGETALL", session_key) }
