#!lua
--[[
session/create: keeps a new session, unless there is one by its id, whoever's.

KEYS[1]  session    hash {tenant, user, username, created_at_ms, seen_at_ms, idle_ms, ends_at_ms, data:<name>...};
                    it expires when it ends

ARGV[1]  tenant
ARGV[2]  user           id of the user, not empty
ARGV[3]  username
ARGV[4]  idle_ms        it ends when nobody read it for so long, 1 or more
ARGV[5]  absolute_ms    it ends after so long in any case, idle_ms or more
ARGV[6]  ...            additional data: name, value, name, value ...

Returns  {"session", fields of the hash} | {"taken", "here" if by a session of this tenant, else "elsewhere"}
Writes   1. the whole session.
         2. its expiry.
]]
local session_key = KEYS[1]
local tenant, user, username = ARGV[1], ARGV[2], ARGV[3]
local idle_ms, absolute_ms = tonumber(ARGV[4]), tonumber(ARGV[5])
local is_sane = idle_ms and absolute_ms and 1 <= idle_ms and idle_ms <= absolute_ms
if not is_sane or tenant == "" or user == "" or #ARGV % 2 ~= 1 then
  return redis.error_reply("BADARG session/create: tenant, user, 1 <= idle_ms <= absolute_ms, pairs of data")
end

local owner = redis.call("HGET", session_key, "tenant")
if owner then
  return { "taken", owner == tenant and "here" or "elsewhere" }
end

local time = redis.call("TIME")
local now_ms = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local now_text = string.format("%.0f", now_ms)
local fields = {
  "tenant", tenant, "user", user, "username", username,
  "created_at_ms", now_text, "seen_at_ms", now_text,
  "idle_ms", ARGV[4], "ends_at_ms", string.format("%.0f", now_ms + absolute_ms),
}
for place = 6, #ARGV, 2 do
  fields[#fields + 1] = "data:" .. ARGV[place]
  fields[#fields + 1] = ARGV[place + 1]
end
redis.call("HSET", session_key, unpack(fields))
redis.call("PEXPIREAT", session_key, string.format("%.0f", now_ms + idle_ms))
return { "session", redis.call("HGETALL", session_key) }
