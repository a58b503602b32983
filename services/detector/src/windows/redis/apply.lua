--[[
  Applies one batch of a partition's facts, or nothing.

  Input
    KEYS[1]  base .. ':marker'; every other key is base .. ':' .. epoch .. ':' .. page, of the same hash tag
    ARGV[1]  window id
    ARGV[2]  from, ARGV[3] to, ARGV[4] committed: offsets
    ARGV[5]  life of a page (ms), ARGV[6] life below which it is made new, ARGV[7] life of the marker
    ARGV[8]  bytes above which a page that has grown is shown
    ARGV[9]  number of rewrites, then for each: page, SHA-1 (hex) of what it must hold, number of pages, and for each: page, content
    last     for each workflow: page (16 bytes), number of facts (2), and each fact: five strings with their lengths (2) before them: its
             texts, call, phase or event, anchor of its run's successes, 1 where it has more than two texts (see layout.ts)

  Output
    lost:     { 0 }
    applied:  { 1, lo, hi, committed, completeFrom, epoch, pages }
              pages: those in which a fact of this call met one of another execution or of its own identity, or that have grown
              large: { number of the workflow, path of the page below the workflow's, content, 1 if it has grown large, … }
]]
local byte, find, rep, sub = string.byte, string.find, string.rep, string.sub
local pack, unpack = struct.pack, struct.unpack

local LEAF, SPLIT = 1, 2
local HEADER, ANCHOR = 4, 9

local windowId, from, to, committed = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local life, renewal, markerLife, large = ARGV[5], tonumber(ARGV[6]), ARGV[7], tonumber(ARGV[8])

local marker = redis.call('HMGET', KEYS[1], 'windowId', 'lo', 'hi', 'committed', 'completeFrom', 'epoch')
if marker[1] ~= windowId then return { 0 } end
local lo, hi = tonumber(marker[2]), tonumber(marker[3])
if from < lo or from > hi then return { 0 } end
local prefix = sub(KEYS[1], 1, -7) .. marker[6] .. ':'

-- Lengths that the allocator gives anyway, less what a string takes besides: what is left over is room for later items.
local function roomFor(bytes)
  local class = 256
  while class - 6 < bytes do
    local step = class < 1024 and class / 2 or class / 4
    for _ = 1, class < 1024 and 2 or 4 do
      if class - 6 < bytes then class = class + step end
    end
  end
  return class - 6
end

local function setPage(name, text)
  redis.call('SET', prefix .. name, text .. rep('\0', roomFor(#text) - #text), 'PX', life)
end

local function renew(name)
  if redis.call('PTTL', prefix .. name) < renewal then redis.call('PEXPIRE', prefix .. name, life) end
end

-- A page is what is stored, of which so many bytes are in use, and what this call adds. The two are not joined before they must be: long
-- strings are what costs in Lua.
local function load(name)
  local stored = redis.call('GET', prefix .. name)
  if not stored then return { name = name, stored = '', used = HEADER, fresh = '' } end
  if byte(stored, 1) == SPLIT then
    renew(name)
    return { name = name, isSplit = true }
  end
  local _, used = unpack('>BI3', stored)
  return { name = name, stored = stored, used = HEADER + used, fresh = '' }
end

local function itemsOf(page)
  return sub(page.stored, HEADER + 1, page.used) .. page.fresh
end

local function save(page)
  if page.fresh == '' then return end
  local bytes = page.used + #page.fresh
  local header = pack('>BI3', LEAF, bytes - HEADER)
  if bytes <= #page.stored then
    redis.call('SETRANGE', prefix .. page.name, page.used, page.fresh)
    redis.call('SETRANGE', prefix .. page.name, 0, header)
    renew(page.name)
  else
    setPage(page.name, header .. itemsOf(page))
    if bytes > large then page.isMet, page.isGrown = true, true end
  end
end

-- Where an item, or a part of one, stands in a page.
local function seek(page, what)
  local found = find(page.stored, what, 1, true)
  if found then return found end
  found = find(page.fresh, what, 1, true)
  return found and page.used + found
end

local at = 10
for _ = 1, tonumber(ARGV[9]) do
  local name, expected, count = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2])
  local page = load(name)
  if not page.isSplit and redis.sha1hex(itemsOf(page)) == expected then
    for i = 1, count do setPage(ARGV[at + 1 + 2 * i], ARGV[at + 2 + 2 * i]) end
  end
  at = at + 3 + 2 * count
end

local function append(page, item)
  page.fresh = page.fresh .. item
end

-- Another call than the one that stands at `own` has this anchor in its place. `own` is 0 where there is none.
local function isShared(page, anchor, own, place)
  local text, before = page.stored, 0
  for _ = 1, 2 do
    local found = find(text, anchor, 1, true)
    while found do
      if own == 0 or before + found ~= own + place then return true end
      found = find(text, anchor, found + 1, true)
    end
    text, before = page.fresh, page.used
  end
  return false
end

-- A fold of the history is there. In a call of four anchors the count before the first one looks like a fold's kind: what follows tells.
local function hasFold(page, anchor)
  local found = find(page.stored, '\4' .. anchor, 1, true)
  while found do
    if sub(page.stored, found + 4 + ANCHOR, found + 9 + ANCHOR) == '{"of":' then return true end
    found = find(page.stored, '\4' .. anchor, found + 1, true)
  end
  return false
end

-- Puts a phase into a page, unless it is there. Answers where its call stands.
local function putPhase(page, texts, hasMore, call, execution, phase)
  local own
  if seek(page, execution) then
    own = seek(page, call)
    -- Its call was another one, or it is folded.
    if not own then page.isMet = true end
  end
  if not own or hasMore then
    local t = 1
    while t <= #texts do
      local bytes = 3 + byte(texts, t + 1) * 256 + byte(texts, t + 2)
      local item = sub(texts, t, t + bytes - 1)
      if not seek(page, item) then append(page, item) end
      t = t + bytes
    end
  end
  if not own then
    own = page.used + #page.fresh + 1
    append(page, call .. sub(phase, 1, 1) .. pack('>I3', own) .. sub(phase, 2))
    return own
  end
  local head = sub(phase, 1, 1) .. pack('>I3', own)
  local item = head .. sub(phase, 2)
  if not seek(page, item) then
    if seek(page, head) then page.isMet = true end
    append(page, item)
  end
  return own
end

local function putEvent(page, event)
  if seek(page, event) then return end
  if seek(page, sub(event, 4, 3 + ANCHOR)) then page.isMet = true end
  append(page, event)
end

-- Pages of the workflow at hand, in the order in which they were asked for.
local pages, names, root, top

local function pageOf(name)
  local page = pages[name]
  if not page then
    page = load(name)
    pages[name] = page
    names[#names + 1] = name
  end
  return page
end

local function leafOf(digest)
  if not top.isSplit then return top end
  local page, name, depth = top, root .. '/', 0
  while page.isSplit do
    local half = byte(digest, math.floor(depth / 2) + 1)
    half = depth % 2 == 0 and math.floor(half / 16) or half % 16
    name = name .. sub('0123456789abcdef', half + 1, half + 1)
    depth = depth + 1
    page = pageOf(name)
  end
  return page
end

local met = {}
local facts, cursor, number = ARGV[at], 1, 0
while cursor <= #facts do
  local count
  root, count, cursor = unpack('>c16H', facts, cursor)
  number = number + 1
  pages, names = {}, {}
  top = pageOf(root)

  for _ = 1, count do
    local texts, call, phase, successes, more
    texts, call, phase, successes, more, cursor = unpack('>Hc0Hc0Hc0Hc0Hc0', facts, cursor)
    if call == '' then
      local page = leafOf(sub(phase, 4, 3 + ANCHOR))
      for j = 1, byte(phase, 4 + ANCHOR) do
        local anchor = sub(phase, 5 + ANCHOR * j, 4 + ANCHOR * (j + 1))
        local leaf = leafOf(anchor)
        if seek(leaf, anchor) then leaf.isMet = true end
        if leaf ~= page then putEvent(leaf, phase) end
      end
      putEvent(page, phase)
    else
      local execution = sub(call, 4, 19)
      local anchors = byte(call, 20)
      if anchors >= 128 then
        -- Asked whether there is an earlier fact, the page is looked at before it has this one.
        anchors = anchors - 128
        local anchor = sub(call, 21 + ANCHOR * (anchors - 1), 20 + ANCHOR * anchors)
        local leaf = leafOf(anchor)
        if seek(leaf, anchor) then leaf.isMet = true end
        if leaf ~= top then putPhase(leaf, texts, more ~= '', call, execution, phase) end
        anchors = anchors - 1
      end
      local home = leafOf(sub(execution, 10))
      local isKnown = top.isSplit and seek(home, execution)
      local own = putPhase(home, texts, more ~= '', call, execution, phase)
      local isAnyShared = false
      for j = 1, anchors do
        local start = 21 + ANCHOR * (j - 1)
        local anchor = sub(call, start, start + ANCHOR - 1)
        local leaf, here = home, own
        if top.isSplit then
          leaf = leafOf(anchor)
          -- What is folded leaves nothing of itself but where executions are told by their ids. A standing without phases says so here.
          local isFolded = isKnown and not seek(leaf, execution) and hasFold(leaf, anchor)
          if isFolded then
            append(leaf, '\3' .. pack('>H', 16) .. execution)
            here = 0
          else
            here = putPhase(leaf, texts, more ~= '', call, execution, phase)
          end
        end
        if isShared(leaf, anchor, here, start - 1) then
          leaf.isMet = true
          isAnyShared = true
        end
      end
      if top.isSplit and successes ~= '' then
        local leaf = leafOf(successes)
        putPhase(leaf, texts, more ~= '', call, execution, phase)
        if isAnyShared then leaf.isMet = true end
      end
    end
  end

  for _, name in ipairs(names) do
    local page = pages[name]
    if not page.isSplit then
      save(page)
      if page.isMet then
        met[#met + 1] = number
        met[#met + 1] = sub(name, #root + 2)
        met[#met + 1] = itemsOf(page)
        met[#met + 1] = page.isGrown and 1 or 0
      end
    end
  end
end

if to > hi then hi = to end
committed = math.max(committed, tonumber(marker[4]))
redis.call('HSET', KEYS[1], 'hi', string.format('%.0f', hi), 'committed', string.format('%.0f', committed))
redis.call('PEXPIRE', KEYS[1], markerLife)
return { 1, marker[2], string.format('%.0f', hi), string.format('%.0f', committed), marker[5], marker[6], met }
