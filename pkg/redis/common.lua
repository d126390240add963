-- What store.lua and storemany.lua share; the script that is sent begins with it.

-- failed reports whether Redis's reply is an error.
local function failed(reply)
	return type(reply) == 'table' and reply.err
end

-- merge returns a bitmap with the bits set that bits has from a byte offset on, and whether one of them was set before.
local function merge(bitmap, offset, bits)
	local shared = math.min(#bitmap - offset, #bits) -- bytes in both; mostly 1, because numbers rise
	if shared <= 0 then
		return bitmap .. string.rep('\0', offset - #bitmap) .. bits, false
	end
	local union, overlap = {}, false
	for j = 1, shared do
		local a, b = bitmap:byte(offset + j), bits:byte(j)
		overlap = overlap or bit.band(a, b) ~= 0
		union[j] = string.char(bit.bor(a, b))
	end
	return bitmap:sub(1, offset) .. table.concat(union) .. bits:sub(shared + 1) .. bitmap:sub(offset + #bits + 1), overlap
end

-- push appends values, from index first on, to a list; or to a stream, where seven values are an entry's fields, and
-- which is trimmed to limit entries (0: no limit). It returns an error, or the list's new length, or 0.
local function push(kind, key, limit, values, first)
	local most_arguments = 4000 -- fewer than Lua's stack can hold
	local reply
	if kind ~= 'stream' then
		for from = first, #values, most_arguments do
			reply = redis.pcall('RPUSH', key, unpack(values, from, math.min(from + most_arguments - 1, #values)))
			if failed(reply) then
				return reply
			end
		end
		return reply
	end
	for from = first, #values, 7 do
		local entry = {'XADD', key, '*', 'topic', values[from], 'message', values[from + 1], 'peer', values[from + 2],
			'sender', values[from + 3], 'seq', values[from + 4], 'received', values[from + 5]}
		if values[from + 6] ~= '' then
			table.insert(entry, 'user')
			table.insert(entry, values[from + 6])
		end
		if limit > 0 and from + 7 > #values then
			table.insert(entry, 3, 'MAXLEN')
			table.insert(entry, 4, limit)
		end
		reply = redis.pcall(unpack(entry))
		if failed(reply) then
			return reply
		end
	end
	return 0
end
