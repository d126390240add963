-- Stores messages of several senders once, as store.lua does for one, in fewer steps. It does only what is usual: a
-- sender is left out, and nothing of it is stored, when its id may be another's, when some of its numbers are stored
-- already, or when its memory has no field for them yet. store.lua is then called for that sender. Before it stands
-- common.lua.
--
-- KEYS[1]  the list or stream; then the senders' memories, as in store.lua
-- ARGV     [1] to [3] as in store.lua; then for each sender: its key and name as the memory's field owner has them; the
--          process, if it gives out numbers; field, offset in bytes, bytes of the bitmap; how many values its messages
--          are; then all these values
--
-- Returns an array: the list's new length, or 0, or -1 when the list is full; then which of the senders are left out.
-- Nothing is stored when the list is full, or after an error.
local key, senders = KEYS[1], #KEYS - 1
local ttl, kind, limit = ARGV[1], ARGV[2], tonumber(ARGV[3])

-- usual returns what a field of a memory holds, and is to hold; nothing when the sender is to be left out, or an error.
local function usual(memory, at)
	local owner = redis.pcall('HGET', memory, 'owner') or ''
	if owner ~= ARGV[at] then
		return failed(owner) and owner
	end
	local instance = ARGV[at + 1]
	if instance ~= '' then
		local last = redis.pcall('HGET', memory, 'instance')
		if instance ~= last then
			return failed(last) and last
		end
	end
	local before = redis.pcall('HGET', memory, ARGV[at + 2])
	if type(before) ~= 'string' then
		return before
	end
	local after, overlap = merge(before, tonumber(ARGV[at + 3]), ARGV[at + 4])
	if not overlap then
		return before, after
	end
end

-- Of the senders that are not left out: their memories, the field, what it holds and is to hold; and their values.
local memories, fields, before, after, values = {}, {}, {}, {}, {}
local reply, taken, from, n = {0}, {}, 4 + 6 * senders, 0
for s = 1, senders do
	local memory, at = KEYS[s + 1], 6 * s - 2
	local old, new
	if not taken[memory] then -- the second time, it is not what it will be
		old, new = usual(memory, at)
		if failed(old) then
			return old
		end
	end
	local to = from + tonumber(ARGV[at + 5]) - 1
	if new then
		local i = #memories + 1
		memories[i], fields[i], before[i], after[i], taken[memory] = memory, ARGV[at + 2], old, new, true
		for v = from, to do
			n = n + 1
			values[n] = ARGV[v]
		end
	else
		table.insert(reply, s)
	end
	from = to + 1
end

if #memories == 0 then
	return reply
end
if kind ~= 'stream' and limit > 0 then
	local length = redis.pcall('LLEN', key)
	if failed(length) then
		return length
	elseif length >= limit then
		reply[1] = -1
		return reply
	end
end

-- The memories are changed first, as in store.lua, and put back if what follows fails.
local function undo(changed, why)
	for i = 1, changed do
		redis.pcall('HSET', memories[i], fields[i], before[i])
	end
	return why
end
for i, memory in ipairs(memories) do
	local set = redis.pcall('HSET', memory, fields[i], after[i])
	if failed(set) then
		return undo(i - 1, set)
	end
	local expires = redis.pcall('PEXPIRE', memory, ttl)
	if failed(expires) then
		return undo(i, expires)
	end
end
local length = push(kind, key, limit, values, 1)
if failed(length) then
	return undo(#memories, length)
end
reply[1] = length
return reply
