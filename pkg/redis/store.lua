-- Stores messages of one sender once: the data and the memory of the sender's numbers change together or not at all.
-- Before it stands common.lua.
--
-- KEYS[1]  the memory: a hash; field: number / 1024, value: a bitmap of its 1,024 numbers without the zeros at its end;
--          field owner: the key to which the sender id belongs, 40 characters, a space, its name; field instance: the
--          process that has used it last
-- KEYS[2]  the list or stream
-- ARGV     [1] how long to remember, in milliseconds; [2] "list", "pushed" or "stream"; [3] list: the length at which
--          no more is stored, stream: the length to trim to (0: no limit); [4] the sender's key and [5] its name, [6]
--          the process and [7] its first number, as in message.Claim, each of them empty if it is not known; [8] n; n
--          times: field, offset in bytes, bytes of the bitmap; then the data: per message an element of a list, or the
--          values of a stream's seven fields
--
-- "pushed" is "list" in a transaction that has pushed all elements but the last one before this script: Lua takes
-- longer for an element than all the rest of Redis together. The data is then how many, the first and the last of them,
-- and the element that is left. What was pushed is taken back unless the messages are stored.
--
-- Returns a number when the messages are stored; -1 when the list is full; the bitmaps, a string per field, when some
-- of the numbers are stored already; the error OTHEROWNER or USEDUP when the sender id is another's: see
-- message.ClaimError. In all but the first case nothing new is stored.
local memory, key = KEYS[1], KEYS[2]
local ttl, kind, limit, fields = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[8])
local own_key, own_name, instance, first = ARGV[4], ARGV[5], ARGV[6], ARGV[7]
local data = 9 + 3 * fields
local most_fields = 65 -- at least 65,536 numbers; the lowest are forgotten first

-- numbers returns the fields that hold numbers, the lowest first.
local function numbers()
	local all = redis.pcall('HKEYS', memory)
	if all.err then
		return all
	end
	local fields = {}
	for _, field in ipairs(all) do
		if field:find('^%d+$') then
			fields[#fields + 1] = field
		end
	end
	table.sort(fields, function(a, b) return #a < #b or #a == #b and a < b end)
	return fields
end

-- highest returns the highest number that is stored; 0: none. It also returns Redis's error, if there is one.
local function highest()
	local fields = numbers()
	for f = #fields, 1, -1 do
		local bitmap = redis.pcall('HGET', memory, fields[f])
		if type(bitmap) ~= 'string' then
			return 0, bitmap
		end
		for i = #bitmap, 1, -1 do
			for b = 7, 0, -1 do
				if bit.band(bitmap:byte(i), bit.lshift(1, b)) ~= 0 then
					return tonumber(fields[f]) * 1024 + (i - 1) * 8 + b
				end
			end
		end
	end
	return 0, fields.err and fields
end

local pushed = 0
-- refused takes back what was pushed and returns the script's reply.
local function refused(reply)
	if pushed > 0 then
		redis.pcall('LTRIM', key, 0, -pushed - 1)
	end
	return reply
end

if kind == 'pushed' then
	-- If they are not at the end, the commands before were refused, or were not in a transaction with this one.
	for i, at in ipairs({-ARGV[data], -1}) do
		local reply = redis.pcall('LINDEX', key, at)
		if type(reply) == 'table' then
			return reply
		elseif reply ~= ARGV[data + i] then
			return redis.error_reply('NOTPUSHED in a transaction')
		end
	end
	pushed, data = tonumber(ARGV[data]), data + 3
end

local owner = redis.pcall('HGET', memory, 'owner') or ''
if type(owner) == 'table' then
	return refused(owner)
end
if owner ~= '' and not (own_key == owner:sub(1, 40) or own_name ~= '' and own_name == owner:sub(42)) then
	return refused(redis.error_reply('OTHEROWNER ' .. owner))
end
local gives = instance ~= '' and first ~= '0'
local last = gives and redis.pcall('HGET', memory, 'instance') or ''
if type(last) == 'table' then
	return refused(last)
end
if gives and last ~= '' and instance ~= last then -- without the field, an imzmq that knew no processes has stored
	local high, err = highest()
	if err then
		return refused(err)
	elseif high >= tonumber(first) then
		return refused(redis.error_reply('USEDUP by another sender'))
	end
end

local before, after, repeated = {}, {}, false
for i = 1, fields do
	local offset, bits = tonumber(ARGV[7 + 3 * i]), ARGV[8 + 3 * i]
	local known = redis.pcall('HGET', memory, ARGV[6 + 3 * i]) or ''
	if type(known) == 'table' then
		return refused(known)
	end
	local overlap
	after[i], overlap = merge(known, offset, bits)
	repeated = repeated or overlap
	before[i] = known
end

if repeated then
	redis.call('PEXPIRE', memory, ttl) -- a write: a WAIT after it then waits for what is stored already
	return refused(before)
end
if kind ~= 'stream' and limit > 0 then
	local length = redis.pcall('LLEN', key)
	if type(length) == 'table' then
		return refused(length)
	elseif length - pushed >= limit then
		return refused(-1)
	end
end

-- Redis does not undo a script that fails. The memory is therefore changed first: it can be put back with a command
-- that has just been allowed. Data without memory would be stored again.
local remembered = {} -- field and value before
local function undo(why)
	for _, change in ipairs(remembered) do
		redis.pcall('HSET', memory, change[1], change[2])
	end
	return refused(why)
end

-- change changes a field of the memory.
local function change(field, old, new)
	local reply = redis.pcall('HSET', memory, field, new)
	if not failed(reply) then
		table.insert(remembered, {field, old})
	end
	return reply
end

-- claim makes the sender the holder of its id.
local function claim()
	local owned = own_key ~= '' and own_key .. ' ' .. own_name or ''
	local reply
	if owned ~= '' and owned ~= owner then
		reply = change('owner', owner, owned)
	end
	if not failed(reply) and gives and instance ~= last then
		reply = change('instance', last, instance)
	end
	return reply
end

-- remember changes the memory and returns the last reply, which may be an error.
local function remember()
	local grown, reply = false, claim()
	if failed(reply) then
		return reply
	end
	for i = 1, fields do
		reply = change(ARGV[6 + 3 * i], before[i], after[i])
		if failed(reply) then
			return reply
		end
		grown = grown or reply == 1
	end
	reply = redis.pcall('PEXPIRE', memory, ttl)
	if failed(reply) or not grown then
		return reply
	end
	reply = redis.pcall('HLEN', memory)
	if failed(reply) or reply <= most_fields then
		return reply
	end
	-- Numbers mostly rise by one: then this is the field to forget. If not, its numbers are as old.
	local left = reply
	reply = redis.pcall('HDEL', memory, string.format('%.0f', ARGV[6 + 3 * fields] - most_fields))
	if failed(reply) or left - reply <= most_fields then
		return reply
	end
	local all = numbers()
	if all.err then
		return all
	end
	for i = 1, #all - most_fields do
		reply = redis.pcall('HDEL', memory, all[i])
		if failed(reply) then
			return reply
		end
	end
end

local reply = remember()
if failed(reply) then
	return undo(reply)
end
reply = push(kind, key, limit, ARGV, data)
if failed(reply) then
	return undo(reply)
end
return reply
