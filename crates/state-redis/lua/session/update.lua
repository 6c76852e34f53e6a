#!lua
--[[
session/update: changes entries of a session of a tenant; its end stays.

KEYS[1]  session    hash, see session/create

ARGV[1]  tenant     whose session it has to be
ARGV[2]  max        most entries of additional data it may have afterwards
ARGV[3]  username   the new one; empty: it stays
ARGV[4]  removed    how many entries go
ARGV[5]  ...        their names; then what is set: name, value, name, value ...

Returns  {"session", fields of the hash} | {"absent"} | {"too much"}
Writes   1. entries go: a right that is replaced is lost before the new one is given.
         2. entries and the username are set.
]]
local session_key = KEYS[1]
local tenant, max, username, removed = ARGV[1], tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4])
if tenant == "" or not max or not removed or #ARGV < 4 + removed or (#ARGV - removed) % 2 ~= 0 then
  return redis.error_reply("BADARG session/update: tenant, bound, username, names to remove, pairs to set")
end

if redis.call("HGET", session_key, "tenant") ~= tenant then
  return { "absent" }
end

-- Seven fields are not additional data.
local entries = redis.call("HLEN", session_key) - 7
local gone, set = {}, {}
for place = 5, 4 + removed do
  gone[#gone + 1] = "data:" .. ARGV[place]
  entries = entries - redis.call("HEXISTS", session_key, gone[#gone])
end
for place = 5 + removed, #ARGV, 2 do
  local name = "data:" .. ARGV[place]
  entries = entries + 1 - redis.call("HEXISTS", session_key, name)
  set[#set + 1] = name
  set[#set + 1] = ARGV[place + 1]
end
if entries > max then
  return { "too much" }
end
if username ~= "" then
  set[#set + 1] = "username"
  set[#set + 1] = username
end

if #gone > 0 then
  redis.call("HDEL", session_key, unpack(gone))
end
if #set > 0 then
  redis.call("HSET", session_key, unpack(set))
end
return { "session", redis.call("HGETALL", session_key) }
