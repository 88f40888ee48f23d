'use strict';

// size gives [width, height] of a PNG from its header chunk.
function size(data) {
  const magic = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  if (data.length < 33 || !data.subarray(0, 8).equals(magic) || data.toString('latin1', 12, 16) !== 'IHDR') throw new Error('not a PNG');
  return [data.readUInt32BE(16), data.readUInt32BE(20)];
}

module.exports = { size };
