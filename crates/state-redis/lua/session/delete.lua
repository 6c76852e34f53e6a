#!lua flags=allow-oom
--[[
session/delete: ends a session of a tenant.

Its entry in the index is removed afterwards, by another call: it may live in another slot. If that fails, the entry
ends by itself and nobody can use it.

KEYS[1]  session    hash, see session/create

ARGV[1]  tenant     whose session it has to be
ARGV[2]  user       whose session it has to be within the tenant; empty: anybody's

Returns  {"deleted"} | {"absent"}
Writes   1. the session goes.
]]
local session_key = KEYS[1]
local tenant, user = ARGV[1], ARGV[2]
if tenant == "" then
  return redis.error_reply("BADARG session/delete: a tenant")
end

local found = redis.call("HMGET", session_key, "tenant", "user")
if found[1] ~= tenant or (user ~= "" and found[2] ~= user) then
  return { "absent" }
end
redis.call("DEL", session_key)
return { "deleted" }
