-- Stores messages of one sender once: the data and the memory of the sender's numbers change together or not at all.
--
-- KEYS[1]  the memory: a hash; field: number / 1024, value: a bitmap of its 1,024 numbers without the zeros at its end
-- KEYS[2]  the list or stream
-- ARGV     [1] how long to remember, in milliseconds; [2] "list" or "stream"; [3] list: the length at which no more is
--          stored, stream: the length to trim to (0: no limit); [4] n; n times: field, offset in bytes, bytes of the
--          bitmap; then the data: per message an element of a list, or the values of a stream's six fields
--
-- Returns a number when the messages are stored: the list's new length, or 0; -1 when the list is full; the bitmaps, a
-- string per field, when some of the numbers are stored already. In the last two cases, and after an error, nothing new
-- is stored.
local memory, key = KEYS[1], KEYS[2]
local ttl, kind, limit, fields = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local data = 5 + 3 * fields
local most_fields = 65 -- at least 65,536 numbers; the lowest are forgotten first
local most_arguments = 4000 -- fewer than Lua's stack can hold

local before, after, repeated = {}, {}, false
for i = 1, fields do
	local offset, bits = tonumber(ARGV[3 + 3 * i]), ARGV[4 + 3 * i]
	local known = redis.pcall('HGET', memory, ARGV[2 + 3 * i]) or ''
	if type(known) == 'table' then
		return known
	end
	local shared = math.min(#known - offset, #bits) -- bytes in both; mostly 1, because numbers rise
	if shared <= 0 then
		after[i] = known .. string.rep('\0', offset - #known) .. bits
	else
		local union = {}
		for j = 1, shared do
			local a, b = known:byte(offset + j), bits:byte(j)
			repeated = repeated or bit.band(a, b) ~= 0
			union[j] = string.char(bit.bor(a, b))
		end
		after[i] = known:sub(1, offset) .. table.concat(union) .. bits:sub(shared + 1) .. known:sub(offset + #bits + 1)
	end
	before[i] = known
end

if repeated then
	redis.call('PEXPIRE', memory, ttl) -- a write: a WAIT after it then waits for what is stored already
	return before
end
if kind == 'list' and limit > 0 then
	local length = redis.pcall('LLEN', key)
	if type(length) == 'table' then
		return length
	elseif length >= limit then
		return -1
	end
end

-- Redis does not undo a script that fails. The memory is therefore changed first: it can be put back with a command
-- that has just been allowed. Data without memory would be stored again.
local remembered = 0
local function undo(why)
	for i = 1, remembered do
		redis.pcall('HSET', memory, ARGV[2 + 3 * i], before[i])
	end
	return why
end
local function failed(reply)
	return type(reply) == 'table' and reply.err
end

-- remember changes the memory and returns the last reply, which may be an error.
local function remember()
	local grown = false
	for i = 1, fields do
		local reply = redis.pcall('HSET', memory, ARGV[2 + 3 * i], after[i])
		if failed(reply) then
			return reply
		end
		remembered, grown = i, grown or reply == 1
	end
	local reply = redis.pcall('PEXPIRE', memory, ttl)
	if failed(reply) or not grown then
		return reply
	end
	reply = redis.pcall('HLEN', memory)
	if failed(reply) or reply <= most_fields then
		return reply
	end
	local all = redis.pcall('HKEYS', memory)
	if failed(all) then
		return all
	end
	table.sort(all, function(a, b) return #a < #b or #a == #b and a < b end) -- by number; fields that are no numbers do no harm
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
if kind == 'list' then
	for from = data, #ARGV, most_arguments do
		reply = redis.pcall('RPUSH', key, unpack(ARGV, from, math.min(from + most_arguments - 1, #ARGV)))
		if failed(reply) then
			return undo(reply)
		end
	end
	return reply
end
for from = data, #ARGV, 6 do
	local entry = {'XADD', key, '*', 'topic', ARGV[from], 'message', ARGV[from + 1], 'peer', ARGV[from + 2],
		'sender', ARGV[from + 3], 'seq', ARGV[from + 4], 'received', ARGV[from + 5]}
	if limit > 0 and from + 6 > #ARGV then
		table.insert(entry, 3, 'MAXLEN')
		table.insert(entry, 4, limit)
	end
	reply = redis.pcall(unpack(entry))
	if failed(reply) then
		return undo(reply)
	end
end
return 0
